package auditlog_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/writ-project/writ/auditlog"
)

func intent() *auditlog.Record {
	mint, cost := uint64(7), int64(0)
	return &auditlog.Record{
		Kind: auditlog.KindIntent, ID: "d-1", Time: auditlog.At(epoch),
		Call:       &auditlog.Call{Operation: "Converse", ModelRequested: "amazon.nova-lite-v1:0", Legs: []auditlog.Leg{{Kind: "model", Resource: "a<b>&c"}}},
		Who:        &auditlog.Who{Identity: "analytics"},
		Credential: &auditlog.Credential{Kind: "session", ID: "s-1", MintRecord: &mint, Expires: auditlog.At(epoch)},
		Decision:   &auditlog.Decision{Decision: "permit", Policies: []string{"p1"}},
		Usage:      &auditlog.Usage{Source: "none", CostMicroUSD: &cost},
	}
}

const intentJSON = `{"v":1,"kind":"intent","id":"d-1","time":"2026-03-04T05:06:07.000089Z",` +
	`"call":{"operation":"Converse","model_requested":"amazon.nova-lite-v1:0","legs":[{"kind":"model","resource":"a<b>&c"}],"leg_count":1},` +
	`"who":{"identity":"analytics"},"credential":{"kind":"session","id":"s-1","expires":"2026-03-04T05:06:07.000089Z","mint_record":7},` +
	`"decision":{"decision":"permit","policies":["p1"]},"usage":{"source":"none","cost_micro_usd":0}}`

func TestRecordEncoding(t *testing.T) {
	r := intent()
	b := mustMarshal(t, r)
	if diff := cmp.Diff(intentJSON, string(b)); diff != "" {
		t.Errorf("encoding changed, which breaks every existing log (-want +got):\n%s", diff)
	}
	got, err := auditlog.ParseRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	r.V, r.Call.LegCount = 1, 1
	if diff := cmp.Diff(r, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("parsed record differs (-want +got):\n%s", diff)
	}
}

func TestParseRecordIsStrict(t *testing.T) {
	for name, edit := range map[string][2]string{
		"unknown version":   {`"v":1`, `"v":2`},
		"no version":        {`"v":1,`, ``},
		"unknown kind":      {`"kind":"intent"`, `"kind":"whim"`},
		"unknown field":     {`"id":"d-1"`, `"id":"d-1","x":1`},
		"repeated field":    {`"id":"d-1"`, `"id":"d-0","id":"d-1"`},
		"field in capitals": {`"id":`, `"ID":`},
		"space":             {`"id":`, `"id": `},
		"escape":            {`"d-1"`, `"\u0064-1"`},
		"null group":        {`"who":{"identity":"analytics"}`, `"who":null`},
		"missing group":     {`"who":{"identity":"analytics"},`, ``},
		"nanoseconds":       {`07.000089Z",`, `07.000089001Z",`},
		"other zone":        {`07.000089Z",`, `07.000089+00:00",`},
		"trailing data":     {`}}`, `}} `},
		"number as text":    {`:7}`, `:"7"}`},
	} {
		t.Run(name, func(t *testing.T) {
			in := strings.Replace(intentJSON, edit[0], edit[1], 1)
			if in == intentJSON {
				t.Fatal("the edit changes nothing")
			}
			if r, err := auditlog.ParseRecord([]byte(in)); err == nil {
				t.Errorf("accepted as %+v", r)
			}
		})
	}
}

func TestMarshalCutsCappedListsAndSaysSo(t *testing.T) {
	r := intent()
	r.Call.Legs = make([]auditlog.Leg, 70)
	r.Decision.Reasons = make([]string, 33)
	r.Decision.Policies = make([]string, 65)
	call, decision := r.Call, r.Decision
	b := mustMarshal(t, r)
	got, err := auditlog.ParseRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Call.Legs) != 64 || got.Call.LegCount != 70 || len(got.Decision.Reasons) != 32 || len(got.Decision.Policies) != 64 {
		t.Errorf("cut to %d of %d legs, %d reasons, %d policies",
			len(got.Call.Legs), got.Call.LegCount, len(got.Decision.Reasons), len(got.Decision.Policies))
	}
	if diff := cmp.Diff([]string{"call.legs", "decision.policies", "decision.reasons"}, got.Truncated); diff != "" {
		t.Errorf("Truncated (-want +got):\n%s", diff)
	}
	if len(call.Legs) != 70 || call.LegCount != 0 || len(decision.Reasons) != 33 || r.Call != call || r.Decision != decision || r.Truncated != nil {
		t.Error("Marshal changed its receiver")
	}
}

// TestMarshalCutsWhatWasFound: in the prompt as in the answer, and in neither
// what a policy was decided by.
func TestMarshalCutsWhatWasFound(t *testing.T) {
	found := func() *auditlog.Data {
		return &auditlog.Data{
			Level: "restricted", Classes: []string{"health", "payment_card"}, Entities: make([]string, 65),
			Counts: map[string]int{"payment_card": 20, "health": 1}, Unscanned: make([]string, 33), Truncated: true,
			Findings: make([]auditlog.Found, 17), Redacted: 3,
		}
	}
	r := intent()
	r.Data, r.Outcome = found(), &auditlog.Outcome{Ended: "complete", Output: found()}
	b := mustMarshal(t, r)
	got, err := auditlog.ParseRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]*auditlog.Data{"prompt": got.Data, "answer": got.Outcome.Output} {
		if len(d.Entities) != 64 || len(d.Unscanned) != 32 || len(d.Findings) != 16 || len(d.Classes) != 2 || len(d.Counts) != 2 || d.Redacted != 3 || !d.Truncated {
			t.Errorf("of the %s: %+v", name, d)
		}
	}
	want := []string{"data.entities", "data.unscanned", "data.findings", "outcome.output.entities", "outcome.output.unscanned", "outcome.output.findings"}
	if diff := cmp.Diff(want, got.Truncated); diff != "" {
		t.Errorf("Truncated (-want +got):\n%s", diff)
	}
	if d := r.Outcome.Output; len(d.Findings) != 17 || len(d.Entities) != 65 {
		t.Error("Marshal changed its receiver")
	}
	if !strings.Contains(string(b), `"counts":{"health":1,"payment_card":20}`) {
		t.Errorf("counts are not in order: %s", b)
	}
}

func TestMarshalDropsNothingUnsaid(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(*auditlog.Record)
		want error
	}{
		"long string":   {func(r *auditlog.Record) { r.ID = strings.Repeat("x", 2049) }, auditlog.ErrTooLarge},
		"long escaped":  {func(r *auditlog.Record) { r.ID = strings.Repeat("\n", 1025) }, auditlog.ErrTooLarge},
		"many classes":  {func(r *auditlog.Record) { r.Data = &auditlog.Data{Classes: make([]string, 9000)} }, auditlog.ErrTooLarge},
		"invalid UTF-8": {func(r *auditlog.Record) { r.ID = "a\xff" }, nil},
		"no id":         {func(r *auditlog.Record) { r.ID = "" }, nil},
		"no decision":   {func(r *auditlog.Record) { r.Decision = nil }, nil},
		"no kind":       {func(r *auditlog.Record) { r.Kind = "" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := intent()
			tc.edit(r)
			_, err := r.Marshal()
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Errorf("Marshal = %v, want an error like %v", err, tc.want)
			}
		})
	}
	for _, id := range []string{"\ufffd", `a\`, `\ufffd`, `"`, strings.Repeat("x", 2048)} {
		r := intent()
		r.ID = id
		if got, err := auditlog.ParseRecord(mustMarshal(t, r)); err != nil || got.ID != id {
			t.Errorf("id %q: %v", id, err)
		}
	}
}

// TestEncodedRecordsAreTheCallers: nothing that is reused inside shows.
func TestEncodedRecordsAreTheCallers(t *testing.T) {
	first := mustMarshal(t, intent())
	r := intent()
	r.ID = "d-2" // of the same length: what is reused need not grow
	mustMarshal(t, r)
	r.Data = &auditlog.Data{Classes: make([]string, 20_000)}
	if _, err := r.Marshal(); !errors.Is(err, auditlog.ErrTooLarge) {
		t.Errorf("a record of 60 kB: %v", err)
	}
	for name, b := range map[string][]byte{"the first": first, "the last": mustMarshal(t, intent())} {
		if string(b) != intentJSON {
			t.Errorf("%s is %s", name, b)
		}
	}
}

func TestTimesHaveOneForm(t *testing.T) {
	for _, tc := range []struct {
		in   time.Time
		want string
	}{
		{time.Date(1, 1, 1, 0, 0, 0, 999, time.UTC), `"0001-01-01T00:00:00.000000Z"`},
		{time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), `"9999-12-31T23:59:59.999999Z"`},
		{time.Date(1969, 7, 20, 20, 17, 40, 120_000_000, time.UTC), `"1969-07-20T20:17:40.120000Z"`},
		{time.Date(2026, 1, 1, 0, 30, 0, 7_000, time.FixedZone("", 3600)), `"2025-12-31T23:30:00.000007Z"`},
	} {
		b, err := auditlog.Time{Time: tc.in}.MarshalJSON()
		if err != nil || string(b) != tc.want {
			t.Errorf("%v is written %s, %v; want %s", tc.in, b, err, tc.want)
		}
		var back auditlog.Time
		if err := back.UnmarshalJSON(b); err != nil || back != auditlog.At(tc.in) {
			t.Errorf("%s is read as %v, %v", b, back, err)
		}
	}
	for _, year := range []int{-1, 0, 10_000} {
		if b, err := auditlog.At(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC)).MarshalJSON(); err == nil {
			t.Errorf("the year %d is written %s", year, b)
		}
	}
}

func TestCommitmentBindsEverything(t *testing.T) {
	salt, sum := bytes.Repeat([]byte{7}, 32), sha256.Sum256([]byte("prompt"))
	c := auditlog.Commit(salt, "request", "d-1", sum)
	// Computed by another implementation of the documented form.
	if want := "xBe0OfMYBt36GyxE4Foftit-w2ctN2_MMtEmlKOKRF4"; c != want {
		t.Fatalf("commitment %q, want %q", c, want)
	}
	if !auditlog.VerifyCommitment(c, salt, "request", "d-1", sum) {
		t.Error("the commitment does not verify")
	}
	other := sha256.Sum256([]byte("other"))
	for name, ok := range map[string]bool{
		"another salt":    auditlog.VerifyCommitment(c, bytes.Repeat([]byte{8}, 32), "request", "d-1", sum),
		"another label":   auditlog.VerifyCommitment(c, salt, "response", "d-1", sum),
		"another record":  auditlog.VerifyCommitment(c, salt, "request", "d-2", sum),
		"another content": auditlog.VerifyCommitment(c, salt, "request", "d-1", other),
		"moved boundary":  auditlog.VerifyCommitment(c, salt, "requestd", "-1", sum),
		"line break":      auditlog.VerifyCommitment(c+"\n", salt, "request", "d-1", sum),
		"erased salt":     auditlog.VerifyCommitment(auditlog.Commit(nil, "request", "d-1", sum), nil, "request", "d-1", sum),
	} {
		if ok {
			t.Errorf("verifies with %s", name)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(intentJSON))
	for _, e := range records(f, 3) {
		f.Add(e)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := auditlog.ParseRecord(b)
		if err != nil {
			return
		}
		if again := mustMarshal(t, r); !bytes.Equal(again, b) {
			t.Errorf("accepted %q, writes %q", b, again)
		}
	})
}
