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
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// trial is an estate for a test: roles of one account by name, and what else is
// given as the text of a file.
type trial struct {
	roles   map[string]trialRole
	managed map[string]string // policies by name
	scp     []string          // one level each
	org     string
	used    string
	bedrock string
}

// trialRole is a role. Its policies are the statements of inline policies.
type trialRole struct {
	policies []string
	attached []string // names of managed policies
	boundary string
	trust    string // statement; empty: only EC2
	tags     map[string]string
	path     string
}

const (
	trialAccount = "111122223333"
	sonnet       = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	sonnetUS     = "us." + sonnet
)

var trialNow = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func roleARN(name string) string { return "arn:aws:iam::" + trialAccount + ":role/" + name }

func policyText(statements string) json.RawMessage {
	return json.RawMessage(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)
}

// load builds the estate in files and reads them.
func (x trial) load(t testing.TB) *Analysis {
	t.Helper()
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s := estate.Sources{Accounts: []string{put("gaad.json", string(x.gaad()))}}
	for i, level := range x.scp {
		s.SCPs = append(s.SCPs, put(fmt.Sprintf("scp%d.json", i), level))
	}
	if x.org != "" {
		s.Org = put("org.json", x.org)
	}
	if x.used != "" {
		s.Used = []string{put("used.jsonl", x.used)}
	}
	if x.bedrock != "" {
		s.Bedrock = []string{put("bedrock.json", x.bedrock)}
	}
	e, err := estate.Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Estate: e, Catalogue: bedrock.Embedded(), Now: trialNow})
}

func (x trial) gaad() []byte {
	roles, policies := []any{}, []any{}
	for name, r := range x.roles {
		trust := r.trust
		if trust == "" {
			trust = `{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}`
		}
		inline, attached, tags := []any{}, []any{}, []any{}
		for i, p := range r.policies {
			inline = append(inline, map[string]any{"PolicyName": fmt.Sprintf("p%d", i), "PolicyDocument": policyText(p)})
		}
		for _, n := range r.attached {
			attached = append(attached, map[string]any{"PolicyName": n, "PolicyArn": managedARN(n)})
		}
		for k, v := range r.tags {
			tags = append(tags, map[string]any{"Key": k, "Value": v})
		}
		path := r.path
		if path == "" {
			path = "/"
		}
		role := map[string]any{
			"Path": path, "RoleName": name, "RoleId": "AROA" + strings.ToUpper(name), "Arn": "arn:aws:iam::" + trialAccount + ":role" + path + name, "CreateDate": "2026-01-01T00:00:00+00:00",
			"AssumeRolePolicyDocument": policyText(trust), "InstanceProfileList": []any{}, "RolePolicyList": inline, "AttachedManagedPolicies": attached, "Tags": tags,
		}
		if r.boundary != "" {
			role["PermissionsBoundary"] = map[string]any{"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": managedARN(r.boundary)}
		}
		roles = append(roles, role)
	}
	for name, text := range x.managed {
		policies = append(policies, map[string]any{"PolicyName": name, "PolicyId": "ANPA" + strings.ToUpper(name), "Arn": managedARN(name), "Path": "/", "DefaultVersionId": "v1", "AttachmentCount": 1, "PermissionsBoundaryUsageCount": 0, "IsAttachable": true,
			"PolicyVersionList": []any{map[string]any{"Document": policyText(text), "VersionId": "v1", "IsDefaultVersion": true}}})
	}
	out, err := json.Marshal(map[string]any{"UserDetailList": []any{}, "GroupDetailList": []any{}, "RoleDetailList": roles, "Policies": policies, "IsTruncated": false})
	if err != nil {
		panic(err)
	}
	return out
}

func managedARN(name string) string {
	if owner, n, ok := strings.Cut(name, "/"); ok && owner == "aws" {
		return "arn:aws:iam::aws:policy/" + n
	}
	return "arn:aws:iam::" + trialAccount + ":policy/" + name
}

// role returns a role of the estate.
func (a *Analysis) role(t testing.TB, name string) *estate.Principal {
	t.Helper()
	p := a.Estate.Principal(roleARN(name))
	if p == nil {
		t.Fatalf("no role %s", name)
	}
	return p
}

// plainly asks the plain evaluator for one concrete request.
func (a *Analysis) plainly(p *estate.Principal, l awsiam.Layers, action, resource string, ctx awsiam.Context) awsiam.Outcome {
	all := awsiam.Context{}
	for k, v := range a.Known(p) {
		all[k] = v
	}
	for k, v := range ctx {
		all[k] = v
	}
	return awsiam.Evaluate(awsiam.Request{Principal: p.Principal, Action: action, Resource: resource, Account: awsiam.AccountOf(resource), Context: all}, l).Outcome
}

// confirm has the plain evaluator confirm a witness against layers.
func confirm(t testing.TB, a *Analysis, p *estate.Principal, l awsiam.Layers, w *rights.Witness, want bool) {
	t.Helper()
	if w == nil {
		t.Fatal("no witness")
	}
	ctx := awsiam.Context{}
	for k, v := range w.Context {
		switch v := v.(type) {
		case string:
			ctx.Set(k, awsiam.One(v))
		case []string:
			ctx.Set(k, awsiam.Many(v...))
		}
	}
	if region := regionIn(w.Resource); region != "" {
		ctx.Set("aws:RequestedRegion", awsiam.One(region)) // a witness leaves out what the resource says
	}
	for _, k := range w.Absent {
		ctx.Set(k, awsiam.Value{})
	}
	if got := a.plainly(p, l, w.Action, w.Resource, ctx); (got == awsiam.Allowed) != want {
		t.Errorf("witness %+v is %s, want allowed: %t", w, got, want)
	}
}
