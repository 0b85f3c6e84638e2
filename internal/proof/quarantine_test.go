package proof

import (
	"errors"
	"net/http"
	"testing"

	"github.com/writ-project/writ/internal/identity"
)

// stopping quarantines one identity, one session and one address.
func stopping(name, session, addr string) func(*identity.Identity, string, identity.Origin) string {
	return func(i *identity.Identity, s string, o identity.Origin) string {
		if i.ID == name || s != "" && s == session || o.Addr.String() == addr {
			return "q-secret-name"
		}
		return ""
	}
}

func quarantined(t *testing.T, what string, err error) {
	t.Helper()
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != Quarantined {
		t.Fatalf("%s: %v, want a quarantine", what, err)
	}
	if a := r.Answer(); a.Code != "AccessDenied" || a.Status != http.StatusForbidden || a.Message != accessDenied.Message {
		t.Errorf("%s: answered %+v", what, a)
	}
}

// TestS19_NothingIsMintedUnderQuarantine: at every door, by identity and by
// where the request comes from; other identities get their sessions.
func TestS19_NothingIsMintedUnderQuarantine(t *testing.T) {
	for name, stop := range map[string]func(*identity.Identity, string, identity.Origin) string{
		"identity": stopping("support-agent", "", ""), "address": stopping("", "", "192.0.2.10"),
	} {
		t.Run(name, func(t *testing.T) {
			s := openSealed(t)
			container, _ := s.containerToken(nil)
			before := len(s.mints)
			s.world.Stopped = stop
			s.deny(Quarantined, s.request(s.token(nil)))
			_, err := s.ask(s.token(nil), "", "192.0.2.10")
			quarantined(t, "a proof for container credentials", err)
			_, err = s.ask(container, "", "192.0.2.10")
			quarantined(t, "a container token", err)
			_, err = s.Local(t.Context(), s.world, LocalRequest{Identity: "support-agent", Operator: "dana", Origin: from("192.0.2.10")})
			quarantined(t, "a local mint", err)
			if len(s.mints) != before {
				t.Error("a mint was recorded")
			}
			s.world.Stopped = stopping("analytics", "", "198.51.100.1")
			s.allow(s.request(s.token(nil)))
		})
	}
}

// TestS19_AQuarantinedSessionIsNotHandedOutAgain: the repeat of a request, and
// what a container token would give, end with the quarantine.
func TestS19_AQuarantinedSessionIsNotHandedOutAgain(t *testing.T) {
	s := openSealed(t)
	container, parent := s.containerToken(nil)
	req := s.request(s.token(nil))
	first := s.allow(req)
	s.world.Stopped = stopping("", first.Session.ID, "")
	_, err := s.WebIdentity(t.Context(), s.world, req)
	quarantined(t, "the repeat", err)
	s.world.Stopped = stopping("", parent.ID, "")
	_, err = s.ask(container, "", "192.0.2.10")
	quarantined(t, "the container token", err)
	s.world.Stopped = nil
	if again := s.allow(req); again.Session.ID != first.Session.ID {
		t.Error("once lifted, the repeat is another session")
	}
}
