package gateway_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/writtest"
)

const (
	away  = "444455556666"
	third = "777788889999" // its role does not trust Writ
)

func roleIn(account string) string { return "arn:aws:iam::" + account + ":role/writ-gateway" }

func profileIn(account, region, id string) string {
	return "arn:aws:bedrock:" + region + ":" + account + ":inference-profile/" + id
}

// elsewhere gives some of the sample organisation a right in another account:
// sales-agent to a model it has none to at home, support-agent to the one it
// has already, partner-inference to where no credentials are to be had.
const elsewhere = `
apiVersion: writ/v1
kind: Entitlement
name: nova-away
spec: {account: "444455556666", models: ["family:amazon.nova"], conditions: {data: {unscanned: true}}}
---
apiVersion: writ/v1
kind: Entitlement
name: sonnet-away
spec: {account: "444455556666", models: ["us.anthropic.claude-sonnet-4-5-20250929-v1:0"], conditions: {data: {unscanned: true}}}
---
apiVersion: writ/v1
kind: Entitlement
name: haiku-third
spec: {account: "777788889999", models: ["anthropic.claude-haiku-4-5-20251001-v1:0"], conditions: {data: {unscanned: true}}}
---
apiVersion: writ/v1
kind: Grant
name: sales-agent.nova-away
spec: {identity: sales-agent, entitlement: nova-away, notAfter: 2030-01-01T00:00:00Z}
---
apiVersion: writ/v1
kind: Grant
name: support-agent.sonnet-away
spec: {identity: support-agent, entitlement: sonnet-away, notAfter: 2030-01-01T00:00:00Z}
---
apiVersion: writ/v1
kind: Grant
name: analytics.haiku-third
spec: {identity: analytics, entitlement: haiku-third, notAfter: 2030-01-01T00:00:00Z}
`

// accounts is an installation in front of three AWS accounts.
var accounts = sync.OnceValue(func() *site {
	s := openSite(&whole, siteOptions{
		Config: "regions: [us-east-1, us-west-2]\n",
		Accounts: fmt.Sprintf(`, stsEndpoint: "%%s", assumeRole: %q, accounts: [{account: %q, assumeRole: %q}, {account: %q, regions: [us-east-1], assumeRole: %q}]`,
			roleIn(demo.Account), away, roleIn(away), third, roleIn(third)),
		Roles: []fakebedrock.Role{{ARN: roleIn(demo.Account)}, {ARN: roleIn(away)}, {ARN: roleIn(third), Trusted: []string{"AKIASOMEBODYELSE0000"}}},
	})
	s.apply(&whole, elsewhere)
	return s
})

// madeIn checks the account and identity that AWS saw for a call.
func (s *site) madeIn(t testing.TB, mark, account, identity string) fakebedrock.Request {
	t.Helper()
	got := s.reached(mark)
	if len(got) != 1 {
		t.Fatalf("%q: %d requests reached Bedrock", mark, len(got))
	}
	who := got[0].Session
	if who == nil || who.Account != account || who.SourceIdentity != identity {
		t.Errorf("%q: AWS saw %+v by %s, want %s in %s", mark, who, got[0].Verified, identity, account)
	}
	return got[0]
}

func TestTheAccountIsTheRights(t *testing.T) {
	t.Parallel()
	s := accounts()
	for name, tc := range map[string]struct{ who, model, account string }{
		"home, the only grants":          {"invoice-triage", pro, demo.Account},
		"home, of two accounts":          {"sales-agent", sonnet, demo.Account},
		"away, of two accounts":          {"sales-agent", pro, away},
		"away, by the profile's ARN":     {"sales-agent", profileIn(away, "us-east-1", "us.amazon.nova-pro-v1:0"), away},
		"the same model, by ARN at home": {"support-agent", profileIn(demo.Account, "us-east-1", sonnet), demo.Account},
		"the same model, by ARN away":    {"support-agent", profileIn(away, "us-east-1", sonnet), away},
		"a model's ARN has no account":   {"sales-agent", "arn:aws:bedrock:us-east-1::foundation-model/" + pro, away},
	} {
		mark := "account of " + name + "."
		a := s.call(t, s.session(t, tc.who), tc.model, "converse", writtest.Say(mark))
		if a.Status != 200 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
			continue
		}
		s.madeIn(t, mark, tc.account, tc.who)
		if got := s.told(t, a, auditlog.KindIntent).Call.Account; got != tc.account {
			t.Errorf("%s: the record names account %q", name, got)
		}
	}
}

// A model granted in two accounts is refused until the call says which.
func TestAnAmbiguousAccountIsRefused(t *testing.T) {
	t.Parallel()
	s := accounts()
	for _, op := range []string{"converse", "converse-stream"} {
		mark := "ambiguous " + op + "."
		a := s.call(t, s.session(t, "support-agent"), sonnet, op, writtest.Say(mark))
		if a.Status != 403 || !strings.Contains(a.Body, "several AWS accounts") || !strings.Contains(a.Body, "by its ARN") || strings.Contains(a.Body, away) {
			t.Errorf("answered %d %s", a.Status, a.Body)
		}
		s.told(t, a, auditlog.KindRefusal)
		s.notReached(t, mark)
	}
}

// CVE-2024-6587: nothing that a caller sends chooses the account, or whose
// credentials are used there.
func TestCVE_2024_6587_NothingChoosesTheAccount(t *testing.T) {
	t.Parallel()
	s := accounts()
	k := s.session(t, "invoice-triage") // rights at home only
	for _, name := range []string{
		"X-Amz-Account-Id", "X-Amz-Source-Account", "X-Amz-Source-Arn", "X-Aws-Account", "X-Writ-Account", "X-Account-Id", "X-Amzn-Bedrock-Account",
		"X-Writ-Grant", "X-Writ-Identity", "X-Amz-Source-Identity", "X-Forwarded-For", "X-Amz-Security-Token-Upstream",
	} {
		mark := "account header " + name + "."
		req := writtest.Sign(t, k, s.request(pro, "converse", writtest.Say(mark)))
		req.Header.Set(name, away)
		if a := writtest.Do(t, req); a.Status == 200 {
			s.madeIn(t, mark, demo.Account, "invoice-triage")
		} else {
			s.notReached(t, mark) // an x-amz header that is not signed
		}
	}
	for name, tc := range map[string]struct{ model, body string }{
		"an ARN of an account without a grant": {profileIn(away, "us-east-1", "us.amazon.nova-pro-v1:0"), marked("lure", "")},
		"an ARN of an account nobody has":      {profileIn("999900001111", "us-east-1", "us.amazon.nova-pro-v1:0"), marked("lure", "")},
		"a field":                              {pro, marked("lure", `,"accountId":"`+away+`"`)},
		"a guardrail of the account":           {pro, marked("lure", `,"guardrailConfig":{"guardrailIdentifier":"arn:aws:bedrock:us-east-1:`+away+`:guardrail/abc","guardrailVersion":"1"}`)},
	} {
		if a := s.call(t, k, tc.model, "converse", tc.body); a.Status != 403 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	s.notReached(t, `lure`)
}

// litellm#17115: interleaved callers with different grants in different
// accounts; each request is signed with a key that is its own.
func TestLitellm_17115_InterleavedCallersUseTheirOwnCredentials(t *testing.T) {
	t.Parallel()
	s := accounts()
	type caller struct{ who, model, account string }
	callers := []caller{
		{"sales-agent", pro, away}, {"sales-agent", sonnet, demo.Account}, {"invoice-triage", pro, demo.Account}, {"analytics", lite, demo.Account},
	}
	var group sync.WaitGroup
	marks := make([][]string, len(callers))
	for i, c := range callers {
		k := s.session(t, c.who)
		for range 15 {
			mark := fmt.Sprintf("own credentials of %s, %s.", c.who, rand.Text())
			marks[i] = append(marks[i], mark)
			group.Go(func() {
				if a := s.call(t, k, c.model, "converse", writtest.Say(mark)); a.Status != 200 {
					t.Errorf("%s: answered %d %s", c.who, a.Status, a.Body)
				}
			})
		}
	}
	group.Wait()
	keys := map[string]int{}
	for i, c := range callers {
		for _, mark := range marks[i] {
			r := s.madeIn(t, mark, c.account, c.who)
			if was, seen := keys[r.Verified]; seen && was != i {
				t.Errorf("one key signed for %+v and for %+v", callers[was], c)
			}
			keys[r.Verified] = i
		}
	}
}

// A bearer token signs no region, so the ARN's is called; a signature's scope
// stands, whatever the ARN says.
func TestTheRegionIsTheScopesOrTheARNs(t *testing.T) {
	t.Parallel()
	s := accounts()
	west, abroad := profileIn(away, "us-west-2", "us.amazon.nova-pro-v1:0"), profileIn(away, "eu-west-1", "eu.amazon.nova-pro-v1:0")
	token := s.bearer(t, "sales-agent")
	by := func(model, mark string) writtest.Answer {
		req, err := http.NewRequest(http.MethodPost, s.Gateway+"/model/"+writtest.Escape(model)+"/converse", strings.NewReader(writtest.Say(mark)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		return writtest.Do(t, req)
	}
	if a := by(west, "bearer to the west."); a.Status != 200 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	} else if r := s.madeIn(t, "bearer to the west.", away, "sales-agent"); r.Region != "us-west-2" {
		t.Errorf("called in %s", r.Region)
	}
	if a := by(abroad, "bearer abroad."); a.Status != 403 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	if a := s.call(t, s.session(t, "sales-agent"), west, "converse", writtest.Say("signed in the east.")); a.Status != 403 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	r := s.request(haiku, "converse", writtest.Say("where the account is not called."))
	r.Region = "us-west-2"
	if a := writtest.Do(t, writtest.Sign(t, s.session(t, "analytics"), r)); a.Status != 403 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	for _, mark := range []string{"bearer abroad.", "signed in the east.", "where the account is not called."} {
		s.notReached(t, mark)
	}
}

// Where STS gives no session nothing leaves, and the log says what came of it.
func TestWithoutCredentialsNothingLeaves(t *testing.T) {
	t.Parallel()
	s := accounts()
	a := s.call(t, s.session(t, "analytics"), haiku, "converse", writtest.Say("no credentials."))
	if a.Status != 503 || !strings.Contains(a.Body, "no AWS credentials") || strings.Contains(a.Body, third) || strings.Contains(a.Body, "sts") {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "no credentials.")
	if o := s.outcome(t, a).Outcome; o.Ended != "upstream_error" || o.Status != 503 {
		t.Errorf("recorded as %+v", o)
	}
	r := s.Run(t, "upstream", "check", "--json")
	var found []struct{ Account, Caller, Problem string }
	if err := json.Unmarshal([]byte(r.Stdout), &found); err != nil || r.Code != 1 || len(found) != 3 {
		t.Fatalf("exit status %d, %v: %s", r.Code, err, r.Stdout)
	}
	for _, f := range found {
		if bad := f.Problem != ""; bad != (f.Account == third) {
			t.Errorf("%+v", f)
		}
	}
}

// Once a grant is gone, so are the AWS sessions that were made for it.
func TestS19_ARevokedGrantTakesItsSessionsAlong(t *testing.T) {
	s := accounts()
	s.apply(t, `
apiVersion: writ/v1
kind: Grant
name: ci-summariser.nova-away
spec: {identity: ci-summariser, entitlement: nova-away, notAfter: 2030-01-01T00:00:00Z}
`)
	k := s.session(t, "ci-summariser")
	if a := s.call(t, k, pro, "converse", writtest.Say("before the end of a grant.")); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	kept := func() int {
		var all []struct {
			Account  string
			Sessions int
		}
		if err := json.Unmarshal([]byte(s.admin(t, "/api/v1/upstream")), &all); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(all, func(a struct {
			Account  string
			Sessions int
		}) bool {
			return a.Account == away
		})
		return all[i].Sessions
	}
	before := kept()
	if r := s.Run(t, "delete", "grant", "ci-summariser.nova-away"); r.Code != 0 {
		t.Fatalf("%s%s", r.Stdout, r.Stderr)
	}
	if after := kept(); before < 1 || after >= before {
		t.Errorf("%d sessions before, %d after", before, after)
	}
	if a := s.call(t, k, pro, "converse", writtest.Say("after the end of a grant.")); a.Status != 403 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "after the end of a grant.")
}

// admin asks the control plane.
func (s *site) admin(t testing.TB, path string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.operator)
	a := writtest.Do(t, req)
	if a.Status != 200 {
		t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
	return a.Body
}
