package certificate

import (
	"encoding/base64"
	"math/big"
	"net/netip"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
)

// need is what the policies tell apart of one free key, or of the resource.
type need struct {
	patterns []pattern
	numbers  []*big.Rat
	dates    []time.Time
	blocks   []netip.Prefix
	blobs    []string // bytes
	boolean  bool
	arn      bool // compared by an operator for ARNs
	folded   bool // compared blind to case
	variable bool // what another key or the resource is compared with
	asked    []asked
	trouble  string // why the checker does not know what they tell apart
}

// asked is a condition, and what is known where it is asked.
type asked struct {
	condition *awsiam.Condition
	known     awsiam.Context
}

// survey collects the needs of all sides.
type survey struct {
	needs map[string]*need
	fills int // work
}

func (s *survey) need(key string) *need {
	if key == epochKey {
		key = timeKey
	}
	n := s.needs[key]
	if n == nil {
		n = &need{}
		s.needs[key] = n
	}
	return n
}

func (s *survey) side(side *side) {
	for i := range side.checks {
		k := &side.checks[i]
		if k.resource == "" {
			s.need(ResourceKey)
		}
		if k.layers.Endpoint != nil && !knows(k.known, endpointKey) {
			s.need(endpointKey)
		}
		for _, d := range k.documents() {
			for j := range d.Statements {
				s.statement(&d.Statements[j], d.Version == "2012-10-17", side.principal, k)
			}
		}
	}
}

// statement collects what a statement tells apart, if it can be about a check.
func (s *survey) statement(st *awsiam.Statement, variables bool, p awsiam.Principal, k *check) {
	if st.MatchAction(k.action) == awsiam.False {
		return
	}
	if named, _ := st.MatchPrincipal(p); named == awsiam.False {
		return
	}
	if open := s.resources(st, variables, k); !open && st.MatchResource(k.resource, k.known) == awsiam.False {
		return
	}
	for i := range st.Conditions {
		s.condition(&st.Conditions[i], variables, k.known)
	}
}

// resources collects what the resources of a statement tell apart, and says
// whether anything free is in them.
func (s *survey) resources(st *awsiam.Statement, variables bool, k *check) (open bool) {
	open = k.resource == ""
	for i := range st.Resources {
		t, err := readText(st.Resources[i].Source, true, variables, k.known, func(key string) bool { return knows(k.known, key) })
		switch {
		case err != nil:
			s.blame(st.Resources[i].Variables(), k.known)
			open = true
		case t.dead:
		case t.hole == "" && k.resource == "":
			s.need(ResourceKey).patterns = append(s.need(ResourceKey).patterns, pattern{tokens: t.tokens})
		case t.hole != "" && k.resource == "":
			s.need(t.hole).trouble = "an open resource is compared with it"
		case t.hole != "":
			s.fill(&t, k.resource, false)
			open = true
		}
	}
	return open
}

// fill adds the values of a text's hole with which it may match a string.
func (s *survey) fill(t *text, against string, fold bool) {
	n := s.need(t.hole)
	n.variable = true
	if s.fills += len(against) * len(against); s.fills > maxFills {
		n.trouble = "it is compared with too much"
		return
	}
	n.patterns = append(n.patterns, t.fillings(against, fold)...)
}

// blame marks the free keys that texts refer to in a way that is not checked.
func (s *survey) blame(keys []string, known awsiam.Context) {
	for _, key := range keys {
		if !knows(known, key) {
			s.need(key).trouble = "it is compared with another free key, or twice"
		}
	}
}

// condition collects what a condition tells apart: values of its own key if that
// is free, or of the one free key that its values refer to.
func (s *survey) condition(c *awsiam.Condition, variables bool, ctx awsiam.Context) {
	if c.Doubt() != "" {
		return // Unknown, whatever the keys
	}
	free := !knows(ctx, c.Name())
	if free {
		n := s.need(c.Name())
		n.asked = append(n.asked, asked{c, ctx})
	}
	op := operatorOf(c)
	for _, v := range c.Values {
		switch {
		case op.text():
			s.text(c, op, v, variables, ctx, free)
		case free:
			s.need(c.Name()).value(op, v)
		}
	}
}

// text collects what one text of a condition tells apart.
func (s *survey) text(c *awsiam.Condition, op operator, v string, variables bool, ctx awsiam.Context, free bool) {
	t, err := readText(v, op.wild, variables, ctx, func(key string) bool { return knows(ctx, key) })
	value := ctx[c.Name()]
	switch {
	case err != nil || t.hole != "" && free:
		s.blame(c.Variables(), ctx)
	case t.dead || !free && (t.hole == "" || len(value.Items) == 0):
	case t.hole != "" && (value.Multi || len(value.Items) != 1 || op.name == "arn" && colons(t.tokens)+colons(t.rest) < 5):
		s.blame(c.Variables(), ctx)
	case t.hole != "":
		s.fill(&t, value.Items[0], op.fold)
	default:
		s.need(c.Name()).text(op, t.tokens)
	}
}

// text adds a text that the key is compared with. One that is no ARN makes an
// operator for ARNs Unknown, whatever the key.
func (n *need) text(op operator, tokens []token) {
	n.folded = n.folded || op.fold
	if op.name == "arn" {
		n.arn = true
		if colons(tokens) < 5 {
			return
		}
		tokens = bySegment(tokens)
	}
	n.patterns = append(n.patterns, pattern{tokens, op.fold})
}

// value adds a value that is no text.
func (n *need) value(op operator, v string) {
	var err error
	switch op.name {
	case "numeric":
		var x *big.Rat
		x, err = awsiam.ParseNumber(v)
		n.numbers = append(n.numbers, x)
	case "date":
		var x time.Time
		x, err = awsiam.ParseDate(v)
		n.dates = append(n.dates, x)
	case "ip":
		var x netip.Prefix
		x, err = awsiam.ParsePrefix(v)
		n.blocks = append(n.blocks, x)
	case "binary":
		var x []byte
		x, err = base64.StdEncoding.DecodeString(v)
		n.blobs = append(n.blobs, string(x))
	case "bool":
		n.boolean = true
	}
	if err != nil {
		n.trouble = err.Error()
	}
}

// operator is how a condition compares, read from its name.
type operator struct {
	name string // string, arn, numeric, date, bool, binary, ip or null
	wild bool
	fold bool
}

func (o operator) text() bool { return o.name == "string" || o.name == "arn" }

func operatorOf(c *awsiam.Condition) operator {
	name := strings.ToLower(c.Operator)
	if _, rest, quantified := strings.Cut(name, ":"); quantified {
		name = rest
	}
	o := operator{name: name, wild: strings.Contains(name, "like") || strings.HasPrefix(name, "arn"), fold: strings.Contains(name, "ignorecase")}
	for _, kind := range []string{"string", "arn", "numeric", "date", "bool", "binary", "null"} {
		if strings.HasPrefix(name, kind) {
			o.name = kind
		}
	}
	if strings.Contains(name, "ipaddress") {
		o.name = "ip"
	}
	return o
}
