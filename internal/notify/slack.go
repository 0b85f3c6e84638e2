package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// slack posts to an incoming webhook
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
type slack struct {
	url     string
	client  *http.Client
	buttons bool
}

// The actions of the buttons, which the chat callback reads.
const (
	approveAction = "writ.approve"
	denyAction    = "writ.deny"
	reasonBlock   = "writ.reason"
)

// slackText escapes text so that it is nothing but text: no link, no mention,
// no format.
func slackText(s string) string {
	s = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
	// A zero-width space behind them takes the meaning from what formats.
	return strings.NewReplacer("*", "*\u200b", "_", "_\u200b", "~", "~\u200b", "`", "`\u200b").Replace(s)
}

type block map[string]any

func plainText(s string) block { return block{"type": "plain_text", "text": s} }

// blocks word an event for a channel.
func (s *slack) blocks(e *Event) []block {
	var b strings.Builder
	fmt.Fprintf(&b, "*%s*", slackText(e.Data.Summary))
	for _, line := range lines(e) {
		fmt.Fprintf(&b, "\n%s: %s", line[0], slackText(line[1]))
	}
	if e.Data.Link != "" {
		fmt.Fprintf(&b, "\n<%s|open>", e.Data.Link)
	}
	out := []block{{"type": "section", "text": block{"type": "mrkdwn", "text": cut(b.String(), 2900)}}}
	if !s.buttons || e.Type != RequestNeeds {
		return out
	}
	value := fmt.Sprintf("%s@%d", e.Data.Request, e.Data.Version)
	return append(out,
		block{"type": "input", "block_id": reasonBlock, "optional": true, "label": plainText("Reason (required to deny)"),
			"element": block{"type": "plain_text_input", "action_id": reasonBlock, "max_length": maxReason}},
		block{"type": "actions", "elements": []block{
			{"type": "button", "action_id": approveAction, "style": "primary", "value": value, "text": plainText("Approve")},
			{"type": "button", "action_id": denyAction, "style": "danger", "value": value, "text": plainText("Deny")},
		}})
}

// cut shortens text to a number of bytes, between characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

func (s *slack) send(ctx context.Context, p parcel) error {
	body, err := json.Marshal(map[string]any{
		"text": cut(slackText(p.Event.Data.Summary), 2900), "blocks": s.blocks(&p.Event), "unfurl_links": false,
	})
	if err != nil {
		return permanentError{err}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return permanentError{errors.New("the URL cannot be used")}
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	return answered(s.client.Do(req))
}

// lines are an event's facts for people, in order.
func lines(e *Event) [][2]string {
	d := &e.Data
	var out [][2]string
	for _, l := range [][2]string{
		{"By", d.By}, {"Reason", d.Reason}, {"Request", d.Request}, {"Stage", d.Stage}, {"State", d.State}, {"Grant", d.Grant},
		{"Identity", d.Identity}, {"Entitlement", d.Entitlement}, {"Model", d.Model}, {"Operator", d.Operator}, {"Target", d.Target},
	} {
		if l[1] != "" {
			out = append(out, l)
		}
	}
	if d.Until != nil {
		out = append(out, [2]string{"Until", d.Until.UTC().Format("2006-01-02 15:04 UTC")})
	}
	if d.Command != "" {
		out = append(out, [2]string{"Command", d.Command})
	}
	if d.Record != nil {
		out = append(out, [2]string{"Record", fmt.Sprintf("%s/%d", d.Record.Shard, d.Record.Index)})
	}
	return out
}
