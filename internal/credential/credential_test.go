package credential

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/sigv4"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// sample is a session with every field set.
func sample() identity.Session {
	return identity.Session{
		ID: "s-01", Identity: "partner-inference", Binding: "partner-oidc", Proof: identity.ProofOIDC,
		Issuer: "https://token.actions.githubusercontent.com", Subject: "repo:example/app:environment:prod",
		ProofID: strings.Repeat("0a", 16), Issued: noon, Expires: noon.Add(15 * time.Minute),
		Epoch: 3, Record: 1 << 40,
		Networks: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/25"), netip.MustParsePrefix("2001:db8::/33"), netip.MustParsePrefix("0.0.0.0/0")},
	}
}

func mustSeal(t testing.TB, r *Ring, s identity.Session) Issued {
	t.Helper()
	i, err := r.SealSession(s)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func mustSealBearer(t testing.TB, r *Ring, s identity.Session) string {
	t.Helper()
	b, err := r.SealBearer(s)
	if err != nil {
		t.Fatal(err)
	}
	return b.Token.Reveal()
}

func TestSessionComesBack(t *testing.T) {
	r, want := mustRing(t, 7, pair(1, 7)), sample()
	issued := mustSeal(t, r, want)
	want.KeyEpoch = 7
	got, secret, err := r.OpenSession(issued.AccessKeyID, issued.SessionToken.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); d != "" {
		t.Error(d)
	}
	if secret.Reveal() != issued.SecretKey.Reveal() {
		t.Error("the secret access key differs from the one issued")
	}
	if !regexp.MustCompile(`^ASIA[A-Z2-7]{16}$`).MatchString(issued.AccessKeyID) || len(secret.Reveal()) != 40 {
		t.Errorf("issued %q with a secret of %d characters", issued.AccessKeyID, len(secret.Reveal()))
	}
	if !issued.Expires.Equal(want.Expires) {
		t.Errorf("expires %v", issued.Expires)
	}
	t.Logf("session token: %d characters", len(issued.SessionToken.Reveal()))
}

// drawSession draws a valid session.
func drawSession(t *rapid.T) identity.Session {
	text := rapid.StringN(0, 40, 60)
	name := rapid.StringN(1, 40, 60)
	seconds := func(low, high int64) time.Time {
		return time.Unix(rapid.Int64Range(low, high).Draw(t, "seconds"), 0).UTC()
	}
	s := identity.Session{
		ID: name.Draw(t, "id"), Identity: name.Draw(t, "identity"), Binding: text.Draw(t, "binding"),
		Proof:  rapid.SampledFrom(proofs[1:]).Draw(t, "proof"),
		Issuer: text.Draw(t, "issuer"), Subject: text.Draw(t, "subject"), ProofID: text.Draw(t, "proof id"),
		Issued: seconds(1, 4e9), Epoch: rapid.Uint32().Draw(t, "epoch"), KeyEpoch: 0, Record: rapid.Uint64().Draw(t, "record"),
	}
	s.Expires = s.Issued.Add(time.Duration(rapid.Int64Range(1, int64(MaxSession/time.Second)).Draw(t, "length")) * time.Second)
	for range rapid.IntRange(0, 6).Draw(t, "networks") {
		v6 := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
		a := netip.AddrFrom16([16]byte(v6))
		if rapid.Bool().Draw(t, "v4") {
			a = netip.AddrFrom4([4]byte(v6[:4]))
		}
		p, err := a.Unmap().Prefix(rapid.IntRange(0, a.Unmap().BitLen()).Draw(t, "bits"))
		if err != nil {
			t.Fatal(err)
		}
		if !p.Addr().Is4In6() {
			s.Networks = append(s.Networks, p)
		}
	}
	return s
}

func TestEverySessionComesBack(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	rapid.Check(t, func(t *rapid.T) {
		want := drawSession(t)
		issued, err := r.SealSession(want)
		if err != nil {
			t.Fatal(err)
		}
		token, err := r.SealBearer(want)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := r.OpenSession(issued.AccessKeyID, issued.SessionToken.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		fromBearer, err := r.OpenBearer(token.Token.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []identity.Session{got, fromBearer} {
			if d := cmp.Diff(want, s, cmpopts.EquateComparable(netip.Prefix{})); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func TestS10_SessionAndBearerAreNotInterchangeable(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	issued, bearer := mustSeal(t, r, sample()), mustSealBearer(t, r, sample())
	session := issued.SessionToken.Reveal()
	swapped := func(token string, from, to kind) string {
		return kinds[to].prefix + strings.TrimPrefix(token, kinds[from].prefix)
	}
	for name, token := range map[string]string{"as it is": session, "with the prefix swapped": swapped(session, sessionKind, bearerKind)} {
		if _, err := r.OpenBearer(token); !errors.Is(err, ErrInvalid) {
			t.Errorf("session token as bearer, %s: %v", name, err)
		}
	}
	for name, token := range map[string]string{"as it is": bearer, "with the prefix swapped": swapped(bearer, bearerKind, sessionKind)} {
		if _, _, err := r.OpenSession(issued.AccessKeyID, token); !errors.Is(err, ErrInvalid) {
			t.Errorf("bearer as session token, %s: %v", name, err)
		}
	}
}

// TestS10_KindIsAuthenticated seals the very payload of a bearer token as a
// session token, so that nothing but the associated data tells them apart.
func TestS10_KindIsAuthenticated(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	token, _, err := r.sealToken(sessionKind, nil, sample())
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.OpenBearer(kinds[bearerKind].prefix + strings.TrimPrefix(token, kinds[sessionKind].prefix))
	if !errors.Is(err, errForged) {
		t.Errorf("OpenBearer: %v", err)
	}
}

func TestS10_AccessKeyIDIsBoundToItsToken(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	a, b := mustSeal(t, r, sample()), mustSeal(t, r, sample())
	for _, id := range []string{b.AccessKeyID, "", a.AccessKeyID + "A", strings.ToLower(a.AccessKeyID)} {
		if _, _, err := r.OpenSession(id, a.SessionToken.Reveal()); !errors.Is(err, ErrInvalid) {
			t.Errorf("with access key id %q: %v", id, err)
		}
	}
	if a.SecretKey.Reveal() == b.SecretKey.Reveal() || a.SessionToken.Reveal() == b.SessionToken.Reveal() {
		t.Error("two mints of one session share a secret")
	}
}

func TestS10_AnyAlteredTokenIsRefused(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	issued := mustSeal(t, r, sample())
	session, bearer := issued.SessionToken.Reveal(), mustSealBearer(t, r, sample())
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/\n\r \x00é"
	rapid.Check(t, func(t *rapid.T) {
		alter := func(token string) string {
			i := rapid.IntRange(0, len(token)).Draw(t, "at")
			c := string(rapid.SampledFrom([]rune(alphabet)).Draw(t, "character"))
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				return token[:i] + c + token[i:]
			case 1:
				return token[:i] + c + token[min(i+1, len(token)):]
			}
			return token[:i]
		}
		if altered := alter(session); altered != session {
			if _, _, err := r.OpenSession(issued.AccessKeyID, altered); !errors.Is(err, ErrInvalid) {
				t.Fatalf("session token: %v", err)
			}
		}
		if altered := alter(bearer); altered != bearer {
			if _, err := r.OpenBearer(altered); !errors.Is(err, ErrInvalid) {
				t.Fatalf("bearer: %v", err)
			}
		}
	})
}

func TestS10_AnyFlippedBitIsRefused(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0), pair(2, 0))
	bearer := mustSealBearer(t, r, sample())
	raw, err := encoding.DecodeString(strings.TrimPrefix(bearer, kinds[bearerKind].prefix))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(raw) {
		flipped := bytes.Clone(raw)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := r.OpenBearer(kinds[bearerKind].prefix + encoding.EncodeToString(flipped)); !errors.Is(err, ErrInvalid) {
			t.Fatalf("bit %d: %v", bit, err)
		}
	}
}

// TestS10_LongCommonPrefixIsNotTheSameToken is CVE-2026-35030's lesson. It
// tries every last character, which base64 may let stand for unused bits.
func TestS10_LongCommonPrefixIsNotTheSameToken(t *testing.T) {
	r, s := mustRing(t, 0, pair(1, 0)), sample()
	for range 3 { // each remainder of the length
		s.Subject += "x"
		token := mustSealBearer(t, r, s)
		if _, err := r.OpenBearer(token); err != nil {
			t.Fatal(err)
		}
		prefix := token[:len(token)-1]
		for c := byte('!'); c < 0x7f; c++ {
			if prefix+string(c) == token {
				continue
			}
			if _, err := r.OpenBearer(prefix + string(c)); !errors.Is(err, ErrInvalid) {
				t.Errorf("last character %q for %q: %v", c, token[len(token)-1], err)
			}
		}
	}
}

// TestS10_TokenHasOneSpelling: base64 readers skip line breaks.
func TestS10_TokenHasOneSpelling(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	token := mustSealBearer(t, r, sample())
	for _, extra := range []string{"\n", "\r", "\r\n", " ", "=", "=="} {
		for _, at := range []int{len(kinds[bearerKind].prefix), len(token) / 2, len(token)} {
			if _, err := r.OpenBearer(token[:at] + extra + token[at:]); !errors.Is(err, ErrInvalid) {
				t.Errorf("%q at %d: %v", extra, at, err)
			}
		}
	}
}

func TestPayloadIsReadWhole(t *testing.T) {
	s := sample()
	payload := string(appendSession(nil, &s))
	if _, err := decodeSession(payload); err != nil {
		t.Fatal(err)
	}
	if _, err := decodeSession(payload + "\x00"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a trailing byte: %v", err)
	}
	for n := range payload {
		if _, err := decodeSession(payload[:n]); !errors.Is(err, ErrInvalid) {
			t.Errorf("%d of %d bytes: %v", n, len(payload), err)
		}
	}
	if _, err := decodeSession("\x02" + payload[1:]); !errors.Is(err, ErrInvalid) {
		t.Errorf("another version: %v", err)
	}
	if _, err := decodeSession(payload[:1] + "\x09" + payload[2:]); !errors.Is(err, ErrInvalid) {
		t.Errorf("an unknown kind of proof: %v", err)
	}
}

func TestSealRefuses(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	wide := make([]netip.Prefix, maxNetworks)
	for i := range wide {
		wide[i] = netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, byte(i)}), 128)
	}
	for name, change := range map[string]func(*identity.Session){
		"no id":              func(s *identity.Session) { s.ID = "" },
		"no identity":        func(s *identity.Session) { s.Identity = "" },
		"no proof":           func(s *identity.Session) { s.Proof = "" },
		"unknown proof":      func(s *identity.Session) { s.Proof = "word" },
		"no times":           func(s *identity.Session) { s.Issued, s.Expires = time.Time{}, time.Time{} },
		"no length":          func(s *identity.Session) { s.Expires = s.Issued },
		"less than a second": func(s *identity.Session) { s.Expires = s.Issued.Add(time.Second - 1) },
		"too long":           func(s *identity.Session) { s.Expires = s.Issued.Add(MaxSession + time.Second) },
		"long text":          func(s *identity.Session) { s.Subject = strings.Repeat("a", maxText+1) },
		"not UTF-8":          func(s *identity.Session) { s.Subject = "\xff" },
		"host bits":          func(s *identity.Session) { s.Networks = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")} },
		"mapped network":     func(s *identity.Session) { s.Networks = []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")} },
		"zero network":       func(s *identity.Session) { s.Networks = make([]netip.Prefix, 1) },
		"too many networks":  func(s *identity.Session) { s.Networks = make([]netip.Prefix, maxNetworks+1) },
		"too long a token":   func(s *identity.Session) { s.Networks = wide },
	} {
		s := sample()
		change(&s)
		if _, err := r.SealSession(s); err == nil {
			t.Errorf("%s: sealed", name)
		}
		if _, err := r.SealBearer(s); err == nil {
			t.Errorf("%s: sealed as bearer", name)
		}
	}
}

func TestTokensFit(t *testing.T) {
	s := sample()
	s.Issuer, s.Subject = strings.Repeat("i", 150), strings.Repeat("s", 255)
	s.ID, s.Identity, s.Binding = strings.Repeat("x", 36), strings.Repeat("y", 64), strings.Repeat("z", 64)
	s.Networks = nil
	for i := range 32 {
		s.Networks = append(s.Networks, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i)}), 24))
	}
	token := mustSeal(t, mustRing(t, 0, pair(1, 0)), s).SessionToken.Reveal()
	if len(token) > MaxToken {
		t.Errorf("token of %d characters", len(token))
	}
}

func from(address string) identity.Origin {
	return identity.Origin{Addr: netip.MustParseAddr(address)}
}

func TestCheck(t *testing.T) {
	ring := mustRing(t, 2, pair(1, 2))
	live := func() *identity.Identity { return &identity.Identity{ID: "partner-inference", Epoch: 3} }
	session := func(change func(*identity.Session)) *identity.Session {
		s := sample()
		s.KeyEpoch = 2
		change(&s)
		return &s
	}
	asIs := session(func(*identity.Session) {})
	asIs.Networks = asIs.Networks[:2] // without 0.0.0.0/0
	in := func(state identity.State) *identity.Identity { id := live(); id.State = state; return id }
	cases := []struct {
		name string
		s    *identity.Session
		id   *identity.Identity
		from identity.Origin
		now  time.Time
		want error
	}{
		{"good", asIs, live(), from("203.0.113.7"), noon, nil},
		{"good, v6", asIs, live(), from("2001:db8::1"), noon.Add(time.Minute), nil},
		{"last instant", asIs, live(), from("203.0.113.7"), asIs.Expires.Add(-1), nil},
		{"expired", asIs, live(), from("203.0.113.7"), asIs.Expires, ErrExpired},
		{"another replica's clock", asIs, live(), from("203.0.113.7"), noon.Add(-clockTolerance), nil},
		{"from the future", asIs, live(), from("203.0.113.7"), noon.Add(-clockTolerance - 1), ErrExpired},
		{"keys replaced", session(func(s *identity.Session) { s.KeyEpoch = 1 }), live(), from("203.0.113.7"), noon, ErrRevoked},
		{"revoked", session(func(s *identity.Session) { s.Epoch = 2 }), live(), from("203.0.113.7"), noon, ErrRevoked},
		{"minted after a revocation not yet seen", session(func(s *identity.Session) { s.Epoch = 4 }), live(), from("203.0.113.7"), noon, nil},
		{"no identity", asIs, nil, from("203.0.113.7"), noon, ErrHalted},
		{"another identity", asIs, &identity.Identity{ID: "other", Epoch: 3}, from("203.0.113.7"), noon, ErrHalted},
		{"quarantined", asIs, in(identity.Quarantined), from("203.0.113.7"), noon, ErrHalted},
		{"decommissioned", asIs, in(identity.Decommissioned), from("203.0.113.7"), noon, ErrHalted},
		{"dormant", asIs, in(identity.Dormant), from("203.0.113.7"), noon, nil},
		{"S15 elsewhere", asIs, live(), from("203.0.113.200"), noon, ErrNetwork},
		{"S15 nowhere", asIs, live(), identity.Origin{}, noon, ErrNetwork},
		{"anywhere", session(func(s *identity.Session) { s.Networks = nil }), live(), identity.Origin{}, noon, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := ring.Check(c.s, c.id, c.from, c.now); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	issued := mustSeal(t, r, sample())
	key := NewKey(1, LogPurpose, 0, noon)
	raw := key.Reveal()
	ringKeys := pair(9, 0)
	ring9 := mustRing(t, 0, ringKeys)
	sealing, deriving := ringKeys[0].Reveal(), ringKeys[1].Reveal()
	_ = mustSeal(t, ring9, sample())
	kek, err := newKEK(raw[:])
	if err != nil {
		t.Fatal(err)
	}
	nested := struct {
		Issued Issued
		hidden Issued
		ring   *Ring
		key    Key
		kek    *KEK
	}{issued, issued, ring9, key, kek}

	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%b"} {
		for _, v := range []any{issued, &issued, issued.SecretKey, &issued.SecretKey, ring9, *ring9, key, &key, kek, *kek, nested, &nested, []Key{key}, map[string]Secret{"a": issued.SecretKey}} {
			fmt.Fprintf(&b, verb, v)
		}
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("x", "issued", issued, "secret", issued.SecretKey, "ring", ring9, "key", key, "kek", kek, "nested", nested)
	}
	for _, v := range []any{issued, issued.SecretKey, key, &nested.Issued} {
		if text, err := json.Marshal(v); err == nil {
			t.Errorf("marshalled: %s", text)
		}
	}
	if _, err := issued.SecretKey.MarshalText(); err == nil {
		t.Error("a secret has a text form")
	}
	for name, canary := range map[string][]byte{
		"secret": []byte(issued.SecretKey.Reveal()), "token": []byte(issued.SessionToken.Reveal()), "key": raw[:], "seal key": sealing[:], "derive key": deriving[:],
	} {
		for _, form := range []string{string(canary), fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprint(canary)[1:40], base64.StdEncoding.EncodeToString(canary)} {
			if bytes.Contains(b.Bytes(), []byte(form)) {
				t.Errorf("%s printed: %q", name, form)
			}
		}
	}
}

// TestIssuedCredentialsSign goes the whole way of a client that signs.
func TestIssuedCredentialsSign(t *testing.T) {
	r, body := mustRing(t, 0, pair(1, 0)), []byte("{}")
	issued, other := mustSeal(t, r, sample()), mustSeal(t, r, sample())
	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:8080/model/amazon.nova-lite-v1%3A0/converse", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	keys := sigv4.NewKeys(8)
	err = keys.Sign(req, sha256.Sum256(body), sigv4.Outbound{
		Credentials: aws.Credentials{
			AccessKeyID: issued.AccessKeyID, SecretAccessKey: issued.SecretKey.Reveal(), SessionToken: issued.SessionToken.Reveal(),
		},
		Service: "bedrock", Region: "us-east-1", Time: noon,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := sigv4.Parse(req)
	if err != nil {
		t.Fatal(err)
	}
	s, secret, err := r.OpenSession(p.AccessKeyID(), p.SessionToken())
	if err != nil || s.Identity != sample().Identity {
		t.Fatalf("session of %q: %v", s.Identity, err)
	}
	if err := keys.Verify(p, secret.Reveal(), sha256.Sum256(body), noon); err != nil {
		t.Error(err)
	}
	if err := keys.Verify(p, other.SecretKey.Reveal(), sha256.Sum256(body), noon); err == nil {
		t.Error("the secret of another mint of the same session verifies")
	}
}

func TestErrorsHoldNoTokenBytes(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	const canary = "CANARY9q"
	for _, token := range []string{canary, "writs.v1." + canary, "writb.v1." + canary + "!", "writb.v1." + strings.Repeat(canary, 20)} {
		_, err := r.OpenBearer(token)
		_, _, err2 := r.OpenSession(canary, token)
		if text := fmt.Sprint(err, err2); strings.Contains(text, canary) || err == nil || err2 == nil {
			t.Errorf("errors: %s", text)
		}
	}
}
