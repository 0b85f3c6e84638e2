package gateway_test

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/writtest"
)

// TestARefusalSaysHowToAskForWhatWasMissing: the caller is given a command, and
// where there is a console a link, that name the decision; its record holds what
// a request is filled in from.
func TestARefusalSaysHowToAskForWhatWasMissing(t *testing.T) {
	t.Parallel()
	for console, link := range map[string]string{"": "", "https://writ.example.com/": "https://writ.example.com/requests/new?decision="} {
		in := newInside(t, 0, func(c *gateway.Config) { c.Console = console })
		a := in.ask(t, pro, "converse", in.token, writtest.Say("not granted"))
		all := in.entries(t, auditlog.KindRefusal)
		if a.Status != 403 || len(all) != 1 {
			t.Fatalf("answered %d %s, %d refusals", a.Status, a.Body, len(all))
		}
		r := all[0]
		if !strings.Contains(a.Body, "writ request create --decision "+r.ID) || !strings.Contains(a.Body, link) || link != "" && !strings.Contains(a.Body, link+r.ID) || link == "" && strings.Contains(a.Body, "http") {
			t.Errorf("console %q: %s", console, a.Body)
		}
		if r.Who.Identity != "support-agent" || r.Call.ModelRequested != pro || r.Call.Operation != "Converse" || r.Call.RegionCalled != "us-east-1" ||
			r.Call.Account != "111122223333" || r.Decision.Code != "default_deny" {
			t.Errorf("recorded %+v %+v %+v", r.Who, r.Call, r.Decision)
		}
	}
}

// TestS20_WhatNoRequestCanChangeIsNotAskedFor: a quarantine ends by being
// lifted, an organisation's rule by being changed.
func TestS20_WhatNoRequestCanChangeIsNotAskedFor(t *testing.T) {
	t.Parallel()
	in, c := newInsideChanging(t)
	c.change(t, quarantine(rights.TargetIdentity, "support-agent"), "create")
	if a := in.call(t, "converse", writtest.Say("stopped")); a.Status != 403 || strings.Contains(a.Body, "request create") {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
}
