package sigv4

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

// TestAWSTestSuiteQueries are the examples of AWS's own Signature Version 4
// test suite that have a query string
// (aws-sig-v4-test-suite, secret and date as published there).
func TestAWSTestSuiteQueries(t *testing.T) {
	for name, c := range map[string]struct{ target, signature string }{
		"get-vanilla":                       {"/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		"get-vanilla-empty-query-key":       {"/?Param1=value1", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
		"get-vanilla-query-order-key-case":  {"/?Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		"get-vanilla-query-order-key":       {"/?Param1=value2&Param1=Value1", "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"},
		"get-vanilla-query-order-value":     {"/?Param1=value2&Param1=value1", "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694"},
		"get-vanilla-query-unreserved":      {"/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
		"get-vanilla-utf8-query":            {"/?%E1%88%B4=bar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
		"the same, escaped in another case": {"/?%e1%88%b4=%62ar", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + c.target + " HTTP/1.1\r\nHost: example.amazonaws.com\r\n" +
				"X-Amz-Date: 20150830T123600Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
				"SignedHeaders=host;x-amz-date, Signature=" + c.signature + "\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			query, err := canonicalQuery(r.URL.RawQuery)
			if err != nil {
				t.Fatal(err)
			}
			p, err := parse(r, query)
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
			if err := NewKeys(1).Verify(p, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", sha256.Sum256(nil), at); err != nil {
				t.Errorf("%v; canonical request:\n%s", err, p.canonical)
			}
		})
	}
}

func TestCanonicalQuery(t *testing.T) {
	for raw, want := range map[string]string{
		"":                        "",
		"b=2&a=1":                 "a=1&b=2",
		"a":                       "a=",
		"a=":                      "a=",
		"a=b=c":                   "a=b%3Dc",
		"t=2026-01-01T00:00:00Z":  "t=2026-01-01T00%3A00%3A00Z",
		"t=2026-01-01T00%3a00%3A": "t=2026-01-01T00%3A00%3A",
		"%41=%2F%20":              "A=%2F%20",
		"a=1&a=0":                 "a=0&a=1",
		"a-b=1&a=2":               "a=2&a-b=1", // by name, not by the joined text
	} {
		if got, err := canonicalQuery(raw); err != nil || got != want {
			t.Errorf("canonicalQuery(%q) = %q, %v, want %q", raw, got, err, want)
		}
	}
}

// Presigning hides in no spelling, and nothing that two readers read
// differently is canonicalised.
func TestS14_PresignParametersRefusedInAnySpelling(t *testing.T) {
	for _, raw := range []string{
		"X-Amz-Signature=0", "x-amz-signature=0", "X%2DAmz%2DSignature=0", "a=1&X-Amz-Security-Token=T", "%58-amz-Date=1",
		"a=b+c", "+=1", "a=%", "a=%2", "a=%zz", "a=b c", "a=b;c=d", "a=\x00", "a=\"", "a=\xc3\xa4", "a=<", strings.Repeat("a&", 64) + "a",
	} {
		if got, err := canonicalQuery(raw); code(err) != IncompleteSignature {
			t.Errorf("canonicalQuery(%q) = %q, %v", raw, got, err)
		}
	}
}

// A query is refused wherever the caller did not say that it has a meaning.
func TestS14_QueryIsRefusedByParse(t *testing.T) {
	s := boto3
	s.path += "?maxResults=1"
	refused(t, s, IncompleteSignature)
	if _, err := ParseQueried(boto3NoToken.receive(t)); code(err) != UnrecognizedClient {
		t.Errorf("without a token: %v", err)
	}
}

// TestWhatAWSSignsVerifiesWithItsQuery has AWS's own signer sign queries, and
// changes each byte of them.
func TestWhatAWSSignsVerifiesWithItsQuery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := url.Values{}
		word := rapid.StringMatching(`[A-Za-z0-9 /:.~_=&äß-]{1,12}`)
		for range rapid.IntRange(1, 5).Draw(t, "parameters") {
			q.Add(word.Draw(t, "name"), word.Draw(t, "value"))
		}
		raw := strings.ReplaceAll(q.Encode(), "+", "%20")
		r, err := http.NewRequest(http.MethodGet, "http://gateway.example/async-invoke?"+raw, nil)
		if err != nil {
			t.Fatal(err)
		}
		secret := "secret"
		credentials := aws.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: secret, SessionToken: "TOK"}
		sum := sha256.Sum256(nil)
		err = v4.NewSigner().SignHTTP(r.Context(), credentials, r, hex.EncodeToString(sum[:]), "bedrock", "us-east-1", signedAt)
		if err != nil {
			t.Fatal(err)
		}
		if err := queried(r, secret); err != nil {
			t.Fatalf("%q: %v", r.URL.RawQuery, err)
		}
		i := rapid.IntRange(0, len(r.URL.RawQuery)-1).Draw(t, "at")
		before, _ := canonicalQuery(r.URL.RawQuery)
		r.URL.RawQuery = r.URL.RawQuery[:i] + rapid.SampledFrom([]string{"", "x", "&", "%41", "&a=b"}).Draw(t, "put") + r.URL.RawQuery[i+1:]
		if after, err := canonicalQuery(r.URL.RawQuery); err == nil && after == before {
			return // another spelling of the same
		}
		if err := queried(r, secret); err == nil {
			t.Fatalf("a changed query verifies: %q", r.URL.RawQuery)
		}
	})
}

func queried(r *http.Request, secret string) error {
	p, err := ParseQueried(r)
	if err != nil {
		return err
	}
	return NewKeys(1).Verify(p, secret, sha256.Sum256(nil), signedAt)
}

func FuzzParseQueried(f *testing.F) {
	f.Add("submitTimeAfter=2026-01-01T00%3A00%3A00Z&maxResults=10")
	f.Add("X%2DAmz%2DSignature=0")
	f.Fuzz(func(t *testing.T, raw string) {
		s := boto3.receive(t)
		s.URL.RawQuery = raw
		p, err := ParseQueried(s)
		if err != nil {
			if code(err) == "" {
				t.Fatalf("error without a code: %v", err)
			}
			return
		}
		once, err := canonicalQuery(raw)
		if err != nil || !strings.Contains(string(p.canonical), "\n"+once+"\n") {
			t.Fatalf("%q is signed as %q", raw, p.canonical)
		}
		if again, err := canonicalQuery(once); err != nil || again != once {
			t.Fatalf("%q is not canonical: %q, %v", once, again, err)
		}
		if strings.Contains(strings.ToLower(once), "x-amz-") && presigning(once) {
			t.Fatalf("%q presigns", raw)
		}
	})
}
