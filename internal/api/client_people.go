package api

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"

	"github.com/writ-project/writ/internal/governance"
)

// create asks for something to be made, once however often the message arrives.
func (c *Client) create(ctx context.Context, path string, in, out any) error {
	return c.send(ctx, message{method: http.MethodPost, path: path, in: in, key: rand.Text()}, out)
}

// seen is the If-Match of a version; 0 is whichever.
func seen(version int64) string {
	if version == 0 {
		return "*"
	}
	return etag(version)
}

// Submit asks for something that others must agree to.
func (c *Client) Submit(ctx context.Context, in SubmitRequest) (out governance.RequestView, err error) {
	return out, c.create(ctx, "/requests", in, &out)
}

// Preview says what would become of a request.
func (c *Client) Preview(ctx context.Context, in SubmitRequest) (out governance.Preview, err error) {
	return out, c.call(ctx, http.MethodPost, "/requests/preview", in, &out)
}

// Request is one request.
func (c *Client) Request(ctx context.Context, id string) (out governance.RequestView, err error) {
	return out, c.call(ctx, http.MethodGet, "/requests/"+url.PathEscape(id), nil, &out)
}

// Requests is a page of requests; query holds the operation's parameters.
func (c *Client) Requests(ctx context.Context, query url.Values) (out List[governance.RequestView], err error) {
	return out, c.call(ctx, http.MethodGet, "/requests?"+query.Encode(), nil, &out)
}

// Decide approves or denies what was seen at a version; 0: whichever.
func (c *Client) Decide(ctx context.Context, id string, version int64, in DecideRequest) (out governance.RequestView, err error) {
	return out, c.send(ctx, message{
		method: http.MethodPost, path: "/requests/" + url.PathEscape(id) + "/decisions", in: in, match: seen(version), key: rand.Text(),
	}, &out)
}

// Cancel withdraws a request.
func (c *Client) Cancel(ctx context.Context, id, reason string) (out governance.RequestView, err error) {
	return out, c.send(ctx, message{
		method: http.MethodPost, path: "/requests/" + url.PathEscape(id) + "/cancel", in: CancelRequest{reason}, match: "*",
	}, &out)
}

// Decision is what a call asked for, by the decision id its caller was told.
func (c *Client) Decision(ctx context.Context, id string) (out DecisionView, err error) {
	return out, c.call(ctx, http.MethodGet, "/decisions/"+url.PathEscape(id), nil, &out)
}

// Offers are the entitlements that would permit a call that was refused.
func (c *Client) Offers(ctx context.Context, decision string) (out List[Offer], err error) {
	return out, c.call(ctx, http.MethodGet, "/decisions/"+url.PathEscape(decision)+"/entitlements", nil, &out)
}

// Grant is one grant, living or ended.
func (c *Client) Grant(ctx context.Context, name string) (out governance.GrantView, err error) {
	return out, c.call(ctx, http.MethodGet, "/grants/"+url.PathEscape(name), nil, &out)
}

// Grants is a page of grants.
func (c *Client) Grants(ctx context.Context, query url.Values) (out List[governance.GrantView], err error) {
	return out, c.call(ctx, http.MethodGet, "/grants?"+query.Encode(), nil, &out)
}

// Revoke takes something away for good.
func (c *Client) Revoke(ctx context.Context, in StopOrder) (out governance.Revocation, err error) {
	return out, c.create(ctx, "/revocations", in, &out)
}

// Spread says which replicas know of a revision.
func (c *Client) Spread(ctx context.Context, revision int64) (out governance.Spread, err error) {
	return out, c.call(ctx, http.MethodGet, "/spread?revision="+strconv.FormatInt(revision, 10), nil, &out)
}

// Quarantine stops something at once, reversibly.
func (c *Client) Quarantine(ctx context.Context, in StopOrder) (out governance.Revocation, err error) {
	return out, c.create(ctx, "/quarantines", in, &out)
}

// Quarantines is what is quarantined.
func (c *Client) Quarantines(ctx context.Context) (out List[governance.QuarantineView], err error) {
	return out, c.call(ctx, http.MethodGet, "/quarantines", nil, &out)
}

// Conflicts is where duties meet.
func (c *Client) Conflicts(ctx context.Context) (out ConflictList, err error) {
	return out, c.call(ctx, http.MethodGet, "/conflicts", nil, &out)
}

// Waivers are the exceptions to rules of separated duties.
func (c *Client) Waivers(ctx context.Context) (out List[governance.WaiverView], err error) {
	return out, c.call(ctx, http.MethodGet, "/waivers", nil, &out)
}

// EndWaiver ends a waiver before its time.
func (c *Client) EndWaiver(ctx context.Context, name, reason string) error {
	return c.call(ctx, http.MethodPost, "/waivers/"+url.PathEscape(name)+"/end", EndRequest{reason}, nil)
}
