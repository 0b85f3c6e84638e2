package config

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Strangers bounds what the unauthenticated may cost (security S16). Successes
// are never charged.
type Strangers struct {
	// Failures is how many requests without valid credentials one source may
	// make in a minute, and AllFailures all together, before they are answered
	// 429 and nothing more.
	Failures    int `yaml:"failures"`
	AllFailures int `yaml:"allFailures"`
	// Proofs is how many proofs one source may offer in a minute at the STS
	// endpoint; AllProofs how many signatures of proofs are verified in all.
	Proofs    int `yaml:"proofs"`
	AllProofs int `yaml:"allProofs"`
	// UnprovenMB is how much one session of one source may have us read in a
	// minute before a signature proves it.
	UnprovenMB int64 `yaml:"unprovenMB"`
}

// Replica says which of several processes on one store this is.
type Replica struct {
	// Name is the replica's, and its part of the audit log's; fixed for the data
	// directory. Empty means the only one.
	Name string `yaml:"name"`
	// Lease is how long the replica decides on what it knows once it cannot
	// reach the store: the bound of every revocation.
	Lease time.Duration `yaml:"lease"`
}

var replicaPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?)?$`)

func (c *Config) validateReplica() error {
	switch r := c.Replica; {
	case !replicaPattern.MatchString(r.Name):
		return fmt.Errorf("replica.name %q: want 1–32 of a–z 0–9 -", r.Name)
	case r.Name != "" && c.Store.DSNFile == "":
		return errors.New("replica.name: several replicas need one PostgreSQL store: set store.dsnFile")
	case r.Lease < time.Second || r.Lease > maxLease:
		return fmt.Errorf("replica.lease %v: want 1s to %v", r.Lease, maxLease)
	}
	return nil
}

// Holds says how much of what waits for a human is kept, and for how long.
type Holds struct {
	MaxKB int64         `yaml:"maxKB"`
	Keep  time.Duration `yaml:"keep"`
}

// Drain says how the server stops.
type Drain struct {
	// Delay is how long the server goes on taking calls once it was told to
	// stop and says so on /readyz, for load balancers to notice.
	Delay time.Duration `yaml:"delay"`
	// Within is how long open calls may go on after that.
	Within time.Duration `yaml:"within"`
}

// Observe says who may switch observe mode on.
type Observe struct {
	// Approvers are the verifier keys (writ observe keygen) of those who may;
	// it takes two of them. Empty means that nobody can.
	Approvers []string `yaml:"approvers"`
}

// partitions are those whose Bedrock endpoints are known.
var partitions = []string{"aws", "aws-us-gov", "aws-cn"}

// The bounds of what Validate accepts, which the schema states too.
const (
	maxConnections = 1 << 20
	maxPerMinute   = 100_000_000
	maxUnprovenMB  = 1 << 20
	maxDelay       = 5 * time.Minute
	maxWithin      = time.Hour
	maxLease       = time.Minute
	maxHeldKB      = 64 << 10
	maxKeep        = 90 * 24 * time.Hour
)

func (c *Config) validateOperation() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !slices.Contains(partitions, c.Partition) {
		bad("partition %q: want one of %v", c.Partition, partitions)
	}
	l, s := c.Limits, c.Limits.Strangers
	if l.Connections < 1 || l.Connections > maxConnections || l.SourceConnections < 1 || l.SourceConnections > l.Connections {
		bad("limits: want 1 ≤ sourceConnections ≤ connections ≤ %d", maxConnections)
	}
	for name, n := range map[string]int{"failures": s.Failures, "allFailures": s.AllFailures, "proofs": s.Proofs, "allProofs": s.AllProofs} {
		if n < 1 || n > maxPerMinute {
			bad("limits.strangers.%s %d: want 1 to %d a minute", name, n, maxPerMinute)
		}
	}
	if s.UnprovenMB < l.BodyMB || s.UnprovenMB > maxUnprovenMB {
		bad("limits.strangers.unprovenMB %d: want at least bodyMB, at most %d", s.UnprovenMB, maxUnprovenMB)
	}
	if n := c.Holds.MaxKB; n < 1 || n > maxHeldKB {
		bad("holds.maxKB %d: want 1 to %d", n, maxHeldKB)
	}
	if d := c.Holds.Keep; d < time.Hour || d > maxKeep {
		bad("holds.keep %v: want 1h to %v", d, maxKeep)
	}
	if d := c.Drain.Delay; d < 0 || d > maxDelay {
		bad("drain.delay %v: want 0s to %v", d, maxDelay)
	}
	if d := c.Drain.Within; d < time.Second || d > maxWithin {
		bad("drain.within %v: want 1s to %v", d, maxWithin)
	}
	errs = append(errs, c.Notify.validate()...)
	if err := c.validateReplica(); err != nil {
		errs = append(errs, err)
	}
	if err := c.Login.validate(); err != nil {
		errs = append(errs, err)
	}
	if err := c.Observe.validate(); err != nil {
		errs = append(errs, err)
	}
	return errs
}

// validate wants nobody, or at least two different people.
func (o Observe) validate() error {
	if len(o.Approvers) == 1 {
		return errors.New("observe.approvers: one approver alone could switch enforcement off: want none, or two at least")
	}
	names, keys := make(map[string]bool), make(map[string]bool)
	for i, text := range o.Approvers {
		v, err := note.NewVerifier(text)
		if err != nil {
			return fmt.Errorf("observe.approvers: the key at %d is not a verifier key: %w", i+1, err)
		}
		key, err := publicKey(text)
		if err != nil {
			return fmt.Errorf("observe.approvers: %s: %w", v.Name(), err)
		}
		if names[v.Name()] || keys[key] {
			return fmt.Errorf("observe.approvers: %s stands there twice: two keys of one person are one person", v.Name())
		}
		names[v.Name()], keys[key] = true, true
	}
	return nil
}

// publicKey is the key in a verifier key, NAME+HASH+KEY, whatever its name.
func publicKey(verifier string) (string, error) {
	parts := strings.SplitN(verifier, "+", 3)
	b, err := base64.StdEncoding.DecodeString(parts[len(parts)-1])
	return string(b), err
}
