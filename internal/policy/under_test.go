package policy

import (
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/rights"
)

// TestGrantsStayUnderOtherLaws: a bundle under changed laws is the bundle that
// all of it would make anew, and the old one is as it was.
func TestGrantsStayUnderOtherLaws(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	first := w.bundle()
	w.permits(first, w.call(haiku))

	w.rule("org", `@id("no-agents") forbid (principal, action, resource);`)
	whole := w.bundle()
	under, err := first.Under(w.Sources)
	if err != nil {
		t.Fatal(err)
	}
	if under.Digest() != whole.Digest() || under.Digest() == first.Digest() {
		t.Error("the digest is not that of the same sources")
	}
	w.denies(under, w.call(haiku), CodeForbid)
	w.permits(first, w.call(haiku))

	w.Sources.Organisation, w.Sources.Entitlements = nil, nil
	if _, err := first.Under(w.Sources); err == nil || !strings.Contains(err.Error(), `entitlement "chat" does not exist`) {
		t.Errorf("laws without the grants' entitlement: %v", err)
	}
}

// TestOnlyThoseInTheCastAreGranted: who exists can change without the laws.
func TestOnlyThoseInTheCastAreGranted(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{}, haiku)
	b := w.bundle()
	g := grantOf("chat")
	g.ID, g.Identity = "g-new", "newcomer"
	if _, err := b.With(nil, []*rights.Grant{&g}); err == nil {
		t.Error("a grant was given to an identity that does not exist")
	}
	cast := b.Cast(func(name string) bool { return name == "newcomer" })
	if cast.Digest() != b.Digest() {
		t.Error("who exists is no law")
	}
	if _, err := cast.With(nil, []*rights.Grant{&g}); err != nil {
		t.Error(err)
	}
	if _, err := cast.Under(w.Sources); err != nil {
		t.Error(err)
	}
}
