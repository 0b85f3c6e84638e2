package api

import (
	"context"
	"net/http"
	"time"

	"github.com/writ-project/writ/internal/governance"
)

// ObserveStatus is whether enforcement is switched off, and by whom.
type ObserveStatus struct {
	On        bool      `json:"on"`      // now
	Pending   bool      `json:"pending"` // a statement that begins later
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	Approvers []string  `json:"approvers,omitempty"`
	Nonce     string    `json:"nonce,omitempty"`
	Record    uint64    `json:"record,omitempty"` // index of the control record
	Log       string    `json:"log"`              // what a statement must name
}

// ObserveOnRequest carries a statement with its signatures.
type ObserveOnRequest struct {
	Signed string `json:"signed"`
}

// ObserveOf describes the switch at a time.
func ObserveOf(o *governance.Observe, log string, now time.Time) ObserveStatus {
	out := ObserveStatus{Log: log}
	w := o.Pending()
	if w == nil || !now.Before(w.Until) {
		return out
	}
	out.On, out.Pending = w.During(now), !w.During(now)
	out.From, out.Until, out.Reason, out.Nonce = w.From, w.Until, w.Reason, w.Nonce
	out.Approvers, out.Record = w.Approvers, w.Record
	return out
}

func (s *Server) observe(*call) (ObserveStatus, error) {
	return ObserveOf(s.cfg.Observe, s.cfg.LogOrigin, time.Now()), nil
}

func (s *Server) observeOn(c *call, in ObserveOnRequest) (ObserveStatus, error) {
	if _, err := s.cfg.Observe.On(c.ctx(), c.actor, []byte(in.Signed)); err != nil {
		return ObserveStatus{}, err
	}
	return s.observe(c)
}

// observeOff ends what only observe mode let through before it answers.
func (s *Server) observeOff(c *call) (ObserveStatus, error) {
	err := s.cfg.Observe.Off(c.ctx(), c.actor)
	s.cfg.Gateway.Reconsider()
	if err != nil {
		return ObserveStatus{}, err
	}
	return s.observe(c)
}

// Observe asks whether enforcement is switched off.
func (c *Client) Observe(ctx context.Context) (out ObserveStatus, err error) {
	return out, c.call(ctx, http.MethodGet, "/observe", nil, &out)
}

// ObserveOn switches enforcement off by a signed statement.
func (c *Client) ObserveOn(ctx context.Context, signed string) (out ObserveStatus, err error) {
	return out, c.call(ctx, http.MethodPost, "/observe/on", ObserveOnRequest{signed}, &out)
}

// ObserveOff switches enforcement on again.
func (c *Client) ObserveOff(ctx context.Context) (out ObserveStatus, err error) {
	return out, c.call(ctx, http.MethodPost, "/observe/off", nil, &out)
}
