package estate

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/awsiam"
)

const denyDoc = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"bedrock:*","Resource":"*"}]}`

// orgFile is an organization with a unit below its root; the account of the
// fixtures is in it, the other one is the management account.
var orgFile = `{"Organization":{"Id":"o-exampleorg1","MasterAccountId":"444455556666","FeatureSet":"ALL"},
 "Roots":[{"Id":"r-ab12","Name":"Root","PolicyTypes":[{"Type":"SERVICE_CONTROL_POLICY","Status":"ENABLED"},{"Type":"RESOURCE_CONTROL_POLICY","Status":"ENABLED"}]}],
 "OrganizationalUnits":[{"Id":"ou-ab12-prod","ParentId":"r-ab12","Name":"prod"}],
 "Accounts":[{"Id":"111122223333","ParentId":"ou-ab12-prod","Name":"app","Status":"ACTIVE"},{"Id":"444455556666","ParentId":"r-ab12","Name":"main","Status":"ACTIVE"}],
 "Policies":[{"PolicySummary":{"Id":"p-FullAWSAccess","Name":"FullAWSAccess","Type":"SERVICE_CONTROL_POLICY","AwsManaged":true},
   "Targets":[{"TargetId":"r-ab12"},{"TargetId":"ou-ab12-prod"},{"TargetId":"111122223333"}]},
  {"PolicySummary":{"Id":"p-deny1","Name":"NoBedrock","Type":"SERVICE_CONTROL_POLICY","AwsManaged":false},"Content":` + strconv.Quote(denyDoc) + `,"Targets":[{"TargetId":"ou-ab12-prod"}]},
  {"PolicySummary":{"Id":"p-rcp1","Name":"Ours","Type":"RESOURCE_CONTROL_POLICY"},"Content":` + denyDoc + `,"Targets":[{"TargetId":"111122223333"}]}]}`

var bothAccounts = rolesJSON(roleJSON("App", invokeDoc, ""), strings.ReplaceAll(roleJSON("App", invokeDoc, ""), account, other))

func inOrganization(t testing.TB, org string) *Estate {
	t.Helper()
	return loadFrom(t, Sources{Accounts: []string{write(t, "a.json", bothAccounts)}, Org: write(t, "org.json", org)})
}

// levelNames is the names of the documents of every level.
func levelNames(levels [][]*awsiam.Document) (out [][]string) {
	for _, level := range levels {
		names := []string{}
		for _, d := range level {
			names = append(names, d.Name)
		}
		out = append(out, names)
	}
	return out
}

func TestLevelsGoFromTheRootToTheAccount(t *testing.T) {
	e := inOrganization(t, orgFile)
	noProblem(t, e)
	a := e.Account(account)
	if diff := cmp.Diff([][]string{{"p-FullAWSAccess"}, {"p-FullAWSAccess", "p-deny1"}, {"p-FullAWSAccess"}}, levelNames(a.SCPs)); diff != "" {
		t.Errorf("SCPs (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([][]string{{"p-RCPFullAWSAccess"}, {"p-RCPFullAWSAccess"}, {"p-RCPFullAWSAccess", "p-rcp1"}}, levelNames(a.RCPs)); diff != "" {
		t.Errorf("RCPs (-want +got):\n%s", diff)
	}
	if !a.Known || a.Management || a.OrgID != "o-exampleorg1" || a.OrgPath != "o-exampleorg1/r-ab12/ou-ab12-prod/" {
		t.Errorf("account: %+v", a)
	}
	if d := a.SCPs[1][1]; len(d.Statements) != 1 || d.Statements[0].Effect != awsiam.Deny || d.Statements[0].Position.Line != 7 {
		t.Errorf("document: %+v", d)
	}
	if len(e.Incomplete) > 0 {
		t.Errorf("incomplete: %v", e.Incomplete)
	}
}

func TestNothingBindsTheManagementAccount(t *testing.T) {
	e := loadFrom(t, Sources{Accounts: []string{write(t, "a.json", bothAccounts)}, Org: write(t, "org.json", orgFile), SCPs: []string{write(t, "scp.json", denyDoc)}})
	a := e.Account(other)
	if !a.Management || !a.Known || a.SCPs != nil || a.RCPs != nil {
		t.Errorf("account: %+v", a)
	}
	if n := len(e.Account(account).SCPs); n != 4 {
		t.Errorf("the other account has %d levels, not the organization's three and the file's", n)
	}
}

func TestPoliciesMayBeKeyedByID(t *testing.T) {
	keyed := orgFile[:strings.Index(orgFile, `"Policies":[`)] + `"Policies":{"p-FullAWSAccess":{"Type":"SERVICE_CONTROL_POLICY","Targets":[{"TargetId":"r-ab12"},{"TargetId":"ou-ab12-prod"},{"TargetId":"111122223333"}]},
	 "p-deny1":{"PolicySummary":{"Type":"SERVICE_CONTROL_POLICY"},"Content":` + denyDoc + `,"Targets":[{"TargetId":"ou-ab12-prod"}]}}}`
	e := inOrganization(t, keyed)
	noProblem(t, e)
	if diff := cmp.Diff([][]string{{"p-FullAWSAccess"}, {"p-FullAWSAccess", "p-deny1"}, {"p-FullAWSAccess"}}, levelNames(e.Account(account).SCPs)); diff != "" {
		t.Errorf("SCPs (-want +got):\n%s", diff)
	}
}

func TestATypeThatIsNotEnabledLimitsNothing(t *testing.T) {
	e := inOrganization(t, strings.Replace(orgFile, `"SERVICE_CONTROL_POLICY","Status":"ENABLED"`, `"SERVICE_CONTROL_POLICY","Status":"PENDING_DISABLE"`, 1))
	if a := e.Account(account); a.SCPs != nil || a.RCPs == nil {
		t.Errorf("account: %+v", a)
	}
	if i := wantIncomplete(t, e, "SCPs are not enabled"); i.Layer != awsiam.SCPLayer {
		t.Errorf("%+v", i)
	}
}

func TestALevelWithoutAnSCPAllowsNothing(t *testing.T) {
	e := inOrganization(t, strings.Replace(orgFile, `{"TargetId":"ou-ab12-prod"},`, ``, 1))
	if diff := cmp.Diff([][]string{{"p-FullAWSAccess"}, {"p-deny1"}, {"p-FullAWSAccess"}}, levelNames(e.Account(account).SCPs)); diff != "" {
		t.Errorf("SCPs (-want +got):\n%s", diff)
	}
	e = inOrganization(t, strings.Replace(orgFile, `,{"TargetId":"111122223333"}]`, `]`, 1))
	if l := e.Account(account).SCPs; len(l) != 3 || l[2] == nil || len(l[2]) != 0 {
		t.Errorf("SCPs: %v", levelNames(l))
	}
	wantProblem(t, e, "no SCP is attached")
}

func TestAnAttachedPolicyWithoutContentMayBeAnything(t *testing.T) {
	e := inOrganization(t, strings.Replace(orgFile, `"Content":`+strconv.Quote(denyDoc)+`,`, ``, 1))
	wantIncomplete(t, e, "the policy p-deny1 on ou-ab12-prod is not in the input")
	if d := e.Account(account).SCPs[1][1]; d.Doubt == "" {
		t.Errorf("document: %+v", d)
	}
}

func TestABrokenTreeIsAProblemAndLeavesTheLevelsUnknown(t *testing.T) {
	for name, c := range map[string]struct{ old, with, reason string }{
		"cycle":             {`"Id":"ou-ab12-prod","ParentId":"r-ab12"`, `"Id":"ou-ab12-prod","ParentId":"ou-ab12-prod"`, "form a cycle"},
		"unknown parent":    {`"ParentId":"ou-ab12-prod"`, `"ParentId":"ou-gone"`, `the parent "ou-gone"`},
		"no parent":         {`"ParentId":"ou-ab12-prod",`, ``, "has no parent"},
		"account as parent": {`"ParentId":"ou-ab12-prod"`, `"ParentId":"444455556666"`, "is an account"},
	} {
		t.Run(name, func(t *testing.T) {
			e := inOrganization(t, strings.Replace(orgFile, c.old, c.with, 1))
			wantProblem(t, e, c.reason)
			if i := wantIncomplete(t, e, "its place in the organization is unknown"); i.Account != account {
				t.Errorf("%+v", i)
			}
			if a := e.Account(account); len(a.SCPs) < 2 || a.SCPs[0][0].Doubt == "" || a.OrgPath != "" {
				t.Errorf("SCPs: %v, path %q", levelNames(a.SCPs), a.OrgPath)
			}
		})
	}
}

func TestAnAccountOutsideTheOrganizationIsIncomplete(t *testing.T) {
	e := inOrganization(t, strings.ReplaceAll(orgFile, account, "777788889999"))
	if i := wantIncomplete(t, e, "not in the organization"); i.Account != account {
		t.Errorf("%+v", i)
	}
	if e.Account(account).Known {
		t.Error("the account is taken for known")
	}
}

func TestOddMembersOfAnOrganizationAreProblems(t *testing.T) {
	for name, c := range map[string]struct{ old, with, reason string }{
		"unknown":        {`"Roots":`, `"Extra":{},"Roots":`, `"Extra" is no member of the organization file`},
		"unknown inside": {`"Name":"prod"`, `"Nmae":"prod"`, `"Nmae" is no member of an organizational unit`},
		"twice":          {`"Roots":`, `"Roots":[],"Roots":`, `"Roots" stands twice`},
		"same account":   {`"Accounts":[`, `"Accounts":[{"Id":"111122223333"},`, "stands twice"},
		"bad account":    {`"Id":"111122223333"`, `"Id":"1111"`, "not twelve digits"},
		"target":         {`{"TargetId":"r-ab12"}`, `{"TargetId":"r-gone"}`, `target "r-gone"`},
		"kind":           {`"Accounts":[`, `"Accounts":5,"x":[`, "Accounts is a number, not a list"},
		"policy id":      {`"Id":"p-deny1",`, ``, "a policy has no Id"},
		"bad statement":  {`"Content":` + denyDoc, `"Content":{"Version":"2012-10-17","Statement":[5]}`, "a statement is a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, inOrganization(t, strings.Replace(orgFile, c.old, c.with, 1)), c.reason)
		})
	}
}

func TestABrokenOrganizationFileIsAnErrorWithTheLine(t *testing.T) {
	for text, want := range map[string]string{
		orgFile[:400]:                  "the JSON ends too early",
		"{\n// ours\n" + orgFile[1:]:   "org.json:2:1: a comment",
		`[]`:                           "is a JSON object",
		`{}`:                           "not an organization file",
		orgFile + orgFile:              "more than one JSON value",
		strings.Repeat(`{"Roots":`, 9): "ends too early",
	} {
		err := refuse(t, Sources{Org: write(t, "org.json", text)})
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: error %q, want %q", text, err, want)
		}
	}
}

func TestLevelsByFileHoldForEveryAccount(t *testing.T) {
	e := loadFrom(t, Sources{Accounts: []string{write(t, "a.json", bothAccounts)},
		SCPs: []string{write(t, "root.json", "["+invokeDoc+","+denyDoc+"]"), write(t, "account.json", `{"Policy":{"PolicySummary":{"Id":"p-1"},"Content":`+strconv.Quote(denyDoc)+`}}`)},
		RCPs: []string{write(t, "rcp.json", "[]")}})
	for _, a := range e.Accounts {
		if len(a.SCPs) != 2 || len(a.SCPs[0]) != 2 || len(a.SCPs[1]) != 1 || a.SCPs[1][0].Statements[0].Effect != awsiam.Deny {
			t.Errorf("account %s: SCPs %v", a.ID, levelNames(a.SCPs))
		}
		if len(a.RCPs) != 1 || a.RCPs[0] == nil || len(a.RCPs[0]) != 0 {
			t.Errorf("account %s: RCPs %v", a.ID, a.RCPs)
		}
	}
	wantProblemWithoutPlace(t, e, "a level without a policy allows nothing")
	if len(e.Incomplete) > 0 {
		t.Errorf("incomplete: %v", e.Incomplete)
	}
}

func wantProblemWithoutPlace(t *testing.T, e *Estate, reason string) {
	t.Helper()
	for _, p := range e.Problems {
		if p.Reason == reason {
			return
		}
	}
	t.Errorf("no problem %q among %v", reason, e.Problems)
}

func FuzzOrganisation(f *testing.F) {
	f.Add([]byte(orgFile))
	f.Add([]byte(`{"Roots":[{"Id":"r"}],"OrganizationalUnits":[{"Id":"a","ParentId":"b"},{"Id":"b","ParentId":"a"}],"Accounts":[{"Id":"111122223333","ParentId":"a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLoader(context.Background(), Sources{Org: "org.json"})
		c := newCursor()
		c.begin(data, awsiam.Position{File: "org.json", Line: 1, Column: 1}, "org.json")
		r := orgReader{cursor: c, tree: newOrgTree("org.json")}
		if r.file() != nil {
			return
		}
		l.problems.add(c.problems...)
		r.tree.resolve(l)
		placedProblems(t, l.problems.all(), len(data))
	})
}

// placedProblems checks that every problem says where it is.
func placedProblems(t *testing.T, list []awsiam.Problem, size int) {
	t.Helper()
	for _, p := range list {
		if p.File == "" || p.Line < 1 || p.Column < 1 || p.Offset < 0 || p.Offset > int64(size) || p.Reason == "" {
			t.Errorf("problem without a place: %+v", p)
		}
	}
}
