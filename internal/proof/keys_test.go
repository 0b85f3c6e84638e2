package proof

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/writ-project/writ/internal/identity"
)

const keysPath = "/keys"

func TestKeysAreFetchedOnceAndKept(t *testing.T) {
	o := open(t, nil)
	for range 5 {
		o.allow(o.request(o.token(nil)))
		o.clock.Advance(time.Minute)
	}
	if n := o.idp.fetches(keysPath); n != 1 {
		t.Errorf("%d fetches: want 1", n)
	}
}

func TestS12_UnknownKeyRefreshesAtMostOnceAMinute(t *testing.T) {
	o := open(t, nil)
	o.allow(o.request(o.token(nil)))
	stranger := ecKey(t, "k9").token(t, o.idp.URL, epoch, nil)
	for range 5 {
		o.deny(KeyUnknown, o.request(stranger))
	}
	if n := o.idp.fetches(keysPath); n != 1 {
		t.Fatalf("%d fetches in the first minute: want 1", n)
	}
	o.clock.Advance(59 * time.Second)
	o.deny(KeyUnknown, o.request(stranger))
	o.clock.Advance(time.Second)
	for range 5 {
		o.deny(KeyUnknown, o.request(stranger))
	}
	if n := o.idp.fetches(keysPath); n != 2 {
		t.Errorf("%d fetches after a minute: want 2", n)
	}
}

func TestS12_FailedFetchIsNotRepeatedWithinAMinute(t *testing.T) {
	o := open(t, nil)
	o.idp.answer(fail)
	for range 5 {
		o.deny(KeysUnavailable, o.request(o.token(nil)))
	}
	if n := o.idp.fetches("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("%d fetches: want 1", n)
	}
	o.idp.answer(nil)
	o.clock.Advance(time.Minute)
	o.allow(o.request(o.token(nil)))
}

func TestKeyRotation(t *testing.T) {
	o := open(t, nil)
	o.allow(o.request(o.token(nil)))
	next := ecKey(t, "k2")
	o.idp.publish(o.key, next)
	o.clock.Advance(time.Minute)
	o.allow(o.request(next.token(t, o.idp.URL, o.clock.Now(), nil))) // fetched because it was unknown
	o.idp.publish(next)
	o.clock.Advance(keyRefresh)
	o.deny(KeyUnknown, o.request(o.token(nil))) // withdrawn, and so unknown after the refresh
}

func TestKeysWithTheSameID(t *testing.T) {
	o := open(t, nil)
	twin := ecKey(t, o.key.id)
	o.idp.publish(twin, o.key)
	o.allow(o.request(o.token(nil)))
	o.allow(o.request(twin.token(t, o.idp.URL, epoch, nil)))
}

func TestStaleKeysAreBelievedForABoundedTime(t *testing.T) {
	o := open(t, nil)
	o.allow(o.request(o.token(nil)))
	o.idp.answer(fail)
	o.clock.Advance(30 * time.Minute)
	o.allow(o.request(o.token(nil)))
	o.clock.Advance(30 * time.Minute)
	o.allow(o.request(o.token(nil)))
	o.clock.Advance(time.Second)
	r := o.deny(KeysUnavailable, o.request(o.token(nil)))
	if a := r.Answer(); a.Code != "IDPCommunicationError" {
		t.Errorf("answer %+v", a)
	}
	o.idp.answer(nil)
	o.clock.Advance(time.Minute)
	o.allow(o.request(o.token(nil)))
}

func TestStaleKeysLimitIsConfigurable(t *testing.T) {
	o := open(t, func(c *Config) { c.StaleKeys = 20 * time.Minute })
	o.allow(o.request(o.token(nil)))
	o.idp.answer(fail)
	o.clock.Advance(20*time.Minute + time.Second)
	o.deny(KeysUnavailable, o.request(o.token(nil)))
}

func TestSlowKeySetIsGivenUpOn(t *testing.T) {
	o := open(t, func(c *Config) { c.FetchTimeout = 50 * time.Millisecond })
	o.idp.answer(hang)
	r := o.deny(KeysUnavailable, o.request(o.token(nil)))
	if !strings.Contains(r.Error(), "deadline") {
		t.Errorf("refusal %v: want the deadline named", r)
	}
}

func TestCallerWhoLeavesDoesNotCancelTheFetch(t *testing.T) {
	o := open(t, nil)
	reached, proceed := make(chan struct{}), make(chan struct{})
	o.idp.answer(func(w http.ResponseWriter, r *http.Request) {
		close(reached)
		<-proceed
		o.idp.answer(nil)
		o.idp.serve(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	req := o.request(o.token(nil))
	go func() {
		_, err := o.WebIdentity(ctx, o.world, req)
		left <- err
	}()
	<-reached
	cancel()
	refusal(t, <-left, KeysUnavailable)
	close(proceed)
	o.allow(req) // joins the fetch in flight, or finds its keys; no second one is due
}

func TestConcurrentFetchesAreOne(t *testing.T) {
	o := open(t, nil)
	tokens := make([]Token, 16)
	for i := range tokens {
		tokens[i] = o.token(with("jti", i))
	}
	var wg sync.WaitGroup
	for _, tok := range tokens {
		wg.Go(func() {
			if _, err := o.WebIdentity(t.Context(), o.world, o.request(tok)); err != nil {
				t.Errorf("WebIdentity: %v", err)
			}
		})
	}
	wg.Wait()
	if n := o.idp.fetches(keysPath); n != 1 {
		t.Errorf("%d fetches: want 1", n)
	}
}

func TestS12_KeySetOnAnotherHostRefusedUnlessPinned(t *testing.T) {
	o := open(t, nil)
	other := newIDP(t, o.key)
	o.idp.doc["jwks_uri"] = other.URL + keysPath
	o.deny(KeysUnavailable, o.request(o.token(nil)))
	if n := other.fetches(keysPath); n != 0 {
		t.Fatalf("the other host was asked %d times", n)
	}
	i := o.idp.issuer()
	i.JWKS, i.CAFile = other.URL+keysPath, other.caFile
	o.world.Issuers["cluster"] = i
	o.allow(o.request(o.token(nil)))
	if n := o.idp.fetches("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("discovery was asked %d times: a pinned key set needs none", n)
	}
}

func TestS12_DiscoveryMustSpeakForTheIssuer(t *testing.T) {
	for name, doc := range map[string]map[string]any{
		"another issuer": {"issuer": "https://other.example"},
		"no issuer":      {"issuer": ""},
		"no key set":     {"jwks_uri": ""},
		"relative":       {"jwks_uri": "/keys"},
		"not http":       {"jwks_uri": "file:///etc/passwd"},
		"user name":      {"jwks_uri": "https://user@127.0.0.1/keys"},
		"not text":       {"jwks_uri": 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, nil)
			o.idp.doc = doc
			o.deny(KeysUnavailable, o.request(o.token(nil)))
			if n := o.idp.fetches(keysPath); n != 0 {
				t.Errorf("keys were fetched all the same")
			}
		})
	}
}

func TestS12_PlainHTTPRefused(t *testing.T) {
	s := keySource{issuer: "https://id.example"}
	if _, err := s.parse("http://id.example/keys"); err == nil {
		t.Error("http accepted for an issuer that is not local")
	}
	if _, err := s.parse("https://user@id.example/keys"); err == nil {
		t.Error("a user name accepted")
	}
	s.local = true
	if _, err := s.parse("http://127.0.0.1/keys"); err != nil {
		t.Errorf("http refused for a local issuer: %v", err)
	}
}

func TestS12_RedirectRefused(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", keysPath} {
		o := open(t, nil)
		o.idp.answer(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				http.Redirect(w, r, o.idp.URL+"/elsewhere", http.StatusFound)
				return
			}
			json.NewEncoder(w).Encode(map[string]any{"issuer": o.idp.URL, "jwks_uri": o.idp.URL + keysPath})
		})
		o.deny(KeysUnavailable, o.request(o.token(nil)))
		if n := o.idp.fetches("/elsewhere"); n != 0 {
			t.Errorf("%s: the redirect was followed", path)
		}
	}
}

func TestS12_LoopbackRefused(t *testing.T) {
	o := open(t, nil)
	i := o.idp.issuer()
	i.AllowLocal = false
	o.world.Issuers["cluster"] = i
	r := o.deny(KeysUnavailable, o.request(o.token(nil)))
	if !strings.Contains(r.Error(), "loopback") {
		t.Errorf("refusal %v: want loopback named", r)
	}
	// A name is refused for what it resolves to.
	u, err := url.Parse(o.idp.URL)
	if err != nil {
		t.Fatal(err)
	}
	i.URL = "https://localhost:" + u.Port()
	o.world.Issuers["cluster"] = i
	r = o.deny(KeysUnavailable, o.request(o.token(with("iss", i.URL))))
	if !strings.Contains(r.Error(), "loopback") {
		t.Errorf("refusal %v: want loopback named", r)
	}
	if n := len(o.idp.hits); n != 0 {
		t.Errorf("%d paths were fetched", n)
	}
}

func TestS12_JWKSOnLoopbackRefused(t *testing.T) {
	o := open(t, nil)
	i := o.idp.issuer()
	i.AllowLocal, i.URL, i.JWKS = false, "https://id.example", o.idp.URL+keysPath
	o.world.Issuers["cluster"] = i
	o.deny(KeysUnavailable, o.request(o.token(with("iss", i.URL))))
	if n := o.idp.fetches(keysPath); n != 0 {
		t.Errorf("a pinned key set on loopback was fetched")
	}
}

func TestS12_Addresses(t *testing.T) {
	const public, local, never = "public", "local", "never"
	for addr, want := range map[string]string{
		"8.8.8.8": public, "140.82.112.5": public, "2606:50c0:8000::154": public,
		"64:ff9b::8c52:7005": public, // 140.82.112.5 behind NAT64
		"127.0.0.1":          local, "127.9.9.9": local, "::1": local, "::ffff:127.0.0.1": local,
		"10.0.0.1": local, "172.16.0.1": local, "172.31.255.255": local, "192.168.1.1": local,
		"100.64.0.1": local, "fd12:3456::1": local, "64:ff9b::a00:1": local,
		"169.254.169.254": never, "::ffff:169.254.169.254": never, "64:ff9b::a9fe:a9fe": never,
		"169.254.170.2": never, "fd00:ec2::254": never, "fd00:ec2::23": never, "fd20:ce::254": never,
		"100.100.100.200": never, "168.63.129.16": never, "192.0.0.192": never,
		"fe80::1": never, "0.0.0.0": never, "::": never, "0.1.2.3": never, "::a9fe:a9fe": never,
		"224.0.0.1": never, "ff02::1": never, "255.255.255.255": never, "2002:a9fe:a9fe::1": never, "fe80::1%eth0": never,
	} {
		a := netip.MustParseAddr(addr)
		if err := dialable(a, false); (err == nil) != (want == public) {
			t.Errorf("%s: %v: want it %s", addr, err, want)
		}
		if err := dialable(a, true); (err == nil) != (want != never) {
			t.Errorf("%s with AllowLocal: %v: want it %s", addr, err, want)
		}
	}
	if err := guard(true)("unix", "/run/x.sock", nil); err == nil {
		t.Error("a socket path was accepted")
	}
}

func TestS12_OversizeDocumentsRefused(t *testing.T) {
	o := open(t, nil)
	good, err := json.Marshal(jose.JSONWebKeySet{Keys: o.idp.keys})
	if err != nil {
		t.Fatal(err)
	}
	i := o.idp.issuer()
	i.JWKS = o.idp.URL + keysPath
	o.world.Issuers["cluster"] = i
	serve := func(size int) {
		o.idp.answer(func(w http.ResponseWriter, _ *http.Request) {
			w.Write(append(good, strings.Repeat(" ", size-len(good))...))
		})
	}
	serve(maxDocument + 1)
	o.deny(KeysUnavailable, o.request(o.token(nil)))
	serve(maxDocument)
	o.clock.Advance(time.Minute)
	o.allow(o.request(o.token(nil)))
}

func TestS12_UnknownAuthorityRefused(t *testing.T) {
	for name, edit := range map[string]func(*identity.Issuer){
		"system's roots": func(i *identity.Issuer) { i.CAFile = "" },
		"no such file":   func(i *identity.Issuer) { i.CAFile += ".gone" },
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t, nil)
			i := o.idp.issuer()
			edit(&i)
			o.world.Issuers["cluster"] = i
			o.deny(KeysUnavailable, o.request(o.token(nil)))
			if n := len(o.idp.hits); n != 0 {
				t.Errorf("%d paths were fetched", n)
			}
		})
	}
}

func TestChangedIssuerIsAnotherSource(t *testing.T) {
	o := open(t, nil)
	o.allow(o.request(o.token(nil)))
	i := o.idp.issuer()
	i.AllowLocal = false // what was fetched while it was allowed no longer counts
	o.world.Issuers["cluster"] = i
	o.deny(KeysUnavailable, o.request(o.token(nil)))
	if n := len(o.keys.rings); n != 1 {
		t.Errorf("%d keyrings: want the old one dropped", n)
	}
}

func TestKeySetKeepsOnlyVerifyingKeys(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	good := ecKey(t, "good")
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: good.public(), KeyID: "good"},
		{Key: ecKey(t, "").public()},
		{Key: ecKey(t, "enc").public(), KeyID: "enc", Use: "enc"},
		{Key: &weak.PublicKey, KeyID: "weak"},
		{Key: good.signer, KeyID: "secret"},
		{Key: []byte("a symmetric key, published"), KeyID: "oct"},
	}}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	b = append(b[:len(b)-2], `,{"kty":"quantum","kid":"new"},{"kty":"EC","kid":"broken"},7]}`...)
	keys, err := parseKeys(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 1 || len(keys["good"]) != 1 {
		t.Errorf("keys %v: want good alone", keys)
	}
}

func TestS12_KeysInAnErrorPageAreNotKeys(t *testing.T) {
	o := open(t, nil)
	o.idp.answer(func(w http.ResponseWriter, r *http.Request) {
		o.idp.answer(nil)
		w.WriteHeader(http.StatusNotFound)
		o.idp.serve(w, r)
	})
	o.deny(KeysUnavailable, o.request(o.token(nil)))
}

func TestKeySetMustHoldAKey(t *testing.T) {
	set := jose.JSONWebKeySet{Keys: slices.Repeat([]jose.JSONWebKey{{Key: ecKey(t, "k").public(), KeyID: "k"}}, maxKeys+1)}
	b, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	many := string(b)
	for _, set := range []string{"", "{}", `{"keys":[]}`, `{"keys":{}}`, `[]`, `{"keys":[],"keys":[]}`, many} {
		if keys, err := parseKeys([]byte(set)); err == nil {
			t.Errorf("%.40s: keys %v", set, keys)
		}
	}
}
