// Package operator holds the facts about who uses the control plane: people and
// automation, the roles they hold and over what, the tokens they act with, and
// whom they have stand in for them.
//
// The package is pure: no I/O and no clock. It trusts nothing; every value is
// validated by its Validate method before a store or a snapshot accepts it. What
// a role may do is not said here but in Cedar (package authority).
package operator

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// Role is a right of the control plane that somebody can be given. Roles do not
// contain one another: seeing and deciding are different rights.
type Role string

// The roles.
const (
	Requester     Role = "requester"     // asks for rights
	Approver      Role = "approver"      // decides on requests, within the assignment's scope
	Auditor       Role = "auditor"       // sees everything, decides nothing
	Remediator    Role = "remediator"    // revokes and quarantines; changes no decision
	BreakGlass    Role = "break_glass"   // may take an emergency grant
	Administrator Role = "administrator" // configures; cannot approve
)

// Roles lists every role, for validation and help texts.
var Roles = []Role{Requester, Approver, Auditor, Remediator, BreakGlass, Administrator}

// Kind says whether a human or a program acts.
type Kind string

// The kinds of operator.
const (
	Human      Kind = "human"
	Automation Kind = "automation"
)

// Operator is one account of the control plane.
type Operator struct {
	ID    string `json:"-" yaml:"-"`                           // the resource's name
	Kind  Kind   `json:"kind,omitempty" yaml:"kind,omitempty"` // empty means human
	Email string `json:"email" yaml:"email"`                   // required: what sponsors and owners are named by; lower case
	// Person is who stands behind the account, where somebody has several: what
	// one account may not do to its own, the others may not either. Empty: the email.
	Person string   `json:"person,omitempty" yaml:"person,omitempty"`
	Teams  []string `json:"teams,omitempty" yaml:"teams,omitempty"`
	Roles  []Held   `json:"roles,omitempty" yaml:"roles,omitempty"`
	// Login is the OIDC subject that the operator signs in as; without it the
	// operator acts by API tokens only.
	Login    *Login `json:"login,omitempty" yaml:"login,omitempty"`
	Disabled bool   `json:"disabled,omitempty" yaml:"disabled,omitempty"` // left, or suspended
	// Suspended is who disabled the account, and why.
	Suspended *identity.Remark `json:"suspended,omitempty" yaml:"suspended,omitempty"`
	// Epoch voids sign-ins: one made at a lower epoch is refused.
	Epoch uint32 `json:"epoch,omitempty" yaml:"epoch,omitempty"`
}

// Held is a role that an operator has, and over what: every list that is set
// must match. A role without lists is held over everything.
type Held struct {
	Role         Role     `json:"role" yaml:"role"`                                     // required
	Tiers        []string `json:"tiers,omitempty" yaml:"tiers,omitempty"`               // risk tiers of entitlements
	Teams        []string `json:"teams,omitempty" yaml:"teams,omitempty"`               // teams of identities
	Entitlements []string `json:"entitlements,omitempty" yaml:"entitlements,omitempty"` // by name
	Models       []string `json:"models,omitempty" yaml:"models,omitempty"`             // as entitlements name them
}

// Login is a subject of an OIDC provider.
type Login struct {
	Issuer  string `json:"issuer" yaml:"issuer"`   // required: the provider's URL
	Subject string `json:"subject" yaml:"subject"` // required: its `sub`
}

// Behind names the person behind the account.
func (o *Operator) Behind() string { return cmp.Or(o.Person, o.Email) }

// Is reports whether a name, as sponsors, owners and deputies are written, means
// this operator: by the account's name or by its email.
func (o *Operator) Is(name string) bool {
	return name != "" && (name == o.ID || strings.EqualFold(name, o.Email))
}

// Has reports whether the operator holds a role, over whatever.
func (o *Operator) Has(r Role) bool {
	return slices.ContainsFunc(o.Roles, func(h Held) bool { return h.Role == r })
}

// Validate reports what is wrong with an operator, or nil. Nobody may
// administrate and approve with one account.
func (o *Operator) Validate() error {
	var errs []error
	if !identity.ValidName(o.ID) {
		errs = append(errs, fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", o.ID))
	}
	if slices.Contains(Reserved, o.ID) {
		errs = append(errs, fmt.Errorf("name %q: it is reserved", o.ID))
	}
	if o.Kind != "" && o.Kind != Human && o.Kind != Automation {
		errs = append(errs, fmt.Errorf("kind %q: want human or automation", o.Kind))
	}
	if !validEmail(o.Email) {
		errs = append(errs, fmt.Errorf("email %q: want an address such as dana@example.com, in lower case", o.Email))
	}
	for _, h := range o.Roles {
		if !slices.Contains(Roles, h.Role) {
			errs = append(errs, fmt.Errorf("roles: %q: want one of %v", h.Role, Roles))
		}
	}
	if o.Has(Administrator) && o.Has(Approver) {
		errs = append(errs, errors.New("roles: an administrator cannot approve: give the two roles to two people"))
	}
	if o.Login != nil && (!strings.HasPrefix(o.Login.Issuer, "https://") && !strings.HasPrefix(o.Login.Issuer, "http://") || o.Login.Subject == "") {
		errs = append(errs, errors.New("login: issuer (a URL) and subject are required"))
	}
	return errors.Join(errs...)
}

func validEmail(s string) bool {
	local, domain, _ := strings.Cut(s, "@")
	return local != "" && domain != "" && strings.Trim(domain, ".") == domain && len(s) <= 254 &&
		strings.ToLower(s) == s && strings.Count(s, "@") == 1 && !strings.ContainsFunc(s, notInEmail)
}

func notInEmail(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`<>"\\,;:()[]`, r) }

// Token is an API token: it acts as its operator, within its scopes, until it
// expires. The secret is not kept, only its digest.
type Token struct {
	ID       string    `json:"-" yaml:"-"`
	Operator string    `json:"operator" yaml:"operator"`             // required: who it acts as
	Scopes   []string  `json:"scopes" yaml:"scopes"`                 // required: actions of package authority, or "*"
	Created  time.Time `json:"created" yaml:"created"`               // required
	Expires  time.Time `json:"expires" yaml:"expires"`               // required
	Digest   string    `json:"digest" yaml:"digest"`                 // required: SHA-256 of the secret, hex
	Note     string    `json:"note,omitempty" yaml:"note,omitempty"` // what it is for
	// Maker is who made it, or the sign-in it was made by, for somebody else: their
	// hands may hold it too, so that what is their own is not decided on by it. Empty:
	// the operator themselves.
	Maker string `json:"maker,omitempty" yaml:"maker,omitempty"`
	Epoch uint32 `json:"epoch,omitempty" yaml:"epoch,omitempty"` // the operator's when it was made
}

// MaxTokenLife is how long a token can live.
const MaxTokenLife = 366 * 24 * time.Hour

// Opens reports, in constant time, whether a secret is the token's.
func (t *Token) Opens(secret string) bool {
	sum := sha256.Sum256([]byte(secret))
	want, err := hex.DecodeString(t.Digest)
	return err == nil && subtle.ConstantTimeCompare(sum[:], want) == 1
}

// Validate reports what is wrong with a token, or nil.
func (t *Token) Validate() error {
	sum, err := hex.DecodeString(t.Digest)
	switch {
	case !identity.ValidName(t.ID):
		return fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", t.ID)
	case t.Operator == "":
		return errors.New("operator is required")
	case len(t.Scopes) == 0:
		return errors.New("scopes is required")
	case err != nil || len(sum) != sha256.Size:
		return errors.New("digest: want the SHA-256 of the secret, in hex")
	case !t.Expires.After(t.Created) || t.Expires.Sub(t.Created) > MaxTokenLife:
		return errors.New("expires: want a time after created, and at most a year after it")
	}
	return nil
}

// Delegation has one operator decide in another's place for a time. It does not
// chain: what was delegated to somebody cannot be delegated on.
type Delegation struct {
	ID        string    `json:"-" yaml:"-"`
	From      string    `json:"from" yaml:"from"`           // required: whose right to decide
	To        string    `json:"to" yaml:"to"`               // required: who may use it
	NotBefore time.Time `json:"notBefore" yaml:"notBefore"` // required
	NotAfter  time.Time `json:"notAfter" yaml:"notAfter"`   // required
	Reason    string    `json:"reason,omitempty" yaml:"reason,omitempty"`
}

// MaxDelegation is how long a delegation can last.
const MaxDelegation = 90 * 24 * time.Hour

// During reports whether the delegation holds at a time.
func (d *Delegation) During(now time.Time) bool {
	return !now.Before(d.NotBefore) && now.Before(d.NotAfter)
}

// Validate reports what is wrong with a delegation, or nil.
func (d *Delegation) Validate() error {
	switch {
	case !identity.ValidName(d.ID):
		return fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", d.ID)
	case d.From == "" || d.To == "" || d.From == d.To:
		return errors.New("from and to are required, and are two operators")
	case d.NotBefore.IsZero() || !d.NotAfter.After(d.NotBefore) || d.NotAfter.Sub(d.NotBefore) > MaxDelegation:
		return errors.New("notAfter: want a time after notBefore, and at most 90 days after it")
	}
	return nil
}
