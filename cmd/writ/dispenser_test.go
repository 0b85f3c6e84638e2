package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/api"
)

// dispensed asks a dispenser as its child does, changed as edit says.
func dispensed(t *testing.T, d *dispenser, edit func(*http.Request)) (int, map[string]string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, d.url, nil)
	r.Header.Set("Authorization", d.token)
	if edit != nil {
		edit(r)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	var body map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("answered %d %s: %v", w.Code, w.Body, err)
	}
	return w.Code, body
}

func TestS13_DispenserAnswersItsChildOnly(t *testing.T) {
	first := api.MintAnswer{AccessKeyID: "ASIA1", SecretAccessKey: "s", SessionToken: "t", Expires: time.Now().Add(time.Hour)}
	d, err := openDispenser(t.Context(), &source{}, first)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	if !strings.HasPrefix(d.url, "http://127.0.0.1:") || len(d.token) < 50 {
		t.Errorf("it listens at %s, with a token of %d characters", d.url, len(d.token))
	}
	if code, body := dispensed(t, d, nil); code != 200 || body["AccessKeyId"] != "ASIA1" || body["Expiration"] == "" {
		t.Errorf("answered %d %v", code, body)
	}
	for name, edit := range map[string]func(*http.Request){
		"no token":       func(r *http.Request) { r.Header.Del("Authorization") },
		"another token":  func(r *http.Request) { r.Header.Set("Authorization", d.token+"x") },
		"a scheme":       func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+d.token) },
		"another method": func(r *http.Request) { r.Method = http.MethodPost },
		"another path":   func(r *http.Request) { r.URL.Path += "/x" },
		"a query":        func(r *http.Request) { r.URL.RawQuery = "x" },
		"another host":   func(r *http.Request) { r.Host = "evil.example:80" },
		"no host":        func(r *http.Request) { r.Host = "" },
	} {
		if code, body := dispensed(t, d, edit); code != 403 || body["SecretAccessKey"] != "" || body["code"] == "" {
			t.Errorf("%s: answered %d %v", name, code, body)
		}
	}
}

// One mint serves until half of its life is over; a mint that fails then leaves
// the old session in use to its end, and no longer.
func TestDispenserRenewsAtHalfLife(t *testing.T) {
	mints, down := 0, false
	s := &source{mint: func(context.Context, string) (api.MintAnswer, error) {
		mints++
		if down {
			return api.MintAnswer{}, errors.New("the gateway is away")
		}
		return api.MintAnswer{AccessKeyID: "ASIA2", Expires: time.Now().Add(time.Hour)}, nil
	}}
	d, err := openDispenser(t.Context(), s, api.MintAnswer{AccessKeyID: "ASIA1", Expires: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	age := func(passed time.Duration) {
		d.minted, d.held.Expires = d.minted.Add(-passed), d.held.Expires.Add(-passed)
	}
	want := func(what, key string, n int) {
		t.Helper()
		if _, body := dispensed(t, d, nil); body["AccessKeyId"] != key || mints != n {
			t.Errorf("%s: %v after %d mints, want %s after %d", what, body, mints, key, n)
		}
	}
	want("at first", "ASIA1", 0)
	age(29 * time.Minute)
	want("in its first half", "ASIA1", 0)
	age(2 * time.Minute)
	want("in its second half", "ASIA2", 1)
	want("then", "ASIA2", 1)
	down = true
	age(31 * time.Minute)
	want("with the gateway away", "ASIA2", 2)
	age(28*time.Minute + 30*time.Second)
	if code, body := dispensed(t, d, nil); code != 503 || !strings.Contains(body["message"], "the gateway is away") {
		t.Errorf("in its last minute: answered %d %v", code, body)
	}
	down = false
	want("with the gateway back", "ASIA2", 4)
}

func TestReplacedEnvironment(t *testing.T) {
	got := replaced([]string{"PATH=/bin", "AWS_PROFILE=own", "AWS_REGION=old", "WRIT_TOKEN=secret", "AWS_PROFILES=kept"}, [][2]string{{"AWS_REGION", "new"}, {"AWS_CA_BUNDLE", "ca"}})
	if text := strings.Join(got, " "); text != "PATH=/bin AWS_PROFILES=kept AWS_REGION=new AWS_CA_BUNDLE=ca" {
		t.Errorf("it is %s", text)
	}
}

func TestThisMachineIsReachedWithoutAProxy(t *testing.T) {
	env := map[string]string{"http_proxy": "http://proxy:3128", "https_proxy": "http://proxy:3128", "HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.com"}
	got := unproxied(func(name string) string { return env[name] })
	want := [][2]string{{"no_proxy", "127.0.0.1,localhost,::1"}, {"NO_PROXY", "example.com,127.0.0.1,localhost,::1"}}
	if !slices.Equal(got, want) {
		t.Errorf("set %v, want %v", got, want)
	}
	if got := unproxied(func(string) string { return "" }); got != nil {
		t.Errorf("without a proxy: set %v", got)
	}
}

func TestReadAnswer(t *testing.T) {
	good := `{"AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","Expiration":"2026-11-26T12:00:00Z"}`
	if got, err := readAnswer(200, []byte(good), asSession); err != nil || got.AccessKeyID != "ASIA1" || got.SessionToken != "t" || got.Bearer != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := readAnswer(200, []byte(`{"Token":"b","Expiration":"2026-11-26T12:00:00Z"}`), asBearer); err != nil || got.Bearer != "b" {
		t.Errorf("%+v, %v", got, err)
	}
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"refused":       {403, `{"code":"AccessDenied","message":"Not authorized."}`, "Not authorized. (AccessDenied, status 403)"},
		"a front's own": {502, "<html>", "Bad Gateway (no code, status 502)"},
		"a redirect":    {302, "", "Found"},
		"another page":  {200, "<html>", "not one of credentials"},
		"no keys":       {200, "{}", "not one of credentials"},
		"no end":        {200, `{"Token":"t"}`, "not one of credentials"},
		"no access key": {200, `{"Token":"t","Expiration":"2026-11-26T12:00:00Z"}`, "not one of credentials"},
	} {
		if got, err := readAnswer(c.status, []byte(c.body), asSession); err == nil || !strings.Contains(err.Error(), c.want) || got.SessionToken != "" {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
