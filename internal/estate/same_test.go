package estate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/awsiam"
)

// drawAccount is the four lists of a made-up account.
func drawAccount(t *rapid.T) (users, groups, roles, policies []string) {
	n := rapid.IntRange(0, 4)
	doc := rapid.SampledFrom([]string{invokeDoc, denyDoc, trustDoc})
	attached := func() string {
		arns := rapid.SliceOfN(rapid.SampledFrom([]string{policyARN("P0"), policyARN("P1"), policyARN("Gone"), "arn:aws:iam::aws:policy/A"}), 0, 3).Draw(t, "attached")
		var items []string
		for _, arn := range arns {
			items = append(items, fmt.Sprintf(`{"PolicyName":"x","PolicyArn":%q}`, arn))
		}
		return strings.Join(items, ",")
	}
	for i := range n.Draw(t, "users") {
		users = append(users, fmt.Sprintf(`{"Path":"/","UserName":"U%d","UserId":"AIDA%d","Arn":"arn:aws:iam::%s:user/U%d","CreateDate":"2025-01-01T00:00:00+00:00",
 "UserPolicyList":[{"PolicyName":"own","PolicyDocument":%s}],"GroupList":["G%d"],"AttachedManagedPolicies":[%s],"Tags":[{"Key":"k","Value":"v%d"}],
 "PermissionsBoundary":{"PermissionsBoundaryType":"Policy","PermissionsBoundaryArn":%q}}`,
			i, i, account, i, doc.Draw(t, "doc"), rapid.IntRange(0, 3).Draw(t, "group"), attached(), i, policyARN("P0")))
	}
	for i := range n.Draw(t, "groups") {
		groups = append(groups, fmt.Sprintf(`{"Path":"/","GroupName":"G%d","GroupId":"AGPA%d","Arn":"arn:aws:iam::%s:group/G%d","CreateDate":"2025-01-01T00:00:00+00:00",
 "GroupPolicyList":[{"PolicyName":"g","PolicyDocument":%s}],"AttachedManagedPolicies":[%s]}`, i, i, account, i, doc.Draw(t, "doc"), attached()))
	}
	for i := range n.Draw(t, "roles") {
		roles = append(roles, strings.Replace(roleJSON(fmt.Sprintf("R%d", i), doc.Draw(t, "doc"), ""), `"AttachedManagedPolicies":[]`, `"AttachedManagedPolicies":[`+attached()+`]`, 1))
	}
	for i := range n.Draw(t, "policies") {
		policies = append(policies, policyJSON(fmt.Sprintf("P%d", i), doc.Draw(t, "doc")))
	}
	return users, groups, roles, policies
}

func page(users, groups, roles, policies []string) string {
	join := func(list []string) string { return "[" + strings.Join(list, ",\n") + "]" }
	return `{"UserDetailList":` + join(users) + `,"GroupDetailList":` + join(groups) + `,"RoleDetailList":` + join(roles) + `,"Policies":` + join(policies) + `,"IsTruncated":false}`
}

// inMemory loads named texts.
func inMemory(t testing.TB, texts ...string) (*Estate, error) {
	t.Helper()
	files := map[string]func() io.Reader{}
	var s Sources
	for i, text := range texts {
		name := fmt.Sprintf("part-%d.json", i)
		s.Accounts = append(s.Accounts, name)
		files[name] = func() io.Reader { return strings.NewReader(text) }
	}
	l := newLoader(context.Background(), s)
	fromMemory(l, files)
	err := l.load()
	return l.estate, err
}

// sameEstate compares two estates but for their inputs.
func sameEstate(t interface{ Errorf(string, ...any) }, a, b *Estate) {
	x, y := *a, *b
	x.Inputs, y.Inputs = nil, nil
	if diff := cmp.Diff(&x, &y, alike); diff != "" {
		t.Errorf("the estates differ (-whole +other):\n%s", diff)
	}
}

func TestPropertyPartsOfAnAccountSayTheSameAsTheWhole(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		users, groups, roles, policies := drawAccount(rt)
		whole, err := inMemory(t, page(users, groups, roles, policies))
		if err != nil {
			rt.Fatal(err)
		}
		cut := func(list []string) int { return rapid.IntRange(0, len(list)).Draw(rt, "cut") }
		u, g, r, p := cut(users), cut(groups), cut(roles), cut(policies)
		parts, err := inMemory(t, page(users[:u], groups[:g], roles[:r], policies[:p]), page(users[u:], groups[g:], roles[r:], policies[p:]))
		if err != nil {
			rt.Fatal(err)
		}
		sameEstate(rt, whole, parts)
	})
}

// collect writes an account as iam-collect does: a file per aspect, file names in
// lower case, nothing where there is nothing.
func collect(t testing.TB, root string, users, groups, roles, policies []string) {
	t.Helper()
	base := filepath.Join(root, "aws", "aws", "accounts", account, "iam")
	put := func(kind, path, file string, v any) {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if s := string(data); s == "[]" || s == "{}" || s == "null" {
			return
		}
		dir := filepath.Join(base, kind, strings.ToLower(strings.ReplaceAll(path, "/", "%2f")))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file+".json"), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for kind, list := range map[string][]string{"user": users, "group": groups, "role": roles, "policy": policies} {
		for _, text := range list {
			var v struct {
				Arn, Path, DefaultVersionId, CreateDate                                      string
				UserName, GroupName, RoleName, PolicyName, UserId, GroupId, RoleId, PolicyId string
				UserPolicyList, GroupPolicyList, RolePolicyList                              []json.RawMessage
				AttachedManagedPolicies                                                      []struct{ PolicyArn string }
				GroupList                                                                    []string
				Tags                                                                         []struct{ Key, Value string }
				PermissionsBoundary                                                          struct{ PermissionsBoundaryArn string }
				AssumeRolePolicyDocument                                                     json.RawMessage
				PolicyVersionList                                                            []struct {
					Document         json.RawMessage
					IsDefaultVersion bool
				}
			}
			if err := json.Unmarshal([]byte(text), &v); err != nil {
				t.Fatal(err)
			}
			name := v.UserName + v.GroupName + v.RoleName + v.PolicyName
			meta := map[string]string{"arn": v.Arn, "name": name, "path": v.Path, "id": v.UserId + v.GroupId + v.RoleId + v.PolicyId}
			for key, value := range map[string]string{"permissionBoundary": v.PermissionsBoundary.PermissionsBoundaryArn, "defaultVersionId": v.DefaultVersionId, "created": v.CreateDate} {
				if value != "" {
					meta[key] = value
				}
			}
			put(kind, name, "metadata", meta)
			put(kind, name, "inline-policies", append(append(v.UserPolicyList, v.GroupPolicyList...), v.RolePolicyList...))
			arns, tags, groupARNs := []string{}, map[string]string{}, []string{}
			for _, p := range v.AttachedManagedPolicies {
				arns = append(arns, p.PolicyArn)
			}
			for _, tag := range v.Tags {
				tags[tag.Key] = tag.Value
			}
			for _, g := range v.GroupList {
				groupARNs = append(groupARNs, "arn:aws:iam::"+account+":group/"+g)
			}
			put(kind, name, "managed-policies", arns)
			put(kind, name, "tags", tags)
			put(kind, name, "groups", groupARNs)
			put(kind, name, "trust-policy", v.AssumeRolePolicyDocument)
			for _, version := range v.PolicyVersionList {
				if version.IsDefaultVersion {
					put(kind, name, "current-policy", version.Document)
				}
			}
		}
	}
	if err := os.MkdirAll(base, 0o755); err != nil {
		t.Fatal(err)
	}
}

func TestPropertyWhatIAMCollectWroteSaysTheSame(t *testing.T) {
	n := 0
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		users, groups, roles, policies := drawAccount(rt)
		whole, err := inMemory(t, page(users, groups, roles, policies))
		if err != nil {
			rt.Fatal(err)
		}
		n++
		dir := filepath.Join(root, fmt.Sprint(n))
		collect(t, dir, users, groups, roles, policies)
		collected, err := Load(context.Background(), Sources{Accounts: []string{dir}})
		if err != nil {
			rt.Fatal(err)
		}
		sameEstate(rt, whole, collected)
	})
}

func FuzzGAAD(f *testing.F) {
	f.Add([]byte(wholeAccount))
	f.Add([]byte(rolesJSON(roleJSON("One", invokeDoc, ""), roleJSON("One", denyDoc, ""))))
	f.Add([]byte(`[{"Policies":[` + policyJSON("P", invokeDoc) + `],"IsTruncated":true},5]`))
	f.Add([]byte(zipped(f, strings.NewReader(wholeAccount))))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLoader(context.Background(), Sources{Accounts: []string{"a.json"}, Limits: Limits{Bytes: 1 << 20, Value: 1 << 16}})
		fromMemory(l, map[string]func() io.Reader{"a.json": func() io.Reader { return bytes.NewReader(data) }})
		if l.load() != nil {
			return
		}
		placedProblems(t, l.estate.Problems, 1<<20)
		for _, a := range l.estate.Accounts {
			for _, p := range a.Principals {
				wellFormed(t, p)
			}
		}
	})
}

// wellFormed checks what the analysis takes for granted of a principal.
func wellFormed(t *testing.T, p *Principal) {
	t.Helper()
	id, err := awsiam.ParsePrincipal(p.ARN)
	if err != nil || id.Account != p.Account.ID {
		t.Errorf("principal %q of account %s: %v", p.ARN, p.Account.ID, err)
	}
	docs := append([]*awsiam.Document{}, p.Identity...)
	if p.Kind == Role {
		docs = append(docs, p.Trust)
	}
	if p.BoundaryARN != "" || p.BoundaryMissing {
		docs = append(docs, p.Boundary)
	}
	for _, d := range docs {
		if d == nil {
			t.Fatalf("%s has a nil document", p.ARN)
		}
	}
}
