package gateway_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/writtest"
)

// A stranger floods from the address that production calls from: the flood is
// answered shortly, production passes, by bearer token and by signature, with
// a session that the gateway has not seen before too.
func TestS16_AFloodFromOneAddressLeavesProductionAlone(t *testing.T) {
	t.Parallel()
	var ring *credential.Ring
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Limits = gateway.DefaultLimits
		c.Limits.Strangers = gateway.Strangers{Failures: 20}
		ring = c.Ring()
	})
	kinds := map[string]int{}
	for i := range 100 {
		req, err := http.NewRequest(http.MethodPost, "http://"+in.addr+"/model/"+writtest.Escape(sonnet)+"/converse", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", fmt.Sprintf("Bearer guess-%d", i))
		a := writtest.Do(t, req)
		kinds[a.ErrorType()]++
		if a.ErrorType() == "ThrottlingException" && (a.Status != 429 || a.Header.Get("X-Amz-Retry-After") == "") {
			t.Errorf("answered %d %v", a.Status, a.Header)
		}
	}
	// Answers are earned back by and by, so a slow machine gives a few more.
	if n := kinds["UnrecognizedClientException"]; n < 20 || n > 40 || n+kinds["ThrottlingException"] != 100 {
		t.Errorf("the flood was answered %v", kinds)
	}
	if a := in.call(t, "converse", writtest.Say("bearer beside the flood")); a.Status != 200 {
		t.Errorf("a bearer token beside the flood: %d %s", a.Status, a.Body)
	}
	if a := writtest.Do(t, writtest.Sign(t, sealedSession(t, ring), in.request(writtest.Say("signed beside the flood")))); a.Status != 200 {
		t.Errorf("a signature beside the flood: %d %s", a.Status, a.Body)
	}
}

// Guesses at the credentials' door are charged as those elsewhere are.
func TestS16_AFloodOfProofsIsBoundedAtEveryDoor(t *testing.T) {
	t.Parallel()
	for _, door := range []string{"/writ/v1/credentials", "/writ/v1/bearer"} {
		in := newInside(t, 0, func(c *gateway.Config) {
			c.Limits = gateway.DefaultLimits
			c.Limits.Strangers = gateway.Strangers{Failures: 20}
		})
		statuses := map[int]int{}
		for i := range 60 {
			req, err := http.NewRequest(http.MethodGet, "http://"+in.addr+door, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", fmt.Sprintf("guess-%d", i))
			statuses[writtest.Do(t, req).Status]++
		}
		// Answers are earned back by and by, so a slow machine gives a few more.
		if n := statuses[429]; n < 20 || n > 40 || n+statuses[400] != 60 {
			t.Errorf("%s: the flood was answered %v, want 429 from the 21st on or soon after", door, statuses)
		}
		if a := in.call(t, "converse", writtest.Say("beside a flood of proofs")); a.Status != 200 {
			t.Errorf("%s: a bearer token beside the flood: %d %s", door, a.Status, a.Body)
		}
	}
}

// Who has a session's token without its secret has us read so many bytes, and
// is then refused before the body.
func TestS16_ATokenWithoutItsSecretBuysNoBytes(t *testing.T) {
	t.Parallel()
	var ring *credential.Ring
	in := newInside(t, 0, func(c *gateway.Config) {
		c.Limits = gateway.DefaultLimits
		c.Limits.Strangers = gateway.Strangers{Unproven: 1 << 20}
		ring = c.Ring()
	})
	stolen, other := sealedSession(t, ring), sealedSession(t, ring)
	without := stolen
	without.SecretAccessKey = "guess"
	kinds := map[string]int{}
	for range 10 {
		resp, err := http.DefaultClient.Do(writtest.Sign(t, without, in.request(writtest.Say(strings.Repeat("x", 200_000)))))
		if err != nil { // refused before the body, whose rest met a closed connection
			kinds["closed"]++
			continue
		}
		kinds[resp.Header.Get("X-Amzn-Errortype")]++
		resp.Body.Close()
	}
	if read := kinds["InvalidSignatureException"]; read == 0 || read > 5 || kinds["ThrottlingException"]+kinds["closed"] != 10-read {
		t.Errorf("answered %v", kinds)
	}
	head := strings.SplitAfter(wire(writtest.Sign(t, without, in.request(writtest.Say(strings.Repeat("x", 900_000))))), "\r\n\r\n")[0]
	if got := sayTo(t, in.addr, head, false); len(got) != 1 || got[0].Status != 429 {
		t.Errorf("without its body: answered %+v, want 429", got)
	}
	if a := writtest.Do(t, writtest.Sign(t, other, in.request(writtest.Say(strings.Repeat("x", 200_000))))); a.Status != 200 {
		t.Errorf("another session beside the thief: %d %s", a.Status, a.Body)
	}
}

// Headers that never end hold a connection for so long and no longer.
func TestS16_SlowHeadersAreGivenUp(t *testing.T) {
	t.Parallel()
	srv := gateway.NewServer(http.NotFoundHandler(), nil, slog.New(slog.DiscardHandler))
	if srv.ReadHeaderTimeout <= 0 || srv.ReadHeaderTimeout > 10*time.Second || srv.IdleTimeout <= 0 || srv.MaxHeaderBytes > 64<<10 {
		t.Errorf("header timeout %v, idle timeout %v, headers of %d bytes", srv.ReadHeaderTimeout, srv.IdleTimeout, srv.MaxHeaderBytes)
	}
	in := newInside(t, 0, ordinary)
	if got := sayTo(t, in.addr, "POST /model/x/converse HTTP/1.1\r\nHost: x\r\nX-Slow: ", false); len(got) != 0 {
		t.Errorf("half a header was answered %+v", got)
	}
}

func (in *inside) request(body string) writtest.Request {
	return writtest.Request{URL: "http://" + in.addr + "/model/" + writtest.Escape(sonnet) + "/converse", Body: body}
}

// numbered makes the ids of sealed sessions differ.
var numbered atomic.Int64

func sealedSession(t *testing.T, ring *credential.Ring) writtest.Keys {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	i, err := ring.SealSession(identity.Session{
		ID: fmt.Sprintf("session-%d", numbered.Add(1)), Identity: "support-agent", Proof: identity.ProofOIDC, Binding: "support-agent",
		Issuer: "demo", Subject: "demo:support-agent", ProofID: strings.Repeat("0", 32), Issued: now, Expires: now.Add(15 * time.Minute),
	})
	if err != nil {
		t.Fatal(err)
	}
	return writtest.Keys{AccessKeyID: i.AccessKeyID, SecretAccessKey: i.SecretKey.Reveal(), SessionToken: i.SessionToken.Reveal()}
}

// What the configuration file says is what holds, at both doors.
func TestS16_TheConfigurationBoundsStrangers(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{Config: "limits: {strangers: {failures: 3}}"})
	keys := s.session(t, "support-agent")
	path := "/model/" + writtest.Escape(sonnet) + "/converse"
	var last writtest.Answer
	for i := range 5 {
		last = s.CallBearer(t, fmt.Sprintf("guess-%d", i), path, "{}")
	}
	if last.Status != http.StatusTooManyRequests || last.ErrorType() != "ThrottlingException" {
		t.Errorf("the fifth failure: %d %s", last.Status, last.Body)
	}
	if _, a := s.assume(t, "not.a.token", "support-agent"); !strings.Contains(a.Body, "Throttling") {
		t.Errorf("a failure at the STS endpoint: %d %s", a.Status, a.Body)
	}
	if a := s.call(t, keys, sonnet, "converse", writtest.Say("beside it all")); a.Status != 200 {
		t.Errorf("a call beside it: %d %s", a.Status, a.Body)
	}
	if k := s.freshSession(t, "analytics"); k.AccessKeyID == "" {
		t.Error("nobody can prove anything any more")
	}
}
