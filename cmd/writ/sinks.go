package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/notify"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// openNotify makes what tells people, of the configuration and the files that
// its secrets are in.
func (s *server) openNotify() (*notify.Notifier, error) {
	var sinks []notify.Sink
	for _, c := range s.cfg.Notify.Sinks {
		sink, err := sinkOf(c)
		if err != nil {
			return nil, fmt.Errorf("notify: sink %s: %w", c.Name, err)
		}
		sinks = append(sinks, sink)
	}
	k := s.kernel
	return notify.New(notify.Config{
		Store: k.store, State: s.state.Current, Sinks: sinks, Source: k.home, Link: s.cfg.Notify.Console, Log: s.log,
		Replica: cmp.Or(s.cfg.Replica.Name, "writ") + "/" + governance.NewID(),
	})
}

func sinkOf(c config.NotifySink) (sink notify.Sink, err error) {
	sink = notify.Sink{
		Name: c.Name, Kind: notify.SinkKind(c.Kind), Events: c.Events, Audience: c.Audience, URL: c.URL,
		AllowLocal: c.AllowLocal, Buttons: c.Buttons,
		Mail: notify.Mail{Server: c.Mail.Server, Implicit: c.Mail.ImplicitTLS, User: c.Mail.User, From: c.Mail.From, To: c.Mail.To},
	}
	for _, f := range []struct {
		file string
		into func(string)
	}{
		{c.URLFile, func(v string) { sink.URL = v }},
		{c.SecretFile, func(v string) { sink.Secret = notify.Secret(v) }},
		{c.Mail.PasswordFile, func(v string) { sink.Mail.Password = notify.Secret(v) }},
	} {
		if f.file == "" {
			continue
		}
		text, err := os.ReadFile(f.file)
		if err != nil {
			return sink, err
		}
		f.into(strings.TrimSpace(string(text)))
	}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return sink, err
		}
		if sink.Roots = x509.NewCertPool(); !sink.Roots.AppendCertsFromPEM(pem) {
			return sink, fmt.Errorf("there is no certificate in %s", c.CAFile)
		}
	}
	return sink, nil
}

// openChat makes the callback of a chat's buttons; nil without a chat.
func (s *server) openChat() (http.Handler, error) {
	c := s.cfg.Notify.Chat
	if c.SigningSecretFile == "" {
		return nil, nil
	}
	secret, err := os.ReadFile(c.SigningSecretFile)
	if err != nil {
		return nil, fmt.Errorf("notify: chat: %w", err)
	}
	users := make(map[string]string, len(c.Users))
	for _, u := range c.Users {
		users[u.User] = u.Operator
	}
	return notify.ChatCallback(notify.ChatConfig{
		Secret: notify.Secret(strings.TrimSpace(string(secret))), Users: users, State: s.state.Current, UseOnce: s.kernel.store.UseOnce, Log: s.log,
		Decide: func(ctx context.Context, as *operator.Operator, click notify.Click) (string, error) {
			view, err := s.kernel.office.Decide(ctx, governance.Actor{Name: as.ID, Operator: as, Via: "chat"}, click.Request,
				governance.Verdict{Verdict: click.Verdict, Reason: click.Reason, Seen: click.Seen})
			return string(view.State), err
		},
	}), nil
}

// tellImpersonated has the sponsor of an identity hear that an operator holds a
// session of it (security S17). It is told of after the mint is durable; that the
// telling fails does not undo the mint, and is said in the process's own log.
func (s *server) tellImpersonated(ctx context.Context, m *identity.Session, index uint64) {
	if s.notify == nil || !m.Impersonated() {
		return
	}
	err := s.notify.Impersonated(context.WithoutCancel(ctx), notify.Impersonation{
		Identity: m.Identity, Operator: m.Subject, Session: m.ID, Until: m.Expires,
		Record: store.Ref{Shard: s.kernel.instance.Shard, Index: index},
	})
	if err != nil {
		s.log.Warn("an impersonation was not told of", "session", m.ID, "err", err)
	}
}

// tellDrift has whoever answers for an identity hear that this replica does not
// decide on its grant as the store has it.
func (s *server) tellDrift(ctx context.Context, g rights.Grant, revision int64) {
	s.log.Error("a grant differs between the store and what this replica decides on", "grant", g.ID, "revision", revision, "err", s.state.Err())
	if err := s.notify.Drifted(ctx, g.ID, g.Identity, s.kernel.replica.Name, revision); err != nil {
		s.log.Error("nobody could be told of a grant that differs", "grant", g.ID, "err", err)
	}
}
