package api

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
)

// SubmitRequest asks for something that others must agree to: exactly one of
// grant, lift and waiver; or answers alone, where only one entitlement would
// permit what was refused.
type SubmitRequest struct {
	Grant         *GrantOrder  `json:"grant,omitempty"`
	Lift          *LiftOrder   `json:"lift,omitempty"`
	Waiver        *WaiverOrder `json:"waiver,omitempty"`
	Justification string       `json:"justification,omitempty"` // at most 16384 bytes
	Ticket        string       `json:"ticket,omitempty"`        // where the reason is kept
	Answers       string       `json:"answers,omitempty"`       // decision id of the refusal that it answers
}

// GrantOrder asks for a right.
type GrantOrder struct {
	Identity    string            `json:"identity,omitempty"`    // required unless answers says it
	Entitlement string            `json:"entitlement,omitempty"` // likewise
	Duration    identity.Duration `json:"duration,omitempty"`    // from activation; none: as long as the entitlement allows
	Start       time.Time         `json:"start,omitzero"`        // none: once approved
	Narrow      *rights.Narrowing `json:"narrow,omitempty"`      // less than the entitlement
	Emergency   bool              `json:"emergency,omitempty"`   // break-glass
	SpendUSD    *int64            `json:"spendUSD,omitempty"`    // expected a month
	Replaces    string            `json:"replaces,omitempty"`    // grant that this one supersedes, as a renewal does
}

// LiftOrder asks for the end of a quarantine.
type LiftOrder struct {
	Quarantine string `json:"quarantine"`
}

// WaiverOrder asks for a dated exception to a rule of separated duties.
type WaiverOrder struct {
	Rule         string            `json:"rule"`
	Subject      string            `json:"subject"` // Identity/name or Operator/name
	Duration     identity.Duration `json:"duration"`
	Compensating string            `json:"compensating,omitempty"` // what is done instead
}

// DecideRequest is a decider's word.
type DecideRequest struct {
	Verdict  request.Verdict   `json:"verdict"`
	Reason   string            `json:"reason,omitempty"`   // required to deny; the requester is told
	Narrow   *rights.Narrowing `json:"narrow,omitempty"`   // approve less
	Duration identity.Duration `json:"duration,omitempty"` // approve for less
	For      string            `json:"for,omitempty"`      // operator in whose place, by delegation
}

// CancelRequest withdraws a request.
type CancelRequest struct {
	Reason string `json:"reason,omitempty"`
}

func (s *Server) requestRoutes() []route {
	return []route{
		{
			method: "POST", path: "/requests", id: "submitRequest", tag: "requests", summary: "Ask for a grant, the end of a quarantine, or a waiver.",
			text:    "Refused at once when nobody could approve it, or when duties would meet that must be kept apart.",
			creates: true, status: http.StatusCreated, do: takes(s.submit),
		},
		{method: "POST", path: "/requests/preview", id: "previewRequest", tag: "requests", summary: "What would become of a request: who decides, which duties would meet.", do: takes(s.preview)},
		{
			method: "GET", path: "/requests", id: "listRequests", tag: "requests", summary: "Requests that the token's operator may see.",
			query: append([]param{
				{name: "state", values: texts(request.States), text: "Only those in this state."},
				{name: "kind", values: texts(requestKinds), text: "Only those of this kind; review lists the emergencies that wait for one."},
				{name: "over", kind: "boolean", text: "Those that have ended, instead of those that have not."},
				{name: "identity", text: "Only those about this identity."},
				{name: "mine", kind: "boolean", text: "Only those that the token's operator made."},
				{name: "toDecide", kind: "boolean", text: "Only those that the token's operator may decide on now."},
			}, paging...),
			do: gives(s.requests),
		},
		{method: "GET", path: "/requests/{id}", id: "getRequest", tag: "requests", summary: "One request.", do: gives(s.request)},
		{
			method: "POST", path: "/requests/{id}/decisions", id: "decideRequest", tag: "requests", summary: "Approve or deny the open stage of a request.",
			text: "Nobody decides on their own. An approval may give less than was asked, never more.", matches: true, creates: true, do: takes(s.decide),
		},
		{method: "POST", path: "/requests/{id}/cancel", id: "cancelRequest", tag: "requests", summary: "Withdraw a request that one made.", matches: true, do: takes(s.cancel)},
		{method: "GET", path: "/decisions/{id}", id: "getDecision", tag: "decisions", summary: "What a call asked for, by the decision id that its caller was told.", do: gives(s.decision)},
		{
			method: "GET", path: "/decisions/{id}/entitlements", id: "listAnswers", tag: "decisions", summary: "Entitlements that would permit a call that was refused.",
			do: gives(s.answers),
		},
	}
}

func (s *Server) submit(c *call, in SubmitRequest) (governance.RequestView, error) {
	order, err := s.submission(c, in)
	if err != nil {
		return governance.RequestView{}, err
	}
	return s.cfg.Office.Submit(c.ctx(), c.actor, order)
}

func (s *Server) preview(c *call, in SubmitRequest) (governance.Preview, error) {
	order, err := s.submission(c, in)
	if err != nil {
		return governance.Preview{}, err
	}
	return s.cfg.Office.Preview(c.ctx(), c.actor, order)
}

// submission is an order in the office's words; what it leaves out, the refusal
// says that it answers.
func (s *Server) submission(c *call, in SubmitRequest) (governance.Submission, error) {
	out := governance.Submission{Justification: in.Justification, Ticket: in.Ticket, Answers: in.Answers}
	asked := 0
	for _, set := range []bool{in.Grant != nil, in.Lift != nil, in.Waiver != nil} {
		if set {
			asked++
		}
	}
	switch {
	case asked > 1, asked == 0 && in.Answers == "":
		return out, bad("one of grant, lift and waiver is wanted, or answers")
	case in.Lift != nil:
		out.Ask.Lift = &request.LiftAsk{Quarantine: in.Lift.Quarantine}
	case in.Waiver != nil:
		out.Ask.Waiver = &request.WaiverAsk{Rule: in.Waiver.Rule, Subject: in.Waiver.Subject, Duration: time.Duration(in.Waiver.Duration), Compensating: in.Waiver.Compensating}
	default:
		ask, err := s.grantAsk(c, in)
		out.Ask.Grant = ask
		return out, err
	}
	return out, nil
}

func (s *Server) grantAsk(c *call, in SubmitRequest) (*request.GrantAsk, error) {
	var g GrantOrder
	if in.Grant != nil {
		g = *in.Grant
	}
	if in.Answers != "" {
		if err := s.prefill(c, in.Answers, &g); err != nil {
			return nil, err
		}
	}
	if g.Identity == "" || g.Entitlement == "" {
		return nil, bad("grant: identity and entitlement are required")
	}
	return &request.GrantAsk{
		Identity: g.Identity, Entitlement: g.Entitlement, Duration: time.Duration(g.Duration), Start: g.Start, Narrow: g.Narrow,
		Emergency: g.Emergency, SpendUSD: g.SpendUSD, Replaces: g.Replaces,
	}, nil
}

// prefill completes an order by what was refused: the identity, and the
// entitlement where only one would permit the call.
func (s *Server) prefill(c *call, decision string, g *GrantOrder) error {
	d, err := s.decided(c, decision)
	if err != nil {
		return err
	}
	if g.Identity = cmp.Or(g.Identity, d.Identity); g.Identity != d.Identity {
		return bad("decision %s is about the identity %s", decision, d.Identity)
	}
	if g.Entitlement != "" {
		return nil
	}
	offers, err := s.permitting(c, d)
	if err != nil {
		return err
	}
	var names []string
	for _, o := range offers {
		names = append(names, o.Name)
	}
	switch len(names) {
	case 1:
		g.Entitlement = names[0]
		return nil
	case 0:
		return &refusal{http.StatusUnprocessableEntity, "nothing-permits", "no entitlement would permit that call", "writ explain says which rule refuses it"}
	}
	return &refusal{http.StatusUnprocessableEntity, "several-permit", fmt.Sprintf("several entitlements would permit that call: %s", strings.Join(names, ", ")), "name the one that is meant: --entitlement NAME"}
}

func (s *Server) requests(c *call) (List[governance.RequestView], error) {
	return listOf(s.cfg.Office.Requests(c.ctx(), c.actor, governance.RequestQuery{
		State: request.State(c.param("state")), Kind: request.Kind(c.param("kind")), Over: c.flag("over"), Identity: c.param("identity"),
		Mine: c.flag("mine"), ToDecide: c.flag("toDecide"), After: c.param("after"), Limit: c.limit(),
	}))
}

func (s *Server) request(c *call) (governance.RequestView, error) {
	return s.cfg.Office.Request(c.ctx(), c.actor, c.PathValue("id"))
}

func (s *Server) decide(c *call, in DecideRequest) (governance.RequestView, error) {
	if !slices.Contains([]request.Verdict{request.Approve, request.Deny}, in.Verdict) {
		return governance.RequestView{}, bad("verdict: want approve or deny")
	}
	return s.cfg.Office.Decide(c.ctx(), c.actor, c.PathValue("id"), governance.Verdict{
		Verdict: in.Verdict, Reason: in.Reason, Narrow: in.Narrow, Duration: time.Duration(in.Duration), For: in.For, Seen: c.seen,
	})
}

func (s *Server) cancel(c *call, in CancelRequest) (governance.RequestView, error) {
	return s.cfg.Office.Cancel(c.ctx(), c.actor, c.PathValue("id"), in.Reason, c.seen)
}
