package sigv4

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	goldenBody = `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`
	goSDKBody  = `{"messages":[{"content":[{"text":"hi"}],"role":"user"}],"requestMetadata":{"team":"a"}}`
	arnPath    = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Ainference-profile%2Fus.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse"
)

// sent is a request as a client puts it on the wire.
type sent struct {
	method string
	path   string // with the query, if any
	host   string
	header []string // "Name: value" lines
	body   string
}

// receive reads the request as the server would.
func (s sent) receive(t testing.TB) *http.Request {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", s.method, s.path, s.host, len(s.body))
	for _, line := range s.header {
		b.WriteString(line + "\r\n")
	}
	b.WriteString("\r\n" + s.body)
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String())))
	if err != nil {
		t.Fatalf("reading the request: %v", err)
	}
	return r
}

// with returns a copy in which the header line named like line is replaced.
func (s sent) with(line string) sent {
	s = s.without(strings.SplitN(line, ":", 2)[0])
	s.header = append(s.header, line)
	return s
}

// plus returns a copy with one more header line.
func (s sent) plus(line string) sent {
	s.header = append(slices.Clone(s.header), line)
	return s
}

func (s sent) without(name string) sent {
	s.header = slices.DeleteFunc(slices.Clone(s.header), func(l string) bool {
		return strings.EqualFold(strings.SplitN(l, ":", 2)[0], name)
	})
	return s
}

// edit returns a copy with a change to the Authorization line.
func (s sent) edit(old, new string) sent {
	s.header = slices.Clone(s.header)
	for i, l := range s.header {
		if strings.HasPrefix(l, "Authorization:") {
			s.header[i] = strings.Replace(l, old, new, 1)
		}
	}
	return s
}

// golden requests, as the SDKs sent them; secret "SECRET", token "TOK".
var (
	boto3 = sent{
		method: "POST", path: "/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse", host: "127.0.0.1:18080", body: `{"a": 1}`,
		header: []string{
			"Content-Type: application/json",
			"X-Amzn-Bedrock-Trace:   ENABLED   FULL ",
			"X-Amzn-Bedrock-Accept: */*",
			"X-Amz-Date: 20260102T030405Z",
			"X-Amz-Security-Token: TOK",
			"Authorization: AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20260102/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amzn-bedrock-accept;x-amzn-bedrock-trace, Signature=cba66f65b260e271d8f4f61eb1c28a21ed0fd311a8ff2d2f12273e989bd9150b",
		},
	}
	boto3NoToken = sent{
		method: "POST", path: arnPath, host: "bedrock-runtime.us-east-1.amazonaws.com", body: goldenBody,
		header: []string{
			"Content-Type: application/json",
			"X-Amz-Date: 20260102T030405Z",
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=aa28755c623e6713345eccee7a37363494be94a77c4299a83c3d033e5bd16157",
		},
	}
	javaScript = sent{
		method: "POST", path: arnPath, host: "127.0.0.1:18081", body: goldenBody,
		header: []string{
			"amz-sdk-invocation-id: 140855ae-7259-42da-9e61-cf659780cfbf",
			"amz-sdk-request: attempt=1; max=1",
			"content-type: application/json",
			"x-amz-content-sha256: c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0",
			"x-amz-date: 20261123T071958Z",
			"x-amz-security-token: TOK",
			"x-amz-user-agent: aws-sdk-js/3.1163.0",
			"Authorization: AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=:authority;amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-user-agent, Signature=3bcf3c9410b20189a924e727c46f904cd67f1af5893a80466c01ae52bb5dcb1f",
		},
	}
	goSDK = sent{
		method: "POST", path: "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", host: "127.0.0.1:18080", body: goSDKBody,
		header: []string{
			"Amz-Sdk-Invocation-Id: 761d30e3-ca72-4d78-a5e5-6e146b679daa",
			"Amz-Sdk-Request: attempt=1; max=1",
			"Content-Type: application/json",
			"X-Amz-Date: 20261123T071750Z",
			"X-Amz-Security-Token: TOK",
			"Authorization: AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20261123/us-east-1/bedrock/aws4_request, SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-date;x-amz-security-token, Signature=d7f68dfade3add566d06cb2e1193e5a0939a58b711392081c326e2b367769aee",
		},
	}
)

// aiSDK is what aws4fetch 1.0.20 made, beneath the AI SDK: it never signs the
// body's type.
var aiSDK = sent{
	method: "POST", path: "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse", host: "127.0.0.1:18080", body: `{"a": 1}`,
	header: []string{
		"Content-Type: application/json",
		"X-Amz-Date: 20260102T030405Z",
		"X-Amz-Security-Token: TOK",
		"Authorization: AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20260102/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token, Signature=bd49a972e385676f57e28b83af1745f6ce9b88a6e9464e476551708f3ab6e4de",
	},
}

// botoAt is the boto3 request to another path, with the signature that
// botocore 1.43.11 makes for it.
func botoAt(path, signature string) sent {
	s := boto3.edit("cba66f65b260e271d8f4f61eb1c28a21ed0fd311a8ff2d2f12273e989bd9150b", signature)
	s.path = path
	return s
}

func TestGolden(t *testing.T) {
	cases := map[string]sent{
		"botocore, no token":                   boto3NoToken,
		"JavaScript, h2c":                      javaScript,
		"Go":                                   goSDK,
		"aws4fetch, the type of JSON unsigned": aiSDK,
		"botocore":                             boto3,
		"botocore, nothing to escape":          botoAt("/model/a.b/converse", "56b8f8ae3113bfb1bb6c2b821ff6b1d73b99f4641f38e69675813afcd048ebed"),
		"botocore, escaped and raw delimiters": botoAt("/model/x%2Fy%20z~_!*'()@$&+,=;/invoke", "087445155b634d90df48fe86fde552581aa95f1ac138a574cd935c50d7ca27fc"),
		"botocore, UTF-8":                      botoAt("/model/%C3%A4/converse", "94a90dab747f097f30c959f826cf26aa476c6200fb15f1e86426577102faafad"),
	}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := parse(s.receive(t), "")
			if err != nil {
				t.Fatal(err)
			}
			keys, sum := NewKeys(8), sha256.Sum256([]byte(s.body))
			if err := keys.Verify(p, "SECRET", sum, p.Time()); err != nil {
				t.Errorf("genuine signature: %v", err)
			}
			if err := keys.Verify(p, "SECRES", sum, p.Time()); code(err) != InvalidSignature {
				t.Errorf("other secret: %v", err)
			}
			if err := keys.Verify(p, "SECRET", sha256.Sum256(nil), p.Time()); code(err) != InvalidSignature {
				t.Errorf("other body: %v", err)
			}
		})
	}
}

// TestGoldenCanonical compares with the JavaScript SDK's own canonical request.
func TestGoldenCanonical(t *testing.T) {
	p, err := Parse(javaScript.receive(t))
	if err != nil {
		t.Fatal(err)
	}
	want := `POST
/model/arn%253Aaws%253Abedrock%253Aus-east-1%253A111122223333%253Ainference-profile%252Fus.anthropic.claude-sonnet-4-5-20250929-v1%253A0/converse

:authority:127.0.0.1:18081
amz-sdk-invocation-id:140855ae-7259-42da-9e61-cf659780cfbf
amz-sdk-request:attempt=1; max=1
content-length:56
content-type:application/json
x-amz-content-sha256:c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0
x-amz-date:20261123T071958Z
x-amz-security-token:TOK
x-amz-user-agent:aws-sdk-js/3.1163.0

:authority;amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;x-amz-content-sha256;x-amz-date;x-amz-security-token;x-amz-user-agent
`
	if got := string(p.canonical); got != want {
		t.Errorf("canonical request:\n%s\nwant:\n%s", got, want)
	}
	if p.AccessKeyID() != "ASIAEXAMPLE" || p.SessionToken() != "TOK" || p.Scope() != (Scope{"20261123", "us-east-1", "bedrock"}) {
		t.Errorf("presented %q %q %v", p.AccessKeyID(), p.SessionToken(), p.Scope())
	}
}

func code(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func refused(t *testing.T, s sent, want Code) {
	t.Helper()
	if _, err := Parse(s.receive(t)); code(err) != want {
		t.Errorf("Parse: %v, want %s", err, want)
	}
}

func TestS14_EveryAmzHeaderMustBeSigned(t *testing.T) {
	for _, line := range []string{
		"X-Amz-Target: a", "X-Amzn-Bedrock-Guardrailidentifier: g", "x-amzn-bedrock-service-tier: flex",
		"X-AMZ-USER-AGENT: a", "X-Amzn-Trace-Id: Root=1", "X-Amz-Content-Sha256: UNSIGNED-PAYLOAD",
	} {
		t.Run(line, func(t *testing.T) { refused(t, boto3.plus(line), InvalidSignature) })
	}
	for name, s := range map[string]sent{
		"date":         boto3.edit("x-amz-date;", ""),
		"token":        boto3.edit("x-amz-security-token;", ""),
		"content-type": aiSDK.with("Content-Type: application/octet-stream"),
		"charset":      aiSDK.with("Content-Type: application/json; charset=utf-7"),
		"two types":    aiSDK.plus("Content-Type: text/plain"),
		"host":         boto3.edit("host;", ""),
	} {
		t.Run("unsigned "+name, func(t *testing.T) { refused(t, s, InvalidSignature) })
	}
}

func TestS14_PresignedRefused(t *testing.T) {
	for _, query := range []string{
		"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00", "?x-amz-security-token=TOK", "?a=b", "?",
	} {
		s := boto3
		s.path += query
		refused(t, s, IncompleteSignature)
		refused(t, s.without("Authorization"), IncompleteSignature)
	}
}

func TestS14_UnsignedAndChunkedPayloadsRefused(t *testing.T) {
	for _, v := range []string{
		"UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
		"STREAMING-AWS4-HMAC-SHA256-EVENTS",
	} {
		refused(t, javaScript.with("x-amz-content-sha256: "+v), InvalidSignature)
	}
	for _, v := range []string{"", "unsigned-payload", strings.Repeat("A", 64), strings.Repeat("g", 64), strings.Repeat("a", 63)} {
		refused(t, javaScript.with("x-amz-content-sha256: "+v), IncompleteSignature)
	}
}

func TestS14_SigV4ARefused(t *testing.T) {
	refused(t, boto3.edit("AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 "), IncompleteSignature)
}

func TestRefusals(t *testing.T) {
	const signature = "cba66f65b260e271d8f4f61eb1c28a21ed0fd311a8ff2d2f12273e989bd9150b"
	path := func(p string) sent {
		s := boto3
		s.path = p
		return s
	}
	cases := []struct {
		name string
		sent sent
		want Code
	}{
		{"no authorization", boto3.without("Authorization"), MissingAuthenticationToken},
		{"empty authorization", boto3.with("Authorization:"), MissingAuthenticationToken},
		{"two authorizations", boto3.plus("Authorization: AWS4-HMAC-SHA256"), IncompleteSignature},
		{"huge authorization", boto3.edit("content-type", strings.Repeat("a", 5000)), IncompleteSignature},
		{"bearer", boto3.with("Authorization: Bearer abc"), IncompleteSignature},
		{"other algorithm", boto3.edit("AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256-PAYLOAD "), IncompleteSignature},
		{"algorithm only", boto3.with("Authorization: AWS4-HMAC-SHA256"), IncompleteSignature},
		{"part missing", boto3.edit(", Signature="+signature, ""), IncompleteSignature},
		{"part twice", boto3.edit("SignedHeaders=", "Signature="+signature+", SignedHeaders="), IncompleteSignature},
		{"part in place of another", boto3.edit("Signature="+signature, "SignedHeaders=host"), IncompleteSignature},
		{"unknown part", boto3.edit("SignedHeaders=", "signedheaders="), IncompleteSignature},
		{"scope too short", boto3.edit("/aws4_request", ""), IncompleteSignature},
		{"scope too long", boto3.edit("/aws4_request", "/aws4_request/x"), IncompleteSignature},
		{"scope of another version", boto3.edit("aws4_request", "aws5_request"), IncompleteSignature},
		{"empty key id", boto3.edit("Credential=ASIAEXAMPLE", "Credential="), IncompleteSignature},
		{"quote in key id", boto3.edit("ASIAEXAMPLE", "ASIA'OR'1"), IncompleteSignature},
		{"long key id", boto3.edit("ASIAEXAMPLE", strings.Repeat("A", 129)), IncompleteSignature},
		{"empty region", boto3.edit("us-east-1", ""), IncompleteSignature},
		{"region set", boto3.edit("us-east-1", "*"), IncompleteSignature},
		{"upper-case service", boto3.edit("/bedrock/", "/Bedrock/"), IncompleteSignature},
		{"scope date not a number", boto3.edit("20260102", "2026010x"), IncompleteSignature},
		{"scope date differs", boto3.edit("20260102", "20260103"), InvalidSignature},
		{"short signature", boto3.edit(signature, signature[1:]), IncompleteSignature},
		{"upper-case signature", boto3.edit(signature, strings.ToUpper(signature)), IncompleteSignature},
		{"signed headers empty", boto3.edit("SignedHeaders=content-type;host;", "SignedHeaders=;content-type;host;"), IncompleteSignature},
		{"signed headers unsorted", boto3.edit("content-type;host", "host;content-type"), IncompleteSignature},
		{"signed headers doubled", boto3.edit("host;", "host;host;"), IncompleteSignature},
		{"signed headers upper case", boto3.edit("content-type", "Content-Type"), IncompleteSignature},
		{"signed headers with blank", boto3.edit("host;", "host ;"), IncompleteSignature},
		{"signed authorization", boto3.edit("content-type;", "authorization;content-type;"), IncompleteSignature},
		{"signed pseudo-header", boto3.edit("SignedHeaders=", "SignedHeaders=:path;"), IncompleteSignature},
		{"both host and authority", boto3.edit("SignedHeaders=", "SignedHeaders=:authority;"), InvalidSignature},
		{"signed header absent", boto3.edit("SignedHeaders=", "SignedHeaders=accept;"), InvalidSignature},
		{"signed header repeated", boto3.plus("X-Amzn-Bedrock-Trace: ENABLED"), InvalidSignature},
		{"date repeated", boto3.plus("X-Amz-Date: 20260102T030405Z"), InvalidSignature},
		{"token repeated", boto3.plus("X-Amz-Security-Token: TOK"), InvalidSignature},
		{"tab in signed header", boto3.with("X-Amzn-Bedrock-Trace: a\tb"), IncompleteSignature},
		{"huge signed header", boto3.with("X-Amzn-Bedrock-Trace: " + strings.Repeat("a", 8193)), IncompleteSignature},
		{"no date", boto3.without("X-Amz-Date").edit("x-amz-date;", ""), IncompleteSignature},
		{"date with fraction", boto3.with("X-Amz-Date: 20260102T030405.5Z"), IncompleteSignature},
		{"date extended", boto3.with("X-Amz-Date: 2026-01-02T03:04:05Z"), IncompleteSignature},
		{"date impossible", boto3.with("X-Amz-Date: 20260102T250405Z"), IncompleteSignature},
		{"no token", boto3.without("X-Amz-Security-Token").edit("x-amz-security-token;", ""), UnrecognizedClient},
		{"empty token", boto3.with("X-Amz-Security-Token:"), UnrecognizedClient},
		{"quoted token", boto3.with(`X-Amz-Security-Token: "TOK"`), UnrecognizedClient},
		{"blank in token", boto3.with("X-Amz-Security-Token: T OK"), UnrecognizedClient},
		{"long-term key", boto3NoToken, UnrecognizedClient},
		{"dot segment", path("/model/a.b/../c/converse"), IncompleteSignature},
		{"single dot", path("/model/./converse"), IncompleteSignature},
		{"empty segment", path("/model//converse"), IncompleteSignature},
		{"network path", path("//model/converse"), IncompleteSignature},
		{"trailing dots", path("/model/.."), IncompleteSignature},
		{"huge path", path("/" + strings.Repeat("a", 8192)), IncompleteSignature},
		{"asterisk", sent{method: "OPTIONS", path: "*", host: boto3.host, header: boto3.header, body: boto3.body}, IncompleteSignature},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { refused(t, c.sent, c.want) })
	}
}

func TestUnknownLengthCannotBeSigned(t *testing.T) {
	r := goSDK.receive(t)
	r.ContentLength = -1
	if _, err := Parse(r); code(err) != InvalidSignature {
		t.Errorf("Parse: %v", err)
	}
}

func TestIn(t *testing.T) {
	p, err := Parse(boto3.receive(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := p.In(Want{Service: "bedrock", Regions: []string{"eu-west-1", "us-east-1"}}); err != nil {
		t.Errorf("scope served: %v", err)
	}
	for name, w := range map[string]Want{
		"other service": {Service: "sts", Regions: []string{"us-east-1"}},
		"other region":  {Service: "bedrock", Regions: []string{"us-east-2"}},
		"no region":     {Service: "bedrock"},
		"nothing":       {},
	} {
		if err := p.In(w); code(err) != InvalidSignature {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWindow(t *testing.T) {
	p, err := Parse(boto3.receive(t))
	if err != nil {
		t.Fatal(err)
	}
	keys, sum := NewKeys(8), sha256.Sum256([]byte(boto3.body))
	for _, skew := range []time.Duration{-Window, 0, Window} {
		if err := keys.Verify(p, "SECRET", sum, p.Time().Add(skew)); err != nil {
			t.Errorf("skew %v: %v", skew, err)
		}
	}
	for _, skew := range []time.Duration{-Window - 1, Window + 1, -24 * time.Hour, 24 * time.Hour} {
		if err := keys.Verify(p, "SECRET", sum, p.Time().Add(skew)); code(err) != RequestTimeTooSkewed {
			t.Errorf("skew %v: %v", skew, err)
		}
	}
}

func TestEmptySecretNeverVerifies(t *testing.T) {
	p, err := Parse(boto3.receive(t))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(boto3.body))
	p.signature = p.sign(newSigner(derive("", p.scope)), sum)
	if err := NewKeys(1).Verify(p, "", sum, p.Time()); code(err) != UnrecognizedClient {
		t.Errorf("Verify: %v", err)
	}
}

func TestBodyDigestSentMustBeTheBodys(t *testing.T) {
	p, err := Parse(javaScript.receive(t))
	if err != nil {
		t.Fatal(err)
	}
	other := sha256.Sum256([]byte("another body"))
	p.signature = p.sign(newSigner(derive("SECRET", p.scope)), other)
	if err := NewKeys(1).Verify(p, "SECRET", other, p.Time()); code(err) != InvalidSignature {
		t.Errorf("Verify: %v", err)
	}
}

func TestStatus(t *testing.T) {
	if IncompleteSignature.Status() != 400 || InvalidSignature.Status() != 403 {
		t.Error("want 400 for an incomplete signature, else 403")
	}
}

func TestTokenNeverPrints(t *testing.T) {
	const canary = "CANARY7f3a"
	p, err := Parse(boto3.with("X-Amz-Security-Token: " + canary).receive(t))
	if err != nil {
		t.Fatal(err)
	}
	keys := NewKeys(8)
	_ = keys.Verify(p, canary, [32]byte{}, p.Time())
	var b strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+verb, p, keys)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "p", p, "k", keys)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "p", p, "k", keys)
	if got := b.String(); strings.Contains(got, canary) || strings.Contains(got, fmt.Sprintf("%x", canary)) {
		t.Errorf("printed: %s", got)
	}
}

func BenchmarkParseAndVerify(b *testing.B) {
	r, sum := benchRequest(b)
	keys := NewKeys(1024)
	b.ReportAllocs()
	for b.Loop() {
		p, err := Parse(r)
		if err != nil {
			b.Fatal(err)
		}
		if err := keys.Verify(p, "SECRET", sum, p.time); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	r, sum := benchRequest(b)
	keys := NewKeys(1024)
	p, err := Parse(r)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := keys.Verify(p, "SECRET", sum, p.time); err != nil {
			b.Fatal(err)
		}
	}
}

// benchRequest is a signed request with a token of the size that Writ mints.
func benchRequest(b *testing.B) (*http.Request, [32]byte) {
	b.Helper()
	s := boto3.with("X-Amz-Security-Token: " + strings.Repeat("a", 400))
	sum := sha256.Sum256([]byte(s.body))
	p, err := Parse(s.receive(b))
	if err != nil {
		b.Fatal(err)
	}
	signature := fmt.Sprintf("%x", p.sign(newSigner(derive("SECRET", p.scope)), sum))
	return s.edit("cba66f65b260e271d8f4f61eb1c28a21ed0fd311a8ff2d2f12273e989bd9150b", signature).receive(b), sum
}
