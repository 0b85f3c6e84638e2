package notify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/hold"
)

// hold tells of everything that a hold has come through, as request does of
// requests. What waits is never told: only the tools' names are.
func (n *news) hold(h *hold.Hold) []Event {
	if n.overtaken() || n.Op.Ends() { // what is purged was over before
		return nil
	}
	s := &holdSteps{news: n, h: h}
	for i, d := range h.Decisions {
		s.decision(i, d)
	}
	if h.State.Over() {
		s.ended()
		return s.events
	}
	return append(s.events, s.waits()...)
}

// holdSteps gathers the events of one hold.
type holdSteps struct {
	*news
	h      *hold.Hold
	events []Event
}

func (s *holdSteps) data(text string, args ...any) Data {
	d := Data{
		Summary: fmt.Sprintf(text, args...), Version: s.row.Revision, State: string(s.h.State), Identity: s.h.Identity, Model: s.h.Model,
		Hold: s.Name, Command: "writ hold show " + s.Name,
	}
	for _, p := range s.h.Panels {
		d.Grant, d.Entitlement = p.Grant, p.Entitlement
	}
	return d
}

// waits tells those who may decide and have not agreed. Every decision makes the
// hold another version, so they are told again with each.
func (s *holdSteps) waits() []Event {
	given, wanted := s.h.Given()
	d := s.data("%s %s: your decision is wanted", s.h.Identity, waitsFor(s.h))
	if wanted > 1 {
		d.Summary += fmt.Sprintf(" (%d of %d people have agreed)", given, wanted)
	}
	d.Until = &s.h.Expires
	d.Command = "writ hold show " + s.Name + "   then   writ hold release " + s.Name + "   or   writ hold reject " + s.Name + " --reason TEXT"
	return s.at(s.At, HoldNeeds, fmt.Sprintf("needs/%d", len(s.h.Decisions)), d, s.approvers()...)
}

func (s *holdSteps) decision(i int, d hold.Decision) {
	word := "releases"
	if d.Verdict == hold.Reject {
		word = "rejects"
	}
	data := s.data("%s %s what %s asked for", d.By.Operator, word, s.h.Identity)
	data.By, data.Via, data.Reason = d.By.Operator, d.By.Via, clip(d.Reason)
	s.events = append(s.events, s.at(d.At, HoldDecided, fmt.Sprintf("decision/%d", i), data, s.news.sponsors(s.h.Identity)...)...)
}

func (s *holdSteps) ended() {
	d := s.data("what %s asked for is %s", s.h.Identity, s.h.State)
	d.Reason = clip(s.h.Reason)
	to := append(s.news.sponsors(s.h.Identity), s.everyApprover()...)
	s.events = append(s.events, s.at(s.h.Ended, HoldEnded, "ended", d, to...)...)
}

// at is an event, unless it happened before the sink was there.
func (s *holdSteps) at(at time.Time, kind, key string, d Data, to ...Recipient) []Event {
	if at.Before(s.since.Add(-clockSlack)) {
		return nil
	}
	e := s.event(kind, key, d, to...)
	e.Time = at
	return []Event{e}
}

func (s *holdSteps) everyApprover() []Recipient {
	var to []Recipient
	for _, name := range s.h.Eligible {
		to = append(to, Recipient{Approvers, name})
	}
	return to
}

func (s *holdSteps) approvers() []Recipient {
	return slices.DeleteFunc(s.everyApprover(), func(r Recipient) bool {
		return slices.ContainsFunc(s.h.Decisions, func(d hold.Decision) bool { return d.Round == s.h.Round && d.By.Operator == r.Name })
	})
}

// maxTools is how many tools an event names.
const maxTools = 5

// waitsFor says what waits, in a few words. Names are a model's: they are shown so
// that nothing hides in them.
func waitsFor(h *hold.Hold) string {
	if len(h.Calls) == 0 {
		return "waits for an answer"
	}
	var tools []string
	for _, c := range h.Calls {
		if name := clip(hold.Visible(c.Tool)); !slices.Contains(tools, name) {
			tools = append(tools, name)
		}
	}
	more := ""
	if len(tools) > maxTools {
		tools, more = tools[:maxTools], " and others"
	}
	return "wants to call " + strings.Join(tools, ", ") + more
}
