package identity

import (
	"fmt"
	"time"
)

// Flag is something about an identity that somebody should look at. It is found
// from facts and kept nowhere.
type Flag struct {
	Name    string   `json:"name"`
	Reasons []string `json:"reasons"`
}

// The flags.
const (
	Orphaned       = "orphaned"        // nobody answers for it
	UnknownSponsor = "unknown_sponsor" // somebody is named, whom nobody knows
	Unconfirmed    = "unconfirmed"     // nobody has said for long that it is still needed
	SharedFlag     = "shared"          // more than one workload may be behind it
)

// FlagNames lists the flags, for help texts and queries.
var FlagNames = []string{Orphaned, UnknownSponsor, Unconfirmed, SharedFlag}

// ConfirmEvery is how long a confirmation counts.
const ConfirmEvery = 180 * 24 * time.Hour

// Standing is what is known of somebody who is named.
type Standing int

// The standings.
const (
	Unknown  Standing = iota // no operator is known by that name
	Disabled                 // known, and left or suspended
	Live
)

// FlagFacts is what flags are found from, besides the identity itself.
type FlagFacts struct {
	Of       func(name string) Standing // of an operator, by name or email
	Bindings []*Binding                 // the identity's own
	Now      time.Time
}

// Flags finds what should be looked at, in a fixed order.
func (i *Identity) Flags(f FlagFacts) []Flag {
	var out []Flag
	for _, flag := range []Flag{
		{Orphaned, i.orphaned(f)}, {UnknownSponsor, i.unknownSponsor(f)},
		{Unconfirmed, i.unconfirmed(f.Now)}, {SharedFlag, i.sharedBy(f.Bindings)},
	} {
		if len(flag.Reasons) > 0 {
			out = append(out, flag)
		}
	}
	return out
}

// orphaned: without a sponsor nobody answers, whoever else is named. A sponsor
// who left is stood in for by an owner or a deputy who has not.
func (i *Identity) orphaned(f FlagFacts) []string {
	if i.Sponsor == "" {
		return []string{"it has no sponsor"}
	}
	if f.Of(i.Sponsor) != Disabled {
		return nil
	}
	for _, name := range []string{i.Owner, i.Deputy} {
		if name != "" && f.Of(name) == Live {
			return nil
		}
	}
	return []string{fmt.Sprintf("its sponsor %s is disabled, and neither owner nor deputy is an active operator", i.Sponsor)}
}

func (i *Identity) unknownSponsor(f FlagFacts) []string {
	if i.Sponsor == "" || f.Of(i.Sponsor) != Unknown {
		return nil
	}
	return []string{fmt.Sprintf("no operator is known as %s", i.Sponsor)}
}

func (i *Identity) unconfirmed(now time.Time) []string {
	switch {
	case i.Confirmed.IsZero():
		return []string{"nobody has confirmed it yet"}
	case now.Sub(i.Confirmed) > ConfirmEvery:
		return []string{fmt.Sprintf("it was last confirmed on %s, more than %d days ago", i.Confirmed.UTC().Format(time.DateOnly), int(ConfirmEvery.Hours())/24)}
	}
	return nil
}

func (i *Identity) sharedBy(bindings []*Binding) (reasons []string) {
	if i.Shared {
		reasons = append(reasons, "it is declared to be shared")
	}
	subjects := make(map[[2]string]bool)
	for _, b := range bindings {
		subjects[[2]string{b.Issuer, b.Subject}] = true
	}
	if len(subjects) > 1 {
		reasons = append(reasons, fmt.Sprintf("%d different subjects prove themselves as it", len(subjects)))
	}
	for _, b := range bindings {
		if why := b.Wide(); why != "" {
			reasons = append(reasons, fmt.Sprintf("binding %s: %s", b.ID, why))
		}
	}
	if len(i.Principals) > 1 {
		reasons = append(reasons, fmt.Sprintf("%d AWS principals act as it", len(i.Principals)))
	}
	return reasons
}
