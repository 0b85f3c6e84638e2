package analyse

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// TestReachAgreesWithTheEvaluatorAskedOneRequestAtATime draws small accounts of
// roles that trust and assume one another, and walks them forwards by the plain
// evaluator.
func TestReachAgreesWithTheEvaluatorAskedOneRequestAtATime(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := newCast()
		n := rapid.IntRange(2, 6).Draw(r, "roles")
		name := func(label string) string { return fmt.Sprintf("r%d", rapid.IntRange(0, n-1).Draw(r, label)) }
		for i := range n {
			c.role(fmt.Sprintf("r%d", i), trusting(drawTrust(r, name)), drawStatements(r, name)...)
		}
		hops := rapid.IntRange(1, 4).Draw(r, "hops")
		a := c.analysis(t, nil)
		got, err := a.Reach(context.Background(), Question{Action: "bedrock:InvokeModel", Resource: haiku, Region: "us-east-1"}, hops)
		if err != nil {
			r.Fatal(err)
		}
		for _, p := range a.Principals() {
			want := steppedTo(a, p, hops)
			path, reached := got[p]
			if reached != (want > 0) || reached && len(path.Hops) != want {
				r.Errorf("%s: %d hops by the evaluator, %q", p.Name, want, way(&path))
			}
		}
	})
}

func drawTrust(r *rapid.T, name func(string) string) string {
	switch rapid.IntRange(0, 3).Draw(r, "trust") {
	case 0:
		return byAccount(home)
	case 1:
		return `{"Service":"ec2.amazonaws.com"}`
	case 2:
		return `"*"`
	}
	return `{"AWS":"arn:aws:iam::` + home + `:role/` + name("trusted") + `"}`
}

func drawStatements(r *rapid.T, name func(string) string) []string {
	list := []string{allow("s3:GetObject", "*")}
	if rapid.Bool().Draw(r, "assumes") {
		list = append(list, allow("sts:AssumeRole", "arn:aws:iam::*:role/"+name("assumed")))
	}
	if rapid.IntRange(0, 3).Draw(r, "assumes all") == 0 {
		list = append(list, allow("sts:*", "*"))
	}
	if rapid.IntRange(0, 3).Draw(r, "denied") == 0 {
		list = append(list, deny("sts:AssumeRole", "arn:aws:iam::*:role/"+name("denied to")))
	}
	if rapid.IntRange(0, 3).Draw(r, "invokes") == 0 {
		list = append(list, allow(invokes, haikuAt))
	}
	return list
}

// steppedTo is the fewest hops to somebody who can, by the evaluator; 0: one can
// oneself, -1: nobody is in reach.
func steppedTo(a *Analysis, from *estate.Principal, most int) int {
	ask := func(p *estate.Principal, action, resource string, l awsiam.Layers) bool {
		ctx := awsiam.Context{}
		for k, v := range a.Known(p) {
			ctx[k] = v
		}
		ctx.Set("aws:RequestedRegion", awsiam.One("us-east-1"))
		return awsiam.Evaluate(awsiam.Request{Principal: p.Principal, Action: action, Resource: resource, Context: ctx}, l).Outcome == awsiam.Allowed
	}
	at := []*estate.Principal{from}
	for hops := 0; hops <= most; hops++ {
		var next []*estate.Principal
		for _, p := range at {
			if ask(p, "bedrock:InvokeModel", haikuAt, a.Layers(p)) {
				return hops
			}
			for _, q := range a.Principals() {
				l := a.Layers(p)
				l.Resource, l.Trust = q.Trust, true
				if q != p && !slices.Contains(next, q) && ask(p, assumeRole, q.ARN, l) {
					next = append(next, q)
				}
			}
		}
		at = next
	}
	return -1
}

func TestTablesOfWaysNameActionsThatExist(t *testing.T) {
	// Actions that AWS documents and the tables of facts, which are about
	// invocation, leave out.
	unlisted := []string{"iam:CreateInstanceProfile", "glue:RunStatement", "ssm:CreateDocument", "apprunner:CreateService", "cloudformation:ExecuteChangeSet",
		"bedrock:CreateDataSource", "bedrock-agentcore:StartCodeInterpreterSession"}
	facts := awsiam.EmbeddedFacts()
	for _, list := range leadingActions() {
		for _, action := range list {
			f, ok := facts.Action(action)
			if !ok && !slices.Contains(unlisted, action) || ok && f.Name != action {
				t.Errorf("%s: listed %v, spelled %q", action, ok, f.Name)
			}
		}
	}
	if n := len(leads()); n > 64*len(leadSet{}) {
		t.Errorf("%d actions do not fit into a set", n)
	}
	for _, s := range slices.Concat(passed, running) {
		if _, ok := facts.Service(s.principal); !ok {
			t.Errorf("%s is no service principal that the facts know", s.principal)
		}
		for _, r := range s.runs {
			for _, c := range r {
				if service, _, _ := strings.Cut(c.action, ":"); c.form != noResource && !strings.Contains(c.form, ":"+service+":") && c.action != "ssm:SendCommand" && !strings.HasPrefix(c.action, "ssm:Start") && !strings.HasPrefix(c.action, "ec2-instance") {
					t.Errorf("%s is checked on %s", c.action, c.form)
				}
			}
		}
	}
	if got := certainty(rights.Allowed); got != 3 {
		t.Errorf("certainty of what is allowed: %d", got)
	}
}
