package estate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// collected writes a directory of iam-collect's from texts by path below
// aws/aws, and returns its root.
func collected(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, "aws", "aws", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const collectedRole = "accounts/111122223333/iam/role/team%2fapp/"

func collectedFiles() map[string]string {
	org := "organizations/o-exampleorg1/"
	return map[string]string{
		collectedRole + "metadata.json":                                           `{"arn":"arn:aws:iam::111122223333:role/Team/App","name":"App","id":"AROA1","path":"/Team/","created":"2025-01-01T00:00:00.000Z"}`,
		collectedRole + "trust-policy.json":                                       trustDoc,
		collectedRole + "inline-policies.json":                                    `[{"PolicyName":"own","PolicyDocument":` + invokeDoc + `}]`,
		collectedRole + "managed-policies.json":                                   `["arn:aws:iam::aws:policy/ReadOnlyAccess"]`,
		"accounts/111122223333/iam/aws/policy/readonlyaccess/metadata.json":       `{"arn":"arn:aws:iam::aws:policy/ReadOnlyAccess","name":"ReadOnlyAccess","defaultVersionId":"v3"}`,
		"accounts/111122223333/iam/aws/policy/readonlyaccess/current-policy.json": invokeDoc,
		org + "metadata.json":                                                     `{"id":"o-exampleorg1","rootOu":"r-ab12","rootAccountId":"444455556666","features":{"SERVICE_CONTROL_POLICY":true,"RESOURCE_CONTROL_POLICY":false}}`,
		org + "ous.json": `{"r-ab12":{"scps":["arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"],"rcps":[]},
		 "ou-ab12-prod":{"parent":"r-ab12","scps":["arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"],"rcps":[]}}`,
		org + "accounts.json": `{"111122223333":{"ou":"ou-ab12-prod","scps":["arn:aws:organizations::444455556666:policy/o-exampleorg1/service_control_policy/p-Deny1"],"rcps":[]},
		 "444455556666":{"ou":"r-ab12","scps":[],"rcps":[]}}`,
		org + "scps/p-deny1/metadata.json": `{"arn":"arn:aws:organizations::444455556666:policy/o-exampleorg1/service_control_policy/p-Deny1","name":"No","awsManaged":false}`,
		org + "scps/p-deny1/policy.json":   denyDoc,
	}
}

func TestWhatIAMCollectWroteIsReadWithItsOrganization(t *testing.T) {
	root := collected(t, collectedFiles())
	for name, s := range map[string]Sources{"accounts": {Accounts: []string{root}}, "both": {Accounts: []string{root}, Org: root}, "inside": {Accounts: []string{filepath.Join(root, "aws", "aws")}}} {
		t.Run(name, func(t *testing.T) {
			e := loadFrom(t, s)
			noProblem(t, e)
			p := principal(t, e, roleARN("Team/App"))
			if p.Name != "App" || p.Path != "/Team/" || len(p.Identity) != 2 || p.Identity[1].Doubt != "" || len(p.Missing) > 0 || p.Created.IsZero() {
				t.Errorf("role: %+v", p)
			}
			a := e.Account(account)
			if diff := cmp.Diff([][]string{{"p-FullAWSAccess"}, {"p-FullAWSAccess"}, {"p-Deny1"}}, levelNames(a.SCPs)); diff != "" {
				t.Errorf("SCPs (-want +got):\n%s", diff)
			}
			if len(a.SCPs[2][0].Statements) != 1 || a.RCPs != nil || a.OrgPath != "o-exampleorg1/r-ab12/ou-ab12-prod/" || !a.Known {
				t.Errorf("account: %+v", a)
			}
			if e.Org == nil || e.Org.Management != other {
				t.Errorf("organization: %+v", e.Org)
			}
		})
	}
}

func TestBrokenFilesOfIAMCollectLeaveDoubtOnlyWhereTheyAre(t *testing.T) {
	for name, c := range map[string]struct{ file, text, reason string }{
		"inline":    {collectedRole + "inline-policies.json", `[{"PolicyName":`, "the JSON ends too early"},
		"managed":   {collectedRole + "managed-policies.json", `{}`, "is an object, not a list"},
		"trust":     {collectedRole + "trust-policy.json", `5`, "a policy document is a JSON object"},
		"metadata":  {collectedRole + "metadata.json", `{"name":"App"}`, "has no Arn"},
		"comment":   {collectedRole + "metadata.json", "{// x\n}", "a comment"},
		"ous":       {"organizations/o-exampleorg1/ous.json", `[]`, "is a list, not an object"},
		"no policy": {"organizations/o-exampleorg1/scps/p-deny1/policy.json", `{"Statement":`, "ends too early"},
	} {
		t.Run(name, func(t *testing.T) {
			files := collectedFiles()
			files[c.file] = c.text
			e := loadFrom(t, Sources{Accounts: []string{collected(t, files)}})
			if p := wantProblem(t, e, c.reason); !strings.HasSuffix(filepath.ToSlash(p.File), c.file) {
				t.Errorf("problem in %s, not in %s", p.File, c.file)
			}
			if len(e.Incomplete) == 0 && name != "trust" && name != "no policy" {
				t.Error("nothing is incomplete")
			}
			if p := e.Principal(roleARN("Team/App")); p != nil && strings.HasPrefix(c.file, collectedRole) && !doubtful(p) {
				t.Errorf("nothing of it is in doubt: %+v", p)
			}
		})
	}
}

func TestAResourceWithoutMetadataIsAProblem(t *testing.T) {
	files := collectedFiles()
	delete(files, collectedRole+"metadata.json")
	e := loadFrom(t, Sources{Accounts: []string{collected(t, files)}})
	wantProblem(t, e, "there is no metadata.json")
	wantIncomplete(t, e, "a role could not be read")
}

func TestTheDigestOfADirectoryIsOfItsContents(t *testing.T) {
	files := collectedFiles()
	one := loadFrom(t, Sources{Accounts: []string{collected(t, files)}}).Inputs[0].Digest
	two := loadFrom(t, Sources{Accounts: []string{collected(t, files)}}).Inputs[0].Digest
	files[collectedRole+"tags.json"] = `{"k":"v"}`
	three := loadFrom(t, Sources{Accounts: []string{collected(t, files)}}).Inputs[0].Digest
	if one != two || one == three {
		t.Errorf("digests %s, %s, %s", one, two, three)
	}
}
