package analyse

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

const (
	home    = "111122223333"
	away    = "444455556666"
	haiku   = "anthropic.claude-haiku-4-5-20251001-v1:0"
	haikuAt = "arn:aws:bedrock:us-east-1::foundation-model/" + haiku
)

var pathsNow = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

// cast is an account in the making: who is in it, with which policies.
type cast struct {
	account                       string
	users, roles, policies, group []map[string]any
}

func newCast() *cast { return &cast{account: home} }

// body is a policy document of some statements.
func body(statements ...string) json.RawMessage {
	return json.RawMessage(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
}

// allow is a statement; more is further elements, such as a Condition.
func allow(actions, resources string, more ...string) string {
	return statementOn("Allow", actions, resources, more...)
}

func deny(actions, resources string, more ...string) string {
	return statementOn("Deny", actions, resources, more...)
}

func statementOn(effect, actions, resources string, more ...string) string {
	list := func(s string) string {
		text, _ := json.Marshal(strings.Fields(s))
		return string(text)
	}
	return fmt.Sprintf(`{"Effect":%q,"Action":%s,"Resource":%s%s}`, effect, list(actions), list(resources), strings.Join(append([]string{""}, more...), ","))
}

func condition(text string) string { return `"Condition":` + text }

const invokes = "bedrock:InvokeModel bedrock:InvokeModelWithResponseStream"

// trusting is a trust policy; who is the Principal element.
func trusting(who string, more ...string) json.RawMessage {
	return trustFor("sts:AssumeRole", who, more...)
}

func trustFor(action, who string, more ...string) json.RawMessage {
	return body(fmt.Sprintf(`{"Effect":"Allow","Principal":%s,"Action":%q%s}`, who, action, strings.Join(append([]string{""}, more...), ",")))
}

func byService(name string) json.RawMessage { return trusting(`{"Service":"` + name + `"}`) }

func (c *cast) arn(kind, name string) string {
	return "arn:aws:iam::" + c.account + ":" + kind + "/" + name
}

// user and role add a principal with one inline policy. What they return can be
// given further members.
func (c *cast) user(name string, statements ...string) map[string]any {
	u := map[string]any{"UserName": name, "UserId": "AIDA" + name, "Arn": c.arn("user", name), "Path": "/", "CreateDate": "2025-01-01T00:00:00Z",
		"UserPolicyList": []any{map[string]any{"PolicyName": "own", "PolicyDocument": body(statements...)}}, "GroupList": []string{}, "AttachedManagedPolicies": []any{}}
	c.users = append(c.users, u)
	return u
}

func (c *cast) role(name string, trust json.RawMessage, statements ...string) map[string]any {
	r := map[string]any{"RoleName": name, "RoleId": "AROA" + name, "Arn": c.arn("role", name), "Path": "/", "CreateDate": "2025-01-01T00:00:00Z",
		"AssumeRolePolicyDocument": trust, "RolePolicyList": []any{map[string]any{"PolicyName": "own", "PolicyDocument": body(statements...)}},
		"AttachedManagedPolicies": []any{}, "InstanceProfileList": []any{}}
	c.roles = append(c.roles, r)
	return r
}

// policy adds a managed policy and returns its ARN.
func (c *cast) policy(name string, statements ...string) string {
	arn := c.arn("policy", name)
	c.policies = append(c.policies, map[string]any{"PolicyName": name, "PolicyId": "ANPA" + name, "Arn": arn, "Path": "/", "DefaultVersionId": "v1",
		"PolicyVersionList": []any{map[string]any{"Document": body(statements...), "VersionId": "v1", "IsDefaultVersion": true}}})
	return arn
}

func attached(arns ...string) []any {
	var list []any
	for _, arn := range arns {
		list = append(list, map[string]any{"PolicyName": arn[strings.LastIndexByte(arn, '/')+1:], "PolicyArn": arn})
	}
	return list
}

func (c *cast) file(t testing.TB) string {
	t.Helper()
	list := func(l []map[string]any) []map[string]any { return append([]map[string]any{}, l...) }
	text, err := json.MarshalIndent(map[string]any{"UserDetailList": list(c.users), "GroupDetailList": list(c.group), "RoleDetailList": list(c.roles), "Policies": list(c.policies)}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return fileOf(t, "account.json", string(text))
}

func fileOf(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// analysis loads casts, and more that change gives.
func (c *cast) analysis(t testing.TB, change func(*estate.Sources)) *Analysis {
	t.Helper()
	s := estate.Sources{Accounts: []string{c.file(t)}}
	if change != nil {
		change(&s)
	}
	e, err := estate.Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range e.Problems {
		t.Errorf("the fixture has a problem: %+v", p)
	}
	return New(Config{Estate: e, Now: pathsNow})
}

// who is a principal of an estate, by role/NAME or user/NAME.
func who(t testing.TB, a *Analysis, name string) *estate.Principal {
	t.Helper()
	for _, p := range a.Principals() {
		if strings.HasSuffix(p.ARN, ":"+name) {
			return p
		}
	}
	t.Fatalf("no principal %s", name)
	return nil
}

// reach is how one principal comes to a model; nil: it does not.
func reach(t testing.TB, a *Analysis, name string, max int) *Path {
	t.Helper()
	all, err := a.Reach(context.Background(), Question{Action: "bedrock:InvokeModel", Resource: haiku, Region: "us-east-1"}, max)
	if err != nil {
		t.Fatal(err)
	}
	if p, ok := all[who(t, a, name)]; ok {
		return &p
	}
	return nil
}

// way is a path in one line.
func way(p *Path) string {
	if p == nil {
		return "none"
	}
	var parts []string
	for _, h := range p.Hops {
		parts = append(parts, h.By+" → "+h.To[strings.LastIndexByte(h.To, ':')+1:])
	}
	return string(p.End.Decision) + ": " + strings.Join(parts, "; ")
}

// gathered is a report's handler that keeps what it is told.
type gathered struct {
	findings []report.Finding
	open     []report.NotEvaluable
}

func (g *gathered) Config(report.Run) error        { return nil }
func (g *gathered) Progress(string) error          { return nil }
func (g *gathered) Right(report.Right) error       { return nil }
func (g *gathered) Measure(report.Measure) error   { return nil }
func (g *gathered) Flush() error                   { return nil }
func (g *gathered) Finding(f report.Finding) error { g.findings = append(g.findings, f); return nil }
func (g *gathered) NotEvaluable(n report.NotEvaluable) error {
	g.open = append(g.open, n)
	return nil
}

// findings are what one rule finds, and why it could not be asked.
func findings(t testing.TB, a *Analysis, id string, opts ScanOptions) ([]report.Finding, string) {
	t.Helper()
	all := a.Principals()
	m, err := a.Matrix(context.Background(), all, a.Targets(opts.Regions), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &scan{Analysis: a, ctx: context.Background(), opts: opts, matrix: m, index: map[*estate.Principal]int{}}
	for i, p := range all {
		s.index[p] = i
	}
	for _, r := range rules() {
		if r.ID != id {
			continue
		}
		g := &gathered{}
		if err := s.run(r, g); err != nil {
			t.Fatal(err)
		}
		if len(g.open) > 0 {
			return g.findings, g.open[0].Reason
		}
		return g.findings, ""
	}
	t.Fatalf("no rule %s", id)
	return nil, ""
}

// confirmed checks that the plain evaluator allows a witness.
func confirmed(t testing.TB, a *Analysis, f report.Finding) {
	t.Helper()
	var w rights.Witness
	if err := json.Unmarshal(f.Witness, &w); err != nil {
		t.Fatalf("%s on %s: witness %s: %v", f.Rule, f.Principal, f.Witness, err)
	}
	p := a.Estate.Principal(w.Principal)
	if p == nil {
		t.Fatalf("%s: witness of %q", f.Rule, w.Principal)
	}
	confirmedFor(t, a, p, w)
}

func confirmedFor(t testing.TB, a *Analysis, p *estate.Principal, w rights.Witness) {
	t.Helper()
	ctx := awsiam.Context{}
	for k, v := range a.Known(p) {
		ctx[k] = v
	}
	setWitness(ctx, w)
	r := awsiam.Request{Principal: p.Principal, Action: w.Action, Resource: w.Resource, Account: awsiam.AccountOf(w.Resource), Context: ctx}
	if d := awsiam.Evaluate(r, a.Layers(p)); d.Outcome != awsiam.Allowed {
		t.Errorf("the evaluator answers %+v to the witness %+v", d, w)
	}
}

// setWitness puts what a witness holds into a context, over what is there.
func setWitness(ctx awsiam.Context, w rights.Witness) {
	for k, v := range w.Context {
		switch v := v.(type) {
		case string:
			ctx.Set(k, awsiam.One(v))
		case []any:
			var items []string
			for _, x := range v {
				items = append(items, x.(string))
			}
			ctx.Set(k, awsiam.Many(items...))
		}
	}
}
