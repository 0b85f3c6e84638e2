package analyse

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
)

var update = flag.Bool("update", false, "write what the hand-made account is found to have")

// TestHandMadeAccount scans the account of the documentation, which was made so
// that every rule finds something in it, and nothing in what is narrow.
func TestHandMadeAccount(t *testing.T) {
	dir := filepath.Join("..", "..", "docs", "iam-example")
	in := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(dir, n))
		}
		return paths
	}
	e, err := estate.Load(context.Background(), estate.Sources{Accounts: in("account.json"), Org: in("organization.json")[0], Resource: in("resource-policies.json"),
		Used: in("used.jsonl"), Credentials: in("credentials.json", "access-keys.json"), Bedrock: in("bedrock.json")})
	if err != nil {
		t.Fatal(err)
	}
	a := New(Config{Estate: e, Now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)})
	var got heard
	err = a.Scan(context.Background(), ScanOptions{Approved: []string{"provider:anthropic", "provider:amazon"}, Residency: []string{"us-east-1", "us-east-2", "us-west-2"},
		Guardrail: true, NeedsEnd: true, Gateway: []string{"arn:aws:iam::111122223333:role/writ-gateway"}}, &got)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got.lines)
	text := strings.Join(got.lines, "\n") + "\n"
	golden := filepath.Join("testdata", "handmade.txt")
	if *update {
		if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), text); d != "" {
		t.Errorf("what the scan finds changed (-want +got); -update writes it:\n%s", d)
	}
	for _, r := range Rules() {
		if !strings.Contains(text, r.ID+" ") {
			t.Errorf("%s finds nothing in the account that has something for every rule", r.ID)
		}
	}
	for _, narrow := range []string{"role/support-agent", "role/writ-gateway", "role/AWSServiceRoleForSupport"} {
		for _, line := range got.lines {
			if strings.HasSuffix(line, narrow) && !strings.HasPrefix(line, "BR-COND-04") && !strings.HasPrefix(line, "BR-USE-01") {
				t.Errorf("found in what is narrow: %s", line)
			}
		}
	}
}

// heard is what a scan says, one line a finding.
type heard struct{ lines []string }

func (h *heard) Config(report.Run) error { return nil }
func (h *heard) Progress(string) error   { return nil }
func (h *heard) Finding(f report.Finding) error {
	_, who, _ := strings.Cut(f.Principal, "::111122223333:")
	h.lines = append(h.lines, strings.TrimSpace(fmt.Sprintf("%s %s: %s: %s", f.Rule, f.Severity, f.Title, who)))
	return nil
}
func (h *heard) Right(report.Right) error     { return nil }
func (h *heard) Measure(report.Measure) error { return nil }
func (h *heard) NotEvaluable(n report.NotEvaluable) error {
	h.lines = append(h.lines, n.Rule+" not evaluable: "+n.Reason)
	return nil
}
func (h *heard) Flush() error { return nil }
