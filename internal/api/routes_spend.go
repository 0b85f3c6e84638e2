package api

import (
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/spend"
)

func (s *Server) spendRoutes() []route {
	return []route{
		{
			method: "GET", path: "/spend", id: "getSpend", tag: "spend", summary: "What was spent, by whom and on what, at list price.",
			text: "Requests without a price are counted, and are in no cost. Days are those of UTC.",
			query: append([]param{
				{name: "by", text: "What to tell it by: some of " + strings.Join(texts(spend.Dimensions), ", ") + ", with commas. Default identity."},
				{name: "from", text: "The first day, such as 2026-11-01. Default the first of this month, when there is no to either."},
				{name: "to", text: "The last day. Default today."},
			}, paging...),
			action: authority.ViewSpend, do: gives(s.spend),
		},
		{
			method: "GET", path: "/budgets", id: "listBudgets", tag: "spend", summary: "Budgets that the token's operator may see, with how they stand now.",
			text: "Amounts are in the unit of each limit; US dollars are in millionths.", query: paging, do: gives(s.budgets),
		},
		{method: "GET", path: "/budgets/{name}", id: "getBudget", tag: "spend", summary: "One budget, with its accounts of the window that runs now.", do: gives(s.budget)},
		{
			method: "POST", path: "/budgets/{name}/unfreeze", id: "unfreezeBudget", tag: "spend",
			summary: "Let a budget be spent from again that froze because a call used more than was reserved for it.",
			text:    "For approvers and its owner, not for whoever answers for an identity that spends from it.", do: takes(s.unfreeze),
		},
	}
}

// SpendReport is what was spent in a time.
type SpendReport struct {
	spend.Report
	// Next is the value of the parameter after that gives the following page; absent
	// at the end.
	Next string `json:"next,omitempty"`
}

func (s *Server) spend(c *call) (SpendReport, error) {
	by, err := spend.ParseDimensions(orElse(c.param("by"), string(spend.ByIdentity)))
	if err != nil {
		return SpendReport{}, bad("by: %v", err)
	}
	p := spend.Period{From: c.param("from"), To: c.param("to")}.OrMonth(time.Now())
	if err := p.Validate(); err != nil {
		return SpendReport{}, bad("%v", err)
	}
	report, err := spend.Gather(c.ctx(), s.cfg.Store, p, by)
	if err != nil {
		return SpendReport{}, err
	}
	out := SpendReport{Report: report}
	out.Rows, out.Next, err = slice(c, report.Rows)
	return out, err
}

func orElse(v, otherwise string) string {
	if v == "" {
		return otherwise
	}
	return v
}

// slice is the page of a whole list that is asked for, by its place in it.
func slice[T any](c *call, all []T) (page []T, next string, err error) {
	at := 0
	if after := c.param("after"); after != "" {
		if at, err = strconv.Atoi(after); err != nil || at < 0 {
			return nil, "", bad("after: want a page's next")
		}
	}
	at = min(at, len(all))
	end := min(at+c.limit(), len(all))
	if end < len(all) {
		next = strconv.Itoa(end)
	}
	return notNil(all[at:end]), next, nil
}

func (s *Server) budgets(c *call) (List[governance.BudgetView], error) {
	all, err := s.cfg.Office.Budgets(c.ctx(), c.actor)
	if err != nil {
		return List[governance.BudgetView]{}, err
	}
	items, next, err := slice(c, all)
	return List[governance.BudgetView]{items, next}, err
}

func (s *Server) budget(c *call) (governance.BudgetView, error) {
	return s.cfg.Office.Budget(c.ctx(), c.actor, c.PathValue("name"))
}

func (s *Server) unfreeze(c *call, in governance.UnfreezeOrder) (governance.Unfreezing, error) {
	return s.cfg.Office.Unfreeze(c.ctx(), c.actor, c.PathValue("name"), in)
}
