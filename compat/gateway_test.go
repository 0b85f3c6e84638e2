package compat

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/writtest"
)

// Models of testdata/organisation.yaml beside those of the stand-in.
const (
	stalled = "anthropic.claude-3-haiku-20240307-v1:0"    // its streams begin and do not end
	covered = "anthropic.claude-sonnet-4-5-20250929-v1:0" // the right to it has content redacted
	unknown = "anthropic.claude-nobody-knows-v9:0"        // in no catalogue
	brief   = 10 * time.Second                            // maxSession of the binding compat-brief
	role    = "arn:aws:iam::" + demo.Account + ":role/%s" // an identity's name completes it
)

// gateway is `writ up`, in front of a stand-in for Bedrock and beside an OIDC
// issuer that run in the test's own process.
func gateway(t *testing.T) Target {
	t.Helper()
	issuer := openIssuer(t)
	s := openWrit(t, upstreamStandIn(), issuer)
	token := filepath.Join(t.TempDir(), "token")
	prove := func(t *testing.T) { writeProof(t, issuer, token) }
	prove(t)
	return Target{
		Runtime:      s.Gateway,
		RuntimeTLS:   s.GatewayTLS,
		STS:          s.Gateway,
		CA:           s.CA,
		Env:          environment(s.Session(t, "compat")),
		Bearer:       s.Bearer(t, "compat"),
		RoleARN:      fmt.Sprintf(role, "compat"),
		BriefRoleARN: fmt.Sprintf(role, "compat-brief"),
		TokenFile:    token,
		BeforeRefresh: func(t *testing.T) {
			time.Sleep(brief)
			prove(t) // the same proof within a minute gets the same session
		},
		Model:     standInModel,
		Refused:   []string{standInRefused, unknown},
		Throttled: standInBusy,
		Counted:   standInCounted,
		Guardrail: standInGuardrail,
		Video:     standInVideo,
		Output:    standInOutput,
		Broken:    standInBroken,
		writ:      s,
	}
}

// upstreamSecret belongs to the key that the gateway signs with for its upstream.
var upstreamSecret = rand.Text()

var upstreamKeys = []string{"AWS_ACCESS_KEY_ID=AKIAUPSTREAM", "AWS_SECRET_ACCESS_KEY=" + upstreamSecret}

// upstreamStandIn is what stands behind the gateway.
func upstreamStandIn() http.Handler {
	return fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{{AccessKeyID: "AKIAUPSTREAM", SecretAccessKey: upstreamSecret}},
		Latency:     standInLatency,
		Fault: func(r fakebedrock.Request) fakebedrock.Fault {
			if r.Model == stalled || r.Model == ossStalled {
				return fakebedrock.Fault{Kind: fakebedrock.Stall, After: 3}
			}
			return faultByModel(r)
		},
	})
}

// openWrit starts a gateway in front of upstream and has it believe issuer.
func openWrit(t *testing.T, upstream http.Handler, issuer *demo.Issuer) *writtest.Server {
	t.Helper()
	behind := httptest.NewServer(upstream)
	t.Cleanup(behind.Close)
	config := filepath.Join(t.TempDir(), "writ.yaml")
	write(t, config, fmt.Sprintf("account: %q\nimpersonation: true\nupstream: {endpoint: %q}\n", demo.Account, behind.URL))
	s := writtest.Start(t, writtest.Options{
		NoDemo: true,
		Args:   []string{"--config", config},
		Env: append(slices.Clone(upstreamKeys), "AWS_SESSION_TOKEN=", "AWS_PROFILE=", "AWS_ENDPOINT_URL=", "AWS_ENDPOINT_URL_STS=",
			"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_EC2_METADATA_DISABLED=true"),
	})
	s.MustRun(t, "apply", "--yes", "-f", manifests(t, issuer))
	for began := time.Now(); s.Run(t, "credentials", "--identity", "compat", "--format", "process").Code != 0; {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("the gateway does not know what was applied\n%s", s.Stderr())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return s
}

// manifests is a directory with the fixed part of the organisation, an identity for
// each client, and the issuer.
func manifests(t *testing.T, issuer *demo.Issuer) string {
	t.Helper()
	dir := t.TempDir()
	fixed, err := os.ReadFile("testdata/organisation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "organisation.yaml"), string(fixed))
	for _, c := range clients {
		write(t, filepath.Join(dir, c.name+".yaml"), fmt.Sprintf(`apiVersion: writ/v1
kind: Identity
name: compat-%[1]s
spec: {kind: workload, environment: prod, team: compat, sponsor: dana@example.com, owner: compat@example.com}
---
apiVersion: writ/v1
kind: Grant
name: compat-%[1]s
spec: {identity: compat-%[1]s, entitlement: compat, notBefore: 2026-01-01T00:00:00Z, notAfter: 2126-01-01T00:00:00Z, reason: compatibility tests}
`, c.name))
	}
	write(t, filepath.Join(dir, "issuer.yaml"), fmt.Sprintf(`apiVersion: writ/v1
kind: Issuer
name: compat
spec: {url: %q, algorithms: [ES256], allowLocal: true}
`, issuer.URL()))
	return dir
}

func openIssuer(t *testing.T) *demo.Issuer {
	t.Helper()
	var issuer *demo.Issuer
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { issuer.ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	issuer, err := demo.NewIssuer(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

// writeProof replaces the token file at once, as a kubelet does: a client that
// reads it meanwhile finds one token or the other.
func writeProof(t *testing.T, issuer *demo.Issuer, path string) {
	t.Helper()
	token, err := issuer.Token("compat:client", "writ", nil, 5*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	next := path + "." + rand.Text()
	write(t, next, token)
	if err := os.Rename(next, path); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// environment is a session as AWS's variables give it to an SDK.
func environment(k writtest.Keys) []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + k.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + k.SecretAccessKey, "AWS_SESSION_TOKEN=" + k.SessionToken,
	}
}
