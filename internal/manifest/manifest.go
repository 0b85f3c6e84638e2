// Package manifest reads and writes the organisation's resources — identities,
// bindings, models, grants, policies and the rest — as files that people keep
// in version control, and computes what an apply would change.
//
// It trusts nothing it reads. Only a plain subset of YAML is accepted: one
// value per key, no anchors, aliases, tags or merges, no nulls, no unknown
// fields, no value of another type than the field's. Every problem is reported
// with its file, line and column, and all of them at once.
//
// It promises one canonical form: Encode gives the same bytes for the same
// resource always, so that a digest in the audit log pins exactly what an
// operator authorised. The package is pure: no clock, and no I/O beyond the
// file system handed to LoadDir.
package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
)

// APIVersion is the value of apiVersion in every document.
const APIVersion = "writ/v1"

// Kind is a kind of resource.
type Kind string

// The kinds of resource.
const (
	Issuer      Kind = "Issuer"
	Network     Kind = "Network"
	Model       Kind = "Model"
	Profile     Kind = "Profile"
	Identity    Kind = "Identity"
	Binding     Kind = "Binding"
	Validation  Kind = "Validation"
	DataLabel   Kind = "DataLabel"
	Entitlement Kind = "Entitlement"
	Budget      Kind = "Budget"
	Grant       Kind = "Grant"
	PolicyKind  Kind = "Policy"
	Operator    Kind = "Operator"
	SoDRule     Kind = "SoDRule"
	// What follows is made by acts of the people's road, never by files.
	Token      Kind = "Token"
	Delegation Kind = "Delegation"
	Waiver     Kind = "Waiver"
	Quarantine Kind = "Quarantine"
	Request    Kind = "Request"
	Hold       Kind = "Hold"
)

// Kinds lists every kind so that a kind stands after those it refers to: the
// order in which resources are created; they are deleted in reverse.
var Kinds = []Kind{
	Issuer, Network, Model, Profile, Identity, Binding, Validation, DataLabel, Entitlement, Budget, Grant, PolicyKind,
	Operator, SoDRule, Token, Delegation, Waiver, Quarantine, Request, Hold,
}

// InFiles reports whether resources of a kind may be written in files.
func (k Kind) InFiles() bool {
	switch k {
	case Token, Delegation, Waiver, Quarantine, Request, Hold:
		return false
	}
	return true
}

// ParseKind reads a kind as a command line names it: any case, singular or plural.
func ParseKind(s string) (Kind, error) {
	for _, k := range Kinds {
		if strings.EqualFold(s, string(k)) || strings.EqualFold(s, plural(k)) {
			return k, nil
		}
	}
	return "", fmt.Errorf("kind %q: want one of %v", s, Kinds)
}

func plural(k Kind) string {
	if stem, ok := strings.CutSuffix(string(k), "y"); ok {
		return stem + "ies"
	}
	return string(k) + "s"
}

// Policy is a file of hand-written Cedar.
type Policy struct {
	ID   string `json:"-" yaml:"-"`
	Text string `json:"text" yaml:"text"` // required
}

// Validate reports what is wrong with a policy's frame, or nil. Its text is
// judged by the policy package, against the schema.
func (p *Policy) Validate() error {
	var errs []error
	if err := validName(p.ID); err != nil {
		errs = append(errs, err)
	}
	if strings.TrimSpace(p.Text) == "" {
		errs = append(errs, errors.New("text is required"))
	}
	return errors.Join(errs...)
}

// Resource is one resource with the place it was read from.
type Resource struct {
	Kind Kind
	Name string
	// Spec is a pointer to the kind's type: *identity.Issuer, *identity.Network,
	// *bedrock.Model, *bedrock.Profile, *identity.Identity, *identity.Binding,
	// *bedrock.Validation, *dataclass.CustomLabel, *rights.Entitlement, *budget.Budget, *rights.Grant, *Policy,
	// *operator.Operator, *sod.Rule, *operator.Token, *operator.Delegation,
	// *sod.Waiver, *rights.Quarantine, *request.Request or *hold.Hold. Its ID is the resource's name. It must not be changed once shared.
	Spec any
	File string // empty when it was not read from a file
	Line int    // 1-based; 0 when unknown
}

// ID names a resource among all others, as "Kind/name".
func (r Resource) ID() string { return string(r.Kind) + "/" + r.Name }

// Encode returns the canonical JSON of the spec. The name is not part of it.
func (r Resource) Encode() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r.Spec); err != nil {
		return nil, fmt.Errorf("encoding %s: %w", r.ID(), err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Decode reads the canonical JSON of a spec, as strictly as Parse reads YAML.
func Decode(kind Kind, name string, spec []byte) (Resource, error) {
	r := Resource{Kind: kind, Name: name}
	if err := r.decode(spec); err != nil {
		return Resource{}, err
	}
	r.settle()
	if err := r.Validate(); err != nil {
		return Resource{}, fmt.Errorf("decoding %s: %w", r.ID(), err)
	}
	return r, nil
}

// decode reads the spec, at a glance where that is enough.
func (r *Resource) decode(spec []byte) error {
	if r.Kind == Grant {
		if g, ok := canonicalGrant(spec); ok {
			r.Spec = g
			return nil
		}
	}
	var err error
	if r.Spec, err = newSpec(r.Kind); err != nil {
		return err
	}
	if err := unmarshal(spec, r.Spec); err != nil {
		return fmt.Errorf("decoding %s: %w", r.ID(), err)
	}
	return nil
}

// Digest is DigestOf the resource. It panics when the spec cannot be encoded,
// which no spec that Parse or Decode returned can cause.
func (r Resource) Digest() [sha256.Size]byte {
	spec, err := r.Encode()
	if err != nil {
		panic(err)
	}
	return DigestOf(r.Kind, r.Name, spec)
}

// DigestOf pins a resource as the audit log names it: SHA-256 over a fixed
// label, kind, name and canonical spec, each preceded by its length as eight
// bytes, big-endian. The digest of a deletion has an empty spec.
func DigestOf(kind Kind, name string, spec []byte) [sha256.Size]byte {
	b := make([]byte, 0, 1024) // most specs are short, and it stays on the stack
	for _, part := range []string{"writ resource v1", string(kind), name} {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
	}
	b = append(binary.BigEndian.AppendUint64(b, uint64(len(spec))), spec...)
	return sha256.Sum256(b)
}

// Validate reports what is wrong with a resource taken alone. What it refers
// to is judged by Check.
func (r Resource) Validate() error {
	switch s := r.Spec.(type) {
	case *bedrock.Model, *bedrock.Profile:
		// Entries state what differs from those they lie over: only a catalogue
		// can judge the rest.
		if _, err := bedrock.ParseModelID(r.Name); err != nil {
			return fmt.Errorf("name %q: %w", r.Name, err)
		}
		return nil
	case *rights.Entitlement, *rights.Grant:
		return validName(r.Name)
	case *bedrock.Validation:
		return errors.Join(validName(r.Name), s.Validate())
	case interface{ Validate() error }:
		return s.Validate()
	}
	return fmt.Errorf("kind %q has no spec of type %T", r.Kind, r.Spec)
}

func validName(name string) error {
	if !identity.ValidName(name) {
		return fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", name)
	}
	return nil
}

func newSpec(kind Kind) (any, error) {
	switch kind {
	case Issuer:
		return new(identity.Issuer), nil
	case Network:
		return new(identity.Network), nil
	case Model:
		return new(bedrock.Model), nil
	case Profile:
		return new(bedrock.Profile), nil
	case Identity:
		return new(identity.Identity), nil
	case Binding:
		return new(identity.Binding), nil
	case Validation:
		return new(bedrock.Validation), nil
	case DataLabel:
		return new(dataclass.CustomLabel), nil
	case Entitlement:
		return new(rights.Entitlement), nil
	case Budget:
		return new(budget.Budget), nil
	case Grant:
		return new(rights.Grant), nil
	case PolicyKind:
		return new(Policy), nil
	case Operator:
		return new(operator.Operator), nil
	case SoDRule:
		return new(sod.Rule), nil
	case Token:
		return new(operator.Token), nil
	case Delegation:
		return new(operator.Delegation), nil
	case Waiver:
		return new(sod.Waiver), nil
	case Quarantine:
		return new(rights.Quarantine), nil
	case Request:
		return new(request.Request), nil
	case Hold:
		return new(hold.Hold), nil
	}
	return nil, fmt.Errorf("kind %q: want one of %v", kind, Kinds)
}

// settle gives the spec its name, and times their canonical zone.
func (r *Resource) settle() {
	switch s := r.Spec.(type) {
	case *identity.Issuer:
		s.ID = r.Name
	case *identity.Network:
		s.ID = r.Name
	case *bedrock.Model:
		s.ID = r.Name
	case *bedrock.Profile:
		s.ID = r.Name
	case *identity.Identity:
		s.ID = r.Name
	case *identity.Binding:
		s.ID = r.Name
	case *bedrock.Validation:
		s.ID, s.At, s.Expires = r.Name, s.At.UTC(), s.Expires.UTC()
	case *dataclass.CustomLabel:
		s.ID = r.Name
	case *rights.Entitlement:
		s.ID = r.Name
	case *budget.Budget:
		s.ID = r.Name
	case *rights.Grant:
		s.ID, s.NotBefore, s.NotAfter = r.Name, s.NotBefore.UTC(), s.NotAfter.UTC()
	case *Policy:
		s.ID = r.Name
	case *operator.Operator:
		s.ID = r.Name
	case *sod.Rule:
		s.ID = r.Name
	case *operator.Token:
		s.ID, s.Created, s.Expires = r.Name, s.Created.UTC(), s.Expires.UTC()
	case *operator.Delegation:
		s.ID, s.NotBefore, s.NotAfter = r.Name, s.NotBefore.UTC(), s.NotAfter.UTC()
	case *sod.Waiver:
		s.ID, s.From, s.Expires = r.Name, s.From.UTC(), s.Expires.UTC()
	case *rights.Quarantine:
		s.ID, s.At = r.Name, s.At.UTC()
	case *request.Request:
		s.ID = r.Name
	case *hold.Hold:
		s.ID = r.Name
	}
}

// compare orders resources by kind, in the order of Kinds, then by name.
func compare(a, b Resource) int {
	if c := slices.Index(Kinds, a.Kind) - slices.Index(Kinds, b.Kind); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}
