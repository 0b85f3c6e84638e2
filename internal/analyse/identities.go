package analyse

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/identity"
)

// UnknownEnvironment is what an identity's environment is said to be where the
// input does not tell.
const UnknownEnvironment = "unknown"

// Identities are the users and roles that can invoke a model, or of which it
// cannot be excluded, as rows for an inventory. What they are is guessed from whom
// their trust policies let in and from their tags, and each row names its guesses.
func (a *Analysis) Identities(ctx context.Context, regions []string) ([]identity.Row, error) {
	all := a.Principals()
	m, err := a.Matrix(ctx, all, a.Targets(regions), nil)
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	var out []identity.Row
	for i, p := range all {
		if !m.Any(i) || p.ServiceLinked {
			continue
		}
		row := a.row(p)
		if names[row.Name] { // two that differ in capitals only
			row.Name = shortened(row.Name, p.ARN)
		}
		names[row.Name] = true
		out = append(out, row)
	}
	return out, nil
}

func (a *Analysis) row(p *estate.Principal) identity.Row {
	row := identity.Row{Name: nameOf(p), Guessed: []string{"kind", "environment"}}
	row.Kind, row.Principals = a.kindOf(p), []string{p.ARN}
	row.Environment = cmp.Or(tagOf(p, "environment"), tagOf(p, "env"), UnknownEnvironment)
	if row.Team = tagOf(p, "team"); row.Team != "" {
		row.Guessed = append(row.Guessed, "team")
	}
	return row
}

// nameOf makes a name of a principal's own and of its account, since names are
// unique in an account only.
func nameOf(p *estate.Principal) string {
	plain := plainName(p.Name)
	name := plain + "." + p.Principal.Account
	if plain == "" || !identity.ValidName(name) || len(plain) < len(p.Name) {
		return shortened(plain, p.ARN)
	}
	return name
}

// plainName is a name in the letters of identities' names.
func plainName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s)
	return strings.Trim(s, "._-")
}

// shortened tells names apart by the ARN that they are of.
func shortened(plain, arn string) string {
	sum := sha256.Sum256([]byte(arn))
	plain = strings.TrimRight(plain[:min(len(plain), 50)], "._-")
	return strings.TrimLeft(plain+".", ".") + hex.EncodeToString(sum[:6])
}

// tagOf is the value of a tag, if it can be what it is asked for.
func tagOf(p *estate.Principal, key string) string {
	for k, v := range p.Tags {
		if v = strings.ToLower(v); strings.EqualFold(k, key) && identity.ValidName(v) {
			return v
		}
	}
	return ""
}

// kindOf guesses what a principal is by whom its trust policy lets in: the least
// trusted of them.
func (a *Analysis) kindOf(p *estate.Principal) identity.Kind {
	if p.Trust == nil || p.Trust.Doubt != "" {
		return identity.ServiceAccount
	}
	kind := identity.ServiceAccount
	for i := range p.Trust.Statements {
		s := &p.Trust.Statements[i]
		if s.Effect == awsiam.Deny || s.Principal == nil {
			continue
		}
		switch {
		case slices.ContainsFunc(s.Principal.AWS, func(arn string) bool { return a.foreigner(p, arn) }):
			return identity.ThirdParty
		case slices.ContainsFunc(s.Principal.Federated, ofPipelines):
			kind = identity.CIPipeline
		case kind == identity.ServiceAccount && slices.Contains(s.Principal.Service, "bedrock.amazonaws.com"):
			kind = identity.Agent
		case kind == identity.ServiceAccount && (len(s.Principal.Service) > 0 || len(s.Principal.Federated) > 0):
			kind = identity.Workload
		}
	}
	return kind
}

// foreigner reports whether an ARN or account number is of an account that the
// organisation does not have.
func (a *Analysis) foreigner(p *estate.Principal, name string) bool {
	who, err := awsiam.ParsePrincipal(name)
	return err == nil && who.Account != "" && who.Account != p.Principal.Account && a.Estate.Account(who.Account) == nil && !a.family(who.Account)
}

// ofPipelines reports whether an OIDC provider is one whose tokens are of builds.
func ofPipelines(provider string) bool {
	for _, host := range []string{"token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io", "agent.buildkite.com"} {
		if strings.HasSuffix(provider, "oidc-provider/"+host) {
			return true
		}
	}
	return false
}
