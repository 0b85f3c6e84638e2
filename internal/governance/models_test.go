package governance

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store/storetest"
)

// priced is a lodge with a model that needs validations, which support may invoke.
func priced(t *testing.T) *lodge {
	t.Helper()
	h := settled(t, storetest.SQLite(t), t.TempDir())
	h.put(t, manifest.Create,
		manifest.Resource{Kind: manifest.Model, Name: pricing, Spec: &bedrock.Model{
			Kind: bedrock.ImportedModel, Base: "meta.llama3-1-70b-instruct-v1:0", Regions: []string{"us-east-1"}, Owner: "mira@example.com",
			Requires: []string{bedrock.PromptHandling, bedrock.DataRetention},
		}},
		manifest.Resource{Kind: manifest.Entitlement, Name: "pricing", Spec: &rights.Entitlement{ID: "pricing", Models: []string{"family:meta.llama"}, Conditions: rights.Conditions{Data: rights.Data{Unscanned: true}}}},
		manifest.Resource{Kind: manifest.Grant, Name: "support.pricing", Spec: &rights.Grant{Identity: "support", Entitlement: "pricing", NotAfter: h.now.AddDate(1, 0, 0)}},
		somebody("dana-2", operator.Requester), somebody("paul", operator.Administrator),
	)
	return h
}

func attestation(h *lodge, kind string, days int) Attestation {
	return Attestation{Model: pricing, Kind: kind, Evidence: "https://reviews.example.com/1", Expires: h.now.AddDate(0, 0, days)}
}

func TestAnAttestationIsByWhoMayAndTellsAhead(t *testing.T) {
	h := priced(t)
	mira := h.actor(t, "mira")
	m, err := h.office.Attest(t.Context(), mira, attestation(h, bedrock.PromptHandling, 60))
	if err != nil || m.Usable || stateOf(m, bedrock.PromptHandling) != ValidationValid || stateOf(m, bedrock.DataRetention) != ValidationMissing {
		t.Fatalf("%+v, %v", m, err)
	}
	m, err = h.office.Attest(t.Context(), mira, attestation(h, bedrock.DataRetention, 90))
	if err != nil || !m.Usable || !m.Until.Equal(h.now.AddDate(0, 0, 60)) || m.Validations[1].By != "mira" {
		t.Fatalf("%+v, %v", m, err)
	}
	otto := h.actor(t, "otto")
	if m, err = h.office.Model(t.Context(), otto, pricing); err != nil || !slices.Equal(m.Identities, []string{"support"}) {
		t.Errorf("what stops: %v, %v", m.Identities, err)
	}
	s := h.state.Current()
	if due := ValidationsDue(s, h.now, ValidationNotice); len(due) != 0 {
		t.Errorf("nothing is due: %+v", due)
	}
	if next := NextValidationEnd(s, h.now); !next.Equal(h.now.AddDate(0, 0, 60)) {
		t.Errorf("the next ends %v", next)
	}
	h.now = h.now.AddDate(0, 0, 31)
	due := ValidationsDue(s, h.now, ValidationNotice)
	if len(due) != 1 || due[0].Validation.Kind != bedrock.PromptHandling || due[0].Validation.State != ValidationExpiring || due[0].Left != 29*24*time.Hour || !slices.Equal(due[0].Identities, []string{"support"}) {
		t.Errorf("%+v", due)
	}
	h.now = h.now.AddDate(0, 0, 29)
	if m, err = h.office.Model(t.Context(), otto, pricing); err != nil || m.Usable || stateOf(m, bedrock.PromptHandling) != ValidationExpired || !m.Until.IsZero() {
		t.Errorf("after its end: %+v, %v", m, err)
	}
	if page, err := h.office.Models(t.Context(), otto, ModelQuery{Due: true}); err != nil || len(page.Items) != 1 {
		t.Errorf("%+v, %v", page, err)
	}
	// It is attested anew under the same name.
	if m, err = h.office.Attest(t.Context(), mira, attestation(h, bedrock.PromptHandling, 10)); err != nil || !m.Usable || stateOf(m, bedrock.PromptHandling) != ValidationExpiring {
		t.Errorf("%+v, %v", m, err)
	}
	if n := len(h.state.Current().Validations()); n != 2 {
		t.Errorf("%d validations", n)
	}
}

func stateOf(m ModelView, kind string) ValidationState {
	i := slices.IndexFunc(m.Validations, func(v ValidationView) bool { return v.Kind == kind })
	return m.Validations[i].State
}

func TestWhoUsesAModelDoesNotVouchForIt(t *testing.T) {
	h := priced(t)
	// Dana sponsors an identity that uses the model; dana-2 is another account of hers.
	again := *h.actor(t, "dana-2").Operator
	again.Person, again.Roles = "dana@example.com", []operator.Held{{Role: operator.Administrator}}
	h.put(t, manifest.Update, manifest.Resource{Kind: manifest.Operator, Name: "dana-2", Spec: &again})
	dana := *h.actor(t, "dana").Operator
	dana.Roles = []operator.Held{{Role: operator.Administrator}}
	h.put(t, manifest.Update, manifest.Resource{Kind: manifest.Operator, Name: "dana", Spec: &dana})
	for _, name := range []string{"dana", "dana-2"} {
		if _, err := h.office.Attest(t.Context(), h.actor(t, name), attestation(h, bedrock.DataRetention, 60)); !errors.Is(err, ErrDuties) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.office.Attest(t.Context(), h.actor(t, "otto"), attestation(h, bedrock.DataRetention, 60)); !errors.Is(err, ErrForbidden) {
		t.Errorf("an auditor: %v", err)
	}
	if _, err := h.office.Attest(t.Context(), h.actor(t, "paul"), attestation(h, bedrock.DataRetention, 60)); err != nil {
		t.Errorf("an administrator: %v", err)
	}
	for name, change := range map[string]func(*Attestation){
		"no evidence": func(a *Attestation) { a.Evidence = "" }, "evidence that is no link": func(a *Attestation) { a.Evidence = "javascript:alert(1)" },
		"for ever": func(a *Attestation) { a.Expires = h.now.AddDate(2, 0, 0) }, "over already": func(a *Attestation) { a.Expires = h.now },
		"of another kind": func(a *Attestation) { a.Kind = "vibes" },
	} {
		at := attestation(h, bedrock.PromptHandling, 60)
		change(&at)
		if _, err := h.office.Attest(t.Context(), h.actor(t, "mira"), at); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWhoVouchedAndComesToUseTheModelIsFound, and does not vouch again: also where
// the right names a family and not the model, and the account that answers is one
// that was disabled.
func TestWhoVouchedAndComesToUseTheModelIsFound(t *testing.T) {
	h := priced(t)
	if _, err := h.office.Attest(t.Context(), h.actor(t, "paul"), attestation(h, bedrock.DataRetention, 60)); err != nil {
		t.Fatal(err)
	}
	old := somebody("paul-2", operator.Requester)
	spec := *old.Spec.(*operator.Operator)
	spec.Person, spec.Disabled = h.actor(t, "paul").Operator.Behind(), true
	support, _ := h.state.Current().Identity("support")
	next := *support
	next.Deputy = spec.Email
	h.put(t, manifest.Create, manifest.Resource{Kind: manifest.Operator, Name: "paul-2", Spec: &spec})
	h.put(t, manifest.Update, manifest.Resource{Kind: manifest.Identity, Name: "support", Spec: &next})
	found, _, err := h.office.Conflicts(t.Context(), h.actor(t, "otto"))
	if err != nil || !slices.ContainsFunc(found, func(c sod.Conflict) bool {
		return c.Rule == "attest-own" && c.Subject == "Operator/paul" && c.Left.Object == "Model/"+pricing
	}) {
		t.Errorf("found %+v, %v", found, err)
	}
	if _, err := h.office.Attest(t.Context(), h.actor(t, "paul"), attestation(h, bedrock.DataRetention, 90)); !errors.Is(err, ErrDuties) {
		t.Errorf("again: %v", err)
	}
}
