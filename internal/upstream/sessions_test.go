package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/sigv4"
)

// Each call is signed with a session of its own account, grant and identity,
// whoever calls in between; AWS's record alone tells who.
func TestS3_EveryGrantCallsWithItsOwnSession(t *testing.T) {
	c := newCloud(t)
	var group sync.WaitGroup
	for range 20 {
		for _, h := range []hand{alice, bob} {
			for _, model := range []string{usPro, lite} {
				group.Go(func() {
					if status, err := c.send(t, h, model); err != nil || status != 200 {
						t.Errorf("%s calls %s: %d, %v", h.identity, model, status, err)
					}
				})
			}
		}
	}
	group.Wait()
	sessions, calls := c.asked()
	if sessions != 4 || len(calls) != 80 {
		t.Errorf("%d sessions for %d calls, want 4 for 80", sessions, len(calls))
	}
	keys := map[string]string{}
	for _, r := range calls {
		who := r.Session
		if who == nil {
			t.Fatalf("signed without a session, by %s", r.Verified)
		}
		want := map[string]string{"alice": home, "bob": away}[who.SourceIdentity]
		if who.Account != want || want == "" || !strings.HasSuffix(who.ARN, ":assumed-role/writ-gateway/"+who.SourceIdentity+".nova") {
			t.Errorf("made as %s for %s", who.ARN, who.SourceIdentity)
		}
		if !strings.Contains(who.Policy, "foundation-model/amazon.nova") || strings.Contains(who.Policy, "*") {
			t.Errorf("with policy %s", who.Policy)
		}
		whose := who.SourceIdentity + r.Model
		if keys[r.Verified] != "" && keys[r.Verified] != whose {
			t.Errorf("one key signed for %s and for %s", keys[r.Verified], whose)
		}
		keys[r.Verified] = whose
	}
	if len(keys) != 4 {
		t.Errorf("%d keys signed, want 4", len(keys))
	}
}

// What a permit does not cover, its credentials do not do: AWS itself refuses.
func TestS3_AWSRefusesWhatIsOutsideTheSession(t *testing.T) {
	c := newCloud(t)
	p, out := alice.allows(t, usPro)
	creds, err := c.home.retrieve(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{
		out.Path:                                 200,
		"/model/" + lite + "/converse":           403,
		"/model/amazon.nova-pro-v1:0/converse":   200, // the profile's model is a leg
		"/model/" + usPro + "/converse-stream":   403,
		"/model/us.amazon.nova-lite-v1:0/invoke": 403,
		"/model/arn:aws:bedrock:us-east-1:" + away + ":inference-profile%2F" + usPro + "/converse": 403,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+path, strings.NewReader(string(out.Body.Bytes())))
		if err != nil {
			t.Fatal(err)
		}
		if err := sigv4.NewKeys(1).Sign(req, out.Body.Sum(), sigv4.Outbound{Credentials: creds, Service: "bedrock", Region: "us-east-1", Time: time.Now()}); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || want == 403 && !strings.Contains(string(text), "no session policy allows") {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, text, want)
		}
	}
}

// A permit for one account does not leave for another, whatever is asked.
func TestS3_APermitIsForItsAccountOnly(t *testing.T) {
	c := newCloud(t)
	p, out := alice.allows(t, usPro)
	for _, account := range []string{away, "", "999900001111"} {
		bent := out
		bent.Account = account
		if _, err := c.Do(t.Context(), p, bent); !errors.Is(err, ErrNotCovered) {
			t.Errorf("to %q: %v, want ErrNotCovered", account, err)
		}
	}
	stranger := hand{identity: "carol", account: "999900001111"}
	p, out = stranger.allows(t, usPro)
	if _, err := c.Do(t.Context(), p, out); !errors.Is(err, ErrNotCovered) {
		t.Errorf("in an account that is not configured: %v, want ErrNotCovered", err)
	}
	if sessions, calls := c.asked(); sessions+len(calls) != 0 {
		t.Errorf("%d sessions, %d calls", sessions, len(calls))
	}
}

func TestOneQuestionForAllWhoWait(t *testing.T) {
	c := newCloud(t)
	p, _ := alice.allows(t, usPro)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			if _, err := c.home.retrieve(t.Context(), p); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n, _ := c.asked(); n != 1 {
		t.Errorf("STS was asked %d times", n)
	}
}

// Sessions are replaced before they end, in the background, and none that has
// ended signs anything.
func TestSessionsAreReplacedAheadAndNeverStale(t *testing.T) {
	c := newCloud(t)
	p, _ := alice.allows(t, usPro)
	first := c.creds(t, p)
	c.clock.Store(int64(54 * time.Minute))
	if got := c.creds(t, p); got.AccessKeyID != first.AccessKeyID {
		t.Error("replaced too early")
	}
	c.clock.Store(int64(56 * time.Minute))
	if got := c.creds(t, p); got.AccessKeyID != first.AccessKeyID {
		t.Error("a caller waited although the session is still good")
	}
	eventually(t, func() bool { return c.creds(t, p).AccessKeyID != first.AccessKeyID })

	c.down.Store(true)
	second := c.creds(t, p)
	c.clock.Add(int64(56 * time.Minute)) // to be replaced, and STS does not
	if got := c.creds(t, p); got.AccessKeyID != second.AccessKeyID {
		t.Error("a session that is good was given up")
	}
	c.clock.Add(int64(4 * time.Minute))
	if _, err := c.home.retrieve(t.Context(), p); err == nil {
		t.Error("a session that has ended was used")
	}
	if kept, last := c.home.standing(); kept != 0 || last.err == nil {
		t.Errorf("%d kept, last %v", kept, last)
	}
}

// A session lasts as long as the right, within what STS grants.
func TestSessionsLastAsLongAsTheRight(t *testing.T) {
	now := time.Now()
	for left, want := range map[time.Duration]time.Duration{time.Minute: Shortest, 40 * time.Minute: 40 * time.Minute, 5 * time.Hour: Longest} {
		h := alice
		h.notAfter = now.Add(left)
		p, _ := h.allows(t, usPro)
		w, err := wantedFor(p, p.Legs(), now)
		if err != nil || (w.life-want).Abs() > time.Second {
			t.Errorf("%v left: %v, %v, want %v", left, w.life, err, want)
		}
	}
}

func TestWithoutASessionNothingIsSent(t *testing.T) {
	c := newCloud(t)
	c.down.Store(true)
	var none *CredentialsError
	for range 5 {
		if _, err := c.send(t, alice, usPro); !errors.As(err, &none) || none.Account != home || strings.Contains(err.Error(), secret) {
			t.Fatalf("got %v", err)
		}
	}
	if _, calls := c.asked(); len(calls) != 0 {
		t.Errorf("%d calls were sent", len(calls))
	}
	c.down.Store(false)
	c.clock.Store(int64(2 * time.Second))
	if status, err := c.send(t, alice, usPro); err != nil || status != 200 {
		t.Errorf("once STS answers: %d, %v", status, err)
	}
}

// A right that ended takes its sessions along, also one that is being made.
func TestS19_SessionsOfEndedRightsAreDropped(t *testing.T) {
	c := newCloud(t)
	for _, h := range []hand{alice, bob} {
		if _, err := c.send(t, h, usPro); err != nil {
			t.Fatal(err)
		}
	}
	if n := c.Drop(func(_ string, grants []string) bool { return grants[0] == "alice.nova" }); n != 1 {
		t.Errorf("%d dropped, want 1", n)
	}
	for _, s := range c.Standing() {
		if want := map[string]int{home: 0, away: 1}[s.Account]; s.Sessions != want {
			t.Errorf("%s keeps %d sessions, want %d", s.Account, s.Sessions, want)
		}
	}
	// One that is being made when its right ends is not kept when it comes.
	p, _ := alice.allows(t, usPro)
	c.home.mu.Lock()
	kept := c.home.find(keyOf(p, p.Legs()), p)
	flight, err := c.home.begin(kept, p, p.Legs())
	c.home.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	c.Drop(func(string, []string) bool { return true })
	<-flight.done
	if n, _ := c.home.standing(); n != 0 || len(c.home.entries) != 0 {
		t.Errorf("%d sessions are kept", n)
	}
	// And a call that was cut begins none.
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.home.retrieve(cut, p); !errors.Is(err, context.Canceled) || len(c.home.entries) != 0 {
		t.Errorf("a call that was cut: %v, %d entries", err, len(c.home.entries))
	}
}

// One identity cannot make room for itself by pushing out others.
func TestSessionsOfOneIdentityAreBounded(t *testing.T) {
	c := newCloud(t)
	other, _ := hand{identity: "carol", account: home}.allows(t, usPro)
	c.creds(t, other)
	p, _ := alice.allows(t, usPro)
	c.home.mu.Lock()
	for i := range 2 * sessionsOfOne {
		c.home.find(key{byte(i), byte(i >> 8), 1}, p)
	}
	held, entries := c.home.held["alice"], len(c.home.entries)
	c.home.mu.Unlock()
	if held != sessionsOfOne || entries != sessionsOfOne+1 {
		t.Errorf("%d held of %d", held, entries)
	}
	c.down.Store(true)
	c.creds(t, other) // still there
	c.Drop(func(string, []string) bool { return true })
	if len(c.home.held) != 0 || len(c.home.entries) != 0 || c.home.recent.Len() != 0 {
		t.Errorf("after everything is dropped: %v, %d entries", c.home.held, len(c.home.entries))
	}
}

// What an identity asks of STS at once is bounded too.
func TestQuestionsOfOneIdentityAreBounded(t *testing.T) {
	stuck := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stuck }))
	defer srv.Close()
	defer close(stuck)
	c := &cloud{url: srv.URL}
	s := c.sessions(t, homeRole, "")
	refused := 0
	for i := range flightsOfOne + 5 {
		p, _ := alice.allows(t, lite, fmt.Sprintf("s3://docs/%d", i))
		s.mu.Lock()
		_, err := s.begin(s.find(keyOf(p, p.Legs()), p), p, p.Legs())
		s.mu.Unlock()
		if errors.Is(err, errBusy) {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d refused, want 5", refused)
	}
}

func TestNamesOfSessions(t *testing.T) {
	long := strings.Repeat("g", 64)
	for want, in := range map[string][]string{
		"a.b":            {"a.b"},
		"a.b+2":          {"a.b", "c", "d"},
		long:             {long},
		long[:62] + "+1": {long, "x"},
		"who":            {},
		"g=":             {"g"},
	} {
		if got := sessionName(in, "who"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := sourceIdentity("x"); got != "x=" {
		t.Errorf("got %q", got)
	}
}
