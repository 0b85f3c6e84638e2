package proof

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/identity"
)

const formType = "application/x-www-form-urlencoded; charset=utf-8"

func form(edit func(url.Values)) []byte {
	v := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {testRole},
		"RoleSessionName": {"s1"}, "WebIdentityToken": {"a.b.c"}, "DurationSeconds": {"900"},
	}
	if edit != nil {
		edit(v)
	}
	return []byte(v.Encode())
}

func TestParseSTS(t *testing.T) {
	want := Call{Action: AssumeRoleWithWebIdentity, RoleARN: testRole, SessionName: "s1", Token: "a.b.c", Duration: 15 * time.Minute}
	for _, media := range []string{formType, "application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=UTF-8"} {
		got, err := ParseSTS(media, form(nil))
		if err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("call (-want +got):\n%s", cmp.Diff(want, got))
		}
	}
	got, err := ParseSTS(formType, []byte("Version=2011-06-15&Action=GetCallerIdentity"))
	if err != nil || got != (Call{Action: GetCallerIdentity}) {
		t.Errorf("call %+v, %v", got, err)
	}
}

func TestParseSTSRefusals(t *testing.T) {
	set := func(name, value string) func(url.Values) { return func(v url.Values) { v.Set(name, value) } }
	long := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name string
		edit func(url.Values)
		want Reason
		says string
	}{
		{"no version", func(v url.Values) { v.Del("Version") }, MalformedRequest, "Version"},
		{"other version", set("Version", "2010-05-08"), MalformedRequest, "Version"},
		{"no action", func(v url.Values) { v.Del("Action") }, UnknownAction, "missing"},
		{"AssumeRole", set("Action", "AssumeRole"), UnknownAction, "AssumeRoleWithWebIdentity"},
		{"GetSessionToken", set("Action", "GetSessionToken"), UnknownAction, "OIDC"},
		{"case", set("Action", "assumerolewithwebidentity"), UnknownAction, "no action"},
		{"repeated", func(v url.Values) { v.Add("RoleArn", testRole) }, MalformedRequest, "RoleArn"},
		{"repeated action", func(v url.Values) { v.Add("Action", "GetCallerIdentity") }, MalformedRequest, "Action"},
		{"unknown", set("Tags.member.1.Key", "x"), Unsupported, "Tags.member.1.Key"},
		{"other case", set("roleArn", testRole), Unsupported, "roleArn"},
		{"control characters", set("RoleSessionName", "a\x00b"), MalformedRequest, "control"},
		{"not UTF-8", set("RoleSessionName", "a\xffb"), MalformedRequest, "UTF-8"},
		{"no role", func(v url.Values) { v.Del("RoleArn") }, MalformedRequest, "RoleArn"},
		{"user ARN", set("RoleArn", "arn:aws:iam::111122223333:user/support-agent"), MalformedRequest, "RoleArn"},
		{"wildcard", set("RoleArn", "arn:aws:iam::111122223333:role/*"), MalformedRequest, "RoleArn"},
		{"long role", set("RoleArn", "arn:aws:iam::111122223333:role/"+strings.Repeat("p/", 1100)+"r"), MalformedRequest, "RoleArn"},
		{"short session name", set("RoleSessionName", "a"), MalformedRequest, "RoleSessionName"},
		{"long session name", set("RoleSessionName", long(65)), MalformedRequest, "RoleSessionName"},
		{"session name with a slash", set("RoleSessionName", "a/b"), MalformedRequest, "RoleSessionName"},
		{"session name with a line break", set("RoleSessionName", "ab\n"), MalformedRequest, "RoleSessionName"},
		{"no token", func(v url.Values) { v.Del("WebIdentityToken") }, MalformedRequest, "WebIdentityToken"},
		{"long token", set("WebIdentityToken", long(maxToken+1)), MalformedRequest, "WebIdentityToken"},
		{"duration 899", set("DurationSeconds", "899"), MalformedRequest, "DurationSeconds"},
		{"duration 43201", set("DurationSeconds", "43201"), MalformedRequest, "DurationSeconds"},
		{"duration -900", set("DurationSeconds", "-900"), MalformedRequest, "DurationSeconds"},
		{"duration empty", set("DurationSeconds", ""), MalformedRequest, "DurationSeconds"},
		{"duration 1e3", set("DurationSeconds", "1e3"), MalformedRequest, "DurationSeconds"},
		{"body too long", set("X", long(maxForm)), MalformedRequest, "longer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSTS(formType, form(c.edit))
			r := refusal(t, err, c.want)
			if !strings.Contains(r.Answer().Message, c.says) {
				t.Errorf("message %q: want %q in it", r.Answer().Message, c.says)
			}
		})
	}
}

func TestParseSTSContentTypes(t *testing.T) {
	for _, media := range []string{"", "text/plain", "application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded; charset=utf-16"} {
		_, err := ParseSTS(media, form(nil))
		refusal(t, err, MalformedRequest)
	}
	for _, body := range []string{"a=%zz", "a;b=1"} {
		_, err := ParseSTS(formType, []byte(body))
		refusal(t, err, MalformedRequest)
	}
}

func TestS11_NarrowingParametersAreRefusedNotIgnored(t *testing.T) {
	for _, name := range []string{"Policy", "PolicyArns.member.1.arn", "PolicyArns", "ProviderId"} {
		for _, value := range []string{"x", ""} {
			_, err := ParseSTS(formType, form(func(v url.Values) { v.Set(name, value) }))
			r := refusal(t, err, Unsupported)
			group, _, _ := strings.Cut(name, ".")
			if want := group + " is not supported: it would be ignored."; r.Answer().Message != want {
				t.Errorf("message %q: want %q", r.Answer().Message, want)
			}
		}
	}
	_, err := ParseSTS(formType, []byte("Version=2011-06-15&Action=GetCallerIdentity&RoleArn=x"))
	refusal(t, err, Unsupported)
}

func TestParseRole(t *testing.T) {
	got, err := ParseRole("arn:aws-us-gov:iam::111122223333:role/team/a/support-agent")
	if want := (Role{Partition: "aws-us-gov", Account: "111122223333", Name: "support-agent"}); err != nil || got != want {
		t.Errorf("role %+v, %v", got, err)
	}
	for _, arn := range []string{
		"", "support-agent", "arn:aws:iam::11112222333:role/r", "arn:aws:iam:us-east-1:111122223333:role/r", "arn:aws:iam::111122223333:role/",
		"arn:aws:iam::111122223333:role//r", "arn:aws:iam::111122223333:role/r\n", "arn:evil:iam::111122223333:role/r", "arn:aws:sts::111122223333:assumed-role/r/s",
		"arn:aws:iam::111122223333:role/a:b", "arn:aws:iam::111122223333:role/ä",
	} {
		if got, err := ParseRole(arn); err == nil {
			t.Errorf("%q: role %+v", arn, got)
		}
	}
}

func TestWriteWebIdentityDocument(t *testing.T) {
	m := Minted{
		Session:     identity.Session{Identity: "support-agent", Subject: "a<b>&c", Issuer: "https://id.example"},
		Credentials: Credentials{AccessKeyID: "ASIA1", SecretAccessKey: "s/+", SessionToken: "t.o.k", Expires: time.Date(2026, 11, 24, 1, 0, 0, 0, time.FixedZone("", 3600))},
		RoleARN:     "arn:aws:iam::111122223333:role/x/support-agent", SessionName: "sess", Audience: "writ",
	}
	w := httptest.NewRecorder()
	if err := WriteWebIdentity(w, m, "11111111-2222-3333-4444-555555555555", epoch); err != nil {
		t.Fatal(err)
	}
	user := NewCaller("aws", "111122223333", "support-agent", "sess").UserID
	want := `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>` +
		`<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/+</SecretAccessKey><SessionToken>t.o.k</SessionToken><Expiration>2026-11-24T00:00:00Z</Expiration></Credentials>` +
		`<AssumedRoleUser><AssumedRoleId>` + user + `</AssumedRoleId><Arn>arn:aws:sts::111122223333:assumed-role/support-agent/sess</Arn></AssumedRoleUser>` +
		`<SubjectFromWebIdentityToken>a&lt;b&gt;&amp;c</SubjectFromWebIdentityToken><Audience>writ</Audience><Provider>https://id.example</Provider></AssumeRoleWithWebIdentityResult>` +
		`<ResponseMetadata><RequestId>11111111-2222-3333-4444-555555555555</RequestId></ResponseMetadata></AssumeRoleWithWebIdentityResponse>`
	if d := cmp.Diff(want, w.Body.String()); d != "" {
		t.Errorf("document (-want +got):\n%s", d)
	}
	for name, v := range map[string]string{
		"Date": "Mon, 23 Nov 2026 12:00:00 GMT", "x-amzn-RequestId": "11111111-2222-3333-4444-555555555555", "Content-Type": "text/xml", "Cache-Control": "no-store",
	} {
		if got := w.Header().Get(name); got != v {
			t.Errorf("%s %q: want %q", name, got, v)
		}
	}
	m.RoleARN = ""
	if err := WriteWebIdentity(httptest.NewRecorder(), m, "r", epoch); err == nil {
		t.Error("a session without a role was written as one with a role")
	}
}

func TestWriteErrorDocument(t *testing.T) {
	for _, c := range []struct {
		err          error
		status       int
		blame, code  string
		mustNotStand string
	}{
		{refuse(IdentityHalted, errors.New("identity support-agent is quarantined")), 403, "Sender", "AccessDenied", "quarantined"},
		{refuse(ProofExpired, nil), 400, "Sender", "ExpiredTokenException", ""},
		{refuse(SignatureInvalid, nil), 400, "Sender", "InvalidIdentityToken", ""},
		{refuse(KeysUnavailable, errors.New("dial 10.0.0.1")), 400, "Sender", "IDPCommunicationError", "10.0.0.1"},
		{refuse(ProofTooLong, nil), 403, "Sender", "IDPRejectedClaim", ""},
		{refuse(MalformedRequest, nil), 400, "Sender", "ValidationError", ""},
		{refuse(UnknownAction, nil), 400, "Sender", "InvalidAction", ""},
		{refuse(NotRecorded, errors.New("disk full")), 503, "Receiver", "ServiceUnavailable", "disk"},
		{errors.New("secret detail"), 500, "Receiver", "InternalFailure", "secret"},
	} {
		w := httptest.NewRecorder()
		if err := WriteError(w, c.err, "req-1", epoch); err != nil {
			t.Fatal(err)
		}
		body := w.Body.String()
		start := `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>` + c.blame + `</Type><Code>` + c.code + `</Code><Message>`
		if w.Code != c.status || !strings.HasPrefix(body, start) || !strings.HasSuffix(body, `</Message></Error><RequestId>req-1</RequestId></ErrorResponse>`) {
			t.Errorf("%v: %d %s", c.err, w.Code, body)
		}
		if c.mustNotStand != "" && strings.Contains(body, c.mustNotStand) {
			t.Errorf("%v: the caller is told %s", c.err, body)
		}
	}
}

// stsServer serves an office as AWS's SDKs expect STS to be.
func stsServer(o *office) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		call, err := ParseSTS(r.Header.Get("Content-Type"), body)
		if err == nil && call.Action == GetCallerIdentity {
			WriteCallerIdentity(w, NewCaller("aws", "111122223333", "support-agent", "s"), "r", epoch)
			return
		}
		var m Minted
		if err == nil {
			m, err = o.WebIdentity(r.Context(), o.world, WebIdentityRequest{
				Token: call.Token, RoleARN: call.RoleARN, SessionName: call.SessionName, Duration: call.Duration, Origin: from("127.0.0.1")})
		}
		if err != nil {
			WriteError(w, err, "r", epoch)
			return
		}
		WriteWebIdentity(w, m, "r", epoch)
	}))
	o.t.Cleanup(s.Close)
	return s
}

func TestUnmodifiedSDKExchangesItsToken(t *testing.T) {
	o := open(t, nil)
	o.clock.Advance(time.Since(epoch)) // SDKs judge Expiration by the real clock
	srv := stsServer(o)
	client := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: aws.String(srv.URL), RetryMaxAttempts: 1})
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(o.token(nil)), 0o600); err != nil {
		t.Fatal(err)
	}
	provider := stscreds.NewWebIdentityRoleProvider(client, testRole, stscreds.IdentityTokenFile(file))
	got, err := provider.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessKeyID != "ASIAEXAMPLE" || !strings.HasPrefix(got.SessionToken, "canary-token-") || !got.Expires.Equal(o.mints[0].Session.Expires) {
		t.Errorf("credentials of %s until %v", got.AccessKeyID, got.Expires)
	}
	o.ids["support-agent"].State = identity.Quarantined
	_, err = provider.Retrieve(t.Context())
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" {
		t.Errorf("the SDK reads %v: want AccessDenied", err)
	}
}

func TestUnmodifiedSDKAsksWhoItIs(t *testing.T) {
	srv := stsServer(open(t, nil))
	client := sts.New(sts.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(srv.URL),
		Credentials: credentials.NewStaticCredentialsProvider("ASIA1", "s", "t"),
	})
	got, err := client.GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(got.Arn) != "arn:aws:sts::111122223333:assumed-role/support-agent/s" || aws.ToString(got.Account) != "111122223333" {
		t.Errorf("caller %s of %s", aws.ToString(got.Arn), aws.ToString(got.Account))
	}
	_, err = client.GetSessionToken(t.Context(), nil)
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InvalidAction" || !bytes.Contains([]byte(api.ErrorMessage()), []byte("OIDC")) {
		t.Errorf("the SDK reads %v: want InvalidAction with a hint", err)
	}
}
