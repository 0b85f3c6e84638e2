package upstream

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Standing is how one account is reached, without a secret.
type Standing struct {
	Account  string `json:"account"`
	Role     string `json:"role,omitempty"` // empty: Writ's own credentials are used as they are
	PerGrant bool   `json:"perGrant"`
	// ExternalID is ExternalIDHere where the role's trust policy asks for one.
	ExternalID string    `json:"externalId,omitempty"`
	Sessions   int       `json:"sessions"`            // kept now, of PerGrant
	Error      string    `json:"lastError,omitempty"` // why the last session was not to be had
	ErrorAt    time.Time `json:"lastErrorAt,omitzero"`
}

// Checked is what a check of one account found.
type Checked struct {
	Standing
	Caller  string `json:"caller,omitempty"` // ARN that calls there are made as
	Problem string `json:"problem,omitempty"`
}

// ExternalIDHere stands for an external id, which is not shown.
const ExternalIDHere = "PUT THE EXTERNAL ID HERE"

// Standing says how every account is reached, in their order, without asking
// anyone.
func (c *Client) Standing() []Standing {
	out := make([]Standing, 0, len(c.routes))
	for _, id := range slices.Sorted(maps.Keys(c.routes)) {
		out = append(out, c.routes[id].standing())
	}
	return out
}

func (r *route) standing() Standing {
	s := Standing{Account: r.account, Role: r.role, PerGrant: r.sessions != nil}
	if r.external || r.sessions != nil && r.sessions.role.ExternalID != "" {
		s.ExternalID = ExternalIDHere
	}
	if r.sessions != nil {
		var last failure
		s.Role = r.sessions.role.ARN
		s.Sessions, last = r.sessions.standing()
		if last.err != nil {
			s.Error, s.ErrorAt = last.err.Error(), last.at.UTC()
		}
	}
	return s
}

// nothing is the policy of a session that may do nothing.
const nothing = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`

// checkSession names the sessions that a check makes, and is their source identity.
const checkSession = "writ-check"

// Check asks STS, for every account, whose credentials calls there would be
// signed with, and whether they are of that account. A role is assumed for
// this as it would be for a call, but with the right to do nothing.
func (c *Client) Check(ctx context.Context) []Checked {
	out := make([]Checked, 0, len(c.routes))
	for _, id := range slices.Sorted(maps.Keys(c.routes)) {
		r := c.routes[id]
		found := Checked{Standing: r.standing()}
		account, caller, err := r.whoami(ctx)
		switch found.Caller = caller; {
		case err != nil:
			found.Problem = err.Error()
		case account != id:
			found.Problem = fmt.Sprintf("the credentials are of account %s, and calls are meant for %s", account, id)
		}
		out = append(out, found)
	}
	return out
}

// whoami asks STS whose the route's credentials are.
func (r *route) whoami(ctx context.Context) (account, arn string, err error) {
	source, place := r.shared, r.sts
	if r.sessions != nil {
		place = r.sessions.role.STS
		got, err := r.sessions.role.assume(ctx, r.sessions.client, wanted{name: checkSession, source: checkSession, policy: nothing, life: Shortest})
		if err != nil {
			return "", "", err
		}
		source = credentials.NewStaticCredentialsProvider(got.AccessKeyID, got.SecretAccessKey, got.SessionToken)
	}
	client, err := place.with(source)
	if err != nil {
		return "", "", err
	}
	ctx, cancel := context.WithTimeout(ctx, stsTime)
	defer cancel()
	out, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", "", fmt.Errorf("asking STS whose the credentials are: %w", err)
	}
	return aws.ToString(out.Account), aws.ToString(out.Arn), nil
}
