package analyse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
)

// uses are lines of used rights, from so many days before the scan to one day
// before it.
func uses(t *testing.T, days int, lines ...string) func(*estate.Sources) {
	var text strings.Builder
	for _, l := range lines {
		name, action, resource := "", "", ""
		if _, err := fmt.Sscan(l, &name, &action, &resource); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, `{"principal":"arn:aws:iam::111122223333:role/%s","action":"bedrock:%s","model":"%s","region":"us-east-1","count":3,"first":%q,"last":%q}`+"\n",
			name, action, resource, stamp(pathsNow.AddDate(0, 0, -days)), stamp(pathsNow.AddDate(0, 0, -1)))
	}
	return withFile(t, func(s *estate.Sources) *[]string { return &s.Used }, text.String())
}

func TestUse01_UnusedByModelAndAction(t *testing.T) {
	c := newCast()
	c.role("Half", byService("ec2.amazonaws.com"), allow(calls, everywhere+" arn:aws:bedrock:*::foundation-model/"+nova))
	c.role("All", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))
	c.role("Idle", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))
	c.role("New", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))["CreateDate"] = stamp(pathsNow.AddDate(0, 0, -3))
	if why := open(t, c.analysis(t, nil), "BR-USE-01", ScanOptions{}); !strings.Contains(why, "--used") {
		t.Errorf("not evaluable because %q", why)
	}
	a := c.analysis(t, uses(t, 100, "Half Converse "+haiku, "All InvokeModel "+haiku))
	found := scanned(t, a, "BR-USE-01", ScanOptions{})
	want(t, found, "Half Idle")
	f := of(t, found, "Half")
	if f.Title != "has not used 3 of 4 rights to invoke in 90 days" || !strings.Contains(f.Detail, "bedrock:InvokeModel on "+nova) || !strings.Contains(f.Detail, "Evidence") {
		t.Errorf("%s: %s", f.Title, f.Detail)
	}
	if f := of(t, found, "Idle"); !strings.Contains(f.Title, "none of 1 right ") {
		t.Errorf("title %q", f.Title)
	}
}

func TestUse01_UnknownIsNotUnused(t *testing.T) {
	c := newCast()
	c.role("App", byService("ec2.amazonaws.com"), allow(calls, everywhere))
	for name, change := range map[string]func(*estate.Sources){
		"evidence too short":        uses(t, 20, "App InvokeModel "+haiku),
		"evidence without any time": withFile(t, func(s *estate.Sources) *[]string { return &s.Used }, `{"principal":"arn:aws:iam::111122223333:role/App","action":"bedrock:InvokeModel","model":"`+haiku+`"}`),
	} {
		if why := open(t, c.analysis(t, change), "BR-USE-01", ScanOptions{}); !strings.Contains(why, "--used") {
			t.Errorf("%s: not evaluable because %q", name, why)
		}
	}
	elsewhere := withFile(t, func(s *estate.Sources) *[]string { return &s.Used }, fmt.Sprintf(
		`{"principal":"arn:aws:iam::444455556666:role/Other","action":"bedrock:InvokeModel","model":%q,"first":%q,"last":%q}`, haiku, stamp(pathsNow.AddDate(0, 0, -100)), stamp(pathsNow)))
	if found := scanned(t, c.analysis(t, elsewhere), "BR-USE-01", ScanOptions{}); len(found) > 0 {
		t.Errorf("the evidence is of another account: %+v", found)
	}
	if found := scanned(t, c.analysis(t, uses(t, 20, "App InvokeModel "+haiku)), "BR-USE-01", ScanOptions{UnusedDays: 15}); len(found) != 1 {
		t.Errorf("within 15 days: %+v", found)
	}
}

func TestUse02_TheNarrowerPolicyIsAttached(t *testing.T) {
	c := newCast()
	c.role("Half", byService("ec2.amazonaws.com"), allow(calls, everywhere+" arn:aws:bedrock:*::foundation-model/"+nova))
	c.role("All", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))
	c.role("Idle", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))
	a := c.analysis(t, uses(t, 100, "Half InvokeModel "+haiku, "All InvokeModel "+haiku))
	found := scanned(t, a, "BR-USE-02", ScanOptions{})
	want(t, found, "Half")
	f := of(t, found, "Half")
	if f.Title != "uses 1 of 4 rights to invoke" || f.Proposal == nil || !strings.Contains(string(f.Proposal.Policy), haiku) || strings.Contains(string(f.Proposal.Policy), nova) {
		t.Errorf("%s: %+v", f.Title, f.Proposal)
	}
}

func TestUse03_CallsOutsideTheRights(t *testing.T) {
	c := newCast()
	c.role("Probes", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))
	c.role("Lacks", byService("ec2.amazonaws.com"), allow("bedrock:InvokeModel", everywhere))["AttachedManagedPolicies"] = attached("arn:aws:iam::aws:policy/PowerUserAccess")
	a := c.analysis(t, uses(t, 10, "Probes InvokeModel "+haiku, "Probes InvokeModel "+nova, "Probes ListFoundationModels "+nova, "Lacks InvokeModel "+nova))
	found := scanned(t, a, "BR-USE-03", ScanOptions{})
	want(t, found, "Probes")
	if f := of(t, found, "Probes"); len(found) != 1 || f.Resource != nova || !strings.Contains(f.Detail, "3 times, last on 2026-11-25") || f.Severity != report.High {
		t.Errorf("%+v", found)
	}
	if why := open(t, c.analysis(t, nil), "BR-USE-03", ScanOptions{}); !strings.Contains(why, "--used") {
		t.Errorf("not evaluable because %q", why)
	}
}
