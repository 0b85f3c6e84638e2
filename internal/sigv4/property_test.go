package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// signedByAWS draws a request, has AWS's own signer sign it, and returns it as
// it goes over the wire.
func signedByAWS(t *rapid.T) (wire []byte, secret string) {
	segment := rapid.StringMatching(`([A-Za-z0-9._~:!$&'()*+,;=@-]|%2F|%3A|%20|%C3%A4)+`).Filter(func(s string) bool { return s != "." && s != ".." })
	path := "/" + strings.Join(rapid.SliceOfN(segment, 1, 4).Draw(t, "path"), "/")
	body := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "body")
	r, err := http.NewRequest(http.MethodPost, "http://gateway.example:8080"+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	value := rapid.StringMatching(`[A-Za-z0-9/;=,. "-]{0,30}`)
	for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{
		"Content-Type", "Accept", "Amz-Sdk-Request", "X-Amzn-Bedrock-Trace", "X-Stainless-Lang", "X-Amz-User-Agent",
	}), rapid.ID).Draw(t, "headers") {
		r.Header.Set(name, value.Draw(t, name))
	}
	secret = rapid.StringMatching(`[A-Za-z0-9+/]{40}`).Draw(t, "secret")
	sum := sha256.Sum256(body)
	creds := aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: secret, SessionToken: "TOK/+="}
	if err := v4.NewSigner().SignHTTP(t.Context(), creds, r, hex.EncodeToString(sum[:]), "bedrock", "us-east-1", signedAt); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), secret
}

var signedAt = time.Date(2026, 11, 23, 7, 19, 58, 0, time.UTC)

// check reads a request off the wire and verifies it, as a server would.
func check(wire []byte, keys *Keys, secret string) error {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
	if err != nil {
		return err
	}
	p, err := Parse(r)
	if err != nil {
		return err
	}
	if p.AccessKeyID() != "ASIAEXAMPLE" { // SigV4 does not sign it: whoever has the secrets looks it up
		return errors.New("no such access key")
	}
	body := new(bytes.Buffer)
	if _, err := body.ReadFrom(r.Body); err != nil {
		return err
	}
	return keys.Verify(p, secret, sha256.Sum256(body.Bytes()), signedAt)
}

// What we sign is what AWS's own signer would have signed, to the byte.
func TestSignAsAWSDoes(t *testing.T) {
	keys := NewKeys(64)
	rapid.Check(t, func(t *rapid.T) {
		wire, secret := signedByAWS(t)
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(wire)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		want := r.Header.Clone()
		for _, name := range []string{"Authorization", "X-Amz-Date", "X-Amz-Security-Token"} {
			r.Header.Del(name)
		}
		creds := aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: secret, SessionToken: "TOK/+="}
		if err := keys.Sign(r, sha256.Sum256(body), Outbound{Credentials: creds, Service: "bedrock", Region: "us-east-1", Time: signedAt}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, r.Header); diff != "" {
			t.Fatalf("AWS's − ours +:\n%s", diff)
		}
	})
}

// What two readers could take for two things is not signed.
func TestSignRefusesWhatIsAmbiguous(t *testing.T) {
	for name, spoil := range map[string]func(*http.Request){
		"header twice": func(r *http.Request) { r.Header["Accept"] = []string{"a", "b"} },
		"query":        func(r *http.Request) { r.URL.RawQuery = "a=b" },
		"empty query":  func(r *http.Request) { r.URL.ForceQuery = true },
	} {
		r, err := http.NewRequest(http.MethodPost, "http://bedrock.example/model/a/converse", nil)
		if err != nil {
			t.Fatal(err)
		}
		spoil(r)
		if err := NewKeys(1).Sign(r, [32]byte{}, Outbound{Service: "bedrock", Region: "us-east-1", Time: signedAt}); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func TestWhatAWSSignsVerifies(t *testing.T) {
	keys := NewKeys(64)
	rapid.Check(t, func(t *rapid.T) {
		wire, secret := signedByAWS(t)
		for range 2 { // the second time with a remembered key
			if err := check(wire, keys, secret); err != nil {
				t.Fatalf("%v\n%s", err, wire)
			}
		}
		if err := check(wire, keys, secret+"x"); err == nil {
			t.Fatal("another secret verifies")
		}
	})
}

// TestAnyChangedByteIsRefused changes one byte of a signed request. Bytes of
// headers that the signer leaves out, and blanks and letter case that do not
// matter, are spared.
func TestAnyChangedByteIsRefused(t *testing.T) {
	keys := NewKeys(64)
	rapid.Check(t, func(t *rapid.T) {
		wire, secret := signedByAWS(t)
		i := rapid.IntRange(0, len(wire)-1).Draw(t, "index")
		c := rapid.Byte().Draw(t, "byte")
		if !counts(wire, i, c) {
			t.Skip("not a signed byte")
		}
		changed := slices.Clone(wire)
		changed[i] = c
		if err := check(changed, keys, secret); err == nil {
			t.Fatalf("byte %d (%q → %q) changed and the signature still holds:\n%s", i, wire[i], c, wire)
		}
	})
}

// counts reports whether replacing byte i by c changes what was signed.
func counts(wire []byte, i int, c byte) bool {
	head := bytes.Index(wire, []byte("\r\n\r\n"))
	if wire[i] == c || (i >= head && i < head+4) {
		return false
	}
	if i >= head {
		return true
	}
	start := bytes.LastIndexByte(wire[:i], '\n') + 1
	end := i + bytes.IndexByte(wire[i:], '\r')
	line := string(wire[start:max(end, start)])
	name, value, isHeader := strings.Cut(line, ":")
	switch {
	case start == 0: // the protocol version is not signed
		return i < strings.LastIndex(line, " ")
	case !isHeader || name == "User-Agent":
		return false
	case name == "Content-Length" && strings.TrimSpace(value) == "0": // not signed then
		return false
	case wire[i] == '\r' || c == '\r' || c == '\n' || wire[i] == ' ' || c == ' ' || c == '\t':
		return false
	case i < start+len(name): // a header's name: case does not matter
		return !strings.EqualFold(string(wire[i]), string(c))
	}
	return strings.TrimSpace(value) != ""
}

func TestKeysAreBoundedAndDie(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 200).Draw(t, "limit")
		keys, now := NewKeys(limit), signedAt
		scope := Scope{Date: "20261123", Region: "us-east-1", Service: "bedrock"}
		for _, secret := range rapid.SliceOfN(rapid.StringN(1, 3, 8), 1, 300).Draw(t, "secrets") {
			now = now.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "seconds")) * time.Second)
			if key := derive(secret, scope); keys.key(secret, scope, now).sign(nil) != mac(key[:], nil) {
				t.Fatalf("key for %q is another's", secret)
			}
		}
		entries := 0
		for i := range keys.shards {
			s := &keys.shards[i]
			entries += len(s.young) + len(s.old)
			for name := range s.young {
				if _, ok := s.get(name, s.born.Add(keyLifetime+1)); ok {
					t.Fatal("an entry outlived its time")
				}
			}
		}
		if bound := max(limit, 2*shardCount); entries > bound {
			t.Fatalf("%d entries, limit %d", entries, bound)
		}
	})
}

// TestS10_LongCommonPrefixNeverSharesAKey is CVE-2026-35030's lesson: nothing
// is remembered under a part of its name.
func TestS10_LongCommonPrefixNeverSharesAKey(t *testing.T) {
	prefix := strings.Repeat("A", 4096)
	scope := Scope{Date: "20261123", Region: "us-east-1", Service: "bedrock"}
	names := map[signingKey]bool{}
	for _, secret := range []string{prefix + "1", prefix + "2", prefix} {
		names[keyName(secret, scope)] = true
	}
	// Parts must not run into one another either.
	names[keyName("s", Scope{Date: "d", Region: "ab", Service: "c"})] = true
	names[keyName("s", Scope{Date: "d", Region: "a", Service: "bc"})] = true
	if len(names) != 5 {
		t.Errorf("%d names for 5 inputs", len(names))
	}
}

func FuzzParseAuthorization(f *testing.F) {
	for _, s := range []sent{boto3, boto3NoToken, javaScript, goSDK} {
		f.Add(strings.TrimPrefix(s.header[len(s.header)-1], "Authorization: "))
	}
	f.Add("AWS4-HMAC-SHA256 Credential=' OR 1=1 --/20260102/r/s/aws4_request, SignedHeaders=host\x00, Signature=")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := parseAuthorization([]string{s})
		if err != nil {
			if code(err) == "" {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if a.accessKeyID == "" || a.scope.Region == "" || a.scope.Service == "" || strings.ContainsAny(a.accessKeyID+a.scope.String(), "'\"\x00 \n") {
			t.Fatalf("accepted %+v", a)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []sent{boto3, boto3NoToken, javaScript, goSDK} {
		f.Add(s.method, s.path, s.host, strings.Join(s.header, "\r\n"))
	}
	f.Fuzz(func(t *testing.T, method, path, host, header string) {
		raw := method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + header + "\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			return
		}
		p, err := Parse(r)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		if p.SessionToken() == "" || p.AccessKeyID() == "" || len(p.canonical) == 0 {
			t.Fatalf("accepted %v", p)
		}
		if err := NewKeys(1).Verify(p, "some other secret", [32]byte{}, p.Time()); err == nil {
			t.Fatal("verified without the secret")
		}
	})
}
