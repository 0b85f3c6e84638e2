package proof

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/identity"
)

// sealed is an office with a key ring.
type sealed struct {
	*office
	ring *credential.Ring
}

func openSealed(t *testing.T) *sealed {
	t.Helper()
	s := &sealed{ring: ringOf(t, 1, 0)}
	s.office = open(t, func(c *Config) { c.Ring = func() *credential.Ring { return s.ring } })
	return s
}

func ringOf(t *testing.T, id uint16, epochOfKeys uint32) *credential.Ring {
	t.Helper()
	r, err := credential.NewRing(credential.RingConfig{Epoch: epochOfKeys, Keys: []credential.Key{
		credential.NewKey(id, credential.SealPurpose, epochOfKeys, epoch), credential.NewKey(id, credential.DerivePurpose, epochOfKeys, epoch),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// containerToken mints a container token as an operator at 192.0.2.10 does.
func (s *sealed) containerToken(edit func(*LocalRequest)) (Token, identity.Session) {
	s.t.Helper()
	req := LocalRequest{Identity: "support-agent", Operator: "dana", Form: FormContainer, Origin: from("192.0.2.10")}
	if edit != nil {
		edit(&req)
	}
	m, err := s.Local(s.t.Context(), s.world, req)
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := s.ring.SealContainer(m.Session)
	if err != nil {
		s.t.Fatal(err)
	}
	return Token(b.Token.Reveal()), m.Session
}

func (s *sealed) ask(tok Token, name, addr string) (Minted, error) {
	return s.Container(s.t.Context(), s.world, ContainerRequest{Authorization: tok, Identity: name, Origin: from(addr)})
}

func (s *sealed) askRefused(what string, want Reason, tok Token, name, addr string) {
	s.t.Helper()
	before := len(s.mints)
	m, err := s.ask(tok, name, addr)
	if err == nil {
		s.t.Errorf("%s: a session of %s", what, m.Session.Identity)
		return
	}
	var r *Refusal
	if !errors.As(err, &r) || r.Reason != want {
		s.t.Errorf("%s: %v, want a refusal for %s", what, err, want)
	}
	if len(s.mints) != before {
		s.t.Errorf("%s: a mint was recorded", what)
	}
}

// The same token, bindings, networks and limits as at the STS endpoint.
func TestS13_OIDCTokensAreCheckedAsAtSTS(t *testing.T) {
	s := openSealed(t)
	m, err := s.ask(s.token(nil), "", "192.0.2.10")
	if err != nil || m.Session.Identity != "support-agent" || m.Session.Binding != "support-in-cluster" || m.Session.Proof != identity.ProofOIDC {
		t.Fatalf("%+v, %v", m.Session, err)
	}
	if m, err = s.ask(s.token(with("jti", "2")), "support-agent", "192.0.2.10"); err != nil || m.Repeated {
		t.Errorf("%+v, %v", m, err)
	}
	s.askRefused("another's name", NoBinding, s.token(nil), "analytics", "192.0.2.10")
	s.askRefused("another audience", NoBinding, s.token(with("aud", "pods.eks.amazonaws.com")), "", "192.0.2.10")
	s.askRefused("AWS's audience beside ours", AWSAudience, s.token(with("aud", []string{testAudience, identity.AWSAudience})), "", "192.0.2.10")
	s.askRefused("expired", ProofExpired, s.token(with("exp", epoch.Add(-time.Hour).Unix())), "", "192.0.2.10")
	s.askRefused("forged", SignatureInvalid, ecKey(t, "k1").token(t, s.idp.URL, epoch, nil), "", "192.0.2.10")
	s.askRefused("none", ProofMissing, "", "", "192.0.2.10")
	s.world.Bindings[0].Networks = []string{"lab"}
	s.askRefused("another network", OutsideNetwork, s.token(nil), "", "192.0.2.10")
	if m, err := s.ask(s.token(nil), "", "198.51.100.7"); err != nil || len(m.Session.Networks) != 1 {
		t.Errorf("from the binding's network: %+v, %v", m, err)
	}
	s.world.Bindings = append(s.world.Bindings, identity.Binding{ID: "twin", Identity: "analytics", Issuer: "cluster", Audience: testAudience, Subject: testSubject})
	s.askRefused("two identities fit", BindingAmbiguous, s.token(nil), "", "198.51.100.7")
}

func TestS13_ContainerProofsAreLimitedLikeOthers(t *testing.T) {
	s := openSealed(t)
	s.budget = newBudget(2, 100)
	for range 2 {
		if _, err := s.ask(s.token(nil), "", "192.0.2.10"); err != nil {
			t.Fatal(err)
		}
	}
	s.askRefused("the third at once", Throttled, s.token(nil), "", "192.0.2.10")
	s.askRefused("nor without a proof", Throttled, "", "", "192.0.2.10")
	r := refuse(Throttled, nil)
	if a := r.ContainerAnswer(); a.Status != 429 {
		t.Errorf("answered %+v", a)
	}
	if _, err := s.ask(s.token(nil), "", "192.0.2.11"); err != nil {
		t.Errorf("another source: %v", err)
	}
}

func TestContainerTokenGetsSessions(t *testing.T) {
	s := openSealed(t)
	tok, held := s.containerToken(nil)
	if s.mints[0].Form != FormContainer || held.Expires.Sub(held.Issued) != time.Hour {
		t.Errorf("recorded %+v", s.mints[0])
	}
	m, err := s.ask(tok, "support-agent", "192.0.2.10")
	if err != nil {
		t.Fatal(err)
	}
	got := m.Session
	if !got.Impersonated() || got.Subject != "dana" || got.ID == held.ID || got.ProofID != proofID(tok) {
		t.Errorf("S17: the session does not say how it was obtained: %+v", got)
	}
	if f := s.mints[1].From; f == nil || *f != held.Record {
		t.Errorf("the mint names record %v as its token's, want %d", f, held.Record)
	}
	if again, err := s.ask(tok, "support-agent", "192.0.2.10"); err != nil || !again.Repeated {
		t.Errorf("a repeat: %+v, %v", again, err)
	}
	s.clock.Advance(50 * time.Minute)
	if m, err = s.ask(tok, "", "192.0.2.10"); err != nil || !m.Session.Expires.Equal(held.Expires) {
		t.Errorf("S13: the session outlives the token: until %v, the token until %v (%v)", m.Session.Expires, held.Expires, err)
	}
	s.clock.Advance(10 * time.Minute)
	s.askRefused("after its end", ProofExpired, tok, "", "192.0.2.10")
}

func TestS13_ContainerTokenFromElsewhereIsRefused(t *testing.T) {
	s := openSealed(t)
	tok, _ := s.containerToken(nil)
	s.askRefused("a neighbour of the operator's", OutsideNetwork, tok, "", "192.0.2.11")
	s.askRefused("this machine", OutsideNetwork, tok, "", "127.0.0.1")
	if _, err := s.Container(t.Context(), s.world, ContainerRequest{Authorization: tok}); err == nil {
		t.Error("from nowhere: a session")
	}
	m, err := s.ask(tok, "", "192.0.2.10")
	if err != nil || len(m.Session.Networks) != 1 || m.Session.Networks[0].String() != "192.0.2.10/32" {
		t.Errorf("the session may be used from %v (%v), want where the token may", m.Session.Networks, err)
	}

	named, _ := s.containerToken(func(r *LocalRequest) { r.Networks = []string{"lab"} })
	s.askRefused("outside the network named", OutsideNetwork, named, "", "192.0.2.10")
	if _, err := s.ask(named, "", "198.51.100.7"); err != nil {
		t.Errorf("in the network named: %v", err)
	}
	pinned, _ := s.containerToken(func(r *LocalRequest) { r.Source = netip.MustParseAddr("::ffff:203.0.113.9") })
	if _, err := s.ask(pinned, "", "203.0.113.9"); err != nil {
		t.Errorf("from the address named: %v", err)
	}
	local, _ := s.containerToken(func(r *LocalRequest) { r.Origin = from("127.0.0.1") })
	for _, here := range []string{"127.0.0.1", "127.0.0.9", "::1"} {
		if _, err := s.ask(local, "", here); err != nil {
			t.Errorf("from this machine (%s): %v", here, err)
		}
	}
	s.askRefused("from beyond this machine", OutsideNetwork, local, "", "192.0.2.10")
}

func TestS13_RevokedContainerTokensGetNothing(t *testing.T) {
	s := openSealed(t)
	tok, _ := s.containerToken(nil)
	s.askRefused("for another identity", NoBinding, tok, "analytics", "192.0.2.10")
	s.ids["support-agent"].Epoch++
	s.askRefused("after the sessions were revoked", ProofRevoked, tok, "", "192.0.2.10")
	tok, _ = s.containerToken(nil)
	s.ids["support-agent"].State = identity.Quarantined
	s.askRefused("in quarantine", IdentityHalted, tok, "", "192.0.2.10")
	delete(s.ids, "support-agent")
	s.askRefused("of nobody", IdentityHalted, tok, "", "192.0.2.10")
	s = openSealed(t)
	tok, _ = s.containerToken(nil)
	s.ring = ringOf(t, 2, 1)
	s.askRefused("after an emergency rotation", MalformedProof, tok, "", "192.0.2.10")
}

// A token of one kind is no other's: neither here nor there.
func TestS10_SessionsAndBearersAreNoContainerTokens(t *testing.T) {
	s := openSealed(t)
	_, held := s.containerToken(nil)
	issued, err := s.ring.SealSession(held)
	if err != nil {
		t.Fatal(err)
	}
	bearer, err := s.ring.SealBearer(held)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"session": issued.SessionToken.Reveal(), "bearer": bearer.Token.Reveal()} {
		s.askRefused(name, MalformedProof, Token(text), "", "192.0.2.10")
		s.askRefused(name+" with the prefix swapped", MalformedProof, Token("writc"+text[5:]), "", "192.0.2.10")
	}
}

func TestS17_LocalNetworksOnlyNarrow(t *testing.T) {
	s := openSealed(t)
	s.world.Bindings[0].Networks = []string{"office"}
	local := func(edit func(*LocalRequest)) (Minted, error) {
		req := LocalRequest{Identity: "support-agent", Operator: "dana", Form: FormContainer, Origin: from("192.0.2.10")}
		edit(&req)
		return s.Local(t.Context(), s.world, req)
	}
	if m, err := local(func(*LocalRequest) {}); err != nil || m.Session.Networks[0].String() != "192.0.2.0/24" {
		t.Errorf("nothing named: %v, %v", m.Session.Networks, err)
	}
	if m, err := local(func(r *LocalRequest) { r.Source = netip.MustParseAddr("192.0.2.7") }); err != nil || m.Session.Networks[0].String() != "192.0.2.7/32" {
		t.Errorf("an address within: %v, %v", m.Session.Networks, err)
	}
	for name, edit := range map[string]func(*LocalRequest){
		"another network": func(r *LocalRequest) { r.Networks = []string{"lab"} },
		"both":            func(r *LocalRequest) { r.Networks = []string{"office", "lab"} },
		"address outside": func(r *LocalRequest) { r.Source = netip.MustParseAddr("198.51.100.1") },
		"no such network": func(r *LocalRequest) { r.Networks = []string{"moon"} },
	} {
		_, err := local(edit)
		t.Log(refusal(t, err, OutsideNetwork), name)
	}
	_, err := local(func(r *LocalRequest) { r.Networks, r.Source = []string{"office"}, netip.MustParseAddr("192.0.2.7") })
	refusal(t, err, MalformedRequest)
	s.ids["support-agent"].MaxSession = identity.Duration(2 * time.Hour)
	_, err = local(func(r *LocalRequest) { r.TTL = 61 * time.Minute })
	refusal(t, err, TooLong)
}

func TestParseAuthorization(t *testing.T) {
	if tok, err := ParseAuthorization(nil); tok != "" || err != nil {
		t.Errorf("no header: %v", err)
	}
	if tok, err := ParseAuthorization([]string{"eyJ.x.y"}); string(tok) != "eyJ.x.y" || err != nil {
		t.Errorf("a token: %v", err)
	}
	for name, values := range map[string][]string{
		"two": {"a.b.c", "a.b.c"}, "empty": {""}, "a scheme": {"Bearer a.b.c"}, "a line end": {"a.b.c\n"}, "white space": {" a.b.c"},
		"not ASCII": {"é"}, "a control character": {"a\x00"}, "too long": {strings.Repeat("a", maxToken+1)},
	} {
		_, err := ParseAuthorization(values)
		if r := refusal(t, err, MalformedRequest); r.Message == "" || strings.Contains(r.Message, "a.b.c") {
			t.Errorf("%s: says %q", name, r.Message)
		}
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add("eyJ.x.y", false)
	f.Add("Bearer x", true)
	f.Fuzz(func(t *testing.T, v string, twice bool) {
		values := []string{v}
		if twice {
			values = append(values, v)
		}
		tok, err := ParseAuthorization(values)
		if err == nil && (twice || string(tok) != v || strings.ContainsAny(v, " \r\n\t\x00") || v == "" || len(v) > maxToken) {
			t.Fatalf("%q accepted", values)
		}
		if err != nil && tok != "" {
			t.Fatalf("%q refused, and a token all the same", values)
		}
	})
}

// Every reason has an answer in the shape SDKs read, which tells nothing of the
// configuration (security S20).
func TestS20_ContainerRefusalsAreNoOracle(t *testing.T) {
	for reason := range answers {
		w := httptest.NewRecorder()
		if err := WriteContainerError(w, refuse(reason, errors.New("canary: binding x of issuer y")), "id", epoch); err != nil {
			t.Fatal(err)
		}
		var body map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || len(body) != 2 || body["code"] == "" || body["message"] == "" {
			t.Errorf("%s: %s (%v)", reason, w.Body, err)
		}
		if w.Code < 400 || strings.Contains(w.Body.String(), "canary") || w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Date") == "" {
			t.Errorf("%s: %d %v %s", reason, w.Code, w.Header(), w.Body)
		}
	}
	one := func(r Reason) Answer { return refuse(r, nil).ContainerAnswer() }
	for _, r := range []Reason{BindingAmbiguous, OutsideNetwork, IdentityUnknown, IdentityHalted, ProofRevoked, AWSAudience} {
		if one(r) != one(NoBinding) {
			t.Errorf("%s is told from %s", r, NoBinding)
		}
	}
}
