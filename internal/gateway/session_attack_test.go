package gateway_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/upstream"
	"github.com/writ-project/writ/internal/writtest"
)

// someone is a manifest of an identity that can prove itself.
func someone(name string) string {
	return fmt.Sprintf(`apiVersion: writ/v1
kind: Identity
name: %[1]s
spec: {kind: workload, environment: prod, team: t, sponsor: a@example.com, owner: b@example.com}
---
apiVersion: writ/v1
kind: Binding
name: %[1]s
spec: {identity: %[1]s, issuer: demo, audience: writ, subject: "demo:%[1]s"}
`, name)
}

// holds is a manifest that grants an identity an entitlement of its own.
func holds(identity, name, spec string) string {
	return fmt.Sprintf(`---
apiVersion: writ/v1
kind: Entitlement
name: %[2]s
spec: {conditions: {data: {unscanned: true}, %[3]s
---
apiVersion: writ/v1
kind: Grant
name: %[1]s.%[2]s
spec: {identity: %[1]s, entitlement: %[2]s, notAfter: 2030-01-01T00:00:00Z}
`, identity, name, spec)
}

// allowedBy is what a session's policy allows, as "action resource".
func allowedBy(t testing.TB, policy string) []string {
	t.Helper()
	var doc upstream.Document
	if err := json.Unmarshal([]byte(policy), &doc); err != nil {
		t.Fatalf("%v: %s", err, policy)
	}
	out := map[string]bool{}
	for _, s := range doc.Statement {
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				out[action+" "+resource] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// made checks one request that reached Bedrock: in whose name, in which account
// and with a session that may do what the operation needs and nothing else.
func made(t testing.TB, r fakebedrock.Request, identity, account string, may ...string) {
	t.Helper()
	if r.Session == nil || r.Session.SourceIdentity != identity || r.Session.Account != account {
		t.Errorf("%s: AWS saw %+v by %s, want %s in %s", r.Operation, r.Session, r.Verified, identity, account)
		return
	}
	slices.Sort(may)
	if got := allowedBy(t, r.Session.Policy); !slices.Equal(got, may) {
		t.Errorf("%s: the session may %q, want %q", r.Operation, got, may)
	}
}

// TestS3_EveryOperationIsMadeWithASessionOfItsOwn: every operation that Writ
// serves goes through where the stand-in holds each session to its policy, by
// its own account of what the operation needs.
func TestS3_EveryOperationIsMadeWithASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	s := accounts()
	const who = "every-operation"
	s.apply(t, someone(who)+holds(who, who, fmt.Sprintf(
		`tools: {read: [lookup]}, guardrails: [%q], objects: ["s3://inputs/*"], outputs: ["s3://out/*"]}, actions: [%s], models: [%q, %q, %q, %q, %q]}`,
		guardrail+":1", strings.Join(bedrock.Actions(), ", "), sonnet, haiku, oss, sol, reel)))
	k := s.session(t, who)
	model := func(id string) string { return "arn:aws:bedrock:us-east-1::foundation-model/" + id }
	const invoke, stream = "bedrock:InvokeModel ", "bedrock:InvokeModelWithResponseStream "
	needs := map[bedrock.Operation][]string{
		bedrock.Converse:                      {invoke + model(haiku)},
		bedrock.ConverseStream:                {stream + model(haiku)},
		bedrock.InvokeModel:                   {invoke + model(haiku)},
		bedrock.InvokeModelWithResponseStream: {stream + model(haiku)},
		bedrock.CountTokens:                   {"bedrock:CountTokens " + model(haiku)},
		bedrock.ApplyGuardrail:                {"bedrock:ApplyGuardrail " + guardrail},
		bedrock.ChatCompletions:               {invoke + model(oss)},
		bedrock.ChatCompletionsStream: {
			stream + profileIn(demo.Account, "us-east-1", sol), stream + model(strings.TrimPrefix(sol, "global.")),
			stream + "arn:aws:bedrock:::foundation-model/" + strings.TrimPrefix(sol, "global."),
		},
	}
	for _, op := range ofOneCall() {
		c, mark := oneCall[op], "own session "+string(op)
		a := s.post(t, k, c.path, c.body(mark))
		if a.Status != 200 || a.Err != nil {
			t.Errorf("%s: answered %d %s, %v", op, a.Status, a.Body, a.Err)
			continue
		}
		got := s.reached(mark + `"`)
		if len(got) != 1 {
			t.Errorf("%s: %d requests reached Bedrock", op, len(got))
			continue
		}
		made(t, got[0], who, demo.Account, needs[op]...)
		if r := s.told(t, a, auditlog.KindIntent); r.Call.Account != demo.Account || r.Call.Operation != string(op) {
			t.Errorf("%s: recorded as %+v", op, r.Call)
		}
	}
	s.everythingNamed(t, k, who)
	s.asynchronously(t, k, who)
}

// everythingNamed is a call through a profile that names a guardrail and an object.
func (s *site) everythingNamed(t *testing.T, k writtest.Keys, who string) {
	t.Helper()
	const mark = "own session of everything"
	body := fmt.Sprintf(`{"messages":[{"role":"user","content":[{"text":%q},{"image":{"format":"png","source":{"s3Location":{"uri":"s3://inputs/a.png"}}}}]}],"guardrailConfig":{"guardrailIdentifier":%q,"guardrailVersion":"1"}}`, mark, guardrail)
	if a := s.call(t, k, sonnet, "converse", body); a.Status != 200 {
		t.Fatalf("answered %d %s", a.Status, a.Body)
	}
	const invoke = "bedrock:InvokeModel arn:aws:bedrock:"
	bare := strings.TrimPrefix(sonnet, "us.")
	made(t, s.reached(mark)[0], who, demo.Account,
		"bedrock:ApplyGuardrail "+guardrail, "s3:GetObject arn:aws:s3:::inputs/a.png", invoke+"us-east-1:"+demo.Account+":inference-profile/"+sonnet,
		invoke+"us-east-1::foundation-model/"+bare, invoke+"us-east-2::foundation-model/"+bare, invoke+"us-west-2::foundation-model/"+bare)
}

// asynchronously starts, reads and lists an invocation.
func (s *site) asynchronously(t *testing.T, k writtest.Keys, who string) {
	t.Helper()
	const mark = "own session of a video"
	yet := "arn:aws:bedrock:us-east-1:" + demo.Account + ":async-invoke/*" // without a name
	arn := started(t, s.start(t, k, videoBody(mark, "s3://out/a/", `,"tags":[{"key":"cost","value":"film"}]`)))
	made(t, s.reached(mark)[0], who, demo.Account,
		"bedrock:InvokeModel arn:aws:bedrock:us-east-1::foundation-model/"+reel, "bedrock:InvokeModel "+yet, "bedrock:TagResource "+yet, "s3:PutObject arn:aws:s3:::out/a/*")
	if a := s.status(t, k, arn); a.Status != 200 || !strings.Contains(a.Body, arn) {
		t.Errorf("reading it: %d %s", a.Status, a.Body)
	}
	for _, r := range s.asked(arn) {
		made(t, r, who, demo.Account, "bedrock:GetAsyncInvoke "+arn)
	}
	if n := len(s.asked(arn)); n != 1 {
		t.Errorf("Bedrock was asked %d times", n)
	}
	if got := s.list(t, k, "").arns(); !slices.Contains(got, arn) {
		t.Errorf("listed %v", got)
	}
	s.underAKey(t, k, who)
	for _, r := range s.seen.Requests() {
		if r.Operation == string(bedrock.ListAsyncInvokes) {
			t.Error("Bedrock's own list was asked for")
		}
	}
}

// underAKey starts an invocation whose answer is encrypted with a key, which
// only a rule written by hand permits.
func (s *site) underAKey(t *testing.T, k writtest.Keys, who string) {
	t.Helper()
	const mark, key = "own session under a key", "1234abcd-12ab-34cd-56ef-1234567890ab"
	body := strings.Replace(videoBody(mark, "s3://out/a/", ""), `"s3Uri"`, `"kmsKeyId":"`+key+`","s3Uri"`, 1)
	if a := s.start(t, k, body); a.Status != 403 {
		t.Errorf("without a right to the key: %d %s", a.Status, a.Body)
	}
	arn := "arn:aws:kms:us-east-1:" + demo.Account + ":key/" + key
	if r := s.tryApply(t, "film-key.cedar", fmt.Sprintf(`permit (principal == Writ::Identity::%q, action == Writ::Action::"UseKey", resource == Writ::Key::%q);`, who, arn)); r.Code != 0 {
		t.Fatalf("writ apply: %s%s", r.Stdout, r.Stderr)
	}
	started(t, s.start(t, k, body))
	yet := "arn:aws:bedrock:us-east-1:" + demo.Account + ":async-invoke/*"
	made(t, s.reached(mark)[0], who, demo.Account,
		"bedrock:InvokeModel arn:aws:bedrock:us-east-1::foundation-model/"+reel, "bedrock:InvokeModel "+yet, "s3:PutObject arn:aws:s3:::out/a/*",
		"kms:GenerateDataKey "+arn, "kms:Decrypt "+arn)
}

// asked are the requests about one invocation.
func (s *site) asked(arn string) []fakebedrock.Request {
	return slices.DeleteFunc(s.seen.Requests(), func(r fakebedrock.Request) bool {
		return r.Method != http.MethodGet || !strings.HasSuffix(r.Path, "/"+writtest.Escape(arn))
	})
}

// An invocation is started, read and listed in the account whose right it is.
func TestS3_AsynchronousInvocationsStayInTheirAccount(t *testing.T) {
	t.Parallel()
	s := accounts()
	const film, other = "film", "film-critic"
	const rest = `, models: ["amazon.nova-reel-v1:1"], actions: [StartAsyncInvoke]`
	s.apply(t, someone(film)+"---\n"+someone(other)+
		holds(film, "film-home", `outputs: ["s3://film-home/*", "s3://film-both/*"]}`+rest+`}`)+
		holds(film, "film-away", `outputs: ["s3://film-away/*", "s3://film-both/*"]}`+rest+`, account: "`+away+`"}`)+
		holds(film, "film-third", `outputs: ["s3://film-third/*"]}`+rest+`, account: "`+third+`"}`)+
		holds(other, "film-critic", `outputs: ["s3://critic/*"]}`+rest+`, account: "`+away+`"}`))
	k, critic := s.session(t, film), s.session(t, other)
	arns := map[string]string{}
	for account, place := range map[string]string{demo.Account: "film-home", away: "film-away"} {
		arn := started(t, s.start(t, k, videoBody("stays in "+place, "s3://"+place+"/", withToken("one-token"))))
		ref, err := bedrock.ParseInvocation(arn)
		if err != nil || ref.Account != account {
			t.Errorf("%s: started %s", place, arn)
		}
		s.madeIn(t, "stays in "+place, account, film)
		if a := s.status(t, k, arn); a.Status != 200 || !strings.Contains(a.Body, arn) {
			t.Errorf("%s: answered %d %s", place, a.Status, a.Body)
		} else if got := s.told(t, a, auditlog.KindIntent).Call; got.Account != account {
			t.Errorf("%s: recorded as %+v", place, got)
		}
		for _, r := range s.asked(arn) {
			made(t, r, film, account, "bedrock:GetAsyncInvoke "+arn)
		}
		arns[account] = arn
	}
	moved := strings.Replace(arns[away], away, demo.Account, 1)
	for name, c := range map[string]struct {
		k   writtest.Keys
		arn string
	}{"another's": {critic, arns[away]}, "moved home": {k, moved}, "moved away": {k, strings.Replace(arns[demo.Account], demo.Account, away, 1)}} {
		if a := s.status(t, c.k, c.arn); a.Status != 403 {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
		}
	}
	if n := len(s.asked(moved)); n != 0 {
		t.Errorf("Bedrock was asked about %s", moved)
	}
	got := s.list(t, k, "").arns()
	if want := slices.Sorted(maps.Values(arns)); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	if got := s.list(t, critic, "").arns(); len(got) != 0 {
		t.Errorf("another's list is %v", got)
	}
	s.startsOfTwoAccounts(t, k)
}

// startsOfTwoAccounts: a place granted in both accounts is neither's until the
// body says whose, and an account without credentials leaves nothing behind.
func (s *site) startsOfTwoAccounts(t *testing.T, k writtest.Keys) {
	t.Helper()
	a := s.start(t, k, videoBody("which account", "s3://film-both/", ""))
	if a.Status != 403 || !strings.Contains(a.Body, "several AWS accounts") || !strings.Contains(a.Body, "bucketOwner") {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "which account")
	owned := strings.Replace(videoBody("that account", "s3://film-both/", ""), `"s3Uri"`, `"bucketOwner":"`+away+`","s3Uri"`, 1)
	arn := started(t, s.start(t, k, owned))
	s.madeIn(t, "that account", away, "film")
	if !strings.Contains(arn, ":"+away+":") {
		t.Errorf("started %s", arn)
	}
	before := s.list(t, k, "").arns()
	asked := s.asked(arn) // by the list, which shows how it goes on
	if len(asked) == 0 || !slices.Contains(before, arn) {
		t.Errorf("listed %v, and asked %d times about %s", before, len(asked), arn)
	}
	for _, r := range asked {
		made(t, r, "film", away, "bedrock:GetAsyncInvoke "+arn)
	}
	if a := s.start(t, k, videoBody("no session there", "s3://film-third/", "")); a.Status != 503 {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
	s.notReached(t, "no session there")
	if after := s.list(t, k, "").arns(); len(after) != len(before) {
		t.Errorf("listed %v, before %v", after, before)
	}
}

// Observe mode lets a call through in the account and region that it is for,
// with a session of its own like any other.
func TestS3_ObserveModeCallsInTheAccountThatIsMeant(t *testing.T) {
	t.Parallel()
	seen := new(fakebedrock.Recorder)
	srv := httptest.NewServer(fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{{AccessKeyID: upstreamKeyID, SecretAccessKey: "x"}}, Recorder: seen,
		Roles: []fakebedrock.Role{{ARN: roleIn(demo.Account)}, {ARN: roleIn(away)}}, Regions: []string{"us-west-2"},
	}))
	t.Cleanup(srv.Close)
	base := credentials.NewStaticCredentialsProvider(upstreamKeyID, "x", "")
	role := func(account string) *upstream.Sessions {
		s, err := upstream.NewSessions(upstream.Role{ARN: roleIn(account), Base: base, STS: upstream.STS{Region: "us-east-1", Endpoint: srv.URL}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	up, err := upstream.New(upstream.Config{
		Account: demo.Account, Endpoint: srv.URL, Sessions: role(demo.Account),
		Accounts: []upstream.Account{{ID: away, Endpoint: srv.URL, Sessions: role(away)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(up.Close)
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Upstream, c.Accounts, c.Regions = up, map[string][]string{demo.Account: nil, away: nil}, []string{"us-east-1", "us-west-2"}
		c.Observing = func(time.Time) (gateway.Window, bool) {
			return gateway.Window{Nonce: "0123", Until: time.Now().Add(time.Hour)}, true
		}
	})
	const nova = "us.amazon.nova-pro-v1:0"
	for name, c := range map[string]struct{ model, account, region string }{
		"at home":           {pro, demo.Account, "us-east-1"},
		"at home, by ARN":   {profileIn(demo.Account, "us-east-1", nova), demo.Account, "us-east-1"},
		"away":              {profileIn(away, "us-east-1", nova), away, "us-east-1"},
		"away, in the west": {profileIn(away, "us-west-2", nova), away, "us-west-2"},
	} {
		a := in.ask(t, c.model, "converse", in.token, writtest.Say("observed "+name+"."))
		if a.Status != 200 || a.Header.Get(gateway.ObserveHeader) != "would-deny" {
			t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
			continue
		}
		got := slices.DeleteFunc(seen.Requests(), func(r fakebedrock.Request) bool { return !strings.Contains(string(r.Body), "observed "+name+".") })
		if len(got) != 1 || got[0].Session == nil || got[0].Session.Account != c.account || got[0].Session.SourceIdentity != "support-agent" || got[0].Region != c.region {
			t.Errorf("%s: Bedrock saw %+v", name, got)
		}
	}
	for _, model := range []string{profileIn(third, "us-east-1", nova), profileIn(away, "eu-west-1", "eu.amazon.nova-pro-v1:0")} {
		if a := in.ask(t, model, "converse", in.token, writtest.Say("observed nowhere.")); a.Status != 403 {
			t.Errorf("%s: answered %d %s", model, a.Status, a.Body)
		}
	}
	if intents := in.entries(t, auditlog.KindIntent); len(intents) != 4 || slices.ContainsFunc(intents, func(r auditlog.Record) bool { return r.Decision.Decision != "observed" || r.Call.Account == "" }) {
		t.Errorf("intents %+v", intents)
	}
}
