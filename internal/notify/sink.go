package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/proof"
)

// SinkKind is a way of telling.
type SinkKind string

// The kinds of sink.
const (
	WebhookSink SinkKind = "webhook" // signed CloudEvents over HTTP
	MailSink    SinkKind = "mail"
	SlackSink   SinkKind = "slack" // an incoming webhook of Slack, or of what speaks like it
)

// Sink is where events go.
type Sink struct {
	Name string   // required, in the form of names
	Kind SinkKind // required
	// Events are patterns of event types without prefix and version, such as
	// request.*; empty means all. A mail sink tells a requester of the outcome
	// whatever they are (rule R13).
	Events []string
	// Audience is whom of those an event concerns; empty means all. A webhook or
	// Slack sink gets the events that concern any of them.
	Audience []string
	URL      string // of a webhook or Slack sink; https unless AllowLocal
	Secret   Secret // of a webhook: what it is signed with
	// AllowLocal lets URL or the mail server be on a loopback or private address.
	AllowLocal bool
	Roots      *x509.CertPool // nil: the system's
	Mail       Mail           // of a mail sink
	Buttons    bool           // Slack: approve and deny by buttons; the chat callback must be set up
}

// Mail says how mail is sent.
type Mail struct {
	Server   string // host:port
	Implicit bool   // TLS from the first byte (port 465); otherwise STARTTLS is required, but on loopback
	User     string // empty: no authentication
	Password Secret
	From     string   // an address
	To       []string // addresses of the audience security
}

// Secret is text that is never shown.
type Secret string

const redacted = "[redacted]"

func (Secret) String() string               { return redacted }
func (Secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, redacted) }
func (Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// Validate reports what is wrong with a sink, or nil.
func (s *Sink) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !identity.ValidName(s.Name) {
		bad("name %q: want 1–64 of a–z 0–9 . _ -", s.Name)
	}
	for _, p := range s.Events {
		if !slices.ContainsFunc(Types, func(t string) bool { return matches(p, t) }) {
			bad("events: %q matches no event: want such as request.* or grant.ended", p)
		}
	}
	for _, a := range s.Audience {
		if !slices.Contains(Audiences, a) {
			bad("audience: %q: want one of %s", a, strings.Join(Audiences, ", "))
		}
	}
	switch s.Kind {
	case WebhookSink:
		if _, err := signingKey(s.Secret); err != nil {
			errs = append(errs, err)
		}
		errs = append(errs, validURL(s.URL, s.AllowLocal))
	case SlackSink:
		errs = append(errs, validURL(s.URL, s.AllowLocal))
	case MailSink:
		errs = append(errs, s.Mail.validate()...)
	default:
		bad("kind %q: want webhook, mail or slack", string(s.Kind))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sink %s: %w", s.Name, err)
	}
	return nil
}

// validURL never repeats a URL: that of a Slack webhook is a secret.
func validURL(text string, local bool) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && !(local && u.Scheme == "http") {
		return errors.New("url: want https://…, without a user; http only with allowLocal")
	}
	return nil
}

func (m *Mail) validate() []error {
	var errs []error
	if host, port, ok := strings.Cut(m.Server, ":"); !ok || host == "" || port == "" {
		errs = append(errs, fmt.Errorf("mail server %q: want host:port", m.Server))
	}
	for _, a := range append([]string{m.From}, m.To...) {
		if _, err := address(a); err != nil {
			errs = append(errs, fmt.Errorf("mail address %q: want such as security@example.com", a))
		}
	}
	return errs
}

// address reads a bare mail address.
func address(s string) (string, error) {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s || a.Name != "" || strings.ContainsAny(s, "\r\n<>\"\x00 ") {
		return "", errors.New("it is no plain mail address")
	}
	return s, nil
}

// matches reports whether a pattern picks a type.
func matches(pattern, kind string) bool {
	short := strings.TrimSuffix(strings.TrimPrefix(kind, prefix), ".v1")
	ok, err := path.Match(pattern, short)
	return err == nil && (ok || pattern == kind)
}

// wants reports whether the sink is for a type of event.
func (s *Sink) wants(kind string) bool {
	return len(s.Events) == 0 || slices.ContainsFunc(s.Events, func(p string) bool { return matches(p, kind) })
}

func (s *Sink) serves(audience string) bool {
	return len(s.Audience) == 0 || slices.Contains(s.Audience, audience)
}

// parcel is an event for one sink, and for mail for one address.
type parcel struct {
	Event Event  `json:"event"`
	To    string `json:"to,omitempty"`
}

// parcels are what the sink makes of an event: none where it is not for it.
func (s *Sink) parcels(e Event, emails func(string) string) []parcel {
	if s.Kind != MailSink {
		concerns := s.serves(Security) || slices.ContainsFunc(e.To, func(r Recipient) bool { return s.serves(r.Audience) })
		if !s.wants(e.Type) || !concerns {
			return nil
		}
		return []parcel{{Event: e}}
	}
	var to []string
	for _, r := range e.To {
		outcome := e.Type == RequestEnded && r.Audience == Requester
		if a := emails(r.Name); a != "" && (outcome || s.wants(e.Type) && s.serves(r.Audience)) {
			to = append(to, a)
		}
	}
	if s.wants(e.Type) && s.serves(Security) {
		to = append(to, s.Mail.To...)
	}
	slices.Sort(to)
	var out []parcel
	for _, a := range slices.Compact(to) {
		out = append(out, parcel{Event: e, To: a})
	}
	return out
}

// sender sends one parcel. A *permanentError will not be better next time.
type sender interface {
	send(ctx context.Context, p parcel) error
}

// permanentError is a failure that trying again does not mend.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// sendTimeout bounds one attempt.
const sendTimeout = 10 * time.Second

func (s *Sink) sender(source string) (sender, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	switch s.Kind {
	case WebhookSink:
		key, err := signingKey(s.Secret)
		return &webhook{url: s.URL, key: key, source: source, client: s.client(), now: time.Now}, err
	case SlackSink:
		return &slack{url: s.URL, client: s.client(), buttons: s.Buttons}, nil
	}
	return &mailer{Mail: s.Mail, local: s.AllowLocal, roots: s.Roots, now: time.Now}, nil
}

// client connects to no address that the dialler refuses, follows no redirect
// and uses no proxy of the environment, which would resolve names out of sight.
func (s *Sink) client() *http.Client {
	return &http.Client{
		Timeout: sendTimeout,
		Transport: &http.Transport{
			DialContext:            proof.Dialer(s.AllowLocal, sendTimeout/2).DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Roots},
			MaxResponseHeaderBytes: 64 << 10,
			IdleConnTimeout:        30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answered turns an HTTP answer into an outcome. Its body is read and dropped:
// it is the receiver's, and may say anything.
func answered(resp *http.Response, err error) error {
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text holds the URL, which may be a secret
			err = u.Err
		}
		return fmt.Errorf("sending: %w", err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10))
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode/100 == 2:
		return nil
	case resp.StatusCode == http.StatusGone:
		return permanentError{errors.New("the receiver answers 410: it wants no more")}
	}
	return fmt.Errorf("the receiver answers %d", resp.StatusCode)
}
