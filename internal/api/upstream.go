package api

import (
	"context"
	"net/http"
	"time"

	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/upstream"
)

// UpstreamPolicies are the IAM policies that the gateway's calls need.
type UpstreamPolicies struct {
	Accounts []UpstreamPolicy   `json:"accounts"`
	Base     *upstream.Document `json:"base,omitempty"` // of Writ's own credentials; absent: they assume no role
}

// UpstreamPolicy is what the role of one account needs.
type UpstreamPolicy struct {
	upstream.Least
	Role       string `json:"role,omitempty"` // empty: Writ's own credentials need it
	PerGrant   bool   `json:"perGrant"`
	ExternalID string `json:"externalId,omitempty"` // what stands for the one that the trust policy asks for
}

// PoliciesOf computes the policies from a state and how accounts are reached.
func PoliciesOf(s *snapshot.Snapshot, scope upstream.Scope, reached []upstream.Standing) UpstreamPolicies {
	var out UpstreamPolicies
	for _, l := range upstream.LeastOf(s, scope) {
		p := UpstreamPolicy{Least: l}
		for _, r := range reached {
			if r.Account == l.Account {
				p.Role, p.PerGrant, p.ExternalID = r.Role, r.PerGrant, r.ExternalID
			}
		}
		out.Accounts = append(out.Accounts, p)
	}
	if base, ok := upstream.BaseOf(reached); ok {
		out.Base = &base
	}
	return out
}

// upstream says how every account is reached; it asks nobody.
func (s *Server) upstream(*call) ([]upstream.Standing, error) {
	return s.cfg.Upstream.Standing(), nil
}

// checkUpstream asks STS whose credentials calls would be made with.
func (s *Server) checkUpstream(c *call) ([]upstream.Checked, error) {
	return s.cfg.Upstream.Check(c.ctx()), nil
}

func (s *Server) upstreamPolicies(*call) (UpstreamPolicies, error) {
	state := s.cfg.State.Current()
	if state == nil {
		return UpstreamPolicies{}, errUnavailable
	}
	scope := s.cfg.Scope
	scope.Now = time.Now()
	return PoliciesOf(state, scope, s.cfg.Upstream.Standing()), nil
}

// Upstream says how every account is reached.
func (c *Client) Upstream(ctx context.Context) (out []upstream.Standing, err error) {
	return out, c.call(ctx, http.MethodGet, "/upstream", nil, &out)
}

// CheckUpstream has the server ask STS whose credentials it calls with.
func (c *Client) CheckUpstream(ctx context.Context) (out []upstream.Checked, err error) {
	return out, c.call(ctx, http.MethodPost, "/upstream/check", nil, &out)
}

// UpstreamPolicies computes the least IAM policies from the live state.
func (c *Client) UpstreamPolicies(ctx context.Context) (out UpstreamPolicies, err error) {
	return out, c.call(ctx, http.MethodGet, "/upstream/policy", nil, &out)
}
