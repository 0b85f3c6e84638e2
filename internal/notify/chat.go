package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// ChatConfig assembles the chat callback. Every field but Client, Now and Log is
// required.
type ChatConfig struct {
	// Secret is the chat app's signing secret.
	Secret Secret
	// Users maps the chat's user ids to operators' names: who clicks is known by
	// this, and by nothing that the click says.
	Users map[string]string
	State func() *snapshot.Snapshot
	// Decide has governance decide as an operator, by way of chat, and returns
	// what the request came to.
	Decide func(ctx context.Context, as *operator.Operator, click Click) (state string, err error)
	// UseOnce is (*store.DB).UseOnce: a click counts once.
	UseOnce func(ctx context.Context, id string, expires time.Time) error
	// ReplyHosts are the hosts that answers may be sent to; empty means hooks.slack.com.
	ReplyHosts []string
	Client     *http.Client // for answers; nil: one that reaches public addresses only
	Now        func() time.Time
	Log        *slog.Logger
}

// Bounds of a callback.
const (
	maxClick    = 256 << 10       // bytes
	clickAge    = 5 * time.Minute // how far a click's time may be off
	replyWithin = 2 * time.Second // the chat waits three
)

// ChatCallback serves the clicks of a chat's buttons, signed as Slack does
// (https://docs.slack.dev/authentication/verifying-requests-from-slack). The
// decision is made as the operator whom the chat's user is mapped to, with no
// other right than that operator's (rule R12).
func ChatCallback(cfg ChatConfig) http.Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if len(cfg.ReplyHosts) == 0 {
		cfg.ReplyHosts = []string{"hooks.slack.com"}
	}
	if cfg.Client == nil {
		cfg.Client = (&Sink{}).client()
	}
	return &chat{cfg}
}

type chat struct{ cfg ChatConfig }

func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxClick))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	if err := c.verify(r.Context(), r.Header, body); err != nil {
		c.cfg.Log.Warn("a chat callback was refused", "err", err)
		http.Error(w, "the signature is not good", http.StatusUnauthorized)
		return
	}
	click, err := ParseClick(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	text, err := c.decide(r.Context(), click)
	if err != nil {
		c.cfg.Log.Info("a decision by chat was refused", "request", click.Request, "user", click.User, "err", err)
		text = "Not done: " + err.Error()
	}
	c.reply(r.Context(), click.ReplyURL, text)
	w.WriteHeader(http.StatusOK)
}

// verify checks the signature, the time, and that the click was not seen before.
func (c *chat) verify(ctx context.Context, h http.Header, body []byte) error {
	stamp, given := h.Get("X-Slack-Request-Timestamp"), h.Get("X-Slack-Signature")
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || stamp == "" || c.cfg.Secret == "" {
		return errors.New("it is not signed")
	}
	at := time.Unix(seconds, 0)
	if off := c.cfg.Now().Sub(at).Abs(); off > clickAge {
		return fmt.Errorf("its time is %v off", off)
	}
	if !hmac.Equal([]byte(given), []byte(clickSignature(c.cfg.Secret, stamp, body))) {
		return errors.New("the signature is another's")
	}
	if err := c.cfg.UseOnce(ctx, "chat/"+strings.TrimPrefix(given, "v0="), at.Add(2*clickAge)); err != nil {
		return fmt.Errorf("it cannot be taken as new: %w", err)
	}
	return nil
}

func clickSignature(secret Secret, stamp string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte("v0:" + stamp + ":"))
	m.Write(body)
	return "v0=" + hex.EncodeToString(m.Sum(nil))
}

// Click is what somebody decided by a button.
type Click struct {
	User     string // the chat's id
	Verdict  request.Verdict
	Request  string
	Seen     int64 // the version that the message showed
	Reason   string
	ReplyURL string
}

// ParseClick reads the body of an interactive callback: a form whose field
// payload is JSON. Names that it does not use are ignored.
func ParseClick(body []byte) (Click, error) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return Click{}, errors.New("the body is no form")
	}
	var p struct {
		Type    string              `json:"type"`
		User    struct{ ID string } `json:"user"`
		Reply   string              `json:"response_url"`
		Actions []struct {
			ID    string `json:"action_id"`
			Value string `json:"value"`
		} `json:"actions"`
		State struct {
			Values map[string]map[string]struct {
				Value string `json:"value"`
			} `json:"values"`
		} `json:"state"`
	}
	if err := json.Unmarshal([]byte(form.Get("payload")), &p); err != nil {
		return Click{}, errors.New("the payload is not JSON of the right shape")
	}
	if p.Type != "block_actions" || len(p.Actions) != 1 || p.User.ID == "" {
		return Click{}, errors.New("the payload is no click of one button")
	}
	click := Click{User: p.User.ID, ReplyURL: p.Reply, Reason: p.State.Values[reasonBlock][reasonBlock].Value}
	switch p.Actions[0].ID {
	case approveAction:
		click.Verdict = request.Approve
	case denyAction:
		click.Verdict = request.Deny
	default:
		return Click{}, errors.New("the button is none of Writ's")
	}
	id, version, ok := strings.Cut(p.Actions[0].Value, "@")
	click.Request = id
	click.Seen, err = strconv.ParseInt(version, 10, 64)
	if !ok || id == "" || err != nil || click.Seen <= 0 {
		return Click{}, errors.New("the button names no request")
	}
	return click, nil
}

// decide decides as the operator who is the chat's user.
func (c *chat) decide(ctx context.Context, click Click) (string, error) {
	who, err := c.operator(click.User)
	if err != nil {
		return "", err
	}
	state, err := c.cfg.Decide(ctx, who, click)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", errors.New("there is no such request that you may see")
	case err != nil:
		return "", err
	}
	return fmt.Sprintf("Recorded as %s: the request is %s.", who.ID, state), nil
}

// operator finds the human who clicked.
func (c *chat) operator(user string) (*operator.Operator, error) {
	state := c.cfg.State()
	if state == nil {
		return nil, errors.New("no state is loaded at present")
	}
	o, ok := state.Operator(c.cfg.Users[user])
	switch {
	case !ok || c.cfg.Users[user] == "":
		return nil, errors.New("your chat account stands for no operator of Writ")
	case o.Disabled:
		return nil, errors.New("your account of Writ is disabled")
	case o.Kind == operator.Automation:
		return nil, errors.New("programs do not decide by chat")
	}
	return o, nil
}

// reply tells whoever clicked, and nobody else. That it may fail changes nothing.
func (c *chat) reply(ctx context.Context, to, text string) {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "https" || !slices.Contains(c.cfg.ReplyHosts, u.Host) {
		return
	}
	body, err := json.Marshal(map[string]any{"response_type": "ephemeral", "replace_original": false, "text": cut(slackText(text), 2900)})
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), replyWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	if err := answered(c.cfg.Client.Do(req)); err != nil {
		c.cfg.Log.Info("a chat was not answered", "err", err)
	}
}
