package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

const chatSecret = Secret("8f742231b10e8888abcd99yyyzzz85a5")

// clicked is the body of a click.
func clicked(user, action, value, reason string) []byte {
	text, _ := json.Marshal(map[string]any{
		"type": "block_actions", "user": map[string]any{"id": user, "name": "ann"}, "response_url": "https://elsewhere.example.com/x",
		"actions": []any{map[string]any{"action_id": action, "value": value, "type": "button"}},
		"state":   map[string]any{"values": map[string]any{reasonBlock: map[string]any{reasonBlock: map[string]any{"type": "plain_text_input", "value": reason}}}},
	})
	return []byte("payload=" + url.QueryEscape(string(text)))
}

// chatting is a callback over a real store, with the decisions it led to.
type chatting struct {
	h    http.Handler
	made []string
	fail error
}

func newChat(t *testing.T) *chatting {
	t.Helper()
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	c := &chatting{}
	c.h = ChatCallback(ChatConfig{
		Secret: chatSecret, Users: map[string]string{"U1": "ann", "U2": "gone", "U3": "robot", "U4": "nobody", "U5": ""},
		State: func() *snapshot.Snapshot { return w.state }, UseOnce: w.db.UseOnce,
		Decide: func(_ context.Context, as *operator.Operator, click Click) (string, error) {
			c.made = append(c.made, strings.Join([]string{as.ID, string(click.Verdict), click.Request, strconv.FormatInt(click.Seen, 10), click.Reason}, " "))
			return string(request.InStage), c.fail
		},
	})
	return c
}

func (c *chatting) post(body []byte, at time.Time, sign func(stamp string) string) int {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/chat/callback", bytes.NewReader(body))
	stamp := strconv.FormatInt(at.Unix(), 10)
	r.Header.Set("X-Slack-Request-Timestamp", stamp)
	r.Header.Set("X-Slack-Signature", sign(stamp))
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w.Code
}

func signed(body []byte) func(string) string {
	return func(stamp string) string { return clickSignature(chatSecret, stamp, body) }
}

// Whoever clicks decides as the operator that they are, and as nobody else.
func TestR12_TheHumanWhoClicksDecides(t *testing.T) {
	c := newChat(t)
	body := clicked("U1", denyAction, "r1@12", "not now")
	if code := c.post(body, time.Now(), signed(body)); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	if d := cmp.Diff([]string{"ann deny r1 12 not now"}, c.made); d != "" {
		t.Error(d)
	}
	c.made = nil
	for _, user := range []string{"U2", "U3", "U4", "U5", "U6"} { // disabled, a program, unknown, unmapped
		body := clicked(user, approveAction, "r1@12", "")
		if code := c.post(body, time.Now(), signed(body)); code != http.StatusOK || len(c.made) > 0 {
			t.Errorf("%s: status %d, decided %v", user, code, c.made)
		}
	}
	c.fail = errors.New("nobody decides on what is their own")
	body = clicked("U1", approveAction, "r2@3", "")
	if code := c.post(body, time.Now(), signed(body)); code != http.StatusOK {
		t.Errorf("a decision that governance refuses: status %d", code)
	}
}

func TestR12_ForgedAndRepeatedClicksAreRefused(t *testing.T) {
	c := newChat(t)
	body := clicked("U1", approveAction, "r1@12", "")
	now := time.Now()
	other := clicked("U1", approveAction, "r9@12", "")
	for name, code := range map[string]int{
		"no signature":        c.post(body, now, func(string) string { return "" }),
		"another's signature": c.post(body, now, func(s string) string { return clickSignature("another", s, body) }),
		"another body":        c.post(body, now, signed(other)),
		"another time":        c.post(body, now, func(string) string { return clickSignature(chatSecret, "1700000000", body) }),
		"long ago":            c.post(body, now.Add(-6*time.Minute), signed(body)),
		"in the future":       c.post(body, now.Add(6*time.Minute), signed(body)),
	} {
		if code != http.StatusUnauthorized || len(c.made) > 0 {
			t.Errorf("%s: status %d, decided %v", name, code, c.made)
		}
	}
	first, again := c.post(body, now, signed(body)), c.post(body, now, signed(body))
	if first != http.StatusOK || again != http.StatusUnauthorized || len(c.made) != 1 {
		t.Errorf("a click that comes twice: %d, %d, decided %v", first, again, c.made)
	}
	none := ChatCallback(ChatConfig{UseOnce: func(context.Context, string, time.Time) error { return nil }, State: func() *snapshot.Snapshot { return nil }})
	if code := (&chatting{h: none}).post(body, now, func(s string) string { return clickSignature("", s, body) }); code != http.StatusUnauthorized {
		t.Errorf("without a secret: %d", code)
	}
}

// What governance does not show is not told by way of chat, and answers go to the
// chat's own hosts only.
func TestChatAnswersOnlyItsOwn(t *testing.T) {
	s, got := receiver(t, 200)
	u, _ := url.Parse(s.URL)
	c := &chat{ChatConfig{ReplyHosts: []string{u.Host}, Client: s.Client(), Log: nil}}
	c.reply(t.Context(), s.URL+"/x", "Recorded as ann & <x>")
	if !strings.Contains(string(got.body), `"response_type":"ephemeral"`) || !strings.Contains(string(got.body), "ann \\u0026amp; \\u0026lt;x\\u0026gt;") {
		t.Errorf("answered with %s", got.body)
	}
	got.body = nil
	c.cfg.ReplyHosts = []string{"hooks.slack.com"}
	for _, to := range []string{s.URL, "http://hooks.slack.com/x", "https://hooks.slack.com@" + u.Host, "", ":"} {
		c.reply(t.Context(), to, "x")
	}
	if got.body != nil {
		t.Error("another host was answered")
	}
	w := newWorld(t, storetest.MustOpen(t, storetest.SQLite(t)))
	c.cfg.Users, c.cfg.State = map[string]string{"U1": "ann"}, func() *snapshot.Snapshot { return w.state }
	c.cfg.Decide = func(context.Context, *operator.Operator, Click) (string, error) { return "", store.ErrNotFound }
	if _, err := c.decide(t.Context(), Click{User: "U1", Request: "hidden"}); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("a request that is not there: %v", err)
	}
}

func FuzzParseClick(f *testing.F) {
	f.Add(clicked("U1", approveAction, "r1@12", "x"))
	f.Add([]byte("payload=%7B%7D"))
	f.Add([]byte(`payload={"type":"block_actions","user":{"id":"U"},"actions":[{"action_id":"writ.deny","value":"@1"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := ParseClick(body)
		if err == nil && (c.User == "" || c.Request == "" || c.Seen <= 0 || c.Verdict != request.Approve && c.Verdict != request.Deny) {
			t.Errorf("%q is read as %+v", body, c)
		}
	})
}
