package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/upstream"
)

// answeringFor is a patient whose live server reaches accounts as found; it
// fails the test when STS would be asked and must not be.
func answeringFor(t *testing.T, offline bool, found ...upstream.Checked) *patient {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/upstream", func(w http.ResponseWriter, _ *http.Request) {
		var all []upstream.Standing
		for _, f := range found {
			all = append(all, f.Standing)
		}
		_ = json.NewEncoder(w).Encode(all)
	})
	mux.HandleFunc("POST /api/v1/upstream/check", func(w http.ResponseWriter, _ *http.Request) {
		if offline {
			t.Error("STS was asked, offline")
		}
		_ = json.NewEncoder(w).Encode(found)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return &patient{live: api.NewClient(srv.URL, api.NewToken()), offline: offline, cfg: config.Default()}
}

// The doctor's own environment says nothing of a running server's.
func TestTheDoctorAsksTheServerForItsCredentials(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	home := upstream.Checked{Standing: upstream.Standing{Account: "111122223333"}, Caller: "arn:aws:iam::111122223333:user/writ"}
	role := upstream.Standing{Account: "444455556666", Role: "arn:aws:iam::444455556666:role/writ-gateway", PerGrant: true}
	away := upstream.Checked{Standing: role, Caller: "arn:aws:sts::444455556666:assumed-role/writ-gateway/writ-check"}
	refused := upstream.Checked{Standing: role, Problem: "AccessDenied: not authorized to perform sts:AssumeRole"}
	failing := away
	failing.Error, failing.ErrorAt = "STS was throttled", time.Now()
	for name, c := range map[string]struct {
		p     *patient
		state string
		text  string
	}{
		"all is well": {answeringFor(t, false, home, away), stateOK,
			"account 111122223333: the server calls as arn:aws:iam::111122223333:user/writ, with one session for all callers\n" +
				"account 444455556666: the server calls as arn:aws:sts::444455556666:assumed-role/writ-gateway/writ-check, with a session for every grant\n"},
		"one is refused": {answeringFor(t, false, home, refused), stateFail,
			"account 111122223333: the server calls as arn:aws:iam::111122223333:user/writ, with one session for all callers\n" +
				"account 444455556666: calls cannot be made through " + role.Role + ": " + refused.Problem + "\n"},
		"it failed before": {answeringFor(t, false, failing), stateWarn,
			"account 444455556666: the server calls as " + away.Caller + ", with a session for every grant\n" +
				"account 444455556666: at " + failing.ErrorAt.UTC().Format(time.RFC3339) + " no session was to be had: STS was throttled\n"},
		"offline": {answeringFor(t, true, home, refused), stateOK,
			"account 111122223333: the server calls with its own credentials, with one session for all callers (not tried: --offline)\n" +
				"account 444455556666: the server calls through " + role.Role + ", with a session for every grant (not tried: --offline)\n"},
	} {
		if state, text := worst(c.p.awsCredentials(t.Context())); state != c.state || text != c.text {
			t.Errorf("%s: %s\n%swant %s\n%s", name, state, text, c.state, c.text)
		}
	}
	gone := &patient{live: api.NewClient("http://127.0.0.1:1", api.NewToken())}
	if state, text := worst(gone.awsCredentials(t.Context())); state != stateFail {
		t.Errorf("a server that does not answer: %s %s", state, text)
	}
}

// Without a server the environment and the configuration are all there is.
func TestTheDoctorWithoutAServerNamesTheRoles(t *testing.T) {
	for _, name := range clientVariables {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	no := false
	p := &patient{cfg: config.Default()}
	p.cfg.Account, p.cfg.Upstream.AssumeRole = "111122223333", "arn:aws:iam::111122223333:role/writ"
	p.cfg.Upstream.Accounts = []config.Account{{Account: "444455556666", AssumeRole: "arn:aws:iam::444455556666:role/writ", PerGrant: &no}}
	const roles = "account 111122223333: calls would be made through arn:aws:iam::111122223333:role/writ, with a session for every grant (not tried: no server is running)\n" +
		"account 444455556666: calls would be made through arn:aws:iam::444455556666:role/writ, with one session for all callers (not tried: no server is running)\n"
	if state, text := worst(p.awsCredentials(t.Context())); state != stateWarn || text != "from EnvConfigCredentials, and they never expire\n"+roles {
		t.Errorf("%s %s", state, text)
	}
	p.offline = true
	if state, text := worst(p.awsCredentials(t.Context())); state != stateOK || text != "not tried: --offline\n"+roles {
		t.Errorf("offline: %s %s", state, text)
	}
}
