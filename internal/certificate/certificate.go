// Package certificate holds the proof of an answer about rights in a form that
// can be checked without the algebra that found it, and the checker.
//
// A certificate has the policies themselves, the condition keys that the
// question leaves free, values of each key that stand for all its values
// (atoms), and the product of all atoms cut into cells, each with a verdict.
// The checker trusts none of it. It reads the policies anew, finds out by its
// own search what they tell apart and that an atom stands for every such class,
// has package awsiam decide the request of every combination of atoms, and
// holds the claim against the outcomes. It takes for granted: awsiam's reading
// of one request; the facts about condition keys; and what the question itself
// states, such as Within.
//
// The package is forbidden to import the algebra. It is pure: no I/O and no
// clock.
package certificate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/writ-project/writ/internal/awsiam"
)

// Version is that of the form of certificates.
const Version = 1

// The limits of a certificate; what is larger has none.
const (
	MaxVectors = 200_000    // combinations of atoms
	MaxWork    = 50_000_000 // statements to be asked about, over all combinations
	maxBytes   = 64 << 20
	maxKeys    = 64
	maxAtoms   = 4_000 // of one key
)

// ErrBeyond says that the checker cannot decide about a certificate, true or
// not: it is too large, or rests on what the checker does not know how to check.
var ErrBeyond = errors.New("beyond what can be checked")

// The names that tables use beside condition keys.
const (
	ResourceKey = "resource" // the resource of checks that leave it open
	timeKey     = "aws:currenttime"
	epochKey    = "aws:epochtime" // follows timeKey
	regionKey   = "aws:requestedregion"
	endpointKey = "aws:sourcevpce"
)

// RegionFact is the fact that ties the region to an open resource.
const RegionFact = "a resource is asked about in its own region"

// Certificate is the proof of one answer.
type Certificate struct {
	Version  int      `json:"version"`
	Question Question `json:"question"`
	Keys     []Key    `json:"keys"`
	Cells    []Cell   `json:"cells"`
	Answer   Claim    `json:"answer"`
	// Digest is the SHA-256, in hex, of the certificate's JSON with an empty digest.
	Digest string `json:"digest"`
}

// Question is what was asked: of one set of policies, or of two, the base and
// the candidate.
type Question struct {
	// Correlated: keys are tied together as AWS does (awsiam.Correlations), and
	// the facts say which are always present. Otherwise any key but the time and
	// the region may be absent, and addresses are IPv4 unless a policy names others.
	Correlated bool   `json:"correlated"`
	Now        string `json:"now,omitempty"` // RFC 3339; empty: at any time
	// Within says what a free key can hold, where the question bounds it: strings
	// that match one of the shapes, and none of those of Without.
	Within  map[string][]Shape `json:"within,omitempty"`
	Without map[string][]Shape `json:"without,omitempty"`
	Sides   []Side             `json:"sides"`
}

// Shape is a pattern of strings: * and ? are wildcards, ${*} and ${?} the
// characters. With Segments, the wildcards in the first five segments between
// colons do not match a colon.
type Shape struct {
	Pattern  string `json:"pattern"`
	Segments bool   `json:"segments,omitempty"`
}

// Side is a set of policies and what it is asked.
type Side struct {
	Principal Principal        `json:"principal"`
	Known     map[string]Value `json:"known,omitempty"`
	Checks    []Request        `json:"checks"`
	Layers    Layers           `json:"layers"`
}

// Principal is awsiam.Principal.
type Principal struct {
	ARN       string `json:"arn,omitempty"`
	Session   string `json:"session,omitempty"`
	Account   string `json:"account,omitempty"`
	Service   string `json:"service,omitempty"`
	Federated string `json:"federated,omitempty"`
	Bounded   bool   `json:"bounded,omitempty"`
}

// Request is one that must be allowed. Without a resource it is open: the table
// of ResourceKey has what it may be.
type Request struct {
	Action   string           `json:"action"`
	Resource string           `json:"resource,omitempty"`
	Account  string           `json:"account,omitempty"`
	Known    map[string]Value `json:"known,omitempty"` // over that of the side
	Policy   *Document        `json:"policy,omitempty"`
	Trust    bool             `json:"trust,omitempty"`
	RCPs     [][]Document     `json:"rcps,omitempty"` // of the resource's account
}

// Layers are the documents of awsiam.Layers that all checks meet. Sessions that
// are there and empty allow nothing.
type Layers struct {
	Identity []Document   `json:"identity,omitempty"`
	SCPs     [][]Document `json:"scps,omitempty"`
	Boundary *Document    `json:"boundary,omitempty"`
	Sessions []Document   `json:"sessions,omitzero"`
	Endpoint *Document    `json:"endpoint,omitempty"`
}

// Document is a policy: JSON in a string, so that it stays as it is.
type Document struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Value is what a condition key holds. It is absent, or one value, or, of a
// multivalued key, several; what is known of a question may be in doubt.
type Value struct {
	Absent  bool     `json:"absent,omitempty"`
	Values  []string `json:"values,omitempty"`
	Several bool     `json:"several,omitempty"` // the key is multivalued
	Doubt   string   `json:"doubt,omitempty"`
}

// Key is the table of a free key: values that stand for all that it can hold.
// Its name is in lower case.
type Key struct {
	Name  string  `json:"name"`
	Atoms []Value `json:"atoms"`
}

// Cell is a set of combinations of atoms that come to the same: for each key
// named, one of the atoms listed; for every other key any atom. Cells do not
// overlap and together have every combination.
type Cell struct {
	Where      map[string][]int `json:"where,omitempty"`
	Verdict    Verdict          `json:"verdict"`
	Fact       string           `json:"fact,omitempty"`       // why it is impossible
	Statements []Ref            `json:"statements,omitempty"` // that decide in it, sorted
}

// Verdict is what a cell's requests come to.
type Verdict string

// The verdicts on one set of policies, and on two.
const (
	Impossible    Verdict = "impossible" // no request has these keys together
	Allowed       Verdict = "allowed"
	Denied        Verdict = "denied"
	Undetermined  Verdict = "undetermined" // of two: and may be new
	Both          Verdict = "both"
	Neither       Verdict = "neither"
	BaseOnly      Verdict = "base_only"
	CandidateOnly Verdict = "candidate_only"
	NotNew        Verdict = "not_new" // one is undetermined, but it is not new
)

// Ref names a statement that decides: for an explicit deny one that denies,
// otherwise one that allows.
type Ref struct {
	Side     int          `json:"side,omitempty"` // 1: the candidate's
	Layer    awsiam.Layer `json:"layer"`
	Level    int          `json:"level,omitempty"`
	Document string       `json:"policy"`
	Index    int          `json:"index"`
}

// Claim is the answer: Decision about one set of policies, Comparison about two.
type Claim struct {
	// Decision is allowed (always), conditional, undetermined or denied, at the
	// time asked about.
	Decision string `json:"decision,omitempty"`
	// Comparison is NEW_ACCESS, NO_NEW_ACCESS or UNDETERMINED.
	Comparison string `json:"comparison,omitempty"`
	// Witness is a request that is allowed, or new: an atom of every key.
	Witness []int `json:"witness,omitempty"`
}

// The claims.
const (
	Conditional = "conditional"
	NewAccess   = "NEW_ACCESS"
	NoNewAccess = "NO_NEW_ACCESS"
	Undecided   = "UNDETERMINED"
)

// Seal computes the digest. What JSON cannot hold, such as bytes that are not
// UTF-8, is replaced first.
func (c *Certificate) Seal() error {
	c.Digest = ""
	data, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("writing the certificate: %w", err)
	}
	*c = Certificate{}
	if err := json.Unmarshal(data, c); err != nil {
		return fmt.Errorf("reading the certificate back: %w", err)
	}
	if data, err = json.Marshal(c); err != nil {
		return fmt.Errorf("writing the certificate: %w", err)
	}
	sum := sha256.Sum256(data)
	c.Digest = hex.EncodeToString(sum[:])
	return nil
}

// Encode writes a sealed certificate. There is one way to write it.
func (c *Certificate) Encode() ([]byte, error) { return json.Marshal(c) }

// Decode reads a certificate and compares its digest. Whatever is not written
// as Encode does is refused.
func Decode(data []byte) (*Certificate, error) {
	if len(data) > maxBytes {
		return nil, fmt.Errorf("a certificate of %d bytes is %w", len(data), ErrBeyond)
	}
	c := new(Certificate)
	if err := json.Unmarshal(data, c); err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	if c.Version != Version {
		return nil, fmt.Errorf("version %d of certificates is not known", c.Version)
	}
	again, err := c.Encode()
	if err != nil || !bytes.Equal(again, data) {
		return nil, errors.New("the certificate is not written in its one form")
	}
	digest := c.Digest
	if err := c.Seal(); err != nil {
		return nil, err
	}
	if c.Digest != digest {
		return nil, errors.New("the digest is not that of the certificate: it was changed")
	}
	return c, nil
}

// Check reads a certificate and checks it with the facts that Writ ships with.
// Nil means that its answer is proven. An error that is ErrBeyond says that it
// could not be decided; any other, that something in it is not true.
func Check(data []byte) error {
	c, err := Decode(data)
	if err != nil {
		return err
	}
	return c.Verify(awsiam.EmbeddedFacts())
}
