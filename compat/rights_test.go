package compat

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/writtest"
)

// federatedTLS speaks to both endpoints as a deployment beyond loopback must.
func federatedTLS(t *testing.T, c client, to Target) {
	env := append(to.federated(to.RoleARN), to.secure(to.Model)...)
	c.checkOperations(t, c.run(t, "operations", append(env, "AWS_ENDPOINT_URL_STS="+to.RuntimeTLS), nil))
}

// profile has nothing but an AWS profile: `writ credentials` gives the session,
// and the profile says where the runtime is.
func profile(t *testing.T, c client, to Target) {
	c.checkOperations(t, c.run(t, "operations", c.profiled(t, to), nil))
}

// profiled writes the profile and returns the environment that names it.
func (c client) profiled(t *testing.T, to Target, more ...string) []string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "config")
	write(t, config, fmt.Sprintf(`[profile writ]
region = us-east-1
credential_process = %s credentials --identity compat --format process --data %s %s
services = writ

[services writ]
bedrock_runtime =
  endpoint_url = %s
`, writtest.Binary(t), to.writ.Data, strings.Join(more, " "), to.Runtime))
	env := []string{"AWS_PROFILE=writ", "AWS_CONFIG_FILE=" + config, "COMPAT_MODEL=" + to.Model}
	if c.ownEndpoint {
		env = append(env, at(to.Runtime, to.Model)...)
	}
	return env
}

// processRenewed has a profile whose command gives sessions of seconds.
func processRenewed(t *testing.T, c client, to Target) {
	c.checkRenewed(t, c.run(t, "renew", c.profiled(t, to, "--ttl", "3s"), func(*testing.T) { time.Sleep(4 * time.Second) }))
}

// tokenRenewed gives a token of seconds in a file, and then the next.
func tokenRenewed(t *testing.T, c client, to Target) {
	file := filepath.Join(t.TempDir(), "token")
	mint := func() {
		write(t, file, to.writ.MustRun(t, "credentials", "--identity", "compat", "--ttl", "3s", "--format", "bearer"))
	}
	mint()
	c.checkRenewed(t, c.run(t, "renew", append(to.plain(to.Model), "COMPAT_TOKEN_FILE="+file), func(*testing.T) {
		time.Sleep(4 * time.Second)
		mint()
	}))
}

// container has nothing but a proof and the endpoint that trades it, as a
// container has.
func container(t *testing.T, c client, to Target) {
	env := append(at(to.Runtime, to.Model),
		"AWS_CONTAINER_CREDENTIALS_FULL_URI="+to.Runtime+"/writ/v1/credentials/compat-brief",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE="+to.TokenFile)
	c.checkRenewed(t, c.run(t, "renew", env, to.BeforeRefresh))
}

// revoked takes the sessions of an identity away, first under an open stream,
// then before a call. The SDK may retry as often as it likes to, and must not.
func revoked(t *testing.T, c client, to Target) {
	identity := "compat-" + c.name
	front, arrived := counting(t, to.Runtime)
	to.Runtime = front
	if c.bearerOnly {
		to.Bearer = to.writ.Bearer(t, identity)
	} else {
		to.Env = environment(to.writ.Session(t, identity))
	}
	env := append(to.plain(stalled), "AWS_MAX_ATTEMPTS=4")

	calls := int32(1)
	want := []string{"mint"}
	if c.can("cut") {
		calls++
		want = append(want, "intent", "outcome cut")
		got := c.run(t, "cut", env, func(t *testing.T) { to.writ.MustRun(t, "sessions", "revoke", identity) })
		c.checkCut(t, got)
	} else {
		to.writ.MustRun(t, "sessions", "revoke", identity)
	}
	c.checkRefused(t, one(t, c.run(t, "call", env, nil)))
	if c.bearerOnly { // unlike the id of a key, a token proves itself, and its refusal is the identity's
		want = append(want, "refusal")
	}
	if n := arrived.Load(); n != calls {
		t.Errorf("%d calls took %d requests", calls, n)
	}
	// The refusal of keys is not among them: who shows a revoked session has proved
	// nothing, and is counted with other strangers.
	if diff := cmp.Diff(want, recorded(t, to.writ, identity)); diff != "" {
		t.Errorf("the log's records of %s (-want +got):\n%s", identity, diff)
	}
}

// checkCut wants a stream that began and then ended in a modelStreamErrorException.
func (c client) checkCut(t *testing.T, got []step) {
	t.Helper()
	if len(got) != 2 || got[0].Step != "Begun" {
		t.Fatalf("got %+v, want a stream that began", got)
	}
	s, code := got[1], "ModelStreamErrorException"
	if c.bearerOnly { // a stream of another kind, which can say what it is
		code = "AccessDeniedException"
	}
	if !strings.EqualFold(s.Error, code) || s.Class != c.cut || s.OriginalStatus != c.cutStatus {
		t.Errorf("cut: got %s (%s) with original status %d, want %s (%s) with %d", s.Error, s.Class, s.OriginalStatus, code, c.cut, c.cutStatus)
	}
	if s.Events == 0 || s.StopReason != "" || !strings.Contains(s.Message, "cut") {
		t.Errorf("cut: got %+v, want some events, no end, and a message that says so", s)
	}
}

// counting puts a proxy before a runtime that counts requests. It passes the
// Host on that was signed.
func counting(t *testing.T, runtime string) (string, *atomic.Int32) {
	t.Helper()
	behind, err := url.Parse(runtime)
	if err != nil {
		t.Fatal(err)
	}
	arrived := new(atomic.Int32)
	return overHTTP(t, &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite: func(r *httputil.ProxyRequest) {
			arrived.Add(1)
			r.SetURL(behind)
			r.Out.Host = r.In.Host
		},
	}), arrived
}

// recorded are the kinds of an identity's records, in the log's order; that of
// an outcome says how the call ended.
func recorded(t *testing.T, s *writtest.Server, identity string) []string {
	t.Helper()
	var kinds []string
	calls := map[string]bool{} // by id: an outcome names no identity
	for lines := bufio.NewScanner(strings.NewReader(s.MustRun(t, "audit", "tail", "--json", "-n", "0"))); lines.Scan(); {
		var line struct{ Record auditlog.Record }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		r := line.Record
		switch {
		case r.Who != nil && r.Who.Identity == identity:
			calls[r.ID] = true
			kinds = append(kinds, string(r.Kind))
		case r.Outcome != nil && calls[r.ID]:
			kinds = append(kinds, string(r.Kind)+" "+r.Outcome.Ended)
		}
	}
	return kinds
}
