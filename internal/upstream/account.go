package upstream

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/writ-project/writ/internal/policy"
)

// Account is an AWS account that calls may be made in.
type Account struct {
	ID          string                  // required: twelve digits
	Endpoint    string                  // as in Config
	TLS         *tls.Config             // as in Config; nil means Config's
	Credentials aws.CredentialsProvider // for every call there; required unless Sessions are given
	Sessions    *Sessions               // credentials per grant
	Role        string                  // ARN that Credentials are a session of; empty: none, they are Writ's own
	ExternalID  bool                    // Role's trust policy asks for one
	STS         STS                     // asked by Check whose Credentials are
}

// route is how the calls in one account leave.
type route struct {
	account   string
	base      *url.URL // nil: Bedrock's own address
	transport *http.Transport
	shared    aws.CredentialsProvider
	sessions  *Sessions
	role      string
	external  bool // the role's trust policy asks for an external id
	sts       STS
}

func newRoute(a Account, cfg Config) (*route, error) {
	r := &route{account: a.ID, shared: a.Credentials, sessions: a.Sessions, role: a.Role, external: a.ExternalID, sts: a.STS}
	if r.sessions != nil && RoleAccount(r.sessions.role.ARN) != a.ID {
		return nil, fmt.Errorf("account %s: %s is a role of another account", a.ID, r.sessions.role.ARN)
	}
	if a.Endpoint != "" {
		var err error
		if r.base, err = origin("upstream endpoint", a.Endpoint); err != nil {
			return nil, err
		}
	}
	if a.TLS != nil {
		cfg.TLS = a.TLS
	}
	r.transport = transport(cfg)
	return r, nil
}

// credentials are what a permitted call is signed with.
func (r *route) credentials(ctx context.Context, p *policy.Permit) (aws.Credentials, error) {
	if r.sessions != nil {
		return r.sessions.retrieve(ctx, p)
	}
	return r.shared.Retrieve(ctx)
}

// CredentialsError says that there were no credentials to sign a permitted
// call with, so that it was not sent.
type CredentialsError struct {
	Account string
	Err     error // a *PolicyError when what the call needs fits no session
}

func (e *CredentialsError) Error() string {
	return fmt.Sprintf("getting Writ's own AWS credentials for account %s: %v", e.Account, e.Err)
}

func (e *CredentialsError) Unwrap() error { return e.Err }

// Drop forgets the sessions of identities and grants that match picks, once
// their right has ended, and returns how many there were.
func (c *Client) Drop(match func(identity string, grants []string) bool) int {
	n := 0
	for _, r := range c.routes {
		if r.sessions != nil {
			n += r.sessions.drop(match)
		}
	}
	return n
}

// Doubt drops the sessions that no permit names within a minute: rules have
// changed, and any right may have ended.
func (c *Client) Doubt() {
	for _, r := range c.routes {
		if r.sessions != nil {
			r.sessions.doubt()
		}
	}
}
