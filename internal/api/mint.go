package api

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"time"

	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/proof"
)

func (s *Server) mint(c *call, in MintRequest) (MintAnswer, error) {
	if !s.cfg.Impersonation {
		return MintAnswer{}, errImpersonationOff
	}
	state := s.cfg.State.Current()
	if state == nil {
		return MintAnswer{}, errUnavailable
	}
	req, err := in.local(c.actor.Name)
	if err != nil {
		return MintAnswer{}, err
	}
	peer, _ := netip.ParseAddrPort(c.RemoteAddr)
	req.Origin = state.Networks.Locate(peer.Addr(), nil)
	minted, err := s.cfg.Exchange.Local(c.ctx(), gateway.World(state), req)
	if err != nil {
		return MintAnswer{}, err
	}
	return s.sealed(minted, req.Form)
}

// local is the request as the exchange takes it.
func (in *MintRequest) local(operator string) (proof.LocalRequest, error) {
	req := proof.LocalRequest{Identity: in.Identity, Operator: operator, Form: proof.FormSession, Networks: in.Networks}
	switch {
	case in.Bearer && in.Container:
		return req, errors.New("bearer and container are two forms: ask for one")
	case in.Bearer:
		req.Form = proof.FormBearer
	case in.Container:
		req.Form = proof.FormContainer
	}
	var err error
	if in.TTL != "" {
		if req.TTL, err = time.ParseDuration(in.TTL); err != nil || req.TTL <= 0 {
			return req, fmt.Errorf("ttl %q: want a duration such as 15m", in.TTL)
		}
	}
	if in.Source != "" {
		if req.Source, err = netip.ParseAddr(in.Source); err != nil || req.Source.Zone() != "" {
			return req, fmt.Errorf("source %q: want an address such as 192.0.2.7", in.Source)
		}
	}
	return req, nil
}

// sealed is the answer in the form asked for, and in no other.
func (s *Server) sealed(minted proof.Minted, form proof.Form) (MintAnswer, error) {
	out := MintAnswer{Expires: minted.Session.Expires, Region: s.cfg.Region, Gateway: s.cfg.GatewayURL, Record: minted.Session.Record}
	var err error
	switch c := minted.Credentials; form {
	case proof.FormBearer:
		out.Bearer, err = s.cfg.Bearer(minted.Session)
	case proof.FormContainer:
		out.Container, err = s.cfg.Container(minted.Session)
	default:
		out.AccessKeyID, out.SecretAccessKey, out.SessionToken = c.AccessKeyID, c.SecretAccessKey, c.SessionToken
	}
	return out, err
}

// unreadableBundle warns of a trust domain whose workloads cannot prove
// themselves, and without whose bundle the next start fails.
func unreadableBundle(i *identity.Issuer) string {
	if i.TrustDomain == "" {
		return ""
	}
	text, err := os.ReadFile(i.BundleFile)
	if err == nil {
		_, err = proof.ParseBundle(i.TrustDomain, text)
	}
	if err != nil {
		return fmt.Sprintf("its trust bundle cannot be used as it is, and a start would fail: %v", err)
	}
	return ""
}
