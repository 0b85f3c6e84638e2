package hold

import (
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/rights"
)

// TestS24_AStateThatDoesNotFollowIsInvalid: what somebody wrote into a row is not
// believed for the word of its state.
func TestS24_AStateThatDoesNotFollowIsInvalid(t *testing.T) {
	two := opened(t, rights.Hold{Needed: 2})
	once := decided(t, two, release("ben", all(two)), after(1))
	released := decided(t, once, release("cora", all(two)), after(2))
	rejected := decided(t, two, reject("ben"), after(1))
	copied := func(h Hold) Hold {
		h.Decisions, h.Calls = append([]Decision(nil), h.Decisions...), append([]Call(nil), h.Calls...)
		for i := range h.Decisions {
			h.Decisions[i].Calls = append([]CallChoice(nil), h.Decisions[i].Calls...)
		}
		return h
	}
	for name, forge := range map[string]func() Hold{
		"released by nobody": func() Hold {
			h := copied(two)
			h.State, h.Ended = Released, after(1)
			h.Calls[0].Verdict, h.Calls[1].Verdict = Release, Release
			return h
		},
		"released by one of two": func() Hold {
			h := copied(released)
			h.Decisions = h.Decisions[:1]
			return h
		},
		"by one twice": func() Hold { h := copied(released); h.Decisions[1].By = h.Decisions[0].By; return h },
		"by one in the place of the other": func() Hold {
			h := copied(released)
			by := h.Decisions[0].By
			h.Decisions[1].For = &by
			return h
		},
		"a call more than was agreed on": func() Hold {
			h := copied(released)
			h.Decisions[0].Calls[1].Verdict, h.Decisions[1].Calls[1].Verdict = Reject, Reject
			return h
		},
		"other arguments than were agreed on": func() Hold {
			h := copied(released)
			h.Calls[0].Verdict, h.Calls[0].Edited = Edit, strings.Repeat("ab", 32)
			return h
		},
		"released too late":        func() Hold { h := copied(released); h.Ended = h.Expires; return h },
		"decided too late":         func() Hold { h := copied(released); h.Decisions[1].At = h.Expires; return h },
		"in a round before":        func() Hold { h := copied(released); h.Round = 1; return h },
		"fewer needed":             func() Hold { h := copied(once); h.Needed = 0; return h },
		"one needed, and waits":    func() Hold { h := copied(once); h.Needed = 1; return h },
		"less than a threshold":    func() Hold { h := copied(two); h.Calls[0].Needed = 3; return h },
		"without a verdict":        func() Hold { h := copied(released); h.Calls[0].Verdict = ""; return h },
		"a verdict while it waits": func() Hold { h := copied(two); h.Calls[0].Verdict = Release; return h },
		"rejected by nobody":       func() Hold { h := copied(two); h.State, h.Ended = Rejected, after(1); return h },
		"released over a rejection": func() Hold {
			h := copied(released)
			h.Decisions = append(h.Decisions, rejected.Decisions[0])
			return h
		},
		"expired before its time": func() Hold { h := copied(two); h.State, h.Ended = Expired, after(1); return h },
		"over without an end":     func() Hold { h := copied(released); h.Ended = time.Time{}; return h },
		"an end and waiting":      func() Hold { h := copied(two); h.Ended = after(1); return h },
		"another state":           func() Hold { h := copied(two); h.State = "open"; return h },
		"released by Writ": func() Hold {
			h := copied(released)
			h.Decisions[0].Automatic = true
			return h
		},
		"nobody decides":    func() Hold { h := copied(two); h.Panels = nil; return h },
		"anybody's mode":    func() Hold { h := copied(two); h.Mode = "none"; return h },
		"for ever":          func() Hold { h := copied(two); h.Expires = h.Created.Add(rights.MaxHoldExpiry + 1); return h },
		"receipts for ever": func() Hold { h := copied(released); h.Receipt = 1 << 60; return h },
		"no calls":          func() Hold { h := copied(two); h.Calls = nil; return h },
		"malformed and released": func() Hold {
			h := copied(released)
			h.Calls[0].Why = Malformed
			return h
		},
		"no name": func() Hold { h := copied(two); h.ID = ""; return h },
	} {
		if h := forge(); h.Validate() == nil {
			t.Errorf("%s: it is valid", name)
		}
	}
	for _, h := range []Hold{two, once, released, rejected} {
		if err := h.Validate(); err != nil {
			t.Errorf("%s: %v", h.State, err)
		}
	}
}
