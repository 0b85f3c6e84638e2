package proof

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/writ-project/writ/internal/identity"
)

func TestWebIdentityMintsSession(t *testing.T) {
	o := open(t, nil)
	o.world.Bindings[0].Networks = []string{"office"}
	tok := o.token(nil)
	got := o.allow(o.request(tok))
	want := identity.Session{
		Identity: "support-agent", Binding: "support-in-cluster", Proof: identity.ProofOIDC,
		Issuer: o.idp.URL, Subject: testSubject, ProofID: proofID(tok),
		Issued: epoch, Expires: epoch.Add(time.Hour), Epoch: 7, Record: 101,
		Networks: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
	}
	opts := []cmp.Option{cmpopts.IgnoreFields(identity.Session{}, "ID"), cmpopts.EquateComparable(netip.Prefix{})}
	if d := cmp.Diff(want, got.Session, opts...); d != "" {
		t.Errorf("session (-want +got):\n%s", d)
	}
	if len(got.Session.ID) < 20 || got.Credentials.SessionToken != "canary-token-"+got.Session.ID {
		t.Errorf("session id %q does not belong to the credentials", got.Session.ID)
	}
	if len(got.Session.ProofID) != 32 {
		t.Errorf("proof id %q: want 16 bytes in hex", got.Session.ProofID)
	}
	m := o.mints[0]
	if m.RoleARN != testRole || m.SessionName != "s1" || m.Audience != testAudience || m.Origin.Addr != netip.MustParseAddr("192.0.2.10") {
		t.Errorf("mint record %+v lacks what was asked", m)
	}
}

func TestNewRequiresRecordAndSeal(t *testing.T) {
	o := open(t, nil)
	for name, cfg := range map[string]Config{
		"no record": {Seal: o.seal}, "no seal": {Record: o.record}, "negative limit": {Record: o.record, Seal: o.seal, Total: -1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestS10_RecordedBeforeSealed(t *testing.T) {
	o := open(t, nil)
	o.allow(o.request(o.token(nil)))
	if !slices.Equal(o.steps, []string{"record", "seal"}) {
		t.Errorf("steps %v: want record, then seal", o.steps)
	}
}

func TestS10_UnrecordedMintIsNeverSealed(t *testing.T) {
	o := open(t, nil)
	o.recordErr = errors.New("disk full")
	_, err := o.WebIdentity(t.Context(), o.world, o.request(o.token(nil)))
	r := refusal(t, err, NotRecorded)
	if slices.Contains(o.steps, "seal") {
		t.Error("sealed although the record failed")
	}
	if a := r.Answer(); a.Status != 503 {
		t.Errorf("answer %+v: want 503", a)
	}
	o.recordErr = nil
	o.allow(o.request(o.token(nil))) // a failure is not remembered
}

func TestS10_SealFailureGivesNothing(t *testing.T) {
	o := open(t, nil)
	o.sealErr = errors.New("no key")
	m, err := o.WebIdentity(t.Context(), o.world, o.request(o.token(nil)))
	refusal(t, err, NotSealed)
	if m.Credentials != (Credentials{}) {
		t.Error("credentials in spite of a failed seal")
	}
}

func TestS11_RoleARNConfersNothing(t *testing.T) {
	o := open(t, nil)
	req := o.request(o.token(nil))
	req.RoleARN = "arn:aws:iam::111122223333:role/analytics" // exists, not proved
	o.deny(NoBinding, req)
	req.RoleARN = "arn:aws:iam::111122223333:role/nobody"
	o.deny(NoBinding, req)
	for _, arn := range []string{"arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:role/support-agent/", "support-agent"} {
		req.RoleARN = arn
		o.deny(RoleUnknown, req)
	}
	req.RoleARN = "arn:aws:iam::999999999999:role/team/support-agent" // account and path confer nothing either
	o.allow(req)
	req.RoleARN = "" // no selection: the one identity that is proved
	o.allow(req)
}

func TestS11_RoleARNSelectsAmongSatisfied(t *testing.T) {
	o := open(t, nil)
	second := o.world.Bindings[0]
	second.ID, second.Identity = "analytics-in-cluster", "analytics"
	o.world.Bindings = append(o.world.Bindings, second)
	req := o.request(o.token(nil))
	if m := o.allow(req); m.Session.Identity != "support-agent" {
		t.Errorf("identity %s", m.Session.Identity)
	}
	req.RoleARN = "arn:aws:iam::111122223333:role/analytics"
	if m := o.allow(req); m.Session.Identity != "analytics" {
		t.Errorf("identity %s", m.Session.Identity)
	}
	req.RoleARN = ""
	o.deny(BindingAmbiguous, req)
}

func TestS11_TwoBindingsOfOneIdentityRefused(t *testing.T) {
	o := open(t, nil)
	second := o.world.Bindings[0]
	second.ID, second.Subject = "support-wide", "system:serviceaccount:prod:*"
	o.world.Bindings = append(o.world.Bindings, second)
	o.deny(BindingAmbiguous, o.request(o.token(nil)))
}

func TestS11_UnsatisfiedBindingRefused(t *testing.T) {
	o := open(t, nil)
	o.world.Bindings[0].Claims = map[string]string{"env": "prod"}
	good := with("env", "prod")
	o.allow(o.request(o.token(good)))
	for name, edit := range map[string]func(map[string]any){
		"subject":  func(c map[string]any) { good(c); c["sub"] = testSubject + "2" },
		"audience": func(c map[string]any) { good(c); c["aud"] = "someone-else" },
		"claim":    with("env", "dev"),
		"no claim": nil,
		"list":     with("env", []string{"prod"}),
		"null":     with("env", nil),
	} {
		t.Run(name, func(t *testing.T) { o.deny(NoBinding, o.request(o.token(edit))) })
	}
}

func TestS11_AWSAudienceRefusedUnlessOptedIn(t *testing.T) {
	o := open(t, nil)
	b := &o.world.Bindings[0]
	b.Audience = identity.AWSAudience
	o.deny(AWSAudience, o.request(o.token(with("aud", identity.AWSAudience))))
	b.AllowAWSAudience = true
	o.allow(o.request(o.token(with("aud", identity.AWSAudience))))
}

func TestS11_AWSAudienceBesideOursRefused(t *testing.T) {
	o := open(t, nil)
	both := with("aud", []string{testAudience, identity.AWSAudience})
	o.deny(AWSAudience, o.request(o.token(both)))
	o.world.Bindings[0].AllowAWSAudience = true
	o.allow(o.request(o.token(both)))
}

func TestS11_DurationClampedSilently(t *testing.T) {
	for _, c := range []struct {
		name              string
		ask, id, bind, to time.Duration
	}{
		{"default", 0, 0, 0, time.Hour},
		{"shorter asked", 20 * time.Minute, 0, 0, 20 * time.Minute},
		{"identity's cap", 12 * time.Hour, 2 * time.Hour, 0, 2 * time.Hour},
		{"default cap", 12 * time.Hour, 0, 0, time.Hour},
		{"binding's cap below what an SDK can ask", 900 * time.Second, 0, 5 * time.Minute, 5 * time.Minute},
		{"binding above identity", 12 * time.Hour, time.Hour, 2 * time.Hour, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := open(t, nil)
			o.ids["support-agent"].MaxSession = identity.Duration(c.id)
			o.world.Bindings[0].MaxSession = identity.Duration(c.bind)
			req := o.request(o.token(nil))
			req.Duration = c.ask
			m := o.allow(req)
			if d := m.Session.Expires.Sub(m.Session.Issued); d != c.to {
				t.Errorf("session of %v: want %v", d, c.to)
			}
		})
	}
	o := open(t, nil)
	req := o.request(o.token(nil))
	req.Duration = -time.Second
	o.deny(MalformedRequest, req)
}

func TestSessionMayOutliveProof(t *testing.T) {
	o := open(t, nil)
	m := o.allow(o.request(o.token(with("exp", epoch.Add(time.Minute).Unix()))))
	if m.Session.Expires != epoch.Add(time.Hour) {
		t.Errorf("expires %v", m.Session.Expires)
	}
}

func TestS11_RepeatReturnsSameSessionWithoutRecord(t *testing.T) {
	o := open(t, nil)
	req := o.request(o.token(nil))
	first := o.allow(req)
	o.clock.Advance(59 * time.Second)
	again := o.allow(req)
	if first.Repeated || !again.Repeated || again.Session.ID != first.Session.ID || again.Credentials != first.Credentials {
		t.Errorf("repeat %+v: want the first session", again.Session)
	}
	if len(o.steps) != 2 {
		t.Errorf("steps %v: want one record and one seal", o.steps)
	}
	o.clock.Advance(time.Second)
	if late := o.allow(req); late.Session.ID == first.Session.ID {
		t.Error("the same session after a minute")
	}
}

func TestS11_RepeatsAtOnceShareOneRecord(t *testing.T) {
	o := open(t, nil)
	o.allow(o.request(o.token(with("jti", "fetches the keys"))))
	req := o.request(o.token(nil))
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		o.cfg.Record = func(ctx context.Context, m Mint) (uint64, error) {
			<-proceed
			return o.record(ctx, m)
		}
		ids := make([]string, 16)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				m, err := o.WebIdentity(t.Context(), o.world, req)
				if err != nil {
					t.Error(err)
				}
				ids[i] = m.Session.ID
			})
		}
		synctest.Wait() // every request now waits for the one record
		close(proceed)
		wg.Wait()
		if len(slices.Compact(ids)) != 1 || len(o.mints) != 2 {
			t.Errorf("%d records, sessions %v: want one more", len(o.mints), ids)
		}
	})
}

// A repeat is answered from memory only when everything is still the same:
// another caller, another wish or another world is another session, or none.
func TestS11_RepeatIsBoundToEverything(t *testing.T) {
	for name, change := range map[string]func(o *office, req *WebIdentityRequest){
		"token": func(o *office, req *WebIdentityRequest) { req.Token = o.token(with("jti", "2")) },
		"name":  func(_ *office, req *WebIdentityRequest) { req.SessionName = "s2" },
		"role": func(_ *office, req *WebIdentityRequest) {
			req.RoleARN = "arn:aws:iam::111122223333:role/x/support-agent"
		},
		"duration": func(_ *office, req *WebIdentityRequest) { req.Duration = 2 * time.Hour },
		"origin":   func(_ *office, req *WebIdentityRequest) { req.Origin.Addr = netip.MustParseAddr("192.0.2.11") },
		"peer":     func(_ *office, req *WebIdentityRequest) { req.Origin.Peer = netip.MustParseAddr("10.0.0.1") },
		"epoch":    func(o *office, _ *WebIdentityRequest) { o.ids["support-agent"].Epoch++ },
		"binding":  func(o *office, _ *WebIdentityRequest) { o.world.Bindings[0].ID = "other" },
		"its cap": func(o *office, _ *WebIdentityRequest) {
			o.world.Bindings[0].MaxSession = identity.Duration(time.Minute)
		},
		"its range": func(o *office, _ *WebIdentityRequest) { o.world.Bindings[0].Networks = []string{"office"} },
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, nil)
			req := o.request(o.token(nil))
			first := o.allow(req)
			change(o, &req)
			if second := o.allow(req); second.Session.ID == first.Session.ID || second.Repeated || len(o.mints) != 2 {
				t.Error("answered with the session of another request")
			}
		})
	}
}

func TestS11_RepeatChecksAgain(t *testing.T) {
	o := open(t, nil)
	req := o.request(o.token(nil))
	o.allow(req)
	o.ids["support-agent"].State = identity.Quarantined
	o.deny(IdentityHalted, req)
	o.ids["support-agent"].State = ""
	o.world.Bindings = nil
	o.deny(NoBinding, req)
}

func TestS11_RepeatNeverOutlivesSession(t *testing.T) {
	o := open(t, nil)
	o.world.Bindings[0].MaxSession = identity.Duration(20 * time.Second)
	req := o.request(o.token(nil))
	first := o.allow(req)
	o.clock.Advance(20 * time.Second)
	if second := o.allow(req); second.Session.ID == first.Session.ID {
		t.Error("an expired session was handed out again")
	}
}

func TestRepeatsAreBounded(t *testing.T) {
	r := newRepeats()
	m := Minted{Session: identity.Session{Expires: epoch.Add(time.Hour)}}
	key := func(i int) [32]byte { return [32]byte{byte(i), byte(i >> 8)} }
	for i := range maxRepeats + 10 {
		r.put(key(i), m, epoch)
	}
	if len(r.kept) != maxRepeats {
		t.Errorf("%d entries: want %d", len(r.kept), maxRepeats)
	}
	later := epoch.Add(repeatWindow)
	r.put(key(maxRepeats), m, later)
	if _, ok := r.get(key(maxRepeats), later); !ok || len(r.kept) != 1 {
		t.Errorf("%d entries after all but one expired", len(r.kept))
	}
}

// LiteLLM kept verified tokens under their first characters, and handed one
// caller another's identity.
func TestCVE202635030_SharedPrefixNeverSharesSession(t *testing.T) {
	o := open(t, nil)
	o.world.Bindings[0].Subject = "system:serviceaccount:prod:*"
	one := o.allow(o.request(o.token(with("sub", "system:serviceaccount:prod:a"))))
	two := o.allow(o.request(o.token(with("sub", "system:serviceaccount:prod:b"))))
	if one.Session.ID == two.Session.ID || one.Session.Subject == two.Session.Subject || one.Session.ProofID == two.Session.ProofID {
		t.Errorf("two subjects share %+v", one.Session)
	}
	// The same header and claims, with a signature that differs at its end:
	// known to the memory up to the last character, and refused.
	tok := o.token(nil)
	o.allow(o.request(tok))
	last := byte('A')
	if tok[len(tok)-2] == last {
		last = 'B'
	}
	o.deny(SignatureInvalid, o.request(tok[:len(tok)-2]+Token(last)+tok[len(tok)-1:]))
}

func TestIdentityStates(t *testing.T) {
	for _, s := range identity.States {
		t.Run(string(s), func(t *testing.T) {
			o := open(t, nil)
			o.ids["support-agent"].State = s
			req := o.request(o.token(nil))
			if s == identity.Quarantined || s == identity.Decommissioned {
				o.deny(IdentityHalted, req)
			} else {
				o.allow(req)
			}
		})
	}
	o := open(t, nil)
	delete(o.ids, "support-agent")
	o.deny(IdentityUnknown, o.request(o.token(nil)))
}

func TestS15_NetworkCheckedAtMint(t *testing.T) {
	o := open(t, nil)
	o.world.Bindings[0].Networks = []string{"office", "lab"}
	req := o.request(o.token(nil))
	for _, inside := range []string{"192.0.2.255", "198.51.100.1"} {
		req.Origin = from(inside)
		if m := o.allow(req); len(m.Session.Networks) != 2 {
			t.Errorf("session may be used from %v: want both networks", m.Session.Networks)
		}
	}
	req.Origin = from("203.0.113.1")
	o.deny(OutsideNetwork, req)
	// A hop that could not be read is in no network, wherever the proxy is.
	req.Origin = identity.Origin{Peer: netip.MustParseAddr("192.0.2.10")}
	o.deny(OutsideNetwork, req)
}

func TestS15_MissingNetworkIsNotAnywhere(t *testing.T) {
	o := open(t, nil)
	o.world.Bindings[0].Networks = []string{"gone"}
	o.deny(OutsideNetwork, o.request(o.token(nil)))
	o.world.Networks = nil
	o.deny(OutsideNetwork, o.request(o.token(nil)))
	o.world.Networks = identity.NewNetworks([]identity.Network{{ID: "gone"}})
	o.deny(OutsideNetwork, o.request(o.token(nil)))
}

func TestS17_LocalMintIsMarkedAndRecorded(t *testing.T) {
	o := open(t, nil)
	m, err := o.Local(t.Context(), o.world, LocalRequest{Identity: "support-agent", Operator: "ana", Origin: from("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	s := m.Session
	if !s.Impersonated() || s.Subject != "ana" || s.Binding != "" || s.Record != 101 || s.Epoch != 7 || s.Expires.Sub(s.Issued) != time.Hour {
		t.Errorf("session %+v", s)
	}
	if !slices.Equal(o.steps, []string{"record", "seal"}) || o.mints[0].Session.Subject != "ana" {
		t.Errorf("steps %v, mint %+v", o.steps, o.mints[0])
	}
}

func TestS17_LocalMintRefusals(t *testing.T) {
	o := open(t, nil)
	o.ids["support-agent"].MaxSession = identity.Duration(15 * time.Minute)
	deny := func(want Reason, req LocalRequest) {
		t.Helper()
		_, err := o.Local(t.Context(), o.world, req)
		refusal(t, err, want)
	}
	good := LocalRequest{Identity: "support-agent", Operator: "ana", TTL: 15 * time.Minute}
	if _, err := o.Local(t.Context(), o.world, good); err != nil {
		t.Fatal(err)
	}
	deny(TooLong, LocalRequest{Identity: "support-agent", Operator: "ana", TTL: 15*time.Minute + 1})
	deny(TooLong, LocalRequest{Identity: "support-agent", Operator: "ana", TTL: -1})
	deny(MalformedRequest, LocalRequest{Identity: "support-agent"})
	deny(IdentityUnknown, LocalRequest{Identity: "nobody", Operator: "ana"})
	o.ids["support-agent"].State = identity.Quarantined
	deny(IdentityHalted, good)
	o.ids["support-agent"].State = ""
	o.recordErr = errors.New("disk full")
	deny(NotRecorded, good)
}

func TestS17_LocalMintStaysInTheIdentitysNetworks(t *testing.T) {
	o := open(t, nil)
	second := o.world.Bindings[0]
	second.ID = "second"
	o.world.Bindings = append(o.world.Bindings, second)
	o.world.Bindings[0].Networks = []string{"office"}
	local := func() []netip.Prefix {
		t.Helper()
		m, err := o.Local(t.Context(), o.world, LocalRequest{Identity: "support-agent", Operator: "ana"})
		if err != nil {
			t.Fatal(err)
		}
		return m.Session.Networks
	}
	if got := local(); got != nil {
		t.Errorf("networks %v: the second binding leaves the identity unlimited", got)
	}
	o.world.Bindings[1].Networks = []string{"lab", "office"}
	if got := local(); len(got) != 2 {
		t.Errorf("networks %v: want lab and office", got)
	}
	o.world.Networks = identity.NewNetworks([]identity.Network{{ID: "gone"}})
	o.world.Bindings[0].Networks = []string{"gone"}
	o.world.Bindings[1].Networks = []string{"gone"} // exists, and holds no address
	_, err := o.Local(t.Context(), o.world, LocalRequest{Identity: "support-agent", Operator: "ana"})
	refusal(t, err, OutsideNetwork)
}
