package api

import (
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/sod"
)

// ConflictList is where duties meet now that must be kept apart.
type ConflictList struct {
	Items []sod.Conflict `json:"items"` // waived ones too, with their waiver
	// NotEvaluable are the parts of rules that cannot be looked for, and why.
	NotEvaluable []sod.Gap `json:"notEvaluable"`
}

// EndRequest ends something before its time.
type EndRequest struct {
	Reason string `json:"reason"`
}

// Ended says that something ended.
type Ended struct {
	Name string `json:"name"`
}

func (s *Server) dutyRoutes() []route {
	return []route{
		{method: "GET", path: "/conflicts", id: "listConflicts", tag: "duties", summary: "Where duties meet in one hand that must be kept apart.", do: gives(s.conflicts)},
		{method: "GET", path: "/waivers", id: "listWaivers", tag: "duties", summary: "Dated exceptions to rules of separated duties.", text: "They are asked for by a request, with waiver.", do: gives(s.waivers)},
		{method: "POST", path: "/waivers/{name}/end", id: "endWaiver", tag: "duties", summary: "End a waiver before its time.", do: takes(s.endWaiver)},
	}
}

func (s *Server) conflicts(c *call) (ConflictList, error) {
	found, gaps, err := s.cfg.Office.Conflicts(c.ctx(), c.actor)
	return ConflictList{notNil(found), notNil(gaps)}, err
}

func (s *Server) waivers(c *call) (List[governance.WaiverView], error) {
	all, err := s.cfg.Office.Waivers(c.ctx(), c.actor)
	return List[governance.WaiverView]{Items: notNil(all)}, err
}

func (s *Server) endWaiver(c *call, in EndRequest) (Ended, error) {
	if in.Reason == "" {
		return Ended{}, bad("reason is required")
	}
	name := c.PathValue("name")
	return Ended{name}, s.cfg.Office.EndWaiver(c.ctx(), c.actor, name, in.Reason)
}
