package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"

	"github.com/writ-project/writ/internal/governance"
)

// Holds is a page of what waits for a human; query holds the operation's parameters.
func (c *Client) Holds(ctx context.Context, query url.Values) (out List[governance.HoldView], err error) {
	return out, c.call(ctx, http.MethodGet, "/holds?"+query.Encode(), nil, &out)
}

// Hold is one hold, with what it holds where the operator may decide on it.
func (c *Client) Hold(ctx context.Context, id string) (out governance.HoldView, err error) {
	return out, c.call(ctx, http.MethodGet, "/holds/"+url.PathEscape(id), nil, &out)
}

// DecideHold releases or rejects what was seen at a version; 0: whichever.
func (c *Client) DecideHold(ctx context.Context, id string, version int64, in HoldDecision) (out governance.HoldView, err error) {
	return out, c.send(ctx, message{
		method: http.MethodPost, path: "/holds/" + url.PathEscape(id) + "/decisions", in: in, match: seen(version), key: rand.Text(),
	}, &out)
}
