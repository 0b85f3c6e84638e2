package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/certificate"
	"github.com/writ-project/writ/internal/rights"
)

func TestAProcessIsMeasured(t *testing.T) {
	u, stdout, err := runOnce(t.Context(), 0, "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo done")
	if err != nil || string(stdout) != "done\n" {
		t.Fatalf("%q: %v", stdout, err)
	}
	if u.Seconds <= 0 || u.CPU <= 0 || u.Peak <= 0 {
		t.Errorf("%+v", u)
	}
	if _, _, err := runOnce(t.Context(), 1, "sh", "-c", "exit 1"); err != nil {
		t.Errorf("a status that is no failure: %v", err)
	}
	if _, _, err := runOnce(t.Context(), 1, "sh", "-c", "echo why >&2; exit 2"); err == nil || err.Error() != "exit status 2\nwhy\n" {
		t.Errorf("a failure: %v", err)
	}
}

// A child's peak begins with its parent's size: what this process had once, and
// gave back, is not to be the child's.
func TestThePeakIsTheChildsOwn(t *testing.T) {
	had := make([]byte, 300<<20)
	for i := 0; i < len(had); i += 4096 {
		had[i] = 1
	}
	before, err := peakMemory(os.Getpid())
	if err != nil || before < int64(len(had)) {
		t.Fatalf("peak: %d: %v", before, err)
	}
	had = nil
	u, _, err := runOnce(t.Context(), 0, "true")
	if err != nil {
		t.Fatal(err)
	}
	if most := float64(before-200<<20) / (1 << 20); u.Peak > most {
		t.Errorf("%.0f MB, of a process that does nothing; its parent had %d MB and gave 300 back", u.Peak, before>>20)
	}
}

func TestRoundsTakeTurns(t *testing.T) {
	r := &iamRun{}
	// The second takes part in two rounds only.
	var order []string
	say := func(name string) contender {
		return contender{name: name, argv: []string{"echo", name}, after: func(target *iamTarget, u *usage, stdout []byte) error {
			order = append(order, target.Name)
			u.Decide = float64(len(order))
			return nil
		}}
	}
	b := say("b")
	b.most = 2
	got, err := r.rounds(context.Background(), 3, []contender{say("a"), b})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(order, []string{"a", "b", "b", "a", "a"}) {
		t.Errorf("the order was %v", order)
	}
	if got[0].Median.Decide != 4 || len(got[1].Rounds) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestPercentile(t *testing.T) {
	all := []float64{5, 1, 4, 2, 3}
	if got := []float64{percentile(all, 50), percentile(all, 99), percentile(all[:1], 99)}; !slices.Equal(got, []float64{3, 5, 5}) {
		t.Errorf("%v", got)
	}
	if all[0] != 5 {
		t.Error("it sorted what it was given")
	}
}

// Pairs are always the same, wholly readable, and hold every kind of condition.
func TestMadePairs(t *testing.T) {
	pairs := madePairs(comparedPairs)
	if diff := cmp.Diff(texts(pairs[:20]), texts(madePairs(20))); diff != "" {
		t.Error(diff)
	}
	operators := map[string]bool{}
	for _, p := range pairs {
		for _, side := range []rights.Policies{p.base, p.next} {
			d := side.Layers.Identity[0]
			if d.Doubt != "" {
				t.Fatalf("a policy that cannot be read: %s", d.Doubt)
			}
			for _, s := range d.Statements {
				if why := s.Doubts.First(); why != "" {
					t.Errorf("a statement that cannot be read: %s", why)
				}
				for _, c := range s.Conditions {
					operators[c.Operator] = true
				}
			}
		}
	}
	for _, k := range pairKeys {
		for _, want := range k.operators {
			if !operators[want] {
				t.Errorf("no condition with %s", want)
			}
		}
	}
}

func texts(pairs []policyPair) (out []string) {
	for _, p := range pairs {
		for _, side := range []rights.Policies{p.base, p.next} {
			out = append(out, certificate.Write(side.Layers.Identity[0]).Text)
		}
	}
	return out
}

func TestComparingIsMeasuredAndCertified(t *testing.T) {
	pairs := madePairs(12)
	c, err := timeComparing(rights.Universe{Facts: awsiam.EmbeddedFacts(), Correlated: true}, pairs, 2)
	if err != nil {
		t.Fatal(err)
	}
	if c.Verdicts[rights.NewAccess] == 0 || c.Verdicts[rights.NoNewAccess] == 0 || len(c.P99s) != 2 || c.P50 <= 0 || c.P99 < c.P50 || c.CPU99 <= 0 {
		t.Errorf("%+v", c)
	}
	answer, err := certifyAnswer(1)
	if err != nil || answer.Number != answersCertified || answer.Make <= 0 || answer.Check <= 0 || answer.Bytes == 0 {
		t.Errorf("%+v: %v", answer, err)
	}
	all, err := certifyComparisons(pairs)
	if err != nil || all.Number == 0 || all.Number+all.Without != len(pairs) {
		t.Errorf("%+v: %v", all, err)
	}
}

// measuredIAM is a run that reaches what is to be reached, but for the scan.
func measuredIAM() *iam {
	target := func(name string, seconds, peak float64) iamTarget {
		u := usage{Seconds: seconds, CPU: 2 * seconds, Peak: peak, Load: seconds / 4, Decide: seconds / 2}
		return iamTarget{Name: name, Median: u, Rounds: []usage{u, {Seconds: 2 * seconds, CPU: 3 * seconds, Peak: peak}}, Found: 7}
	}
	naive := target(naiveName, 4, 100)
	naive.Missing, naive.More = 1, 3
	writ := target(writName, 1, 200)
	writ.Cells, writ.Chained = 40, 2
	quick := writ
	quick.Median.Seconds = 0.25
	scan := target("writ iam scan", 40, 900)
	scan.Median.Output = 1400
	return &iam{
		occasion: occasion{Commit: "now"}, Rounds: 2, Principals: iamPrincipals, WhoCan: []iamTarget{quick, naive}, Matrix: []iamTarget{writ, naive},
		Compare:   []comparing{{Universe: "all", Pairs: 3, P50: 1, P99: 4.5, P99s: []float64{4, 6}, Verdicts: map[rights.Verdict]int{rights.NewAccess: 2, rights.NoNewAccess: 4}}},
		Certified: []certifying{{Of: "an answer", Number: 5, Make: 1.5, Check: 2.5, Bytes: 7000}},
		Estate:    &estateRun{Accounts: 100, Principals: 1000, Size: 230, Targets: []iamTarget{target("writ iam who-can", 10, 600), scan}},
	}
}

func TestIAMTable(t *testing.T) {
	wants(t, measuredIAM().table(),
		"| Writ | 0.25 (1.00–2.00) | 2.00 (2.00–3.00) | 1.0 | 200 (200–200) | 7, and 2 by a chain | – | – |",
		"| naive | 4.00 (4.00–8.00) | 8.00 (8.00–12.00) | 4.0 | 100 (100–100) | 7 | 1 | 3 |",
		"full matrix, 40 cells", "| all | 1.00 | 4.50 | 0.00 | 4.00–6.00 |", "2 NEW_ACCESS, 4 NO_NEW_ACCESS", "| an answer | 5 | 0 |",
		"100 accounts of 1000, 230 MB", "7 findings | 1400 |",
		"| who can: 5000 principals, one model, with parsing | ≤ 0.3 s | 0.25 (1.00–2.00) | reached |",
		"with reading | ≤ 2 s | 1.00 (1.00–2.00) | reached |", "| … peak of resident memory | ≤ 300 MB | 200 (200–200) | reached |",
		"both actions, all | ≤ 5 ms | 4.50 | reached |",
		"`writ iam who-can` | ≤ 30 s | 10.0 (10.0–20.0) | reached |", "`writ iam scan` | ≤ 30 s | 40.0 (40.0–80.0) | not reached |")
}

func TestIAMGoalsThatWereNotMeasured(t *testing.T) {
	empty := &iam{Principals: iamPrincipals}
	if n := len(empty.goals()); n != 5 {
		t.Errorf("%d goals", n)
	}
	for _, g := range empty.goals() {
		if g.found != "" || g.passed {
			t.Errorf("%+v", g)
		}
	}
}

func TestIAMKeptAndLoaded(t *testing.T) {
	t.Chdir(t.TempDir())
	want := kept{IAM: measuredIAM()}
	want.IAM.At = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := want.save(settings{IAM: true}); err != nil {
		t.Fatal(err)
	}
	got, err := loadKept()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(iam{})); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(filepath.Join(resultsDir, iamFile)); err != nil {
		t.Error(err)
	}
	wants(t, got.table(), "## The rights analysis", "Commit now")
}

func TestUnknownRolesAreRefused(t *testing.T) {
	if err := play([]string{iamRole + "nothing"}); err == nil {
		t.Error("a role that does not exist was played")
	}
}
