package api

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
)

// sampled is the sample organisation without its grants.
func sampled(t *testing.T, now time.Time) *snapshot.Snapshot {
	t.Helper()
	all, err := demo.Organisation("http://127.0.0.1:1/issuer", now)
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(r manifest.Resource) bool { return r.Kind == manifest.Grant })
	s, err := snapshot.Of(all, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func refusedCall(change func(*auditlog.Record)) DecisionView {
	r := &auditlog.Record{
		ID: "d1", Who: &auditlog.Who{Identity: "support-agent"}, Where: &auditlog.Where{SourceIP: "127.0.0.1"},
		Call:     &auditlog.Call{Operation: "Converse", ModelRequested: "us.anthropic.claude-sonnet-4-5-20250929-v1:0", RegionCalled: "us-east-1", Account: "111122223333"},
		Decision: &auditlog.Decision{Decision: "deny", Code: "default_deny"}, Data: &auditlog.Data{Classes: []string{"source_code"}},
	}
	change(r)
	return viewOf(r, 7)
}

func TestARefusalIsAnsweredByWhatWouldPermitIt(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	s, at := sampled(t, now), Place{Account: "111122223333", Region: "us-east-1"}
	for name, tc := range map[string]struct {
		change func(*auditlog.Record)
		want   []string
	}{
		"its own":        {func(*auditlog.Record) {}, []string{"support-conversations", "everything"}},
		"a picture":      {func(r *auditlog.Record) { r.Data.Unscanned = []string{"image"} }, []string{"everything"}},
		"another model":  {func(r *auditlog.Record) { r.Call.ModelRequested = "amazon.nova-pro-v1:0" }, []string{"nova-family", "everything"}},
		"regulated data": {func(r *auditlog.Record) { r.Data.Regulated, r.Data.Classes = true, []string{"health"} }, []string{"everything"}},
		"another identity": {func(r *auditlog.Record) {
			r.Who.Identity = "invoice-triage"
			r.Call.ModelRequested = "amazon.nova-pro-v1:0"
		}, []string{"nova-family", "invoice-triage", "everything"}},
		"its tools": {func(r *auditlog.Record) {
			r.Who.Identity, r.Call.ModelRequested, r.Request = "invoice-triage", "amazon.nova-pro-v1:0", &auditlog.Request{Tools: []string{"delete_everything"}}
		}, nil},
	} {
		offers, err := Permitting(func() error { return nil }, s, at, refusedCall(tc.change), now)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, o := range offers {
			got = append(got, o.Name)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestACallThatIsPermittedNowIsAnsweredByNothing(t *testing.T) {
	now := time.Now()
	s, at := sampled(t, now), Place{Account: "111122223333", Region: "us-east-1"}
	with, err := granted(s, "support-agent", "support-conversations", now)
	if err != nil {
		t.Fatal(err)
	}
	if offers, err := Permitting(func() error { return nil }, with, at, refusedCall(func(*auditlog.Record) {}), now); !errors.Is(err, errPermitted) {
		t.Errorf("offers %v, %v", offers, err)
	}
}

// TestS20_ADecisionSaysNothingOfRules: what a request is pre-filled from is what the
// caller asked, not why it was refused.
func TestS20_ADecisionSaysNothingOfRules(t *testing.T) {
	d := refusedCall(func(r *auditlog.Record) {
		r.Decision.Policies, r.Decision.Reasons = []string{"70-rules/secret-rule"}, []string{"secret reason"}
	})
	if text := string(encode(d)); slices.ContainsFunc([]string{"secret", "127.0.0.1", "source_code"}, func(w string) bool { return strings.Contains(text, w) }) {
		t.Errorf("it says %s", text)
	}
}

// TestWhatWasFoundIsToldByTypeAndPlace, of the prompt and of the answer.
func TestWhatWasFoundIsToldByTypeAndPlace(t *testing.T) {
	call := &auditlog.Record{Who: &auditlog.Who{Identity: "a"}, Call: &auditlog.Call{}, Data: &auditlog.Data{
		Entities: []string{"EMAIL"}, Findings: []auditlog.Found{{Entity: "EMAIL", Where: "messages[0].content[0].text", Start: 3, End: 9, Score: 90}},
	}}
	answer := &auditlog.Record{Outcome: &auditlog.Outcome{Output: &auditlog.Data{Classes: []string{"health"}}}}
	v := viewOf(call, 1)
	v.found(call, answer)
	if v.Prompt.Findings[0].Where != "messages[0].content[0].text" || v.Output.Classes[0] != "health" {
		t.Errorf("%s", encode(v))
	}
	if v = viewOf(call, 1); v.Prompt != nil || v.Output != nil {
		t.Error("it is told to everybody")
	}
	v.found(call, nil)
	if v.Prompt == nil || v.Output != nil {
		t.Error("without an outcome")
	}
}
