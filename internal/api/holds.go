package api

import (
	"encoding/json"
	"slices"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/hold"
)

// HoldDecision is a decider's word on what waits.
type HoldDecision struct {
	Verdict hold.Choice `json:"verdict"` // release, or reject all of it
	// Calls say of each call that waits what becomes of it. Without any, a release
	// is of every call as the model asked for it.
	Calls  []CallDecision `json:"calls,omitempty"`
	Reason string         `json:"reason,omitempty"` // required to reject; the caller is told
	For    string         `json:"for,omitempty"`    // operator in whose place, by delegation
}

// CallDecision is what a release does with one call.
type CallDecision struct {
	Index   int         `json:"index"` // as the hold has it
	Verdict hold.Choice `json:"verdict"`
	// Arguments are those that an edited call is released with.
	Arguments json.RawMessage `json:"arguments,omitempty"`
}

var holdChoices = []hold.Choice{hold.Release, hold.Edit, hold.Reject}

func (s *Server) holdRoutes() []route {
	return []route{
		{
			method: "GET", path: "/holds", id: "listHolds", tag: "holds", summary: "Answers and tool calls that wait for a human, or waited, that the token's operator may see.",
			text: "Without what they hold.",
			query: append([]param{
				{name: "state", values: texts(hold.States), text: "Only those in this state. Default: those that wait."},
				{name: "over", kind: "boolean", text: "Those that were decided or expired, instead of those that wait."},
				{name: "purged", kind: "boolean", text: "Those whose content is gone, instead."},
				{name: "identity", text: "Only those of this identity."},
				{name: "toDecide", kind: "boolean", text: "Only those that the token's operator may decide on now."},
			}, paging...),
			do: gives(s.holds),
		},
		{
			method: "GET", path: "/holds/{id}", id: "getHold", tag: "holds", summary: "One hold.",
			text: "What it holds is shown to who may decide on it, and to nobody else.", do: gives(s.hold),
		},
		{
			method: "POST", path: "/holds/{id}/decisions", id: "decideHold", tag: "holds", summary: "Release what waits, release some of it or other arguments, or reject it.",
			text:    "Nobody decides on what an identity asked for that they answer for, or whose right they asked for. The answer is without what is held.",
			matches: true, creates: true, do: takes(s.decideHold),
		},
	}
}

func (s *Server) holds(c *call) (List[governance.HoldView], error) {
	return listOf(s.cfg.Office.Holds(c.ctx(), c.actor, governance.HoldQuery{
		Identity: c.param("identity"), State: hold.State(c.param("state")), Over: c.flag("over"), Purged: c.flag("purged"),
		ToDecide: c.flag("toDecide"), After: c.param("after"), Limit: c.limit(),
	}))
}

func (s *Server) hold(c *call) (governance.HoldView, error) {
	return s.cfg.Office.HoldOf(c.ctx(), c.actor, c.PathValue("id"))
}

func (s *Server) decideHold(c *call, in HoldDecision) (governance.HoldView, error) {
	verdict, err := in.verdict()
	if err != nil {
		return governance.HoldView{}, err
	}
	verdict.Version = c.seen
	v, err := s.cfg.Office.DecideHold(c.ctx(), c.actor, c.PathValue("id"), verdict)
	// The answer may be kept for an Idempotency-Key, and what is held is nowhere in
	// the clear.
	v.Shown, v.Asked, v.Answer = false, nil, ""
	return v, err
}

// verdict is a decision in the office's words.
func (d *HoldDecision) verdict() (out governance.HoldVerdict, err error) {
	if d.Verdict != hold.Release && d.Verdict != hold.Reject {
		return out, bad("verdict: want release or reject")
	}
	out = governance.HoldVerdict{Verdict: d.Verdict, Reason: d.Reason, For: d.For}
	for _, c := range d.Calls {
		switch {
		case !slices.Contains(holdChoices, c.Verdict):
			return out, bad("calls: verdict: want release, edit or reject")
		case (c.Verdict == hold.Edit) != (len(c.Arguments) > 0):
			return out, bad("calls: arguments go with the verdict edit, and with no other")
		}
		out.Calls = append(out.Calls, hold.CallChoice{Index: c.Index, Verdict: c.Verdict, Arguments: c.Arguments})
	}
	return out, nil
}
