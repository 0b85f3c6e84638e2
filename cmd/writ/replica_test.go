package main

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
	"github.com/writ-project/writ/internal/writtest"
)

// replicas starts servers of one installation.
type replicas struct{ dir, lease, dsn string }

func newReplicas(t *testing.T, lease string) *replicas {
	t.Helper()
	return newReplicasOn(t, lease, storetest.Postgres(t))
}

func newReplicasOn(t *testing.T, lease, dsn string) *replicas {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir()) // nobody is signed in
	return &replicas{t.TempDir(), lease, dsn}
}

func (r *replicas) path(name string) string { return filepath.Join(r.dir, name) }

// place is what one replica has of its own.
type place struct {
	dsn      string // by which it reaches the database; empty: as the others do
	upstream string // Bedrock's address; empty: the demo's
}

func (r *replicas) launch(t *testing.T, name string, at place) (*writtest.Server, error) {
	t.Helper()
	write := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(r.path(file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(name+".dsn", cmp.Or(at.dsn, r.dsn)+"\n")
	config := fmt.Sprintf("store: {dsnFile: %q}\nreplica: {name: %q, lease: %s}\nkek: %q\nimpersonation: true\naccount: \"111122223333\"\n", r.path(name+".dsn"), name, r.lease, r.path("kek"))
	if at.upstream != "" {
		config += fmt.Sprintf("upstream: {endpoint: %q}\n", at.upstream)
	}
	write(name+".yaml", config)
	return writtest.Launch(t, writtest.Options{
		Data: r.path(name), Args: []string{"--config", r.path(name + ".yaml")}, NoDemo: at.upstream != "",
		Env: []string{"AWS_ACCESS_KEY_ID=" + ownKey.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + ownKey.SecretAccessKey},
	})
}

func (r *replicas) start(t *testing.T, name string) *writtest.Server {
	t.Helper()
	return r.startAt(t, name, place{})
}

func (r *replicas) startAt(t *testing.T, name string, at place) *writtest.Server {
	t.Helper()
	s, err := r.launch(t, name, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ownKey is what a replica signs with that has an upstream of its own.
var ownKey = fakebedrock.Credential{AccessKeyID: "AKIAREPLICASTANDIN00", SecretAccessKey: "replica"}

// called calls a model at one server with credentials that may be another's.
func called(t *testing.T, at *writtest.Server, k writtest.Keys) writtest.Answer {
	t.Helper()
	return writtest.Do(t, writtest.Sign(t, k, writtest.Request{
		URL: at.Gateway + "/model/amazon.nova-lite-v1%3A0/converse", Body: `{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`,
	}))
}

// allowed are a session's calls of the demo's small model.
func allowed(t *testing.T, at *writtest.Server, k writtest.Keys) bool {
	t.Helper()
	return called(t, at, k).Status == http.StatusOK
}

// admin asks a replica as its local administrator.
func admin(t *testing.T, s *writtest.Server) *api.Client {
	t.Helper()
	token, err := api.LoadToken(dataDir(s.Data).token())
	if err != nil {
		t.Fatal(err)
	}
	return api.NewClient(s.Admin, token)
}

// signedIn is the sign-in of an operator, which counts at every replica.
func signedIn(t *testing.T, by *writtest.Server, name string) api.Token {
	t.Helper()
	link := strings.TrimSpace(by.MustRun(t, "operator", "link", name))
	nobody := os.Getenv("XDG_CONFIG_HOME")
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	defer t.Setenv("XDG_CONFIG_HOME", nobody)
	by.MustRun(t, "login", "--link", link)
	all, err := readSaved()
	if err != nil || all[by.Admin].Token == "" {
		t.Fatalf("signing %s in left %d sign-ins, %v", name, len(all), err)
	}
	return api.ReadToken(all[by.Admin].Token)
}

// within waits for what another replica is to notice.
func within(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}

func TestTwoReplicasServeOneInstallation(t *testing.T) {
	r := newReplicas(t, "2s")
	a := r.start(t, "a")
	b := r.start(t, "b")
	keys := a.Session(t, "analytics")
	for name, s := range map[string]*writtest.Server{"a": a, "b": b} {
		if got := called(t, s, keys); got.Status != 200 {
			t.Errorf("a session of replica a at replica %s: %d %s", name, got.Status, got.Body)
		}
	}
	// What is applied on one is decided on by the other.
	rules := r.path("rules")
	if err := os.MkdirAll(rules, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "apiVersion: writ/v1\nkind: Policy\nname: stop\nspec:\n  text: |\n    @id(\"stop\")\n    forbid (principal, action in Writ::Action::\"Invoke\", resource);\n"
	if err := os.WriteFile(filepath.Join(rules, "stop.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	a.MustRun(t, "apply", "-f", rules)
	within(t, 10*time.Second, "replica b refuses", func() bool { return called(t, b, keys).Status == 403 })
	b.MustRun(t, "delete", "policy", "stop")
	within(t, 10*time.Second, "replica a allows", func() bool { return called(t, a, keys).Status == 200 })
	// Sessions that one voids are void at the other.
	b.MustRun(t, "sessions", "revoke", "analytics")
	within(t, 10*time.Second, "replica a refuses the session", func() bool { return called(t, a, keys).Status == 403 })
	// One stops; the other goes on; the first comes back to where the other is.
	a.Terminate()
	if err := a.Exit(30 * time.Second); err != nil {
		t.Errorf("replica a stopped with %v\n%s", err, a.Stderr())
	}
	b.MustRun(t, "apply", "-f", rules)
	b.Kill()
	a, b = r.start(t, "a"), r.start(t, "b")
	keys = b.Session(t, "analytics")
	for name, s := range map[string]*writtest.Server{"a": a, "b": b} {
		if got := called(t, s, keys); got.Status != 403 {
			t.Errorf("replica %s forgot the policy: %d %s", name, got.Status, got.Body)
		}
	}
	for _, name := range []string{"a", "b"} {
		if got := writtest.Run(t, r.path(name), "audit", "verify", r.path(name)); got.Code != 0 {
			t.Errorf("the log of replica %s: %d\n%s%s", name, got.Code, got.Stdout, got.Stderr)
		}
	}
}

func TestAReplicasNameIsItsOwn(t *testing.T) {
	r := newReplicas(t, "1s")
	db := storetest.MustOpen(t, r.dsn)
	another := store.Replica{Name: "a", Shard: "a", Boot: "another process", Lease: time.Hour}
	if _, err := db.Renew(t.Context(), another); err != nil {
		t.Fatal(err)
	}
	if _, err := r.launch(t, "a", place{}); err == nil || !strings.Contains(err.Error(), store.ErrNameTaken.Error()) {
		t.Errorf("a process took the name of one that lives: %v", err)
	}
	if err := db.Leave(t.Context(), another.Name, another.Boot); err != nil {
		t.Fatal(err)
	}
	a := r.start(t, "a")
	a.Terminate()
	if err := a.Exit(30 * time.Second); err != nil {
		t.Errorf("it stopped with %v\n%s", err, a.Stderr())
	}
	if all, now, err := db.Replicas(t.Context()); err != nil || len(all) != 1 || all[0].Until().After(now) {
		t.Errorf("it stopped and still holds a lease: %+v at %v, %v", all, now, err)
	}
	if err := os.Rename(r.path("a"), r.path("elsewhere")); err != nil {
		t.Fatal(err)
	}
	if _, err := r.launch(t, "a", place{}); err == nil || !strings.Contains(err.Error(), "audit log of this store is not in") {
		t.Errorf("another directory took the name: %v", err)
	}
}
