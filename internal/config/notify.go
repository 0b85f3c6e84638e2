package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Notify says who is told of what happens on the people's road; see docs/notifications.md.
type Notify struct {
	// Console is the address that links in notifications lead to; empty: they
	// name commands only.
	Console string       `yaml:"console"`
	Sinks   []NotifySink `yaml:"sinks"`
	Chat    Chat         `yaml:"chat"`
}

// NotifySink is a place that events go to.
type NotifySink struct {
	// Name is the sink's, in the form of resources' names. How far it has been
	// told is kept under it.
	Name string `yaml:"name"`
	// Kind is webhook, mail or slack.
	Kind string `yaml:"kind"`
	// Events are patterns of event types; empty means all.
	Events []string `yaml:"events"`
	// Audience is whom of those an event concerns; empty means all.
	Audience []string `yaml:"audience"`
	// URL, or URLFile with the URL in it where that is a secret, is where a
	// webhook or Slack sink posts to.
	URL     string `yaml:"url"`
	URLFile string `yaml:"urlFile"`
	// SecretFile holds what webhooks are signed with.
	SecretFile string `yaml:"secretFile"`
	// CAFile verifies the receiver; empty means the system's roots.
	CAFile string `yaml:"caFile"`
	// AllowLocal lets the receiver be on a loopback or private address.
	AllowLocal bool `yaml:"allowLocal"`
	// Buttons lets approvers decide from Slack; it needs Chat.
	Buttons bool       `yaml:"buttons"`
	Mail    NotifyMail `yaml:"mail"`
}

// NotifyMail says how a mail sink sends.
type NotifyMail struct {
	// Server is host:port.
	Server string `yaml:"server"`
	// ImplicitTLS encrypts from the first byte, as on port 465; otherwise STARTTLS
	// is required, except on loopback.
	ImplicitTLS bool `yaml:"implicitTls"`
	// User and PasswordFile log in; empty: nobody does.
	User         string `yaml:"user"`
	PasswordFile string `yaml:"passwordFile"`
	// From is the sender's address; To are those of the audience security.
	From string   `yaml:"from"`
	To   []string `yaml:"to"`
}

// Chat lets people decide by the buttons of a chat.
type Chat struct {
	// SigningSecretFile holds the chat app's signing secret; empty: there is no
	// chat.
	SigningSecretFile string `yaml:"signingSecretFile"`
	// Users says which operator each user of the chat is.
	Users []ChatUser `yaml:"users"`
}

// ChatUser is an operator's account in the chat.
type ChatUser struct {
	User     string `yaml:"user"` // the chat's id, such as U012ABCDEF
	Operator string `yaml:"operator"`
}

var sinkKinds = []string{"webhook", "mail", "slack"}

var sinkName = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?$`)

// validate reports what would not work, as far as it shows without the files.
func (n *Notify) validate() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c := n.Console; c != "" && !strings.HasPrefix(c, "https://") && !strings.HasPrefix(c, "http://") {
		bad("notify.console %q: want a URL", c)
	}
	seen := map[string]bool{}
	for i, s := range n.Sinks {
		where := fmt.Sprintf("notify.sinks[%d]", i)
		switch {
		case !sinkName.MatchString(s.Name):
			bad("%s: name %q: want 1–64 of a–z 0–9 . _ -", where, s.Name)
		case seen[s.Name]:
			bad("%s: name %s is taken", where, s.Name)
		case !slices.Contains(sinkKinds, s.Kind):
			bad("%s: kind %q: want webhook, mail or slack", where, s.Kind)
		case s.Kind != "mail" && (s.URL == "") == (s.URLFile == ""):
			bad("%s: want url or urlFile", where)
		case s.Kind == "webhook" && s.SecretFile == "":
			bad("%s: secretFile is required: receivers know by the signature who speaks", where)
		case s.Kind == "mail" && (s.Mail.Server == "" || s.Mail.From == ""):
			bad("%s: mail.server and mail.from are required", where)
		case s.Buttons && (s.Kind != "slack" || n.Chat.SigningSecretFile == ""):
			bad("%s: buttons: only of a slack sink, with notify.chat set up", where)
		}
		seen[s.Name] = true
	}
	return append(errs, n.Chat.validate()...)
}

func (c *Chat) validate() (errs []error) {
	seen := map[string]bool{}
	for i, u := range c.Users {
		switch {
		case u.User == "" || u.Operator == "":
			errs = append(errs, fmt.Errorf("notify.chat.users[%d]: user and operator are required", i))
		case seen[u.User]:
			errs = append(errs, fmt.Errorf("notify.chat.users[%d]: user %s is there already", i, u.User))
		}
		seen[u.User] = true
	}
	return errs
}
