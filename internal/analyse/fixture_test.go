package analyse

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// What policies of the rules' tests name.
const (
	nova        = "amazon.nova-lite-v1:0"
	haikuUS     = "us." + haiku
	haikuGlobal = "global." + haiku
	usProfile   = "arn:aws:bedrock:*:111122223333:inference-profile/" + haikuUS
	everywhere  = "arn:aws:bedrock:*::foundation-model/" + haiku
	calls       = "bedrock:InvokeModel bedrock:InvokeModelWithResponseStream"
	guardrail   = "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1"
)

// scanned runs one rule and confirms its witnesses by the plain evaluator.
func scanned(t *testing.T, a *Analysis, id string, opts ScanOptions) []report.Finding {
	t.Helper()
	found, why := findings(t, a, id, opts)
	if why != "" {
		t.Fatalf("%s was not evaluated: %s", id, why)
	}
	for _, f := range found {
		if f.Title == "" || f.Detail == "" || strings.Contains(f.Title, f.Principal) && f.Principal != "" {
			t.Errorf("%s: title %q, detail %q", id, f.Title, f.Detail)
		}
		for _, st := range f.Statements {
			if st.Position.Line == 0 || len(st.Text) == 0 {
				t.Errorf("%s: statement without its place or text: %+v", id, st)
			}
		}
		if len(f.Witness) > 0 && id != "BR-SCP-01" {
			allowed(t, a, f)
		}
	}
	return found
}

// open says why a rule could not be evaluated.
func open(t *testing.T, a *Analysis, id string, opts ScanOptions) string {
	t.Helper()
	found, why := findings(t, a, id, opts)
	if len(found) > 0 {
		t.Errorf("%s found %+v", id, found)
	}
	return why
}

// whose are the principals of findings, by name, sorted.
func whose(found []report.Finding) string {
	var names []string
	for _, f := range found {
		names = append(names, f.Principal[strings.LastIndexByte(f.Principal, '/')+1:])
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

func want(t *testing.T, found []report.Finding, names string) {
	t.Helper()
	if got := whose(found); got != names {
		t.Errorf("found for %q, want %q", got, names)
		for _, f := range found {
			t.Logf("%s: %s. %s", f.Principal, f.Title, f.Detail)
		}
	}
}

// of is the finding of a principal.
func of(t *testing.T, found []report.Finding, name string) report.Finding {
	t.Helper()
	for _, f := range found {
		if strings.HasSuffix(f.Principal, "/"+name) {
			return f
		}
	}
	t.Fatalf("no finding of %s", name)
	return report.Finding{}
}

// allowed confirms a witness: with the keys that it names, and those that who
// asks for what fixes, the plain evaluator allows it.
func allowed(t *testing.T, a *Analysis, f report.Finding) {
	t.Helper()
	var w rights.Witness
	if err := json.Unmarshal(f.Witness, &w); err != nil {
		t.Fatal(err)
	}
	p := a.Estate.Principal(w.Principal)
	if d := awsiam.Evaluate(requestOf(a, p, w), a.Layers(known(p))); d.Outcome != awsiam.Allowed {
		t.Errorf("%s on %s: the evaluator answers %+v to %s", f.Rule, f.Principal, d, f.Witness)
	}
}

func requestOf(a *Analysis, p *estate.Principal, w rights.Witness) awsiam.Request {
	ctx := awsiam.Context{}
	region := regionIn(w.Resource)
	if regionless(w.Resource) {
		region = rights.UnspecifiedRegion
	}
	leg := rights.CheckOf(a.Facts, rights.Leg{Action: w.Action, Resource: w.Resource, Region: region}, "")
	for _, from := range []awsiam.Context{leg.Known, a.Known(p)} {
		for k, v := range from {
			ctx[k] = v
		}
	}
	setWitness(ctx, w)
	if _, ok := ctx["aws:currenttime"]; !ok {
		ctx.Set("aws:CurrentTime", awsiam.One(stamp(a.Now)))
	}
	return awsiam.Request{Principal: p.Principal, Action: w.Action, Resource: w.Resource, Account: awsiam.AccountOf(w.Resource), Context: ctx}
}

// whole runs a scan with every rule.
func whole(t *testing.T, a *Analysis, opts ScanOptions) *kept {
	t.Helper()
	k := &kept{}
	if err := a.Scan(context.Background(), opts, k); err != nil {
		t.Fatal(err)
	}
	return k
}

// kept keeps all that a scan reports.
type kept struct {
	gathered
	rights   []report.Right
	measures []report.Measure
}

func (k *kept) Right(r report.Right) error     { k.rights = append(k.rights, r); return nil }
func (k *kept) Measure(m report.Measure) error { k.measures = append(k.measures, m); return nil }

func (k *kept) measure(t *testing.T, name string) report.Measure {
	t.Helper()
	for _, m := range k.measures {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no measure %s", name)
	return report.Measure{}
}

// withFile adds files of a kind to what is read.
func withFile(t *testing.T, field func(*estate.Sources) *[]string, text string) func(*estate.Sources) {
	return func(s *estate.Sources) { *field(s) = append(*field(s), fileOf(t, "input.json", text)) }
}
