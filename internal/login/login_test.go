package login

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// paused is a browser that stops before it leaves for an address with the path.
func (h *house) paused(t testing.TB, path string) *http.Client {
	c := h.newBrowser(t)
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Path == path {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return c
}

// comeBack is the address by which the provider sends a browser back.
func (h *house) comeBack(t testing.TB, c *http.Client, from string) *url.URL {
	t.Helper()
	resp, body := h.get(t, c, from)
	u, err := resp.Location()
	if err != nil {
		t.Fatalf("%s: %v %s", resp.Status, err, body)
	}
	return u
}

func TestAPersonSignsIn(t *testing.T) {
	h := newHouse(t, nil)
	resp, body := h.get(t, h.browser, "/login?return=/requests")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "You are dana") || !strings.Contains(body, "url=/requests") {
		t.Fatalf("%s: %s", resp.Status, body)
	}
	s, ok := h.cookie(t, h.browser)
	if !ok || s.Operator != "dana" || s.Epoch != 3 || s.Method != h.URL || s.Expires.Sub(s.Issued) != 8*time.Hour {
		t.Errorf("%+v", s)
	}
	if want := (Person{Issuer: h.URL, Subject: "00u1"}); len(h.admitted) != 1 || h.admitted[0] != want {
		t.Errorf("admitted %+v", h.admitted)
	}
	for _, header := range []string{"Content-Security-Policy", "Cache-Control", "X-Content-Type-Options", "Referrer-Policy"} {
		if resp.Header.Get(header) == "" {
			t.Errorf("no %s", header)
		}
	}
}

func TestTheProviderIsAskedWithPKCEAndForThisServerOnly(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Provider.MaxAge = time.Hour })
	c := h.paused(t, "/authorize")
	at := h.comeBack(t, c, "/login?redirect_uri=https://evil.example/&client_id=evil&scope=all&return=https://evil.example/")
	q := at.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": client, "redirect_uri": h.server.URL + "/login/callback", "scope": "openid email",
		"code_challenge_method": "S256", "max_age": "3600",
	} {
		if q.Get(name) != want || len(q[name]) != 1 {
			t.Errorf("%s is %q", name, q[name])
		}
	}
	if len(q.Get("state")) < 43 || len(q.Get("nonce")) < 43 || len(q.Get("code_challenge")) != 43 || q.Get("state") == q.Get("nonce") {
		t.Errorf("%v", q)
	}
	again := h.comeBack(t, c, "/login").Query()
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if again.Get(name) == q.Get(name) {
			t.Errorf("%s is the same twice", name)
		}
	}
}

func TestS12_ABrowserComesBackOnceAndToItsOwnSignIn(t *testing.T) {
	h := newHouse(t, nil)
	victim, other := h.paused(t, callbackPath), h.paused(t, callbackPath)
	back, foreign := h.comeBack(t, victim, "/login"), h.comeBack(t, other, "/login")
	for name, query := range map[string]url.Values{
		"another's state and code": foreign.Query(),
		"another's code":           {"code": {foreign.Query().Get("code")}, "state": {"x"}},
		"no state":                 {"code": {back.Query().Get("code")}},
		"two states":               {"code": {back.Query().Get("code")}, "state": {back.Query().Get("state"), "x"}},
		"another issuer's":         {"code": {back.Query().Get("code")}, "state": {back.Query().Get("state")}, "iss": {"https://evil.example"}},
	} {
		fresh := h.paused(t, callbackPath)
		u, _ := url.Parse(h.server.URL)
		fresh.Jar.SetCookies(u, victim.Jar.Cookies(u))
		if resp, body := h.get(t, fresh, callbackPath+"?"+query.Encode()); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
	}
	if h.exchanged != 0 {
		t.Errorf("the provider was asked %d times", h.exchanged)
	}
	u, _ := url.Parse(h.server.URL)
	flow := victim.Jar.Cookies(u)
	if resp, body := h.get(t, victim, back.RequestURI()); resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", resp.Status, body)
	}
	h.lax = true // the provider would take the code again
	victim.Jar.SetCookies(u, flow)
	if resp, _ := h.get(t, victim, back.RequestURI()); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a state counts twice: %s", resp.Status)
	}
	if resp, _ := h.get(t, h.newBrowser(t), back.RequestURI()); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a browser that did not begin: %s", resp.Status)
	}
}

func TestASignInThatTookTooLongIsRefused(t *testing.T) {
	h := newHouse(t, nil)
	c := h.paused(t, callbackPath)
	back := h.comeBack(t, c, "/login")
	h.mu.Lock()
	h.skew = flowLife
	h.mu.Unlock()
	if resp, _ := h.get(t, c, back.RequestURI()); resp.StatusCode != http.StatusBadRequest || h.exchanged != 0 {
		t.Errorf("%s, %d exchanges", resp.Status, h.exchanged)
	}
}

func TestS12_ACodeOfAnotherFlowIsWorthNothing(t *testing.T) {
	h := newHouse(t, nil)
	mine, theirs := h.paused(t, callbackPath), h.paused(t, callbackPath)
	back, stolen := h.comeBack(t, mine, "/login"), h.comeBack(t, theirs, "/login")
	q := back.Query()
	q.Set("code", stolen.Query().Get("code"))
	// The provider checks PKCE; and where it does not, the nonce is another's.
	for _, lax := range []bool{false, true} {
		h.lax = lax
		c := h.paused(t, callbackPath)
		u, _ := url.Parse(h.server.URL)
		c.Jar.SetCookies(u, mine.Jar.Cookies(u))
		h.mu.Lock()
		clear(h.used)
		h.mu.Unlock()
		if resp, _ := h.get(t, c, callbackPath+"?"+q.Encode()); resp.StatusCode == http.StatusOK {
			t.Errorf("lax %v: %s", lax, resp.Status)
		}
		if _, ok := h.cookie(t, c); ok {
			t.Errorf("lax %v: signed in", lax)
		}
	}
	if len(h.admitted) != 0 {
		t.Errorf("admitted %+v", h.admitted)
	}
	if strings.Contains(h.log.String(), "s3cret") {
		t.Errorf("the log holds what the provider answered: %s", h.log)
	}
}

func TestS12_IDTokensAreVerified(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour).Unix()
	for name, spoil := range map[string]func(*idp){
		"another issuer":           func(p *idp) { p.claims = map[string]any{"iss": "https://evil.example"} },
		"no issuer":                func(p *idp) { p.claims = map[string]any{"iss": nil} },
		"another audience":         func(p *idp) { p.claims = map[string]any{"aud": "another"} },
		"no audience":              func(p *idp) { p.claims = map[string]any{"aud": nil} },
		"several and no party":     func(p *idp) { p.claims = map[string]any{"aud": []string{client, "another"}} },
		"another party":            func(p *idp) { p.claims = map[string]any{"azp": "another"} },
		"another nonce":            func(p *idp) { p.claims = map[string]any{"nonce": "x"} },
		"no nonce":                 func(p *idp) { p.claims = map[string]any{"nonce": nil} },
		"expired":                  func(p *idp) { p.claims = map[string]any{"exp": long} },
		"issued long ago":          func(p *idp) { p.claims = map[string]any{"iat": long} },
		"issued in the future":     func(p *idp) { p.claims = map[string]any{"iat": time.Now().Add(time.Hour).Unix()} },
		"nobody":                   func(p *idp) { p.claims = map[string]any{"sub": ""} },
		"proved long ago":          func(p *idp) { p.claims = map[string]any{"auth_time": time.Now().Add(-9 * time.Hour).Unix()} },
		"proved nobody knows when": func(p *idp) { p.claims = map[string]any{"auth_time": nil} },
		"another access token":     func(p *idp) { p.claims = map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"} },
		"another key":              func(p *idp) { p.signWith = other },
		"claims of another shape":  func(p *idp) { p.claims = map[string]any{"email_verified": "yes"} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, func(c *Config) { c.Provider.MaxAge = 8 * time.Hour })
			spoil(h.idp)
			resp, _ := h.get(t, h.browser, "/login")
			if _, ok := h.cookie(t, h.browser); ok || resp.StatusCode != http.StatusBadGateway || len(h.admitted) > 0 {
				t.Errorf("%s, signed in %v, admitted %v", resp.Status, ok, h.admitted)
			}
		})
	}
	sum := sha256.Sum256([]byte("opaque"))
	h := newHouse(t, nil)
	h.claims = map[string]any{"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]), "azp": client, "aud": []string{client, "another"}}
	if resp, body := h.get(t, h.browser, "/login"); resp.StatusCode != http.StatusOK {
		t.Errorf("a token with a hash and a party: %s %s", resp.Status, body)
	}
}

func TestS12_ProvidersThatAreNotAsConfiguredAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		document map[string]any
		adjust   func(*Config)
	}{
		"another issuer":         {document: map[string]any{"issuer": "https://evil.example"}},
		"keys on another host":   {document: map[string]any{"jwks_uri": "https://evil.example/keys"}},
		"tokens on another host": {document: map[string]any{"token_endpoint": "https://evil.example/token"}},
		"plain HTTP elsewhere":   {document: map[string]any{"authorization_endpoint": "http://evil.example/authorize"}},
		"PKCE plain only":        {document: map[string]any{"code_challenge_methods_supported": []string{"plain"}}},
		"loopback":               {adjust: func(c *Config) { c.Provider.AllowLocal = false }},
		"an unknown certificate": {adjust: func(c *Config) { c.Provider.CAFile = "" }},
		"another algorithm":      {adjust: func(c *Config) { c.Provider.Algorithms = []string{"RS256"} }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, c.adjust)
			h.document = c.document
			resp, body := h.get(t, h.browser, "/login")
			if _, ok := h.cookie(t, h.browser); ok || resp.StatusCode != http.StatusBadGateway {
				t.Errorf("%s %s", resp.Status, body)
			}
		})
	}
	h := newHouse(t, func(c *Config) { c.Provider.Hosts = []string{"keys.example"} })
	if err := h.door.cfg.Provider.endpoint("https://keys.example/k"); err != nil {
		t.Error(err)
	}
}

func TestAProviderThatIsDownIsNotAskedAgainAtOnce(t *testing.T) {
	h := newHouse(t, nil)
	asked := 0
	h.Server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; http.Error(w, "down", 500) })
	for range 3 {
		if resp, _ := h.get(t, h.browser, "/login"); resp.StatusCode != http.StatusBadGateway {
			t.Errorf("%s", resp.Status)
		}
	}
	if asked != 1 {
		t.Errorf("it was asked %d times", asked)
	}
	h.mu.Lock()
	h.skew = discoveryPause
	h.mu.Unlock()
	if h.get(t, h.browser, "/login"); asked != 2 {
		t.Errorf("after a pause it was asked %d times", asked)
	}
}

func TestAnAddressIsBelievedOnlyIfVerifiedAndConfigured(t *testing.T) {
	for _, c := range []struct {
		trust, verified bool
		want            string
	}{{false, true, ""}, {true, false, ""}, {true, true, "dana@example.com"}} {
		h := newHouse(t, func(cfg *Config) { cfg.Provider.TrustEmail = c.trust })
		h.accounts = map[string]Account{"dana@example.com": {"dana", 0, ""}}
		h.claims = map[string]any{"email_verified": c.verified}
		resp, _ := h.get(t, h.browser, "/login")
		_, in := h.cookie(t, h.browser)
		if in != (c.want != "") || h.admitted[0].Email != c.want || !in && resp.StatusCode != http.StatusForbidden {
			t.Errorf("%+v: %s, signed in %v, as %+v", c, resp.Status, in, h.admitted)
		}
	}
}

func TestNobodySignsInWithoutAnAccount(t *testing.T) {
	h := newHouse(t, nil)
	h.accounts = nil
	resp, body := h.get(t, h.browser, "/login")
	if _, ok := h.cookie(t, h.browser); ok || resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "no account") {
		t.Errorf("%s %s", resp.Status, body)
	}
}

func TestNoOpenRedirect(t *testing.T) {
	h := newHouse(t, nil)
	for _, to := range []string{
		"https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/%2f/evil.example\n", "javascript:alert(1)", "evil", "",
		"http:/evil.example", "/a\tb", "/%5cevil.example", "/%2fevil.example", "/" + strings.Repeat("a", 300),
	} {
		if got := localPath(to); got != "/" {
			t.Errorf("%q leads to %q", to, got)
		}
	}
	for _, to := range []string{"/", "/requests?state=open", "/a/b"} {
		if got := localPath(to); got != to {
			t.Errorf("%q leads to %q", to, got)
		}
	}
	_, body := h.get(t, h.browser, "/login?return="+url.QueryEscape("//evil.example"))
	if strings.Contains(body, "evil") {
		t.Error(body)
	}
	for _, to := range []string{
		"http://evil.example:8080/", "http://localhost:8080/", "https://127.0.0.1:8080/", "http://127.0.0.1:8080@evil.example/", "http://127.0.0.1/",
		"http://127.0.0.1:0/", "http://127.0.0.1:80/x", "http://127.0.0.1:80/?x", "http://[::1%25eth0]:80/", "http://10.0.0.1:80/", "http://127.0.0.1:80/#x",
	} {
		q := url.Values{"loopback": {to}, "challenge": {strings.Repeat("c", 43)}, "method": {"S256"}}
		if resp, _ := h.get(t, h.browser, "/login?"+q.Encode()); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("a code may be sent to %q: %s", to, resp.Status)
		}
	}
}

func (h *house) post(t testing.TB, c *http.Client, path string, form url.Values, headers map[string]string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, h.server.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp, string(body)
}

var ownPage = map[string]string{"Sec-Fetch-Site": "same-origin"}

// commandLine signs in as writ login does and returns the address it is sent to.
func (h *house) commandLine(t testing.TB, verifier string) url.Values {
	t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"loopback": {"http://127.0.0.1:9/"}, "challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "method": {"S256"}, "state": {"mine"}}
	c := h.newBrowser(t)
	c.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if r.URL.Port() == "9" {
			return http.ErrUseLastResponse
		}
		return nil
	}
	if resp, body := h.get(t, c, "/login?"+q.Encode()); resp.StatusCode != http.StatusOK || !strings.Contains(body, "<form") || h.exchanged != 0 && len(h.admitted) == 0 {
		t.Fatalf("the operator is not asked first: %s %s", resp.Status, body)
	}
	resp, body := h.post(t, c, "/login", q, ownPage)
	to, err := resp.Location()
	if err != nil || to.Host != "127.0.0.1:9" {
		t.Fatalf("%s %s %v", resp.Status, body, err)
	}
	if _, ok := h.cookie(t, c); ok {
		t.Error("the browser is signed in too")
	}
	return to.Query()
}

func (h *house) takeCode(t testing.TB, code, verifier string) (*http.Response, Taken) {
	t.Helper()
	body, _ := json.Marshal(CodeOrder{code, verifier})
	resp, err := http.Post(h.server.URL+"/login/token", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out Taken
	_ = json.NewDecoder(resp.Body).Decode(&out)
	return resp, out
}

func TestTheCommandLineTakesItsCodeOnce(t *testing.T) {
	h := newHouse(t, nil)
	verifier := strings.Repeat("v", 43)
	back := h.commandLine(t, verifier)
	if back.Get("state") != "mine" {
		t.Errorf("%v", back)
	}
	for name, wrong := range map[string]string{"another verifier": strings.Repeat("w", 43), "none": ""} {
		if resp, out := h.takeCode(t, back.Get("code"), wrong); resp.StatusCode != http.StatusForbidden || out.Token != "" {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	resp, out := h.takeCode(t, back.Get("code"), verifier)
	if resp.StatusCode != http.StatusOK || out.Operator != "dana" {
		t.Fatalf("%s %+v", resp.Status, out)
	}
	if s, err := h.door.cfg.Ring().OpenSignIn(out.Token); err != nil || s.Operator != "dana" || s.Epoch != 3 {
		t.Errorf("%+v %v", s, err)
	}
	if resp, _ := h.takeCode(t, back.Get("code"), verifier); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a code is taken twice: %s", resp.Status)
	}
	if resp, _ := h.takeCode(t, out.Token, verifier); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a sign-in is taken for a code: %s", resp.Status)
	}
	late := h.commandLine(t, verifier)
	h.mu.Lock()
	h.skew = codeLife
	h.mu.Unlock()
	if resp, _ := h.takeCode(t, late.Get("code"), verifier); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a code is taken late: %s", resp.Status)
	}
}

func TestACommandLineWithoutPKCEIsRefused(t *testing.T) {
	h := newHouse(t, nil)
	for name, q := range map[string]url.Values{
		"no challenge": {"loopback": {"http://127.0.0.1:9/"}, "method": {"S256"}},
		"no method":    {"loopback": {"http://127.0.0.1:9/"}, "challenge": {strings.Repeat("c", 43)}},
		"plain":        {"loopback": {"http://127.0.0.1:9/"}, "challenge": {strings.Repeat("c", 43)}, "method": {"plain"}},
	} {
		if resp, _ := h.post(t, h.browser, "/login", q, ownPage); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

func TestPagesOfOthersSignNobodyInOrOut(t *testing.T) {
	h := newHouse(t, nil)
	link, err := h.door.Link(h.server.URL, "local-admin", "")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(link)
	h.get(t, h.browser, "/login")
	for name, headers := range map[string]map[string]string{
		"another site":       {"Sec-Fetch-Site": "cross-site"},
		"another host of it": {"Sec-Fetch-Site": "same-site"},
		"typed":              {"Sec-Fetch-Site": "none"},
		"an old browser":     {"Origin": "https://evil.example"},
		"a sandbox":          {"Origin": "null"},
		"nothing said":       {},
		"both":               {"Sec-Fetch-Site": "cross-site", "Writ-Via": "cli", "Origin": h.server.URL},
	} {
		for path, form := range map[string]url.Values{
			"/login/link": {"token": u.Query()["token"]}, "/logout": {},
			"/login": {"loopback": {"http://127.0.0.1:9/"}, "challenge": {strings.Repeat("c", 43)}, "method": {"S256"}},
		} {
			if resp, _ := h.post(t, h.browser, path, form, headers); resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s, %s: %s", path, name, resp.Status)
			}
		}
	}
	if _, ok := h.cookie(t, h.browser); !ok {
		t.Error("signed out")
	}
	for name, headers := range map[string]map[string]string{"an old browser": {"Origin": h.server.URL}, "a program": {"Writ-Via": "cli"}} {
		if resp, _ := h.post(t, h.newBrowser(t), "/logout", nil, headers); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
}

func TestALinkSignsInOnce(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Provider = Provider{} })
	link, err := h.door.Link(h.server.URL+"/", "local-admin", "")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(link)
	form := url.Values{"token": u.Query()["token"]}
	for range 2 { // looking does not use it up
		if resp, body := h.get(t, h.browser, u.RequestURI()); resp.StatusCode != http.StatusOK || !strings.Contains(body, "local-admin") {
			t.Fatalf("%s %s", resp.Status, body)
		}
	}
	if resp, _ := h.post(t, h.browser, "/login/link", form, ownPage); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	if s, ok := h.cookie(t, h.browser); !ok || s.Operator != "local-admin" || s.Method != "link" {
		t.Errorf("%+v", s)
	}
	if resp, _ := h.post(t, h.newBrowser(t), "/login/link", form, ownPage); resp.StatusCode != http.StatusForbidden {
		t.Errorf("it signs in twice: %s", resp.Status)
	}
	program, err := h.door.Link(h.server.URL, "dana", "erin")
	if err != nil {
		t.Fatal(err)
	}
	p, _ := url.Parse(program)
	resp, body := h.post(t, h.newBrowser(t), "/login/link", url.Values{"token": p.Query()["token"]}, map[string]string{"Writ-Via": "cli", "Accept": "application/json"})
	var taken Taken
	if err := json.Unmarshal([]byte(body), &taken); err != nil || resp.StatusCode != http.StatusOK || len(resp.Cookies()) > 0 {
		t.Fatalf("%s %v", body, err)
	}
	if s, err := h.door.cfg.Ring().OpenSignIn(taken.Token); err != nil || s.Operator != "dana" || s.Maker != "erin" {
		t.Errorf("%+v %v", s, err)
	}
	late, err := h.door.Link(h.server.URL, "local-admin", "")
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.skew = linkLife
	h.mu.Unlock()
	v, _ := url.Parse(late)
	if resp, _ := h.post(t, h.newBrowser(t), "/login/link", url.Values{"token": v.Query()["token"]}, ownPage); resp.StatusCode != http.StatusForbidden {
		t.Errorf("it signs in late: %s", resp.Status)
	}
	if resp, _ := h.get(t, h.browser, v.RequestURI()); resp.StatusCode != http.StatusForbidden {
		t.Errorf("it is shown late: %s", resp.Status)
	}
	if resp, _ := h.get(t, h.browser, "/login"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("without a provider: %s", resp.Status)
	}
}

func TestSigningOutEndsTheSignInForGood(t *testing.T) {
	h := newHouse(t, nil)
	h.get(t, h.browser, "/login")
	s, ok := h.cookie(t, h.browser)
	if !ok {
		t.Fatal("not signed in")
	}
	if resp, _ := h.post(t, h.browser, "/logout", nil, ownPage); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	if _, ok := h.cookie(t, h.browser); ok || !h.used[EndedID(s.ID)] {
		t.Errorf("cookie %v, noted %v", ok, h.used[EndedID(s.ID)])
	}
}

func TestCookiesAreTheHostsOwnWhereThereIsTLS(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Provider.Redirect = "https://writ.example.com/login/callback" })
	req := httptest.NewRequest(http.MethodGet, "https://writ.example.com/login", nil)
	w := httptest.NewRecorder()
	h.door.ServeHTTP(w, req)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-writ-flow" || !cookies[0].Secure || !cookies[0].HttpOnly || cookies[0].Path != "/" || cookies[0].Domain != "" || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Errorf("%+v", cookies)
	}
	w = httptest.NewRecorder()
	h.door.welcome(w, Account{"dana", 0, ""}, "x", "/")
	if c := w.Result().Cookies()[0]; c.Name != "__Host-writ" || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("%+v", c)
	}
	// One that a page of another host of the site may have set is not looked at.
	req.AddCookie(&http.Cookie{Name: "writ", Value: "tossed"})
	if secret, by := h.door.Presented(req); secret != "" || by {
		t.Errorf("%q is taken", secret)
	}
	req.AddCookie(&http.Cookie{Name: "__Host-writ", Value: "own"})
	if secret, by := h.door.Presented(req); secret != "own" || !by {
		t.Errorf("%q", secret)
	}
	req.Header.Set("Authorization", "Bearer other")
	if secret, by := h.door.Presented(req); secret != "other" || by {
		t.Errorf("%q", secret)
	}
}

func TestConfigurationsThatCannotBeRight(t *testing.T) {
	good := newHouse(t, nil).door.cfg
	for name, spoil := range map[string]func(*Config){
		"no client":              func(c *Config) { c.Provider.ClientID = "" },
		"no redirect":            func(c *Config) { c.Provider.Redirect = "" },
		"a redirect elsewhere":   func(c *Config) { c.Provider.Redirect = "https://writ.example.com/other" },
		"a redirect with more":   func(c *Config) { c.Provider.Redirect = "https://writ.example.com/login/callback?x=1" },
		"a redirect without TLS": func(c *Config) { c.Provider.Redirect = "http://writ.example.com/login/callback" },
		"sessions of a day":      func(c *Config) { c.Session = 24 * time.Hour },
		"no sessions":            func(c *Config) { c.Session = 0 },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if !slices.Equal(good.Provider.algorithms(), []string{"RS256", "ES256"}) {
		t.Error("other algorithms by default")
	}
}

// FuzzCallback: whatever comes back, with whatever cookie, signs nobody in.
func FuzzCallback(f *testing.F) {
	h := newHouse(f, nil)
	f.Add("code=x&state=y", "writf.v1.AAAA")
	f.Add("error=access_denied&state=", "")
	f.Fuzz(func(t *testing.T, query, cookie string) {
		req := httptest.NewRequest(http.MethodGet, "/login/callback", nil)
		req.URL.RawQuery = query
		req.Header.Set("Cookie", flowCookie+"="+cookie)
		w := httptest.NewRecorder()
		h.door.ServeHTTP(w, req)
		if w.Code != http.StatusBadRequest {
			t.Errorf("%d", w.Code)
		}
	})
}
