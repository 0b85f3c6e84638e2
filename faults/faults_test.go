package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/writtest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == interposeRole {
		fmt.Fprintln(os.Stderr, serveInterposed(os.Args[2:]))
		os.Exit(1)
	}
	// Most rows wait for other processes: more of them fit than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	code := m.Run()
	writtest.Clean()
	os.Exit(code)
}

// TestFaults performs every row in its short form, the groups beside one
// another. What it asserts is what callers, upstream and log say, and never how
// long anything took.
func TestFaults(t *testing.T) {
	cfg := settings{Short: true, Kills: 200, For: 40 * time.Second, Only: regexp.MustCompile("")}
	s, err := newSuite(context.Background(), cfg, writtest.Binary(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	groups := make(map[string][]row)
	for _, r := range rows() {
		groups[r.group] = append(groups[r.group], r)
	}
	for name, all := range groups {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range all {
				t.Run(r.name, func(t *testing.T) { performed(t, s.perform(t.Context(), r)) })
			}
		})
	}
}

func performed(t *testing.T, r result) {
	t.Helper()
	if r.Skipped != "" {
		t.Skip(r.Skipped)
	}
	for _, w := range r.Wrong {
		t.Error(w)
	}
	if !r.Verified {
		t.Error("the log does not verify")
	}
	c := r.Counts
	t.Logf("%d sent, %d whole, %d broke off, %d unanswered, %s; %d intents, %d arrived, %d outcomes, %d unknown; %s",
		c.Sent, c.Whole, c.Broken, c.Unanswered, c.refusals(), c.Intents, c.Arrived, c.Outcomes, c.Unknown, strings.Join(r.Notes, "; "))
}

// books are the three that reconcile holds against one another, all of one
// call that went well.
func books() ([]answer, *standIn, *ledger) {
	a := answer{call: call{serial: 7}, status: 200, whole: true, decision: "d", record: "3"}
	return []answer{a},
		&standIn{arrived: map[int64]int{7: 1}},
		&ledger{
			intents:  map[int64][]intent{7: {{3, "d", int64(len(a.body()))}}},
			outcomes: map[uint64][]auditlog.Outcome{3: {{Intent: 3, Status: 200, Ended: "complete"}}},
		}
}

// TestReconcileNotices: a suite that finds nothing must be able to find
// something.
func TestReconcileNotices(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil   func([]answer, *standIn, *ledger)
		unknown bool
		want    string // empty: nothing is wrong
	}{
		"a call that went well":                {spoil: func([]answer, *standIn, *ledger) {}},
		"a forbidden call that was answered":   {spoil: func(a []answer, _ *standIn, _ *ledger) { a[0].kind = wrongSort }, want: "WRONGLY ALLOWED"},
		"a forbidden call that only left":      {spoil: func(a []answer, _ *standIn, l *ledger) { a[0].kind, a[0].status = forged, 403; clear(l.intents) }, want: "WRONGLY ALLOWED"},
		"an arrival without an intent":         {spoil: func(a []answer, _ *standIn, l *ledger) { a[0].status = 0; clear(l.intents) }, want: "without an intent"},
		"an answer whose record is not there":  {spoil: func(a []answer, _ *standIn, l *ledger) { clear(l.intents) }, want: "is not its intent"},
		"an answer that names another record":  {spoil: func(a []answer, _ *standIn, _ *ledger) { a[0].record = "4" }, want: "is not its intent"},
		"an answer that names no record":       {spoil: func(a []answer, _ *standIn, _ *ledger) { a[0].record = "" }, want: "is not its intent"},
		"a record of another decision":         {spoil: func(a []answer, _ *standIn, _ *ledger) { a[0].decision = "e" }, want: "is not its intent"},
		"a record of another body":             {spoil: func(_ []answer, _ *standIn, l *ledger) { l.intents[7][0].bytes++ }, want: "is not its intent"},
		"a call sent twice":                    {spoil: func(_ []answer, u *standIn, _ *ledger) { u.arrived[7]++ }, want: "TWICE"},
		"a call with two outcomes":             {spoil: func(_ []answer, _ *standIn, l *ledger) { l.outcomes[3] = append(l.outcomes[3], l.outcomes[3][0]) }, want: "TWICE"},
		"an outcome that is missing":           {spoil: func(_ []answer, _ *standIn, l *ledger) { clear(l.outcomes) }, want: "no outcome"},
		"an outcome that may be missing":       {spoil: func(_ []answer, _ *standIn, l *ledger) { clear(l.outcomes) }, unknown: true},
		"an outcome that denies the answer":    {spoil: func(_ []answer, _ *standIn, l *ledger) { l.outcomes[3][0].Ended = "cut" }, want: "outcome says cut"},
		"a refusal whose outcome says success": {spoil: func(a []answer, _ *standIn, _ *ledger) { a[0].status, a[0].whole = 503, false }, want: "outcome says complete"},
		"a caller's own credentials upstream":  {spoil: func(_ []answer, u *standIn, _ *ledger) { u.foreign.Add(1) }, want: "FOREIGN"},
	} {
		t.Run(name, func(t *testing.T) {
			answers, up, l := books()
			tc.spoil(answers, up, l)
			_, wrong := reconcile(answers, up, l, tc.unknown)
			all := strings.Join(wrong, "; ")
			if tc.want == "" && all != "" || !strings.Contains(all, tc.want) {
				t.Errorf("found %q, want %q", all, tc.want)
			}
		})
	}
}

func TestCountsAreOfWhatCallersSaw(t *testing.T) {
	answers := []answer{
		{status: 200, whole: true}, {status: 200}, {status: 503, name: unavailable}, {err: errors.New("reset")},
		{call: call{kind: regulated}, status: 403, name: "AccessDeniedException"},
	}
	c, _ := reconcile(answers, &standIn{}, &ledger{}, true)
	if c.Sent != 5 || c.Whole != 1 || c.Broken != 1 || c.Unanswered != 1 || c.Forbidden != 1 || c.refusals() != "1 AccessDenied, 1 ServiceUnavailable" {
		t.Errorf("%+v", c)
	}
}

// TestARowThatIsWrongFailsTheCommand, and says so in the table.
func TestARowThatIsWrongFailsTheCommand(t *testing.T) {
	r := &results{Rows: []result{{Group: "upstream", Name: "reset", Verified: true}}}
	if err := r.verdict(); err != nil || !strings.Contains(r.table(), "None lost, none wrongly allowed.") {
		t.Errorf("%v\n%s", err, r.table())
	}
	r.Rows = append(r.Rows, result{Group: "upstream", Name: "hang", Wrong: []string{"LOST: one"}})
	if err := r.verdict(); err == nil || strings.Contains(r.table(), "None lost") || !strings.Contains(r.table(), "**WRONG: LOST: one**") {
		t.Errorf("%v\n%s", err, r.table())
	}
}

func TestTheTableGoesBetweenItsMarks(t *testing.T) {
	text := []byte("before\n" + beginMark + "old\n" + endMark + "\nafter\n")
	got, err := splice(text, "new\n")
	if want := "before\n" + beginMark + "\nnew\n\n" + endMark + "\nafter\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := splice([]byte("no marks"), ""); err == nil {
		t.Error("spliced into a document without marks")
	}
}

func TestTimesAreWrittenRoughly(t *testing.T) {
	for ms, want := range map[float64]string{0: "0 ms", 2.34: "2.3 ms", 99.4: "99 ms", 104: "100 ms", 217: "220 ms", 1851: "1.9 s"} {
		if got := milliseconds(ms); got != want {
			t.Errorf("%v: %s, want %s", ms, got, want)
		}
	}
}
