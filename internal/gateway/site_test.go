package gateway_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/writtest"
)

const (
	sonnet = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	haiku  = "anthropic.claude-haiku-4-5-20251001-v1:0"
	pro    = "amazon.nova-pro-v1:0"
	lite   = "amazon.nova-lite-v1:0"

	upstreamKeyID = "AKIWRITUPSTREAM00001"
)

// site is an installation under test: a real writ with the sample
// organisation, in front of a stand-in for Bedrock and beside an OIDC issuer
// that both run in the test's own process.
type site struct {
	*writtest.Server
	bedrock *fakebedrock.Server
	seen    *fakebedrock.Recorder
	url     string // the stand-in's
	open    atomic.Int32
	issuer  *demo.Issuer
	gate    chan struct{} // closed to let gated streams go on

	upstreamKey, operator string // Writ's own secret key, and the operator's token

	applying sync.Mutex // one apply at a time: each is refused when another overtakes it

	mu       sync.Mutex
	sessions map[string]writtest.Keys // by identity
	secrets  []string                 // handed out, and never to be seen again
}

// siteOptions vary what openSite starts.
type siteOptions struct {
	writtest.Options
	Upstream string // in place of the stand-in
	Config   string // further lines of the configuration file
	Accounts string // further fields of upstream in it; %s is the stand-in's address
	Roles    []fakebedrock.Role
}

// shared is the installation that most tests use; TestMain closes it.
var shared = sync.OnceValue(func() *site { return openSite(&whole, siteOptions{}) })

// openSite starts an installation and, when it closes, looks for every secret
// that was handed out in everything that it wrote or sent.
func openSite(t testing.TB, o siteOptions) *site {
	t.Helper()
	s := &site{seen: new(fakebedrock.Recorder), gate: make(chan struct{}), sessions: make(map[string]writtest.Keys)}
	secret := rand.Text() + rand.Text()
	s.bedrock = fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{{AccessKeyID: upstreamKeyID, SecretAccessKey: secret}},
		Recorder:    s.seen, Fault: faultOf,
		Answer: func(_, prompt string) string { return "stand-in echoes " + prompt },
		Models: map[string]string{demo.PricingModel: "meta.llama3-1-70b-instruct-v1:0"},
		Roles:  o.Roles, Regions: []string{"us-west-2"},
		Destinations: map[string][]string{sonnet: {"us-east-2", "us-west-2"}},
	})
	up := httptest.NewServer(s.counted(s.bedrock))
	t.Cleanup(up.Close)
	s.url = up.URL
	s.startIssuer(t)
	config := filepath.Join(t.TempDir(), "writ.yaml")
	more := strings.ReplaceAll(o.Accounts, "%s", s.url)
	text := fmt.Sprintf("account: %q\nimpersonation: true\nupstream: {endpoint: %q%s}\n%s", demo.Account, cmp.Or(o.Upstream, s.url), more, o.Config)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o.NoDemo = true
	o.Args = append([]string{"--config", config}, o.Args...)
	o.Env = append(o.Env, "AWS_ACCESS_KEY_ID="+upstreamKeyID, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE="+os.DevNull)
	s.upstreamKey = secret
	s.keep(secret)
	s.Server = writtest.Start(t, o.Options)
	t.Cleanup(func() { s.searchForSecrets(t) })
	admin, err := os.ReadFile(filepath.Join(s.Data, "run", "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	s.operator = strings.TrimSpace(string(admin))
	s.keep(s.operator)
	s.organise(t)
	return s
}

func (s *site) startIssuer(t testing.TB) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.issuer.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	var err error
	if s.issuer, err = demo.NewIssuer(srv.URL); err != nil {
		t.Fatal(err)
	}
}

// organise applies the sample organisation.
func (s *site) organise(t testing.TB) {
	t.Helper()
	all, err := demo.Organisation(s.issuer.URL(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var docs []string
	for _, r := range all {
		text, err := r.YAML()
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, string(text))
	}
	s.apply(t, strings.Join(docs, "\n---\n"))
}

// apply runs `writ apply` on a manifest, and waits until the gateway decides on it.
func (s *site) apply(t testing.TB, manifest string) {
	t.Helper()
	r := s.tryApply(t, "manifest.yaml", manifest)
	if r.Code != 0 {
		t.Fatalf("writ apply: exit status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
}

func (s *site) tryApply(t testing.TB, name, text string) writtest.Result {
	t.Helper()
	s.applying.Lock()
	defer s.applying.Unlock()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.Run(t, "apply", "--yes", "-f", path)
	_, after, ok := strings.Cut(r.Stderr, "at revision ")
	if !ok {
		return r
	}
	want, err := strconv.Atoi(strings.TrimSpace(after))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the gateway decides on the new state", func() bool {
		_, rest, _ := strings.Cut(s.MustRun(t, "status", "--json"), `"revision":`)
		now, _, _ := strings.Cut(rest, ",")
		n, _ := strconv.Atoi(strings.TrimSpace(now))
		return n >= want
	})
	return r
}

// counted counts the requests in progress and lets a test hold a stream.
func (s *site) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.open.Add(1)
		defer s.open.Add(-1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte("held-after-two-frames")) {
			w = &held{ResponseWriter: w, gate: s.gate, left: 2, gone: r.Context().Done()}
		}
		next.ServeHTTP(w, r)
	})
}

// held is a response that stops after some writes until its gate opens.
type held struct {
	http.ResponseWriter
	gate <-chan struct{}
	gone <-chan struct{}
	left int
}

func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func (h *held) Write(b []byte) (int, error) {
	if h.left == 0 {
		select {
		case <-h.gate:
		case <-h.gone:
			return 0, io.ErrClosedPipe
		}
	} else {
		h.left--
	}
	return h.ResponseWriter.Write(b)
}

// faultOf reads the fault that a prompt asks for, as "fault=KIND/FRAMES".
func faultOf(r fakebedrock.Request) fakebedrock.Fault {
	_, rest, ok := strings.Cut(string(r.Body), "fault=")
	if !ok {
		return fakebedrock.Fault{}
	}
	word, _, _ := strings.Cut(rest, `"`)
	kind, after, _ := strings.Cut(word, "/")
	n, _ := strconv.Atoi(after)
	return fakebedrock.Fault{
		Kind: fakebedrock.FaultKind(kind), After: n,
		Status: http.StatusTooManyRequests, Type: "ThrottlingException", Message: "the stand-in was told to",
	}
}

// session proves an identity at the STS endpoint, once.
func (s *site) session(t testing.TB, identity string) writtest.Keys {
	t.Helper()
	s.mu.Lock()
	k, ok := s.sessions[identity]
	s.mu.Unlock()
	if ok {
		return k
	}
	k = s.freshSession(t, identity)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[identity] = k
	return k
}

// freshSession proves an identity with a new token.
func (s *site) freshSession(t testing.TB, identity string) writtest.Keys {
	t.Helper()
	k, a := s.assume(t, s.token(t, "demo:"+identity, "writ", nil), identity)
	if a.Status != http.StatusOK {
		t.Fatalf("assuming %s: %d %s", identity, a.Status, a.Body)
	}
	return k
}

// token has the issuer sign a token.
func (s *site) token(t testing.TB, subject, audience string, claims map[string]any) string {
	t.Helper()
	token, err := s.issuer.Token(subject, audience, claims, 10*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	s.keep(token)
	return token
}

// assume exchanges a token for a session of the role's.
func (s *site) assume(t testing.TB, token, role string) (writtest.Keys, writtest.Answer) {
	t.Helper()
	a := s.sts(t, url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleSessionName": {"test"},
		"RoleArn": {"arn:aws:iam::" + demo.Account + ":role/" + role}, "WebIdentityToken": {token},
	})
	var out struct {
		Keys struct {
			AccessKeyID     string `xml:"AccessKeyId"`
			SecretAccessKey string `xml:"SecretAccessKey"`
			SessionToken    string `xml:"SessionToken"`
		} `xml:"AssumeRoleWithWebIdentityResult>Credentials"`
	}
	if a.Status == http.StatusOK {
		if err := xml.Unmarshal([]byte(a.Body), &out); err != nil || out.Keys.SecretAccessKey == "" {
			t.Fatalf("reading an STS answer: %v\n%s", err, a.Body)
		}
		s.keep(out.Keys.SecretAccessKey, out.Keys.SessionToken)
	}
	return writtest.Keys(out.Keys), a
}

func (s *site) sts(t testing.TB, form url.Values) writtest.Answer {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.Gateway+"/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return writtest.Do(t, req)
}

// bearer mints a bearer token.
func (s *site) bearer(t testing.TB, identity string) string {
	t.Helper()
	token := s.Bearer(t, identity)
	s.keep(token)
	return token
}

// call posts a body to an operation of a model, signed.
func (s *site) call(t testing.TB, k writtest.Keys, model, operation, body string) writtest.Answer {
	t.Helper()
	return writtest.Do(t, writtest.Sign(t, k, s.request(model, operation, body)))
}

func (s *site) request(model, operation, body string) writtest.Request {
	return writtest.Request{URL: s.Gateway + "/model/" + writtest.Escape(model) + "/" + operation, Body: body}
}

func (s *site) keep(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, secrets...)
}

// reached returns the requests whose body holds a mark and that reached the stand-in.
func (s *site) reached(mark string) []fakebedrock.Request {
	return slices.DeleteFunc(s.seen.Requests(), func(r fakebedrock.Request) bool { return !bytes.Contains(r.Body, []byte(mark)) })
}

func (s *site) notReached(t testing.TB, mark string) {
	t.Helper()
	if n := len(s.reached(mark)); n > 0 {
		t.Errorf("%d requests reached Bedrock, want none", n)
	}
}

// record is one entry of the audit log.
type record struct {
	index uint64
	auditlog.Record
}

// records reads the audit log from disk.
func (s *site) records(t testing.TB) []record {
	t.Helper()
	r, err := journal.OpenReader(filepath.Join(s.Data, "log", "0"))
	if err != nil {
		t.Fatal(err)
	}
	var out []record
	err = r.Scan(context.Background(), 0, func(index uint64, entry []byte) error {
		rec, err := auditlog.ParseRecord(entry)
		if err == nil {
			out = append(out, record{index, *rec})
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// told finds the record whose index the answer names, and checks that it is of
// the kind expected and about this very decision.
func (s *site) told(t testing.TB, a writtest.Answer, kind auditlog.Kind) record {
	t.Helper()
	index, err := strconv.ParseUint(a.Header.Get("X-Writ-Record"), 10, 64)
	if err != nil {
		t.Fatalf("the answer names no record: %d %v %s", a.Status, a.Header, a.Body)
	}
	log, err := journal.OpenReader(filepath.Join(s.Data, "log", "0"))
	if err != nil {
		t.Fatal(err)
	}
	entry, err := log.Entry(index)
	if err != nil {
		t.Fatalf("reading record %d: %v", index, err)
	}
	r, err := auditlog.ParseRecord(entry)
	if err != nil {
		t.Fatalf("reading record %d: %v", index, err)
	}
	if r.Kind != kind || r.ID != a.Header.Get("X-Writ-Decision") {
		t.Fatalf("record %d is %s of %s, want %s of %s", index, r.Kind, r.ID, kind, a.Header.Get("X-Writ-Decision"))
	}
	return record{index, *r}
}

// outcome waits for the outcome of an answer's intent.
func (s *site) outcome(t testing.TB, a writtest.Answer) record {
	t.Helper()
	intent := s.told(t, a, auditlog.KindIntent)
	var found record
	eventually(t, "the outcome is recorded", func() bool {
		all := s.records(t)
		i := slices.IndexFunc(all, func(r record) bool { return r.Kind == auditlog.KindOutcome && r.Outcome.Intent == intent.index })
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	if found.ID != intent.ID {
		t.Errorf("the outcome is of decision %s, its intent of %s", found.ID, intent.ID)
	}
	return found
}

// searchForSecrets is the canary's cage: nothing that the installation wrote
// or sent holds a secret that it handed out or was given.
func (s *site) searchForSecrets(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	secrets := slices.DeleteFunc(slices.Clone(s.secrets), func(s string) bool { return len(s) < 16 })
	s.mu.Unlock()
	for secret, places := range s.find(t, secrets...) {
		t.Errorf("a secret (%.6s…, %d bytes) is in %v", secret, len(secret), places)
	}
}

// find returns the places that hold any of some texts, by text.
func (s *site) find(t testing.TB, texts ...string) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	for place, b := range s.written(t) {
		for _, text := range texts {
			if bytes.Contains(b, []byte(text)) {
				out[text] = append(out[text], place)
			}
		}
	}
	return out
}

// written is everything the installation left behind: by name of the place.
func (s *site) written(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{"stderr": []byte(s.Stderr())}
	for i, r := range s.seen.Requests() {
		out[fmt.Sprintf("upstream request %d", i)] = fmt.Appendf(nil, "%s %s %v %s", r.Method, r.Path, r.Header, r.Body)
	}
	files, err := filepath.Glob(filepath.Join(s.Data, "writ.db*"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(s.Data, "log"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		b, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		out[filepath.Base(path)] = b
	}
	return out
}

// eventually waits for something that happens soon, by asking.
func eventually(t testing.TB, what string, happened func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if happened() {
			return
		}
	}
	t.Fatalf("it did not happen within 15 s that %s", what)
}
