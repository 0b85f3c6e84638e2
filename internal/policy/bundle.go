package policy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/cedarset"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// Schema is the vocabulary that policies are written in, in Cedar's notation.
//
//go:embed schema.cedarschema
var Schema string

// Builtin is the text of the rules that hold in every installation.
//
//go:embed builtin.cedar
var Builtin string

// theVocabulary parses the schema once. It is part of the program, so an error
// in it is not one of the caller's.
var theVocabulary = sync.OnceValue(func() *vocabulary {
	v, err := cedarset.ParseVocabulary("schema.cedarschema", []byte(Schema))
	if err != nil {
		panic(err)
	}
	return v
})

// Document is a text of Cedar policies written by the organisation.
type Document struct {
	Name string // required, unique: names the policies in reasons
	Text string
}

// Sources is everything a bundle is made of.
type Sources struct {
	Catalogue    *bedrock.Catalogue   // required: models and profiles, with the organisation's overlay
	Validations  []bedrock.Validation // what models have passed
	Entitlements []rights.Entitlement
	Grants       []rights.Grant
	Identities   []string           // names of the identities that exist; a grant for another is an error
	Networks     *identity.Networks // required when an entitlement names a network
	Organisation []Document         // the organisation's own rules
}

// Bundle is an immutable, validated set of rules, safe for concurrent use.
type Bundle struct {
	catalogue *bedrock.Catalogue
	networks  *identity.Networks
	atlas     *atlas
	decide    *index // built-in and organisation rules of the decision itself
	oblige    *index // the organisation's obligations
	exists    func(identity string) bool
	stamper   *stamper
	roster    *roster
	memo      *memo             // shared with every bundle of the same laws
	laws      [sha256.Size]byte // digest of everything but the grants
	digest    string
}

// NewBundle compiles and strictly validates the sources. The error names every
// rule, entitlement and grant that is wrong, and then there is no bundle.
func NewBundle(src Sources) (*Bundle, error) {
	b, err := newBundle(src, nil)
	if err != nil {
		return nil, err
	}
	return b.With(nil, pointers(src.Grants))
}

// newBundle compiles the laws, without grants. What was compiled before is used
// again as far as it is the same; nil: nothing was.
func newBundle(src Sources, before *stamper) (*Bundle, error) {
	if src.Catalogue == nil {
		return nil, errors.New("building bundle: no catalogue")
	}
	v := theVocabulary()
	a, err := newAtlas(v, src.Catalogue, src.Validations)
	if err != nil {
		return nil, fmt.Errorf("building bundle: %w", err)
	}
	decisions, duties := a.split()
	b := &Bundle{
		catalogue: src.Catalogue, networks: src.Networks, atlas: a,
		exists:  among(src.Identities),
		stamper: &stamper{catalogue: src.Catalogue, networks: src.Networks, templates: map[string]*template{}, decisions: decisions, duties: duties},
		memo:    new(memo),
	}
	errs := []error{b.addLaws(v, src.Organisation), b.addTemplates(v, src.Entitlements, before)}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("building bundle: %w", err)
	}
	if b.laws, err = lawsDigest(&src); err != nil {
		return nil, fmt.Errorf("building bundle: %w", err)
	}
	return b, nil
}

func among(names []string) func(string) bool {
	there := make(map[string]bool, len(names))
	for _, name := range names {
		there[name] = true
	}
	return func(name string) bool { return there[name] }
}

func pointers(grants []rights.Grant) []*rights.Grant {
	out := make([]*rights.Grant, len(grants))
	for i := range grants {
		out[i] = &grants[i]
	}
	return out
}

// addLaws loads the built-in and the organisation's rules.
func (b *Bundle) addLaws(v *vocabulary, docs []Document) error {
	laws, err := loadDocument(v, Document{Name: builtinName, Text: Builtin})
	if err != nil {
		return err
	}
	var errs []error
	names := map[string]bool{builtinName: true}
	for _, d := range docs {
		switch {
		case d.Name == "" || strings.HasPrefix(d.Name, grantPrefix):
			errs = append(errs, fmt.Errorf("policy document %q: the name is empty or reserved", d.Name))
		case names[d.Name]:
			errs = append(errs, fmt.Errorf("policy document %q: the name is taken", d.Name))
		}
		names[d.Name] = true
		rules, err := loadDocument(v, d)
		laws, errs = append(laws, rules...), append(errs, err)
	}
	var decide, oblige []*rule
	seen := map[string]bool{}
	for _, r := range laws {
		if seen[r.id] {
			errs = append(errs, fmt.Errorf("policy %s: the name is taken", r.id))
		}
		seen[r.id] = true
		if _, all := obligationsNamed(r, b.atlas.actions); all {
			oblige = append(oblige, r)
		} else {
			decide = append(decide, r)
		}
	}
	b.decide = newIndex(decide, b.stamper.decisions)
	b.oblige = newIndex(oblige, b.stamper.duties)
	b.stamper.reads = readsOfAll(laws).and(reads{turns: turnsOf(b.atlas.staged)})
	return errors.Join(errs...)
}

// addTemplates compiles the entitlements, and validates each by the permits of
// a sample grant: another grant changes only a name and two times.
func (b *Bundle) addTemplates(v *vocabulary, ents []rights.Entitlement, before *stamper) error {
	var errs []error
	for _, e := range ents {
		if b.stamper.templates[e.ID] != nil || e.ID == "" {
			errs = append(errs, fmt.Errorf("entitlement %q: the name is empty or taken", e.ID))
			continue
		}
		if t := before.made(&e, b.catalogue, b.networks); t != nil {
			b.stamper.templates[e.ID] = t
			continue
		}
		t, err := newTemplate(e, b.catalogue, b.networks)
		if err != nil {
			errs = append(errs, fmt.Errorf("entitlement %q: %w", e.ID, err))
			continue
		}
		b.stamper.templates[e.ID] = t
		if err := t.check(v); err != nil {
			errs = append(errs, fmt.Errorf("entitlement %q: %w", e.ID, err))
		}
	}
	return errors.Join(errs...)
}

// made is an entitlement's template, if it was compiled from the very same.
func (s *stamper) made(e *rights.Entitlement, cat *bedrock.Catalogue, nets *identity.Networks) *template {
	if s == nil || s.catalogue != cat || s.networks != nets {
		return nil
	}
	if t := s.templates[e.ID]; t != nil && reflect.DeepEqual(&t.ent, e) {
		return t
	}
	return nil
}

// check validates the template's permits strictly.
func (t *template) check(v *vocabulary) error {
	sample := &rights.Grant{ID: "sample", Identity: "sample", Entitlement: t.ent.ID, NotBefore: time.Unix(0, 0), NotAfter: forever}
	var errs []error
	for _, r := range t.stamp(sample) {
		errs = append(errs, v.CheckPolicy(r.id, r.tree))
	}
	return errors.Join(errs...)
}

// With is the bundle with some grants gone and others added. A grant is gone
// by its identity and name; one that is added replaces one of the same
// identity and name. What is compiled for other identities is shared, so the
// cost does not grow with the number of grants. The grants added are kept as
// they are, and must not be changed.
func (b *Bundle) With(gone, added []*rights.Grant) (*Bundle, error) {
	var errs []error
	seen := make(map[string]bool, len(added))
	for _, g := range added {
		if seen[g.ID] {
			errs = append(errs, fmt.Errorf("grant %q: it is there twice", g.ID))
		}
		seen[g.ID] = true
		errs = append(errs, b.checkGrant(g))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("building bundle: %w", err)
	}
	next := *b
	next.roster = b.roster.with(gone, added, b.stamper)
	next.seal()
	return &next, nil
}

// Filled is the bundle with the grants of these lists and no others: each is of
// one identity, by name, and is kept as it is. No two grants may have one name.
func (b *Bundle) Filled(held iter.Seq2[string, []*rights.Grant]) (*Bundle, error) {
	next := *b
	var err error
	if next.roster, err = filled(held, b.stamper, b.checkGrant); err != nil {
		return nil, fmt.Errorf("building bundle: %w", err)
	}
	next.seal()
	return &next, nil
}

// seal computes the digest once laws and roster are settled.
func (b *Bundle) seal() {
	h := sha256.New()
	h.Write(b.laws[:])
	sum := b.roster.sum()
	h.Write(sum[:])
	b.digest = hex.EncodeToString(h.Sum(nil))
}

func (b *Bundle) checkGrant(g *rights.Grant) error {
	switch {
	case g.ID == "":
		return fmt.Errorf("grant for %q: it has no name", g.Identity)
	case !b.exists(g.Identity):
		return fmt.Errorf("grant %q: identity %q does not exist", g.ID, g.Identity)
	case b.stamper.templates[g.Entitlement] == nil:
		return fmt.Errorf("grant %q: entitlement %q does not exist", g.ID, g.Entitlement)
	case g.NotAfter.IsZero() || !g.NotAfter.After(g.NotBefore):
		return fmt.Errorf("grant %q: notAfter is required, and after notBefore", g.ID)
	case g.NotAfter.After(forever):
		return fmt.Errorf("grant %q: notAfter %v is out of range", g.ID, g.NotAfter)
	}
	return b.checkNarrowing(g)
}

// Digest identifies the rules, for records: lower-case hex of SHA-256 over
// schema, policies, entitlements, validations, catalogue version and grants.
func (b *Bundle) Digest() string { return b.digest }

// lawsDigest covers every source but the grants.
func lawsDigest(src *Sources) ([sha256.Size]byte, error) {
	h := sha256.New()
	writeField(h, Schema)
	writeField(h, Builtin)
	writeField(h, src.Catalogue.Version())
	validations := byName(src.Validations, func(v bedrock.Validation) string { return v.ID })
	entitlements := byName(src.Entitlements, func(e rights.Entitlement) string { return e.ID })
	documents := byName(src.Organisation, func(d Document) string { return d.Name })
	for _, part := range []any{validations, entitlements, documents} {
		text, err := json.Marshal(part)
		if err != nil {
			return [sha256.Size]byte{}, fmt.Errorf("digesting sources: %w", err)
		}
		writeField(h, string(text))
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// byName pairs things with their names, which their JSON leaves out; a map's
// JSON is in order, so the digest does not depend on that of the sources.
func byName[T any](items []T, name func(T) string) map[string]T {
	out := make(map[string]T, len(items))
	for _, item := range items {
		out[name(item)] = item
	}
	return out
}
