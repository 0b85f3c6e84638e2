package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/writ-project/writ/internal/governance"
)

// Operators is a page of operators; query holds the operation's parameters.
func (c *Client) Operators(ctx context.Context, query url.Values) (out List[governance.OperatorView], err error) {
	return out, c.call(ctx, http.MethodGet, "/operators?"+query.Encode(), nil, &out)
}

// Operator is one operator.
func (c *Client) Operator(ctx context.Context, name string) (out governance.OperatorView, err error) {
	return out, c.call(ctx, http.MethodGet, "/operators/"+url.PathEscape(name), nil, &out)
}

// CreateOperator makes an account, or asks for it.
func (c *Client) CreateOperator(ctx context.Context, in NewOperator) (out governance.OperatorChange, err error) {
	return out, c.create(ctx, "/operators", in, &out)
}

// PutOperator changes an account that was seen at a version; 0: whichever.
func (c *Client) PutOperator(ctx context.Context, name string, version int64, in OperatorOrder) (out governance.OperatorChange, err error) {
	return out, c.send(ctx, message{method: http.MethodPut, path: "/operators/" + url.PathEscape(name), in: in, match: seen(version)}, &out)
}

// DisableOperator suspends an account.
func (c *Client) DisableOperator(ctx context.Context, name, reason string) (out governance.OperatorView, err error) {
	return out, c.call(ctx, http.MethodPost, "/operators/"+url.PathEscape(name)+"/disable", EndRequest{reason}, &out)
}

// LinkOperator makes a link that signs a person in, once.
func (c *Client) LinkOperator(ctx context.Context, name string) (out LinkAnswer, err error) {
	return out, c.call(ctx, http.MethodPost, "/operators/"+url.PathEscape(name)+"/link", nil, &out)
}

// Tokens is a page of API tokens.
func (c *Client) Tokens(ctx context.Context, query url.Values) (out List[governance.TokenView], err error) {
	return out, c.call(ctx, http.MethodGet, "/tokens?"+query.Encode(), nil, &out)
}

// IssueToken makes an API token.
func (c *Client) IssueToken(ctx context.Context, in TokenOrder) (out IssuedToken, err error) {
	return out, c.call(ctx, http.MethodPost, "/tokens", in, &out)
}

// RevokeToken ends an API token.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(id), nil, nil)
}

// Delegations are those that the caller may see.
func (c *Client) Delegations(ctx context.Context) (out List[governance.DelegationView], err error) {
	return out, c.call(ctx, http.MethodGet, "/delegations", nil, &out)
}

// Delegate has somebody decide in the caller's place.
func (c *Client) Delegate(ctx context.Context, in governance.DelegationOrder) (out governance.DelegationView, err error) {
	return out, c.create(ctx, "/delegations", in, &out)
}

// EndDelegation ends a delegation before its time.
func (c *Client) EndDelegation(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/delegations/"+url.PathEscape(id), nil, nil)
}
