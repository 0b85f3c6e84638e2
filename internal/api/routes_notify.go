package api

import (
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/notify"
)

func (s *Server) notifyRoutes() []route {
	return []route{
		{method: "GET", path: "/notify/sinks", id: "listSinks", tag: "notifications", summary: "Where notifications go, and how each place is doing.", action: authority.ViewState, do: gives(s.sinks)},
		{
			method: "POST", path: "/notify/sinks/{name}/test", id: "testSink", tag: "notifications", summary: "Send a test to a sink at once.",
			text: "A mail sink sends to the addresses it has for security.", action: authority.Configure, do: gives(s.testSink),
		},
		{method: "GET", path: "/notify/dead", id: "listDeadNotifications", tag: "notifications", summary: "Notifications that were given up, at most a thousand.", action: authority.ViewState, do: gives(s.deadLetters)},
		{method: "POST", path: "/notify/dead/{name}/retry", id: "retryNotification", tag: "notifications", summary: "Try a notification again that was given up.", action: authority.Configure, do: gives(s.retryLetter)},
	}
}

func (s *Server) sinks(c *call) (List[notify.SinkView], error) {
	all, err := s.cfg.Notify.Sinks(c.ctx())
	return List[notify.SinkView]{Items: all}, err
}

// SinkTested is the answer to a test that a sink's receiver has taken.
type SinkTested struct {
	Sink string `json:"sink"`
}

func (s *Server) testSink(c *call) (SinkTested, error) {
	return SinkTested{c.PathValue("name")}, s.cfg.Notify.Test(c.ctx(), c.PathValue("name"), c.actor.Name)
}

func (s *Server) deadLetters(c *call) (List[notify.DeadView], error) {
	all, err := s.cfg.Notify.Dead(c.ctx())
	return List[notify.DeadView]{Items: all}, err
}

// Retried is the answer to a notification that will be tried again.
type Retried struct {
	ID string `json:"id"`
}

func (s *Server) retryLetter(c *call) (Retried, error) {
	return Retried{c.PathValue("name")}, s.cfg.Notify.Retry(c.ctx(), c.PathValue("name"))
}
