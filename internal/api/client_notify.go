package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/writ-project/writ/internal/notify"
)

// Sinks lists where notifications go.
func (c *Client) Sinks(ctx context.Context) (out List[notify.SinkView], err error) {
	return out, c.call(ctx, http.MethodGet, "/notify/sinks", nil, &out)
}

// TestSink sends a test to a sink.
func (c *Client) TestSink(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodPost, "/notify/sinks/"+url.PathEscape(name)+"/test", nil, nil)
}

// DeadLetters lists the notifications that were given up.
func (c *Client) DeadLetters(ctx context.Context) (out List[notify.DeadView], err error) {
	return out, c.call(ctx, http.MethodGet, "/notify/dead", nil, &out)
}

// RetryLetter has one tried again.
func (c *Client) RetryLetter(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodPost, "/notify/dead/"+url.PathEscape(id)+"/retry", nil, nil)
}
