package estate

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/awsiam"
)

const wholeAccount = `{
 "UserDetailList": [{"Path":"/team/","UserName":"ana","UserId":"AIDA1","Arn":"arn:aws:iam::111122223333:user/team/ana","CreateDate":"2025-02-03T04:05:06+00:00",
   "UserPolicyList":[{"PolicyName":"mine","PolicyDocument":` + invokeDoc + `}],"GroupList":["ml"],
   "AttachedManagedPolicies":[{"PolicyName":"Direct","PolicyArn":"arn:aws:iam::111122223333:policy/Direct"}],
   "PermissionsBoundary":{"PermissionsBoundaryType":"Policy","PermissionsBoundaryArn":"arn:aws:iam::111122223333:policy/Edge"},
   "Tags":[{"Key":"Team","Value":"search"}]}],
 "GroupDetailList": [{"Path":"/","GroupName":"ml","GroupId":"AGPA1","Arn":"arn:aws:iam::111122223333:group/ml","CreateDate":"2025-01-01T00:00:00+00:00",
   "GroupPolicyList":[{"PolicyName":"shared","PolicyDocument":` + invokeDoc + `}],
   "AttachedManagedPolicies":[{"PolicyName":"ReadOnlyAccess","PolicyArn":"arn:aws:iam::aws:policy/ReadOnlyAccess"}]}],
 "RoleDetailList": [{"Path":"/aws-service-role/x.amazonaws.com/","RoleName":"AWSServiceRoleForX","RoleId":"AROA1",
   "Arn":"arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX","CreateDate":"2025-01-01T00:00:00Z",
   "AssumeRolePolicyDocument":` + trustDoc + `,"RolePolicyList":[],"AttachedManagedPolicies":[],
   "InstanceProfileList":[{"Arn":"arn:aws:iam::111122223333:instance-profile/p","Roles":[]}],
   "RoleLastUsed":{"LastUsedDate":"2026-01-02T03:04:05+00:00","Region":"eu-west-1"}}],
 "Policies": [{"PolicyName":"Direct","Arn":"arn:aws:iam::111122223333:policy/Direct","DefaultVersionId":"v1","PolicyVersionList":[{"Document":` + invokeDoc + `,"VersionId":"v1","IsDefaultVersion":true}]},
   {"PolicyName":"Edge","Arn":"arn:aws:iam::111122223333:policy/Edge","DefaultVersionId":"v1","PolicyVersionList":[{"Document":` + invokeDoc + `,"VersionId":"v1","IsDefaultVersion":true}]},
   {"PolicyName":"ReadOnlyAccess","Arn":"arn:aws:iam::aws:policy/ReadOnlyAccess","DefaultVersionId":"v9","PolicyVersionList":[{"Document":` + invokeDoc + `,"VersionId":"v9","IsDefaultVersion":true}]}],
 "IsTruncated": false
}`

func TestAWholeAccountIsReadWithEveryLayer(t *testing.T) {
	e := load(t, wholeAccount)
	noProblem(t, e)
	ana := principal(t, e, "arn:aws:iam::111122223333:user/team/ana")
	var names []string
	for _, d := range ana.Identity {
		names = append(names, d.Name)
		if d.Doubt != "" || len(d.Statements) != 1 {
			t.Errorf("document %s: doubt %q, %d statements", d.Name, d.Doubt, len(d.Statements))
		}
	}
	want := []string{"arn:aws:iam::111122223333:user/team/ana inline mine", "arn:aws:iam::111122223333:policy/Direct",
		"arn:aws:iam::111122223333:group/ml inline shared", "arn:aws:iam::aws:policy/ReadOnlyAccess"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("identity policies (-want +got):\n%s", diff)
	}
	if ana.Kind != User || ana.Name != "ana" || ana.Path != "/team/" || ana.UniqueID != "AIDA1" || ana.Account.ID != account || ana.Tags["Team"] != "search" {
		t.Errorf("user: %+v", ana)
	}
	if ana.Boundary == nil || ana.Boundary.Name != policyARN("Edge") || ana.BoundaryMissing || !ana.Bounded || len(ana.Missing) > 0 {
		t.Errorf("boundary %v, missing %v", ana.Boundary, ana.Missing)
	}
	if want := time.Date(2025, 2, 3, 4, 5, 6, 0, time.UTC); !ana.Created.Equal(want) {
		t.Errorf("created %v", ana.Created)
	}
	role := principal(t, e, roleARN("aws-service-role/x.amazonaws.com/AWSServiceRoleForX"))
	if role.Kind != Role || !role.ServiceLinked || role.Trust == nil || role.Trust.Doubt != "" || role.LastUsedRegion != "eu-west-1" || role.LastUsed.IsZero() ||
		!cmp.Equal(role.InstanceProfiles, []string{"arn:aws:iam::111122223333:instance-profile/p"}) {
		t.Errorf("role: %+v", role)
	}
	if len(e.Accounts) != 1 || len(e.Accounts[0].Policies) != 3 || e.Accounts[0].Partition != "aws" {
		t.Errorf("accounts: %+v", e.Accounts[0])
	}
	if len(e.Inputs) != 1 || e.Inputs[0].Kind != "gaad" || len(e.Inputs[0].Digest) != 64 {
		t.Errorf("inputs: %+v", e.Inputs)
	}
}

func TestPositionsPointAtTheStatement(t *testing.T) {
	var roles []string
	for i := range 20 { // so that documents repeat, in other lines and columns
		role := roleJSON(fmt.Sprintf("R%d", i), invokeDoc, "")
		roles = append(roles, strings.Replace(role, `"AssumeRole`, strings.Repeat(" ", i)+`"AssumeRole`, 1))
	}
	e := load(t, rolesJSON(roles...))
	for _, p := range e.Accounts[0].Principals {
		for _, d := range append([]*awsiam.Document{p.Trust}, p.Identity...) {
			at := d.Statements[0].Position
			text := readAll(t, at.File)
			lines := strings.Split(text, "\n")
			if got := lines[at.Line-1][at.Column-1:]; !strings.HasPrefix(got, `{"Effect"`) || !strings.HasPrefix(text[at.Offset:], `{"Effect"`) {
				t.Errorf("%s: %+v is at %.20q", d.Name, at, got)
			}
		}
	}
}

func TestDocumentsMayBeEncodedAsTheAPIEncodesThem(t *testing.T) {
	for name, doc := range map[string]string{
		"percent-encoded": strconv.Quote(strings.ReplaceAll(url.QueryEscape(invokeDoc), "+", "%20")),
		"a string":        strconv.Quote(invokeDoc),
	} {
		t.Run(name, func(t *testing.T) {
			e := load(t, rolesJSON(roleJSON("App", doc, "")))
			noProblem(t, e)
			d := principal(t, e, roleARN("App")).Identity[0]
			if d.Doubt != "" || len(d.Statements) != 1 || d.Statements[0].Position.Line == 0 {
				t.Errorf("document: %+v", d)
			}
		})
	}
	e := load(t, rolesJSON(roleJSON("App", `"%zz"`, "")))
	wantProblem(t, e, "cannot be decoded")
	if d := principal(t, e, roleARN("App")).Identity[0]; d.Doubt == "" {
		t.Error("an undecodable document is taken for one that says nothing")
	}
}

func TestOnlyTheDefaultVersionOfAPolicyCounts(t *testing.T) {
	e := load(t, `{"UserDetailList":[],"Policies":[`+policyJSON("P", invokeDoc)+`]}`)
	noProblem(t, e)
	if d := e.Accounts[0].Policies[policyARN("P")]; len(d.Statements) != 1 {
		t.Errorf("default version: %+v", d)
	}
}

func TestAPolicyWithoutItsDefaultVersionMayBeAnything(t *testing.T) {
	for name, text := range map[string]string{
		"other versions": strings.Replace(policyJSON("P", invokeDoc), `"DefaultVersionId":"v2"`, `"DefaultVersionId":"v3"`, 1),
		"none marked":    strings.Replace(strings.Replace(policyJSON("P", invokeDoc), `"DefaultVersionId":"v2",`, ``, 1), "true", "false", 1),
		"two defaults":   strings.Replace(policyJSON("P", invokeDoc), `"DefaultVersionId":"v2"`, `"DefaultVersionId":"v1"`, 1),
		"no document":    strings.Replace(policyJSON("P", "null"), "", "", 1),
	} {
		t.Run(name, func(t *testing.T) {
			e := load(t, `{"Policies":[`+text+`]}`)
			if len(e.Problems) == 0 || e.Accounts[0].Policies[policyARN("P")].Doubt == "" {
				t.Errorf("policy %+v, problems %v", e.Accounts[0].Policies, e.Problems)
			}
		})
	}
}

func TestWhatTheInputDoesNotHoldIsNotTakenForAbsent(t *testing.T) {
	e := load(t, `{"UserDetailList":[{"UserName":"u","Arn":"arn:aws:iam::111122223333:user/u","GroupList":["gone"],
	 "AttachedManagedPolicies":[{"PolicyName":"X","PolicyArn":"arn:aws:iam::aws:policy/X"}],
	 "PermissionsBoundary":{"PermissionsBoundaryArn":"arn:aws:iam::111122223333:policy/B"}}]}`)
	noProblem(t, e)
	u := principal(t, e, "arn:aws:iam::111122223333:user/u")
	if len(u.Identity) != 2 || u.Identity[0].Doubt == "" || u.Identity[1].Doubt == "" {
		t.Errorf("identity: %+v", u.Identity)
	}
	if !cmp.Equal(u.Missing, []string{"arn:aws:iam::aws:policy/X"}) {
		t.Errorf("missing: %v", u.Missing)
	}
	if !u.BoundaryMissing || u.Boundary.Doubt == "" || u.BoundaryARN != policyARN("B") {
		t.Errorf("boundary: %+v %q", u.Boundary, u.BoundaryARN)
	}
	for _, what := range []string{"attached policy arn:aws:iam::aws:policy/X", "the group gone", "the boundary " + policyARN("B"), "no SCPs given"} {
		if i := wantIncomplete(t, e, what); i.Account != account {
			t.Errorf("%+v is not of the account", i)
		}
	}
	if i := wantIncomplete(t, e, "the boundary"); i.Principal != u.ARN || i.Layer != awsiam.BoundaryLayer {
		t.Errorf("%+v", i)
	}
}

func TestAccountsInOneFileAreKeptApart(t *testing.T) {
	mine := roleJSON("App", invokeDoc, "")
	e := load(t, rolesJSON(strings.ReplaceAll(mine, account, other), mine))
	noProblem(t, e)
	if len(e.Accounts) != 2 || e.Accounts[0].ID != account || e.Accounts[1].ID != other || len(e.Accounts[0].Principals) != 1 {
		t.Fatalf("accounts: %+v", e.Accounts)
	}
}

func TestAGroupOfAnotherAccountGivesNothing(t *testing.T) {
	e := load(t, `{"UserDetailList":[{"UserName":"u","Arn":"arn:aws:iam::111122223333:user/u","GroupList":["ml"]}],
	 "GroupDetailList":[{"GroupName":"ml","Arn":"arn:aws:iam::444455556666:group/ml","GroupPolicyList":[{"PolicyName":"p","PolicyDocument":`+invokeDoc+`}]}]}`)
	wantIncomplete(t, e, "the group ml is not in the input")
}

func TestARepetitionCountsOnce(t *testing.T) {
	text := rolesJSON(roleJSON("App", invokeDoc, `,"RoleLastUsed":{"LastUsedDate":"2026-01-01T00:00:00Z","Region":"us-east-1"}`))
	later := strings.Replace(strings.ReplaceAll(text, ",", ", \n"), "2026-01-01", "2026-02-02", 1)
	e := load(t, text, later)
	noProblem(t, e)
	if n := len(e.Accounts[0].Principals); n != 1 {
		t.Fatalf("%d principals", n)
	}
	if p := principal(t, e, roleARN("App")); p.LastUsed.Month() != time.February || len(p.Identity) != 1 {
		t.Errorf("role: %+v", p)
	}
}

func TestAPrincipalInTwoVersionsIsDoubtful(t *testing.T) {
	e := load(t, rolesJSON(roleJSON("App", invokeDoc, "")), rolesJSON(roleJSON("App", strings.Replace(invokeDoc, "Allow", "Deny", 1), "")))
	wantProblem(t, e, "different contents")
	wantIncomplete(t, e, "different contents")
	p := principal(t, e, roleARN("App"))
	if p.Identity[len(p.Identity)-1].Doubt == "" || p.Trust.Doubt == "" {
		t.Errorf("role: %+v", p.Identity)
	}
}

func TestAWSsOwnPolicyCountsInItsLatestVersion(t *testing.T) {
	page := func(id, version, doc string) string {
		return fmt.Sprintf(`{"RoleDetailList":[{"RoleName":"R","Arn":"arn:aws:iam::%s:role/R","AssumeRolePolicyDocument":%s,"AttachedManagedPolicies":[{"PolicyArn":"arn:aws:iam::aws:policy/P"}]}],
		 "Policies":[{"PolicyName":"P","Arn":"arn:aws:iam::aws:policy/P","DefaultVersionId":%q,"PolicyVersionList":[{"VersionId":%q,"IsDefaultVersion":true,"Document":%s}]}]}`, id, trustDoc, version, version, doc)
	}
	empty := `{"Version":"2012-10-17","Statement":[]}`
	e := load(t, page(account, "v10", invokeDoc), page(other, "v9", empty))
	noProblem(t, e)
	for _, a := range e.Accounts {
		if d := a.Principals[0].Identity[0]; len(d.Statements) != 1 {
			t.Errorf("account %s has the old version", a.ID)
		}
	}
}

func TestPagesComeInAnyForm(t *testing.T) {
	one, two := rolesJSON(roleJSON("One", invokeDoc, "")), rolesJSON(roleJSON("Two", invokeDoc, ""))
	for name, texts := range map[string][]string{
		"files":     {one, two},
		"a list":    {"[" + one + "," + two + "]"},
		"lines":     {strings.ReplaceAll(one, "\n", " ") + "\n" + strings.ReplaceAll(two, "\n", " ") + "\n"},
		"no breaks": {one + two},
	} {
		t.Run(name, func(t *testing.T) {
			e := load(t, texts...)
			noProblem(t, e)
			if n := len(e.Accounts[0].Principals); n != 2 {
				t.Errorf("%d principals", n)
			}
		})
	}
}

func TestAMissingLastPageIsSaid(t *testing.T) {
	page := func(name, truncated string) string {
		return strings.Replace(rolesJSON(roleJSON(name, invokeDoc, "")), "{", `{"IsTruncated":`+truncated+`,"Marker":"m",`, 1)
	}
	e := load(t, page("One", "true"))
	if i := wantIncomplete(t, e, "more pages follow"); i.Account != account {
		t.Errorf("%+v", i)
	}
	e = load(t, page("One", "true")+page("Two", "false"))
	for _, i := range e.Incomplete {
		if strings.Contains(i.What, "more pages") {
			t.Errorf("complete, and yet %+v", i)
		}
	}
	e = load(t, page("Two", "true"), page("One", "false"))
	for _, i := range e.Incomplete {
		if strings.Contains(i.What, "more pages") {
			t.Errorf("the last page is in another file, and yet %+v", i)
		}
	}
}

func TestASessionIsFoundByItsRolesName(t *testing.T) {
	e := load(t, wholeAccount)
	for arn, found := range map[string]bool{
		"arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForX/s":  true,
		"arn:aws:sts::111122223333:assumed-role/Other/s":               false,
		"arn:aws:sts::444455556666:assumed-role/AWSServiceRoleForX/s":  false,
		roleARN("AWSServiceRoleForX"):                                  false,
		roleARN("aws-service-role/x.amazonaws.com/AWSServiceRoleForX"): true,
		"nonsense": false,
	} {
		if got := e.Principal(arn) != nil; got != found {
			t.Errorf("%s: found %v, want %v", arn, got, found)
		}
	}
}

func TestProgressTellsHowMuchWasRead(t *testing.T) {
	path := write(t, "a.json", wholeAccount)
	var told []int64
	l := newLoader(context.Background(), Sources{Accounts: []string{path}, Progress: func(done, total int64, what string) {
		if what != path || total != int64(len(wholeAccount)) {
			t.Errorf("%d of %d, %s", done, total, what)
		}
		told = append(told, done)
	}})
	l.toldAt = time.Time{}
	if err := l.load(); err != nil {
		t.Fatal(err)
	}
	if len(told) == 0 || told[0] != int64(len(wholeAccount)) {
		t.Errorf("told %v", told)
	}
}
