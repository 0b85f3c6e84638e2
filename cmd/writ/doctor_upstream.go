package main

import (
	"cmp"
	"context"
	"time"

	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/upstream"
)

// awsCredentials is whose credentials calls are made with: the live server is
// asked, which has an environment of its own. Without one it is this process's
// environment that tells.
func (p *patient) awsCredentials(ctx context.Context) []diagnosis {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	switch {
	case p.live != nil && p.offline:
		return p.serversStanding(ctx)
	case p.live != nil:
		return p.serversCredentials(ctx)
	case p.offline:
		return append(ok("not tried: --offline"), p.configuredRoles()...)
	}
	return append(p.ownCredentials(ctx), p.configuredRoles()...)
}

// serversCredentials is what the live server finds when it asks STS, for each
// account, as whom it calls there.
func (p *patient) serversCredentials(ctx context.Context) (out []diagnosis) {
	found, err := p.live.CheckUpstream(ctx)
	if err != nil {
		return fail("", "the server could not be asked for its AWS credentials: %v", err)
	}
	for _, f := range found {
		if f.Problem != "" {
			out = append(out, fail("writ upstream check; the role's trust policy: writ upstream policy --trust --account "+f.Account, "account %s: calls cannot be made%s: %s", f.Account, through(f.Standing), f.Problem)...)
			continue
		}
		out = append(out, ok("account %s: the server calls as %s, %s", f.Account, f.Caller, manner(f.Standing))...)
		out = append(out, lately(f.Standing)...)
	}
	return out
}

// serversStanding is the same without asking STS.
func (p *patient) serversStanding(ctx context.Context) (out []diagnosis) {
	found, err := p.live.Upstream(ctx)
	if err != nil {
		return fail("", "the server could not be asked for its AWS credentials: %v", err)
	}
	for _, f := range found {
		out = append(out, ok("account %s: the server calls%s, %s (not tried: --offline)", f.Account, cmp.Or(through(f), " with its own credentials"), manner(f))...)
		out = append(out, lately(f)...)
	}
	return out
}

// lately warns of the last session that was not to be had.
func lately(s upstream.Standing) []diagnosis {
	if s.Error == "" {
		return nil
	}
	return warn("writ upstream check", "account %s: at %s no session was to be had: %s", s.Account, s.ErrorAt.UTC().Format(time.RFC3339), s.Error)
}

func through(s upstream.Standing) string {
	if s.Role == "" {
		return ""
	}
	return " through " + s.Role
}

// manner is how credentials are shared among callers.
func manner(s upstream.Standing) string {
	if s.PerGrant {
		return "with a session for every grant"
	}
	return "with one session for all callers"
}

// ownCredentials are those of this process's environment.
func (p *patient) ownCredentials(ctx context.Context) []diagnosis {
	provider, err := awsCredentials(ctx, p.cfg)
	if err != nil {
		return fail(hintFor(err), "%v", err)
	}
	got, err := provider.Retrieve(ctx)
	if err != nil {
		return fail("the server's own environment, profile or role must give them", "Writ's own AWS credentials cannot be had here: %v", err)
	}
	if got.CanExpire {
		return ok("from %s, until %s", got.Source, got.Expires.UTC().Format(time.RFC3339))
	}
	return warn("use a role: keys that never expire are for nobody to find", "from %s, and they never expire", got.Source)
}

// configuredRoles names the role that each account would be called through;
// only a running server assumes them.
func (p *patient) configuredRoles() (out []diagnosis) {
	home := config.Account{Account: p.cfg.Account, AssumeRole: p.cfg.Upstream.AssumeRole}
	for _, a := range append([]config.Account{home}, p.cfg.Upstream.Accounts...) {
		if a.AssumeRole == "" {
			continue
		}
		s := upstream.Standing{Account: a.Account, Role: a.AssumeRole, PerGrant: p.cfg.ByGrant(a)}
		out = append(out, ok("account %s: calls would be made%s, %s (not tried: no server is running)", a.Account, through(s), manner(s))...)
	}
	return out
}
