package api

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/writ-project/writ/internal/governance"
)

// Identities is a page of identities; query holds the operation's parameters.
func (c *Client) Identities(ctx context.Context, query url.Values) (out List[governance.IdentityView], err error) {
	return out, c.call(ctx, http.MethodGet, "/identities?"+query.Encode(), nil, &out)
}

// Identity is one identity.
func (c *Client) Identity(ctx context.Context, name string) (out governance.IdentityView, err error) {
	return out, c.call(ctx, http.MethodGet, "/identities/"+url.PathEscape(name), nil, &out)
}

// Confirm vouches for an identity as it was seen at a version; 0: whichever.
func (c *Client) Confirm(ctx context.Context, name string, version int64) (out governance.IdentityView, err error) {
	return out, c.send(ctx, message{method: http.MethodPost, path: "/identities/" + url.PathEscape(name) + "/confirm", match: seen(version)}, &out)
}

// Move takes an identity, as seen at a version, to another state.
func (c *Client) Move(ctx context.Context, name string, version int64, in MoveOrder) (out governance.IdentityView, err error) {
	return out, c.send(ctx, message{method: http.MethodPost, path: "/identities/" + url.PathEscape(name) + "/state", in: in, match: seen(version)}, &out)
}

// Import adds identities, or says what it would do.
func (c *Client) Import(ctx context.Context, in governance.ImportOrder) (out governance.ImportReport, err error) {
	return out, c.call(ctx, http.MethodPost, "/identities/import", in, &out)
}

// Models is a page of models; query holds the operation's parameters.
func (c *Client) Models(ctx context.Context, query url.Values) (out List[governance.ModelView], err error) {
	return out, c.call(ctx, http.MethodGet, "/models?"+query.Encode(), nil, &out)
}

// Model is one model.
func (c *Client) Model(ctx context.Context, id string) (out governance.ModelView, err error) {
	return out, c.call(ctx, http.MethodGet, "/models/one?"+url.Values{"id": {id}}.Encode(), nil, &out)
}

// Attest records that a model passed a review.
func (c *Client) Attest(ctx context.Context, in governance.Attestation) (out governance.ModelView, err error) {
	return out, c.create(ctx, "/models/attest", in, &out)
}

// BackUp writes a backup to w.
func (c *Client) BackUp(ctx context.Context, w io.Writer) error { return c.Download(ctx, "/backup", w) }
