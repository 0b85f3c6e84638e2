package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// Question is a request that nobody made: what would be decided if. It starts
// from stated defaults, a call from 127.0.0.1 over a fresh session with a
// prompt that was read and holds nothing, and changes what Context says. Of the
// answer it supposes what can be foreseen.
type Question struct {
	Identity  *identity.Identity // required
	Model     string             // as a caller would name it; required unless the operation invokes none
	Operation bedrock.Operation  // empty means Converse
	Region    string             // required
	Account   string             // required: twelve digits
	Home      string             // the gateway's own account; empty means Account
	Now       time.Time          // required
	Context   []byte             // JSON of a partial Cedar context; empty means the defaults
}

// Request resolves a question into a request that Decide and Explain take.
func (b *Bundle) Request(q Question) (Request, error) {
	if q.Identity == nil {
		return Request{}, errors.New("asking: no identity")
	}
	r := Request{
		Identity: q.Identity, Now: q.Now, Operation: bedrock.Converse, Account: q.Account, Home: q.Home, Region: q.Region,
		Session: identity.Session{ID: "explain", Identity: q.Identity.ID, Proof: identity.ProofOIDC, Issued: q.Now, Epoch: q.Identity.Epoch},
		Origin:  b.locate(netip.AddrFrom4([4]byte{127, 0, 0, 1})),
		Prompt:  dataclass.Label{Redactable: true},
	}
	if q.Home == "" {
		r.Home = q.Account
	}
	if q.Operation != "" {
		r.Operation = q.Operation
	}
	if !r.Operation.Invokes() && q.Model != "" {
		return Request{}, fmt.Errorf("asking: operation %q is about no model", r.Operation)
	}
	if err := b.apply(q.Context, &r); err != nil {
		return Request{}, fmt.Errorf("reading context: %w", err)
	}
	legs, err := rights.Legs(rights.Invocation{Operation: r.Operation, ModelID: q.Model, Region: r.Region, Account: q.Account, Caps: r.Caps}, b.catalogue)
	r.Legs = legs
	return r, err
}

func (b *Bundle) locate(a netip.Addr) identity.Origin {
	if b.networks == nil {
		return identity.Origin{Addr: a, Peer: a}
	}
	return b.networks.Locate(a, http.Header{})
}

// The JSON of a partial context. Names are the schema's; a nil field keeps the
// default.
type (
	partialContext struct {
		Network  *partialNetwork  `json:"network"`
		Time     *partialTime     `json:"time"`
		Session  *partialSession  `json:"session"`
		Request  *partialRequest  `json:"request"`
		Asserted *partialAsserted `json:"asserted"`
		Prompt   *partialContent  `json:"prompt"`
		Output   *partialContent  `json:"output"` // what the answer would hold; nil: what can be foreseen
	}
	partialNetwork struct {
		IP    *netip.Addr `json:"ip"`
		Known *bool       `json:"known"`
		Names []string    `json:"names"`
	}
	partialTime struct {
		Now *time.Time `json:"now"`
	}
	partialSession struct {
		Age          *int64              `json:"age"`
		Proof        *identity.ProofKind `json:"proof"`
		Issuer       *string             `json:"issuer"`
		Binding      *string             `json:"binding"`
		Impersonated *bool               `json:"impersonated"`
	}
	partialRequest struct {
		MaxTokens      *int64            `json:"maxTokens"`
		Tools          []string          `json:"tools"`
		Guardrail      *partialGuardrail `json:"guardrail"`
		ServiceTier    *string           `json:"serviceTier"`
		Latency        *string           `json:"latency"`
		Extras         []string          `json:"extras"`
		UnknownFields  []string          `json:"unknownFields"`
		SystemTools    []string          `json:"systemTools"`
		UnknownContent []string          `json:"unknownContent"`
		Objects        []string          `json:"objects"` // s3:// URIs the body names
		Keys           []string          `json:"keys"`    // KMS keys the body names
		Output         string            `json:"output"`  // the s3:// location an asynchronous answer goes to
		Tags           []string          `json:"tags"`    // "key=value", of an asynchronous invocation
		Bytes          *int              `json:"bytes"`
	}
	partialGuardrail struct {
		ID       string `json:"id"`
		Version  string `json:"version"`
		Async    bool   `json:"async"`
		Narrowed bool   `json:"narrowed"`
	}
	partialAsserted struct {
		Purpose  string            `json:"purpose"`
		Classes  []string          `json:"classes"`
		Metadata map[string]string `json:"metadata"`
	}
	partialContent struct {
		Level      *int              `json:"level"`
		Classes    []dataclass.Class `json:"classes"`
		Entities   []string          `json:"entities"`
		Regulated  *bool             `json:"regulated"`
		Confidence *int              `json:"confidence"`
		Unscanned  *bool             `json:"unscanned"`
		Reasons    []string          `json:"unscannedReasons"`
		Truncated  *bool             `json:"truncated"`
		Redactable *bool             `json:"redactable"`
	}
)

// apply changes a request by a partial context. Unknown names are errors: a
// condition misspelt would be a condition not asked about.
func (b *Bundle) apply(text []byte, r *Request) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	var c partialContext
	if err := strictJSON(text, &c); err != nil {
		return err
	}
	if c.Time != nil {
		set(&r.Now, c.Time.Now)
		r.Session.Issued = r.Now
	}
	if c.Asserted != nil {
		r.Asserted = Asserted(*c.Asserted)
	}
	return errors.Join(b.applyNetwork(c.Network, r), applySession(c.Session, r), applyRequest(c.Request, r), applyContent(&c, r))
}

// strictJSON decodes one JSON value without unknown names.
func strictJSON(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("more than one JSON value")
	}
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (b *Bundle) applyNetwork(n *partialNetwork, r *Request) error {
	if n == nil {
		return nil
	}
	if n.IP != nil {
		r.Origin = b.locate(*n.IP)
	}
	if n.Known != nil && *n.Known != r.Origin.Addr.IsValid() {
		if *n.Known {
			return errors.New("network.known: an address is known by network.ip")
		}
		r.Origin.Addr, r.Origin.Networks = netip.Addr{}, nil
	}
	if n.Names != nil {
		r.Origin.Networks = n.Names
	}
	return nil
}

func applySession(s *partialSession, r *Request) error {
	if s == nil {
		return nil
	}
	if s.Age != nil {
		if *s.Age < 0 || *s.Age > int64(1<<31) {
			return fmt.Errorf("session.age %d: want seconds", *s.Age)
		}
		r.Session.Issued = r.Now.Add(-time.Duration(*s.Age) * time.Second)
	}
	set(&r.Session.Proof, s.Proof)
	set(&r.Session.Issuer, s.Issuer)
	set(&r.Session.Binding, s.Binding)
	if s.Impersonated != nil {
		if r.Session.Proof = identity.ProofOIDC; *s.Impersonated {
			r.Session.Proof = identity.ProofLocalAdmin
		}
	}
	return nil
}

func applyRequest(p *partialRequest, r *Request) error {
	if p == nil {
		return nil
	}
	c := &r.Caps
	set(&c.MaxTokens, p.MaxTokens)
	set(&c.ServiceTier, p.ServiceTier)
	set(&c.Latency, p.Latency)
	set(&r.BodyBytes, p.Bytes)
	c.Extras, c.UnknownFields, c.SystemTools, c.UnknownContent = p.Extras, p.UnknownFields, p.SystemTools, p.UnknownContent
	c.S3, c.KMSKeys, c.Tags = p.Objects, p.Keys, p.Tags
	if p.Output != "" {
		c.Output = &bedrock.Output{URI: p.Output}
	}
	for _, name := range p.Tools {
		c.Tools = append(c.Tools, bedrock.Tool{Name: name})
	}
	if g := p.Guardrail; g != nil {
		c.Guardrail = &bedrock.Guardrail{ID: g.ID, Version: g.Version, Async: g.Async, Narrowed: g.Narrowed}
	}
	return nil
}

// applyContent sets the labels of prompt and answer.
func applyContent(c *partialContext, r *Request) error {
	if c.Prompt != nil {
		l, err := c.Prompt.label("prompt")
		if err != nil {
			return err
		}
		r.Prompt = l
	}
	if c.Output != nil {
		l, err := c.Output.label("output")
		if err != nil {
			return err
		}
		r.Output = &l
	}
	return nil
}

// label is the label that is stated. Classes imply their level and whether the
// content is regulated, unless those are said too.
func (p *partialContent) label(where string) (dataclass.Label, error) {
	for _, c := range p.Classes {
		if _, err := dataclass.ParseClass(string(c)); err != nil {
			return dataclass.Label{}, err
		}
	}
	l := dataclass.Declared(p.Classes...)
	l.Entities = slices.Sorted(slices.Values(p.Entities))
	l.Redactable = true
	set(&l.Regulated, p.Regulated)
	set(&l.Confidence, p.Confidence)
	set(&l.Truncated, p.Truncated)
	set(&l.Redactable, p.Redactable)
	if p.Unscanned != nil && *p.Unscanned || len(p.Reasons) > 0 {
		l.Unscanned, l.Level = []string{"stated"}, dataclass.Restricted
		if len(p.Reasons) > 0 {
			l.Unscanned = slices.Sorted(slices.Values(p.Reasons))
		}
	}
	if p.Level != nil {
		l.Level = dataclass.Level(*p.Level)
	} else if l.Regulated {
		l.Level = dataclass.Restricted
	}
	if l.Level < dataclass.Public || l.Level > dataclass.Restricted {
		return dataclass.Label{}, fmt.Errorf("%s.level %d: want 0 to 3", where, int(l.Level))
	}
	return l, nil
}
