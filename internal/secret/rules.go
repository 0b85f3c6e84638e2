package secret

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"

	"github.com/writ-project/writ/internal/dataclass"
)

const (
	gitleaksVersion = "8.30.1"
	ownVersion      = "1"
)

// Version names the rules: gitleaks' and ours. It reads nothing.
func Version() string { return "gitleaks-" + gitleaksVersion + "+writ-" + ownVersion }

//go:embed data/gitleaks/gitleaks.toml
var gitleaksText string

//go:embed data/writ.toml
var ownText string

// document is a file of rules in gitleaks' form, as far as it is about text:
// paths, commits and what gitleaks itself may skip say nothing of a prompt.
type document struct {
	Allowlist listed
	Rules     []described
}

// described is a rule as a file has it.
type described struct {
	ID          string
	Regex       string
	Value       string // ours: what is assigned to a name with one of the keywords
	Entropy     float64
	Keywords    []string
	SecretGroup int
	Allowlists  []listed
	Entity      string // ours: what the rule finds, where it is not SECRET
}

type listed struct {
	Condition   string
	RegexTarget string
	Regexes     []string
	Stopwords   []string
	Paths       []string
}

// rule is one kind of credential.
type rule struct {
	id      string
	entity  dataclass.Entity
	entropy float64
	group   int
	score   int
	forms   []form
	lists   []*allowlist // its own, then the global one
}

// form is one of the ways in which a rule may match.
type form struct {
	pattern *pattern
	shapes  []shape // of the whole match; or of the value of an assignment
	names   []shape // of an assignment: what the name must have in it
	ending  bool    // what matched must end as a token ends
	spaced  bool    // white space may be in a match
	index   int     // among the forms of all rules
	text    string  // the expression in lower case, without escapes
}

// frame is the expression of an assignment that most of gitleaks' rules have
// in common, from the end of the name to the value; ending is what follows.
const (
	frameGap = `(?:[ \t\w.-]{0,20})[\s'"]{0,3}`
	frame    = `(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}(`
	ending   = `(?:[\x60'"\s;]|\\[nr]|$)`
)

// notRules are the rules that this room has in code instead: they are about
// files, or their expressions are not bounded in what they look at.
var notRules = []string{"pkcs12-file", "private-key", "jwt", "aws-access-token", "generic-api-key",
	"hashicorp-tf-password",           // any quoted word after "password", for files of one kind
	"facebook-access-token",           // by its own shape in ours
	"airtable-personnal-access-token", // by its own prefix in ours
	"atlassian-api-token",             // by its prefix, or by the name of what it is for, in ours
}

// narrowed are the keywords of rules whose own are too common for what it
// costs to try them, or would have any digest near them taken for a secret.
var narrowed = map[string][]string{
	"cloudflare-origin-ca-key": {"v1.0-"},
	"intra42-client-secret":    {"s-s4t2ud-", "s-s4t2af-"},
	"sourcegraph-access-token": {"sgp_"},
	"kubernetes-secret-yaml":   {"kind: secret", "kind: \"secret", "kind: 'secret", "kind:secret", "kind:  secret"},
}

// ruleset is all that is read once.
type ruleset struct {
	rules   []rule
	forms   int // of all rules
	global  *allowlist
	generic []*keywords // what a secret of nobody in particular does not have in it
	stands  *keywords   // what stands for a secret
	plain   map[string]bool
	words   *keywords
	calls   []calls // per word
}

// loaded reads the rules when they are first needed.
var loaded = sync.OnceValues(func() (*ruleset, error) { return load(gitleaksText, ownText) })

func load(texts ...string) (*ruleset, error) {
	r := &ruleset{stands: newKeywords(strings.Fields(placeholders)), plain: wordSet(notValues)}
	cues := newCues()
	for _, text := range texts {
		var d document
		if _, err := toml.Decode(text, &d); err != nil {
			return nil, fmt.Errorf("rules: %w", err)
		}
		if err := r.add(&d, cues); err != nil {
			return nil, err
		}
	}
	if r.forms > maxForms || slices.Contains(cues.order, "") {
		return nil, errors.New("rules: more than there is room for, or a keyword that is empty")
	}
	r.words, r.calls = cues.words()
	return r, nil
}

func (r *ruleset) add(d *document, cues *cues) error {
	if len(d.Allowlist.Regexes) > 0 {
		global, err := newAllowlist(d.Allowlist)
		if err != nil {
			return err
		}
		r.global = global
	}
	for _, x := range d.Rules {
		if slices.Contains(notRules, x.ID) {
			if x.ID == genericRule {
				r.generic = stopwords(x.Allowlists)
			}
			continue
		}
		next := rule{id: x.ID, entity: dataclass.Entity(x.Entity), entropy: x.Entropy, group: x.SecretGroup, score: dataclass.VeryLikely}
		if x.Entity == "" {
			next.entity = dataclass.Secret
		}
		for _, expr := range alternatives(cmp.Or(x.Regex, assignmentTo(x.Keywords, x.Value))) {
			f, err := newForm(expr)
			if err != nil {
				return fmt.Errorf("rule %s: %w", x.ID, err)
			}
			if f.names != nil {
				next.score = assigned
			}
			f.index = r.forms
			r.forms++
			next.forms = append(next.forms, f)
		}
		for _, l := range x.Allowlists {
			if len(l.Paths) > 0 {
				continue
			}
			list, err := newAllowlist(l)
			if err != nil {
				return fmt.Errorf("rule %s: %w", x.ID, err)
			}
			next.lists = append(next.lists, list)
		}
		if r.global != nil {
			next.lists = append(next.lists, r.global)
		}
		r.rules = append(r.rules, next)
		if narrow, ok := narrowed[x.ID]; ok {
			x.Keywords = narrow
		}
		cues.addRule(len(r.rules)-1, &r.rules[len(r.rules)-1], x.Keywords)
	}
	return nil
}

// assignmentTo is the expression of an assignment to a name with one of the
// words, which are letters, hyphens and underscores.
func assignmentTo(words []string, value string) string {
	return `(?i)[\w.-]{0,50}?(?:` + strings.Join(words, "|") + `)` + frameGap + frame + value + `)` + ending
}

func stopwords(lists []listed) []*keywords {
	var out []*keywords
	for _, l := range lists {
		if len(l.Stopwords) > 0 {
			out = append(out, newKeywords(l.Stopwords))
		}
	}
	return out
}

// alternatives splits an expression whose alternatives each end as tokens do.
func alternatives(expr string) []string {
	parts := strings.Split(expr, ending+"|")
	for i := range parts {
		if i < len(parts)-1 {
			parts[i] += ending
		}
		if i > 0 && strings.HasPrefix(expr, "(?i)") {
			parts[i] = "(?i)" + parts[i]
		}
	}
	return parts
}

func newForm(expr string) (form, error) {
	f := form{pattern: &pattern{source: expr}, spaced: spaced(expr), text: strings.ToLower(strings.ReplaceAll(expr, `\`, ""))}
	inner, ends := strings.CutSuffix(expr, ending)
	f.ending = ends
	var err error
	if name, value, ok := assignment(inner); ok && ends {
		if f.names, err = shapesOf(name); err != nil {
			return f, err
		}
		f.shapes, err = shapesOf(value)
		return f, err
	}
	f.shapes, err = shapesOf(inner)
	return f, err
}

// assignment takes apart an expression in the common frame: what the name must
// hold and what the value must be.
func assignment(expr string) (name, value string, ok bool) {
	before, value, ok := strings.Cut(expr, frame)
	if !ok || !strings.HasSuffix(value, ")") {
		return "", "", false
	}
	value = "(" + value
	for _, way := range []struct{ start, end, fold string }{
		{`(?i)[\w.-]{0,50}?`, frameGap, "(?i)"},
		{`[\w.-]{0,50}?(?i:[\w.-]{0,50}?`, frameGap + ")", ""},
	} {
		if name, found := strings.CutPrefix(before, way.start); found && strings.HasSuffix(name, way.end) {
			return "(?i)" + strings.TrimSuffix(name, way.end), way.fold + value, true
		}
	}
	return "", "", false
}
