package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/rights"
)

// healthy is a patient with nothing wrong, without a server.
func healthy(t *testing.T) *patient {
	t.Helper()
	dir := dataDir(filepath.Join(t.TempDir(), "data"))
	k, err := openKernelAs(t.Context(), dir, kernelConfig{Account: demoAccount, Log: quietLog()})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	p := &patient{dir: dir, began: time.Now(), within: 7 * 24 * time.Hour}
	p.examine(t.Context())
	if p.storeErr != nil {
		t.Fatal(p.storeErr)
	}
	db := p.store
	t.Cleanup(func() { db.Close() })
	p.cfg.Limits.Connections = 16
	return p
}

// worst is the worst state of some diagnoses, with their text.
func worst(found []diagnosis) (state, text string) {
	order := map[string]int{"": 0, stateOK: 1, stateWarn: 2, stateFail: 3}
	for _, d := range found {
		if order[d.State] > order[state] {
			state = d.State
		}
		text += d.Text + "\n"
	}
	return state, text
}

// TestTheDoctorSeesWhatIsWrong: each check is well on a healthy patient, and
// says so when the one thing it looks at is not.
func TestTheDoctorSeesWhatIsWrong(t *testing.T) {
	chmod := func(path func(dataDir) string, mode os.FileMode) func(*testing.T, *patient) {
		return func(t *testing.T, p *patient) {
			if err := os.Chmod(path(p.dir), mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	live := func(change func(*api.Status)) func(*testing.T, *patient) {
		return func(_ *testing.T, p *patient) {
			p.live = api.NewClient("http://127.0.0.1:1", api.NewToken())
			p.status = api.Status{Ready: true, Started: time.Now(), OpenFiles: 1 << 20, CertExpires: time.Now().Add(1000 * time.Hour), CertNames: []string{"localhost"}}
			change(&p.status)
		}
	}
	grants := func(g ...*rights.Grant) func(*testing.T, *patient) {
		return func(_ *testing.T, p *patient) { p.world = &holdings{grants: g} }
	}
	for name, c := range map[string]struct {
		look  func(*patient, context.Context) []diagnosis
		ail   func(*testing.T, *patient)
		state string
		text  string
	}{
		"directory":          {(*patient).directory, nil, stateOK, "owner's alone"},
		"directory, open":    {(*patient).directory, chmod(func(d dataDir) string { return string(d) }, 0o777), stateFail, "mode 0777"},
		"directory, listed":  {(*patient).directory, chmod(func(d dataDir) string { return string(d) }, 0o755), stateWarn, "mode 0755"},
		"store, open":        {(*patient).directory, chmod(dataDir.store, 0o666), stateFail, "writ.db"},
		"kek":                {(*patient).kek, nil, stateOK, "apart from the data"},
		"kek, open":          {(*patient).kek, chmod(dataDir.kek, 0o644), stateFail, "0644"},
		"lock":               {(*patient).lock, nil, stateOK, "free"},
		"lock, held":         {(*patient).lock, holdLock, stateFail, "does not answer"},
		"space":              {(*patient).space, nil, stateOK, "MiB"},
		"space, none":        {(*patient).space, func(_ *testing.T, p *patient) { p.cfg.Log.ReserveMB = 1 << 40 }, stateFail, "less than log.reserveMB"},
		"open files":         {(*patient).openFiles, nil, stateOK, "enough"},
		"open files, few":    {(*patient).openFiles, live(func(s *api.Status) { s.OpenFiles = 64 }), stateWarn, "can need"},
		"fsync":              {(*patient).fsync, nil, stateOK, "on disk"},
		"clock":              {(*patient).clock, nil, stateOK, "keeps step"},
		"clock, stepped":     {func(*patient, context.Context) []diagnosis { return stepped(-time.Hour) }, nil, stateFail, "stepped by -1h"},
		"state":              {(*patient).state, nil, stateOK, "can be read"},
		"state, gone":        {(*patient).state, func(_ *testing.T, p *patient) { p.storeErr = errors.New("gone") }, stateFail, "gone"},
		"state, refused":     {(*patient).state, live(func(s *api.Status) { s.StateError = "a row is unauthorised" }), stateFail, "unauthorised"},
		"state, old":         {(*patient).state, live(func(s *api.Status) { s.SnapshotAge = 20 }), stateWarn, "20s ago"},
		"log":                {(*patient).auditLog, nil, stateOK, "records"},
		"log, deep":          {(*patient).auditLog, func(_ *testing.T, p *patient) { p.deep = true }, stateOK, "self-consistent"},
		"log, changed":       {(*patient).auditLog, changeLog, stateFail, ""},
		"log, changed, deep": {(*patient).auditLog, func(t *testing.T, p *patient) { changeLog(t, p); p.deep = true }, stateFail, ""},
		"log, stopped":       {(*patient).auditLog, live(func(s *api.Status) { s.LogError = "no space left" }), stateFail, "no space left"},
		"keys":               {(*patient).keys, nil, stateOK, "0 days"},
		"keys, unreadable":   {(*patient).keys, func(_ *testing.T, p *patient) { p.store, p.storeErr = nil, errors.New("gone") }, stateFail, "gone"},
		"validations":        {(*patient).validations, live(func(*api.Status) {}), stateOK, "no validation"},
		"validations, due": {(*patient).validations, live(func(s *api.Status) {
			s.Validations = []governance.ValidationDue{{Model: "m", Validation: governance.ValidationView{Kind: "data_retention"}, Left: 49 * time.Hour, Identities: []string{"sales-agent"}}}
		}), stateWarn, "data_retention of m ends in 2 days; it stops sales-agent"},
		"certificate":       {(*patient).certificate, live(func(*api.Status) {}), stateOK, "localhost"},
		"certificate, over": {(*patient).certificate, live(func(s *api.Status) { s.CertExpires = time.Now().Add(-time.Hour) }), stateFail, "expired"},
		"certificate, soon": {(*patient).certificate, func(t *testing.T, p *patient) {
			live(func(s *api.Status) { s.CertExpires = time.Now().Add(time.Hour) })(t, p)
			p.cfg.TLS.Cert = "x.pem"
		}, stateWarn, "expires in 0 days"},
		"certificate, names": {(*patient).certificate, func(t *testing.T, p *patient) {
			live(func(*api.Status) {})(t, p)
			p.cfg.Listen = "0.0.0.0:443"
		}, stateWarn, "localhost only"},
		"readiness, none":        {(*patient).readiness, nil, stateWarn, "no server"},
		"readiness":              {(*patient).readiness, live(func(*api.Status) {}), stateOK, "let through"},
		"readiness, red":         {(*patient).readiness, live(func(s *api.Status) { s.Ready, s.Reason = false, "the clock stepped" }), stateFail, "the clock stepped"},
		"readiness, unanswered":  {(*patient).readiness, func(_ *testing.T, p *patient) { p.liveErr = errors.New("401") }, stateFail, "cannot be asked"},
		"observe mode":           {(*patient).observeMode, live(func(*api.Status) {}), stateOK, "off"},
		"observe mode, on":       {(*patient).observeMode, live(func(s *api.Status) { s.Observe.On = true }), stateFail, "OBSERVE MODE IS ON"},
		"observe mode, to come":  {(*patient).observeMode, live(func(s *api.Status) { s.Observe.Pending = true }), stateWarn, "on from"},
		"standing":               {(*patient).standing, nil, stateWarn, "advisory"},
		"configuration":          {(*patient).configuration, nil, stateOK, "default"},
		"configuration, refused": {(*patient).configuration, func(_ *testing.T, p *patient) { p.cfgErr = errors.New("x") }, stateFail, "refused"},
		"configuration, detailed": {(*patient).configuration, func(_ *testing.T, p *patient) {
			p.cfgFile, p.cfg.DetailedRefusals, p.cfg.Impersonation = "writ.yaml", true, true
		}, stateWarn, "every reason"},
		"upstream, itself": {(*patient).upstream, func(_ *testing.T, p *patient) { p.cfg.Upstream.Endpoint = "http://localhost:8080" }, stateFail, "itself"},
		"upstream, nobody": {(*patient).upstream, func(_ *testing.T, p *patient) { p.cfg.Upstream.Endpoint = "http://127.0.0.1:1" }, stateFail, "cannot be reached"},
		"upstream":         {(*patient).upstream, answering(0), stateOK, "answers"},
		"upstream, skewed": {(*patient).upstream, answering(-time.Hour), stateFail, "away"},
		"issuers, none":    {(*patient).issuers, func(_ *testing.T, p *patient) { p.world = &holdings{} }, stateWarn, "no issuer"},
		"issuers, unreachable": {(*patient).issuers, func(_ *testing.T, p *patient) {
			p.world = &holdings{issuers: []*identity.Issuer{{ID: "idp", URL: "http://127.0.0.1:1", AllowLocal: true}}}
		}, stateFail, "issuer idp"},
		"bindings": {(*patient).bindings, nil, stateOK, "one subject"},
		"bindings, wide": {(*patient).bindings, func(_ *testing.T, p *patient) {
			p.world = &holdings{bindings: []*identity.Binding{{ID: "wide", Identity: "x", Issuer: "idp", Subject: "repo:org/*"}}}
		}, stateWarn, "binding wide"},
		"grants":             {(*patient).grants, grants(&rights.Grant{ID: "g", NotAfter: time.Now().Add(1000 * time.Hour)}), stateOK, "none of 1"},
		"grants, soon":       {(*patient).grants, grants(&rights.Grant{ID: "g", NotAfter: time.Now().Add(time.Hour)}), stateWarn, "end within"},
		"grants, over":       {(*patient).grants, grants(&rights.Grant{ID: "g", NotAfter: time.Now().Add(-time.Hour)}), stateWarn, "are over"},
		"entitlements":       {(*patient).entitlements, nil, stateOK, "held"},
		"entitlements, idle": {(*patient).entitlements, func(_ *testing.T, p *patient) { p.world = &holdings{entitlements: []*rights.Entitlement{{ID: "e"}}} }, stateWarn, "held by nobody: e"},
	} {
		t.Run(name, func(t *testing.T) {
			p := healthy(t)
			if c.ail != nil {
				c.ail(t, p)
			}
			if state, text := worst(c.look(p, t.Context())); state != c.state || !strings.Contains(text, c.text) {
				t.Errorf("%s: %s; want %s about %q", state, text, c.state, c.text)
			}
		})
	}
}

func TestTheDoctorSeesTheEnvironment(t *testing.T) {
	for _, name := range misleading {
		t.Setenv(name, "")
	}
	p := &patient{cfg: config.Default()}
	if state, text := worst(p.environment(t.Context())); state != stateOK {
		t.Errorf("%s %s", state, text)
	}
	t.Setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "http://127.0.0.1:8080")
	if state, _ := worst(p.environment(t.Context())); state != stateWarn {
		t.Errorf("a client's variable: %s", state)
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:8080")
	if state, _ := worst(p.environment(t.Context())); state != stateFail {
		t.Errorf("a variable that stops the start: %s", state)
	}
}

func TestEveryCheckHasANameOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range checks {
		if c.name == "" || seen[c.name] || c.look == nil {
			t.Errorf("check %q", c.name)
		}
		seen[c.name] = true
	}
}

func holdLock(t *testing.T, p *patient) {
	t.Helper()
	f, err := os.Open(filepath.Join(p.dir.log(shard), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
}

// changeLog flips a bit in the tail.
func changeLog(t *testing.T, p *patient) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir.log(shard), "tail", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tail: %v", err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// answering is an upstream whose clock is off.
func answering(by time.Duration) func(*testing.T, *patient) {
	return func(t *testing.T, p *patient) {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusForbidden)
		}))
		t.Cleanup(srv.Close)
		p.cfg.Upstream.Endpoint = srv.URL
	}
}
