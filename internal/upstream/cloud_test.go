package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
)

const (
	home     = "111122223333"
	away     = "444455556666"
	homeRole = "arn:aws:iam::" + home + ":role/writ-gateway"
	awayRole = "arn:aws:iam::" + away + ":role/paths/writ-gateway"
	usPro    = "us.amazon.nova-pro-v1:0"
	external = "external-id-7"
)

// hand is who may do what in the tests' own world.
type hand struct {
	identity, account string
	notAfter          time.Time
}

var (
	alice = hand{identity: "alice", account: home}
	bob   = hand{identity: "bob", account: away}
)

// bundles are the rules of each hand, which take a while to check.
var bundles sync.Map

// bundle lets a hand call any Nova model, with any object of one bucket.
func (h hand) bundle(t testing.TB) *policy.Bundle {
	t.Helper()
	if b, ok := bundles.Load(h); ok {
		return b.(*policy.Bundle)
	}
	until := h.notAfter
	if until.IsZero() {
		until = time.Now().Add(24 * time.Hour)
	}
	b, err := policy.NewBundle(policy.Sources{
		Catalogue: bedrock.Embedded(), Identities: []string{h.identity},
		Entitlements: []rights.Entitlement{{
			ID: "nova", Account: h.account, Models: []string{"family:amazon.nova"},
			Conditions: rights.Conditions{Data: rights.Data{Unscanned: true}, Objects: []string{"s3://docs/*"}},
		}},
		Grants: []rights.Grant{{ID: h.identity + ".nova", Identity: h.identity, Entitlement: "nova", NotAfter: until}},
	})
	if err != nil {
		t.Fatal(err)
	}
	bundles.Store(h, b)
	return b
}

// allows asks for leave to send a call.
func (h hand) allows(t testing.TB, model string, objects ...string) (*policy.Permit, Outbound) {
	t.Helper()
	now := time.Now().UTC()
	caps := bedrock.Capabilities{S3: objects}
	legs, err := rights.Legs(rights.Invocation{Operation: bedrock.Converse, ModelID: model, Region: "us-east-1", Account: h.account, Caps: caps}, bedrock.Embedded())
	if err != nil {
		t.Fatal(err)
	}
	out := sample()
	out.Path, out.Account = "/model/"+model+"/converse", h.account
	d := h.bundle(t).Decide(policy.Request{
		Identity: &identity.Identity{ID: h.identity, State: identity.Governed}, Now: now, Operation: bedrock.Converse,
		Session: identity.Session{Identity: h.identity, Proof: identity.ProofOIDC, Issued: now, Expires: now.Add(time.Hour)},
		Account: h.account, Home: home, Region: "us-east-1", Caps: caps, Legs: legs, Prompt: dataclass.Unscanned("no_classifier"), Digest: out.Digest(),
	})
	if d.Permit == nil {
		t.Fatalf("refused: %+v", d)
	}
	return d.Permit, out
}

// cloud is a stand-in for AWS with two accounts, and a client for it.
type cloud struct {
	*Client
	seen  *fakebedrock.Recorder
	url   string
	clock atomic.Int64 // added to the time
	down  atomic.Bool  // STS does not answer
	home  *Sessions
}

func (c *cloud) now() time.Time { return time.Now().Add(time.Duration(c.clock.Load())) }

func newCloud(t testing.TB) *cloud {
	t.Helper()
	c := &cloud{seen: new(fakebedrock.Recorder)}
	bedrock := fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{{AccessKeyID: keyID, SecretAccessKey: secret}}, Recorder: c.seen,
		Roles:        []fakebedrock.Role{{ARN: homeRole}, {ARN: awayRole, ExternalID: external, Trusted: []string{keyID}}},
		Destinations: map[string][]string{usPro: {"us-east-2", "us-west-2"}},
	})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.down.Load() && r.URL.Path == "/" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>")
			return
		}
		if r.URL.Path == "/" {
			c.later(w, r, bedrock)
			return
		}
		bedrock.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	c.url = srv.URL
	c.home = c.sessions(t, homeRole, "")
	var err error
	c.Client, err = New(Config{
		Account: home, Endpoint: srv.URL, Sessions: c.home, Now: c.now,
		Accounts: []Account{{ID: away, Endpoint: srv.URL, Sessions: c.sessions(t, awayRole, external)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// later serves STS as it would answer by the test's clock. The SDK signs by the
// machine's, so only the answer is changed.
func (c *cloud) later(w http.ResponseWriter, r *http.Request, next http.Handler) {
	rec := httptest.NewRecorder()
	next.ServeHTTP(rec, r)
	text := rec.Body.String()
	if before, rest, ok := strings.Cut(text, "<Expiration>"); ok {
		at, after, _ := strings.Cut(rest, "<")
		ends, err := time.Parse(time.RFC3339, at)
		if err != nil {
			panic(err)
		}
		text = before + "<Expiration>" + ends.Add(time.Duration(c.clock.Load())).Format(time.RFC3339) + "<" + after
	}
	w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
	w.WriteHeader(rec.Code)
	_, _ = io.WriteString(w, text)
}

func (c *cloud) sessions(t testing.TB, arn, externalID string) *Sessions {
	t.Helper()
	s, err := NewSessions(Role{
		ARN: arn, ExternalID: externalID, Base: credentials.NewStaticCredentialsProvider(keyID, secret, ""),
		STS: STS{Region: "us-east-1", Endpoint: c.url},
	}, c.now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// send makes a hand's call and returns how it was answered.
func (c *cloud) send(t testing.TB, h hand, model string) (int, error) {
	t.Helper()
	p, out := h.allows(t, model)
	resp, err := c.Do(t.Context(), p, out)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// asked counts the sessions that STS was asked for, and lists the calls.
func (c *cloud) asked() (sessions int, calls []fakebedrock.Request) {
	for _, r := range c.seen.Requests() {
		if r.Path == "/" {
			sessions++
		} else {
			calls = append(calls, r)
		}
	}
	return sessions, calls
}

func (c *cloud) creds(t testing.TB, p *policy.Permit) aws.Credentials {
	t.Helper()
	creds, err := c.home.retrieve(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return creds
}

func eventually(t testing.TB, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if happened() {
			return
		}
	}
	t.Fatal("it did not happen within 15 s")
}
