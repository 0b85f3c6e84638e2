package identity

import (
	"errors"
	"fmt"
	"slices"
)

// moves is the whole life of an identity: what each state may become. Into and
// out of quarantine leads a quarantine only, which has a road of its own; and
// decommissioned is the end.
var moves = map[State][]State{
	Discovered: {Claimed, Decommissioned},
	Claimed:    {Governed, Dormant, Decommissioned},
	Governed:   {Claimed, Dormant, Decommissioned},
	Dormant:    {Claimed, Governed, Decommissioned},
}

// Next lists what an identity in this state may become.
func (s State) Next() []State { return slices.Clone(moves[s]) }

// May reports whether an identity in this state may become another.
func (s State) May(to State) bool { return slices.Contains(moves[s], to) }

// Held is what an identity holds, as far as its life asks.
type Held struct {
	Live     int      // grants that are in force or will be
	Untraced []string // of those, the ones that nobody asked for and no file gave
}

// CanBecome reports why an identity cannot take a state, or nil. It is claimed
// when a human answers for it, and governed when every right of it can be
// traced to a grant that somebody agreed to.
func (i *Identity) CanBecome(to State, held Held) error {
	from := i.Current()
	switch {
	case from == Quarantined || to == Quarantined:
		return errors.New("a quarantine is set and lifted as one, not by a state")
	case !from.May(to):
		return fmt.Errorf("an identity that is %s cannot become %s: want one of %v", from, to, from.Next())
	case (to == Claimed || to == Governed) && i.Sponsor == "":
		return fmt.Errorf("to be %s it needs a sponsor: a human who answers for it", to)
	case to == Governed && held.Live == 0:
		return errors.New("to be governed it needs a grant: without one it has no right to govern")
	case to == Governed && len(held.Untraced) > 0:
		return fmt.Errorf("to be governed every right must have been agreed to, and these were not: %v", held.Untraced)
	}
	return nil
}
