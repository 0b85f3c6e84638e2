package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

const twoAccounts = `
account: "111122223333"
regions: [us-east-1, us-west-2]
upstream:
  assumeRole: arn:aws:iam::111122223333:role/writ
  accounts:
    - {account: "444455556666", regions: [us-west-2], assumeRole: "arn:aws:iam::444455556666:role/path/writ"}
    - {account: "777788889999", assumeRole: "arn:aws:iam::777788889999:role/writ", perGrant: false}
`

func TestAccounts(t *testing.T) {
	c, err := Parse([]byte(twoAccounts))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"111122223333": nil, "444455556666": {"us-west-2"}, "777788889999": nil}
	if d := cmp.Diff(want, c.AccountRegions()); d != "" {
		t.Error(d)
	}
	if !c.ByGrant(c.Upstream.Accounts[0]) || c.ByGrant(c.Upstream.Accounts[1]) {
		t.Error("perGrant is not what the account says, else what stands above")
	}
	single := Default()
	if single.AccountRegions() != nil {
		t.Error("a gateway without further accounts has some")
	}
}

func TestAccountsThatCannotWorkAreRefused(t *testing.T) {
	for name, change := range map[string][2]string{
		"role elsewhere":          {"444455556666:role", "777788889999:role"},
		"home's role elsewhere":   {"111122223333:role", "444455556666:role"},
		"another partition":       {"arn:aws:iam::444455556666", "arn:aws-cn:iam::444455556666"},
		"no role":                 {`, assumeRole: "arn:aws:iam::444455556666:role/path/writ"`, ""},
		"a user, not a role":      {"444455556666:role", "444455556666:user"},
		"a session, not a role":   {"arn:aws:iam::444455556666:role", "arn:aws:sts::444455556666:assumed-role"},
		"no account":              {`account: "444455556666"`, `account: "4444"`},
		"the gateway's own":       {`account: "444455556666"`, `account: "111122223333"`},
		"twice":                   {`account: "777788889999"`, `account: "444455556666"`},
		"a region that is not on": {"[us-west-2]", "[eu-west-1]"},
		"an unknown field":        {"perGrant: false", "perCall: false"},
	} {
		text := strings.Replace(twoAccounts, change[0], change[1], 1)
		if text == twoAccounts {
			t.Fatalf("%s: nothing changed", name)
		}
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestTheManualNamesEveryFieldOfAnAccount: the one in docs/operate.md has all.
func TestTheManualNamesEveryFieldOfAnAccount(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operate.md"))
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Upstream struct {
			Accounts []map[string]any `yaml:"accounts"`
		} `yaml:"upstream"`
	}
	if err := yaml.Unmarshal(manualBlock.FindSubmatch(text)[1], &said); err != nil || len(said.Upstream.Accounts) != 1 {
		t.Fatalf("%v, %d accounts", err, len(said.Upstream.Accounts))
	}
	for i := range reflect.TypeFor[Account]().NumField() {
		if name := reflect.TypeFor[Account]().Field(i).Tag.Get("yaml"); said.Upstream.Accounts[0][name] == nil {
			t.Errorf("the manual does not name %s", name)
		}
	}
}
