package gateway_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/writtest"
)

// smallDisk mounts a file system of so many bytes for the rest of the test.
func smallDisk(t testing.TB, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a small disk needs a right that this process lacks: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmounting: %v", err)
		}
	})
	return dir
}

// ready asks the control plane.
func (s *site) ready(t testing.TB) int {
	t.Helper()
	resp, err := http.Get(s.Admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// No durable record, no call: not when the disk is full, and not again until
// someone has looked.
func TestDiskFullStopsEveryCall(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "24m")
	data := filepath.Join(disk, "data")
	s := openSite(t, siteOptions{Options: writtest.Options{Data: data}})
	k := s.session(t, "support-agent")
	before := s.call(t, k, sonnet, "converse", writtest.Say("while there is room"))
	if before.Status != 200 || s.ready(t) != 200 {
		t.Fatalf("answered %d %s", before.Status, before.Body)
	}
	s.outcome(t, before)
	fill(t, filepath.Join(disk, "filler"))
	eventually(t, "calls are refused", func() bool {
		return s.call(t, k, sonnet, "converse", writtest.Say("filling the rest")).Status == 503
	})
	for range 3 {
		a := s.call(t, k, sonnet, "converse", writtest.Say("no room for a record"))
		if a.Status != 503 || a.ErrorType() != "ServiceUnavailableException" {
			t.Errorf("answered %d %s", a.Status, a.Body)
		}
	}
	s.notReached(t, "no room for a record")
	if got := s.ready(t); got != 503 {
		t.Errorf("readyz says %d, want 503", got)
	}
	if _, a := s.assume(t, s.token(t, "demo:sales-agent", "writ", nil), "sales-agent"); a.Status != 503 {
		t.Errorf("a session was minted without a record: %d %s", a.Status, a.Body)
	}
	s.Kill()
	if err := os.Remove(filepath.Join(disk, "filler")); err != nil {
		t.Fatal(err)
	}
	again := writtest.Start(t, writtest.Options{Data: data})
	if out := again.MustRun(t, "audit", "verify"); !strings.Contains(out, "self-consistent") {
		t.Error(out)
	}
	s.told(t, before, auditlog.KindIntent)
}

// fill leaves no byte on the disk.
func fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

func TestReadOnlyDataDirectoryStopsTheStart(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t, "24m")
	first := writtest.Start(t, writtest.Options{Data: filepath.Join(disk, "data")})
	first.Terminate()
	if err := first.Exit(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := writtest.Launch(t, writtest.Options{Data: filepath.Join(disk, "data")}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("starting: %v", err)
	}
}

// acknowledged is a call that was answered: where its record is said to be.
type acknowledged struct {
	index    uint64
	decision string
}

// Whatever was acknowledged is in the log after a crash, at the index that the
// caller was told.
func TestKillUnderLoadLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	var kept []acknowledged
	for round := 0; round < 5 || len(kept) < 20; round++ { // fewer would prove nothing
		s := writtest.Start(t, writtest.Options{Data: data})
		token := s.Bearer(t, "support-agent")
		kept = append(kept, load(s, token, time.Duration(50+rand.IntN(250))*time.Millisecond)...)
		checkKept(t, data, kept)
		if r := writtest.Run(t, data, "audit", "verify"); r.Code != 0 {
			t.Fatalf("round %d: %s%s", round, r.Stdout, r.Stderr)
		}
	}
	s := writtest.Start(t, writtest.Options{Data: data})
	checkKept(t, data, kept)
	if out := s.MustRun(t, "audit", "verify"); !strings.Contains(out, "self-consistent") {
		t.Error(out)
	}
}

// load calls until the server is killed, and returns what was acknowledged.
func load(s *writtest.Server, token string, length time.Duration) []acknowledged {
	var (
		mu  sync.Mutex
		out []acknowledged
		all sync.WaitGroup
	)
	url := s.Gateway + "/model/" + writtest.Escape(sonnet) + "/converse"
	for range 8 {
		all.Go(func() {
			for {
				a, ok := answered(url, token)
				if !ok {
					return
				}
				mu.Lock()
				out = append(out, a)
				mu.Unlock()
			}
		})
	}
	time.Sleep(length)
	s.Kill()
	all.Wait()
	return out
}

// answered makes one call, and reports whether its headers came.
func answered(url, token string) (acknowledged, bool) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(writtest.Say("under load")))
	if err != nil {
		return acknowledged{}, false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return acknowledged{}, false
	}
	defer resp.Body.Close()
	index, err := strconv.ParseUint(resp.Header.Get("X-Writ-Record"), 10, 64)
	return acknowledged{index, resp.Header.Get("X-Writ-Decision")}, err == nil
}

func checkKept(t testing.TB, data string, kept []acknowledged) {
	t.Helper()
	r, err := journal.OpenReader(filepath.Join(data, "log", "0"))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range kept {
		entry, err := r.Entry(a.index)
		if err != nil {
			t.Fatalf("record %d, which was acknowledged: %v", a.index, err)
		}
		rec, err := auditlog.ParseRecord(entry)
		if err != nil || rec.Kind != auditlog.KindIntent || rec.ID != a.decision {
			t.Fatalf("record %d is %+v (%v), want the intent of %s", a.index, rec, err, a.decision)
		}
	}
}

// Noise from outside fills neither log nor disk: it is counted.
func TestS16_StrangersAreCountedNotLogged(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	k := s.session(t, "support-agent")
	stolen := writtest.Keys{AccessKeyID: k.AccessKeyID, SecretAccessKey: "not known to whoever saw the token", SessionToken: k.SessionToken}
	before := len(s.records(t))
	flood(t, s, stolen)
	if a := s.call(t, k, sonnet, "converse", writtest.Say("in the middle of it")); a.Status != 200 {
		t.Errorf("an authenticated call: answered %d %s", a.Status, a.Body)
	}
	s.Terminate()
	if err := s.Exit(20 * time.Second); err != nil {
		t.Fatalf("%v\n%s", err, s.Stderr())
	}
	var counted int64
	for _, r := range s.records(t) {
		if r.Kind == auditlog.KindPreauth {
			counted += r.Preauth.Count
			if len(r.Preauth.Samples) == 0 || r.Preauth.Source == "" {
				t.Errorf("a count without source or samples: %+v", r.Preauth)
			}
		}
	}
	if grown := len(s.records(t)) - before; grown > 12 {
		t.Errorf("the log grew by %d records", grown)
	}
	if counted != strangers {
		t.Errorf("%d refusals are counted, want %d", counted, strangers)
	}
}

const strangers = 5000

// flood sends requests that nobody authenticated, of several kinds.
func flood(t testing.TB, s *site, stolen writtest.Keys) {
	t.Helper()
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	signed := writtest.Sign(t, stolen, s.request(sonnet, "converse", writtest.Say("stolen")))
	large := signed.Header.Clone()
	kinds := []func() *http.Request{
		func() *http.Request { return post(s.Gateway+path, nil, "{}") },
		func() *http.Request {
			return post(s.Gateway+path, http.Header{"Authorization": {"Bearer nothing"}}, "{}")
		},
		func() *http.Request { return post(s.Gateway+"/model/nothing", nil, "{}") },
		func() *http.Request { return post(s.Gateway+"/", nil, "Action=Nothing&Version=2011-06-15") },
		func() *http.Request { return post(s.Gateway+path, large, writtest.Say("stolen")) },
	}
	var all sync.WaitGroup
	tr := &http.Transport{MaxIdleConnsPerHost: 16}
	defer tr.CloseIdleConnections()
	for worker := range 10 {
		all.Go(func() {
			for i := range strangers / 10 {
				resp, err := tr.RoundTrip(kinds[(worker+i)%len(kinds)]())
				if err != nil {
					t.Error(err)
					return
				}
				if resp.StatusCode < 400 || resp.StatusCode > 499 {
					t.Errorf("a stranger was answered %d", resp.StatusCode)
				}
				_ = resp.Body.Close()
			}
		})
	}
	all.Wait()
}

func post(url string, h http.Header, body string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		panic(err) // a constant of this file is wrong
	}
	if h != nil {
		req.Header = h
	}
	return req
}

// Secrets appear nowhere, also when whatever they come with is refused.
func TestCanariesAreNowhere(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Options: writtest.Options{Args: []string{"--log-level", "debug", "--log-format", "json"}}})
	k, token := s.session(t, "support-agent"), s.bearer(t, "support-agent")
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	s.call(t, k, sonnet, "converse", writtest.Say("fine"))
	s.CallBearer(t, token, path, writtest.Say("fine"))
	s.call(t, k, "no.such-model", "converse", writtest.Say("refused"))
	s.call(t, writtest.Keys{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: token}, sonnet, "converse", "{}")
	s.CallBearer(t, token, path, "not JSON "+token)
	s.CallBearer(t, k.SessionToken, path, "{}")
	s.CallBearer(t, token+"x", path, "{}")
	s.assume(t, s.token(t, "demo:support-agent", "sts.amazonaws.com", nil), "support-agent")
	s.assume(t, s.token(t, "demo:nobody", "writ", nil)+"x", "support-agent")
	admin, err := http.NewRequest(http.MethodGet, s.Admin+"/api/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	admin.Header.Set("Authorization", "Bearer "+s.operator+"x")
	if a := writtest.Do(t, admin); a.Status != 401 {
		t.Errorf("a wrong operator's token: answered %d %s", a.Status, a.Body)
	}
	s.call(t, k, sonnet, "converse", writtest.Say("prompt-canary-7f3a"))
	s.call(t, k, sonnet, "converse-stream", writtest.Say("prompt-canary-7f3a"))
	s.call(t, k, pro, "converse", writtest.Say("prompt-canary-7f3a")) // refused
	s.CallBearer(t, token, path, "not JSON prompt-canary-7f3a")
	s.exposed(t)
	s.Terminate()
	if err := s.Exit(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.Stderr(), `"level":"INFO"`) {
		t.Error("the operational log is not JSON")
	}
	// The search must be able to find something.
	for _, what := range []string{"support-agent", "fine"} {
		if len(s.find(t, what)) == 0 {
			t.Errorf("%q is nowhere either", what)
		}
	}
	for _, place := range s.find(t, "prompt-canary-7f3a")["prompt-canary-7f3a"] {
		if !strings.HasPrefix(place, "upstream request") {
			t.Errorf("a prompt is in %s", place)
		}
	}
	s.searchForSecrets(t)
}
