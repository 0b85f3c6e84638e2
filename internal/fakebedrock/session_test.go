package fakebedrock

import (
	"crypto/sha256"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/writ-project/writ/internal/sigv4"
)

const (
	baseKey    = "AKIABASE000000000001"
	baseSecret = "base-secret-of-the-stand-in"
	theRole    = "arn:aws:iam::444455556666:role/gateway"
	nameless   = "arn:aws:iam::444455556666:role/nameless"
	onlyLite   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"bedrock:InvokeModel","Resource":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"}]}`
	liteModel  = "amazon.nova-lite-v1:0"
)

// vault is a stand-in with roles, asked over HTTP.
type vault struct {
	url   string
	seen  *Recorder
	clock atomic.Int64
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{seen: new(Recorder)}
	s := New(Config{
		Credentials:  []Credential{{AccessKeyID: baseKey, SecretAccessKey: baseSecret}, {AccessKeyID: "AKIAOTHER", SecretAccessKey: "other"}},
		Roles:        []Role{{ARN: theRole, ExternalID: "ext", Trusted: []string{baseKey}}, {ARN: nameless, Nameless: true}},
		Destinations: map[string][]string{"us.amazon.nova-lite-v1:0": {"us-west-2"}},
		Recorder:     v.seen, Now: func() time.Time { return time.Now().Add(time.Duration(v.clock.Load())) },
	})
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	v.url = srv.URL
	return v
}

type keys struct {
	Key    string `xml:"AssumeRoleResult>Credentials>AccessKeyId"`
	Secret string `xml:"AssumeRoleResult>Credentials>SecretAccessKey"`
	Token  string `xml:"AssumeRoleResult>Credentials>SessionToken"`
	Arn    string `xml:"AssumeRoleResult>AssumedRoleUser>Arn"`
	Source string `xml:"AssumeRoleResult>SourceIdentity"`
	Code   string `xml:"Error>Code"`
	Caller string `xml:"GetCallerIdentityResult>Arn"`
}

var base = keys{Key: baseKey, Secret: baseSecret}

// post signs and sends, by the stand-in's own clock.
func (v *vault) post(t *testing.T, k keys, service, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	creds := aws.Credentials{AccessKeyID: k.Key, SecretAccessKey: k.Secret, SessionToken: k.Token}
	now := time.Now().Add(time.Duration(v.clock.Load()))
	if err := sigv4.NewKeys(1).Sign(req, sha256Of(body), sigv4.Outbound{Credentials: creds, Service: service, Region: "us-east-1", Time: now}); err != nil {
		t.Fatal(err)
	}
	rec, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Body.Close()
	return rec.StatusCode, readAll(t, rec.Body)
}

func (v *vault) sts(t *testing.T, k keys, form url.Values) (int, keys) {
	t.Helper()
	status, text := v.post(t, k, "sts", "/", form.Encode())
	var out keys
	if err := xml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return status, out
}

func assumeForm(change ...string) url.Values {
	f := url.Values{
		"Action": {"AssumeRole"}, "RoleArn": {theRole}, "RoleSessionName": {"grant"}, "SourceIdentity": {"alice"}, "ExternalId": {"ext"},
		"Policy": {onlyLite}, "DurationSeconds": {"900"}, "Tags.member.1.Key": {"team"}, "Tags.member.1.Value": {"support"},
	}
	for i := 0; i < len(change); i += 2 {
		if f.Set(change[i], change[i+1]); change[i+1] == "" {
			f.Del(change[i])
		}
	}
	return f
}

func (v *vault) converse(t *testing.T, k keys, model, body string) (int, string) {
	t.Helper()
	return v.post(t, k, "bedrock", "/model/"+model+"/converse", body)
}

const greeting = `{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`

func TestASessionMayDoWhatItsPolicySays(t *testing.T) {
	v := newVault(t)
	status, k := v.sts(t, base, assumeForm())
	if status != 200 || k.Arn != "arn:aws:sts::444455556666:assumed-role/gateway/grant" || k.Source != "alice" {
		t.Fatalf("%d %+v", status, k)
	}
	for model, want := range map[string]int{liteModel: 200, "amazon.nova-pro-v1:0": 403, "us.amazon.nova-lite-v1:0": 403} {
		if status, text := v.converse(t, k, model, greeting); status != want || want == 403 && !strings.Contains(text, "no session policy allows") {
			t.Errorf("%s: %d %s", model, status, text)
		}
	}
	for _, more := range []string{`,"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1"}`, `,"x":{"s3Location":{"uri":"s3://b/k"}}`} {
		if status, text := v.converse(t, k, liteModel, strings.TrimSuffix(greeting, "}")+more+"}"); status != 403 {
			t.Errorf("%s: %d %s", more, status, text)
		}
	}
	for _, r := range v.seen.Requests()[1:] {
		if r.Session == nil || r.Session.SourceIdentity != "alice" || r.Session.Tags["team"] != "support" || r.Session.Account != "444455556666" {
			t.Errorf("recorded as %+v", r.Session)
		}
	}
	if _, who := v.sts(t, k, url.Values{"Action": {"GetCallerIdentity"}}); who.Caller != k.Arn {
		t.Errorf("the session is %s", who.Caller)
	}
	v.clock.Store(int64(16 * time.Minute))
	if status, text := v.converse(t, k, liteModel, greeting); status != 403 || !strings.Contains(text, "expired") {
		t.Errorf("a session that has ended: %d %s", status, text)
	}
}

// Every leg of a profile's call is needed, in each region it may be routed to.
func TestASessionNeedsEveryDestination(t *testing.T) {
	v := newVault(t)
	const profile = "arn:aws:bedrock:us-east-1:444455556666:inference-profile/us.amazon.nova-lite-v1:0"
	const there = "arn:aws:bedrock:us-west-2::foundation-model/amazon.nova-lite-v1:0"
	for more, want := range map[string]int{`"` + profile + `"`: 403, `"` + there + `"`: 403, `"` + profile + `","` + there + `"`: 200} {
		policy := strings.Replace(onlyLite, `"Resource":"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0"`,
			`"Resource":["arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",`+more+`]`, 1)
		_, k := v.sts(t, base, assumeForm("Policy", policy))
		if status, text := v.converse(t, k, "us.amazon.nova-lite-v1:0", greeting); status != want {
			t.Errorf("%s: %d %s, want %d", more, status, text, want)
		}
	}
}

func TestAssumingIsRefused(t *testing.T) {
	v := newVault(t)
	_, session := v.sts(t, base, assumeForm("RoleArn", nameless, "SourceIdentity", "", "ExternalId", ""))
	other := keys{Key: "AKIAOTHER", Secret: "other"}
	for name, tc := range map[string]struct {
		who  keys
		form url.Values
		code string
	}{
		"another role":              {base, assumeForm("RoleArn", "arn:aws:iam::444455556666:role/x"), "AccessDenied"},
		"no external id":            {base, assumeForm("ExternalId", ""), "AccessDenied"},
		"another external id":       {base, assumeForm("ExternalId", "wrong"), "AccessDenied"},
		"not trusted":               {other, assumeForm(), "AccessDenied"},
		"unknown":                   {keys{Key: "AKIANOBODY", Secret: "x"}, assumeForm(), "UnrecognizedClientException"},
		"wrong secret":              {keys{Key: baseKey, Secret: "x"}, assumeForm(), "InvalidSignatureException"},
		"may not name an identity":  {base, assumeForm("RoleArn", nameless, "ExternalId", ""), "AccessDenied"},
		"name too short":            {base, assumeForm("RoleSessionName", "x"), "ValidationError"},
		"name with a slash":         {base, assumeForm("RoleSessionName", "a/b"), "ValidationError"},
		"identity too long":         {base, assumeForm("SourceIdentity", strings.Repeat("a", 65)), "ValidationError"},
		"too short":                 {base, assumeForm("DurationSeconds", "899"), "ValidationError"},
		"too long":                  {base, assumeForm("DurationSeconds", "43201"), "ValidationError"},
		"longer than a chain may":   {session, assumeForm("RoleArn", nameless, "SourceIdentity", "", "ExternalId", "", "DurationSeconds", "3601"), "ValidationError"},
		"a policy too long":         {base, assumeForm("Policy", onlyLite+strings.Repeat(" ", 2048)), "ValidationError"},
		"a policy beyond Latin-1":   {base, assumeForm("Policy", strings.Replace(onlyLite, "lite", "日本", 1)), "ValidationError"},
		"no policy at all":          {base, assumeForm("Policy", "{}"), "MalformedPolicyDocument"},
		"a policy with more to say": {base, assumeForm("Policy", onlyLite+"{}"), "MalformedPolicyDocument"},
		"another action":            {base, url.Values{"Action": {"GetFederationToken"}}, "InvalidAction"},
	} {
		if status, got := v.sts(t, tc.who, tc.form); got.Code != tc.code || status < 400 {
			t.Errorf("%s: %d %s, want %s", name, status, got.Code, tc.code)
		}
	}
}

func TestLikeIAM(t *testing.T) {
	for pattern, cases := range map[string]map[string]bool{
		"a*c": {"abc": true, "ac": true, "abcd": false}, "a?c": {"abc": true, "ac": false}, "*": {"": true, "x": true},
		"a*b*c": {"aXbYc": true, "acb": false}, "abc": {"abc": true, "abd": false, "ab": false}, "*c": {"abcc": true},
	} {
		for s, want := range cases {
			if likeIAM(pattern, s) != want {
				t.Errorf("%s and %s: not %v", pattern, s, want)
			}
		}
	}
}

func FuzzSessionPolicies(f *testing.F) {
	f.Add(onlyLite, "arn:aws:s3:::b/k")
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":"*"}]}`, "x")
	f.Fuzz(func(t *testing.T, text, resource string) {
		p, err := parseSessionPolicy(text)
		if err == nil && p.allows("s3:GetObject", resource) && !slices.ContainsFunc(p.statements, func(s sessionStatement) bool { return !s.deny }) {
			t.Fatalf("%s allows", text)
		}
	})
}

func sha256Of(s string) [32]byte { return sha256.Sum256([]byte(s)) }

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
