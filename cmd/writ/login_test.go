package main

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTheCommandLineWaitsForItsOwnSignIn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	statuses := make(chan int, 4)
	go func() {
		for _, q := range []url.Values{{"code": {"x"}}, {"code": {"x"}, "state": {"another"}}, {"state": {"mine"}}, {"code": {"right"}, "state": {"mine"}}} {
			resp, err := http.Get(base + "/?" + q.Encode())
			if err != nil {
				statuses <- 0
				continue
			}
			_ = resp.Body.Close()
			statuses <- resp.StatusCode
		}
	}()
	code, err := awaitCode(t.Context(), l, "mine", time.Minute)
	if err != nil || code != "right" {
		t.Fatalf("%q %v", code, err)
	}
	for i, want := range []int{400, 400, 400, 200} {
		if got := <-statuses; got != want {
			t.Errorf("answer %d: %d", i, got)
		}
	}
}

func TestTheCommandLineStopsWaiting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := awaitCode(ctx, l, "mine", time.Minute); err == nil || hintFor(err) == "" {
		t.Errorf("%v", err)
	}
}

func TestSecretsGoByTLSOrStayHere(t *testing.T) {
	for raw, want := range map[string]string{
		"https://Writ.example.com/": "https://writ.example.com", "http://127.0.0.1:8081": "http://127.0.0.1:8081", "http://[::1]:1": "http://[::1]:1", "http://localhost": "http://localhost",
		"http://writ.example.com": "", "writ.example.com": "", "https://u:p@writ.example.com": "", "https://writ.example.com/x": "", "https://writ.example.com?x": "", "ftp://localhost": "", "": "",
		"http://127.0.0.1.example.com": "", "http://10.0.0.1": "",
	} {
		if got, err := serverURL(raw); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v", raw, got, err)
		}
	}
}

func TestSignInsAreKeptForTheirUserOnly(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	t.Setenv("WRIT_TOKEN", "")
	const base = "https://writ.example.com"
	if token, err := tokenFor(base); err != nil || token.Reveal() != "" {
		t.Fatalf("%v", err)
	}
	if err := keepSaved(map[string]saved{base: {Token: "t1", Operator: "dana", Expires: time.Now().Add(time.Hour)}, "https://old": {Token: "t2", Expires: time.Now().Add(-time.Hour)}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, "writ", "logins.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	for at, want := range map[string]string{base: "t1", "https://old": "", "https://other": ""} {
		if token, err := tokenFor(at); err != nil || token.Reveal() != want {
			t.Errorf("%s: %q %v", at, token.Reveal(), err)
		}
	}
	t.Setenv("WRIT_TOKEN", "t3")
	if token, err := tokenFor(base); err != nil || token.Reveal() != "t3" {
		t.Errorf("WRIT_TOKEN does not go first: %v", err)
	}
	t.Setenv("WRIT_TOKEN", "")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := tokenFor(base); err == nil {
		t.Error("a file that others can read is used")
	}
}

func TestRolesOnTheCommandLine(t *testing.T) {
	for _, text := range []string{"requester", "approver:tiers=low+high,teams=fraud", "auditor:models=family:a+provider:b"} {
		h, err := heldFrom(text)
		if err != nil || heldText(h) != text {
			t.Errorf("%q: %q %v", text, heldText(h), err)
		}
	}
	for _, text := range []string{"", "god", "approver:", "approver:tiers", "approver:tiers=", "approver:people=x", "approver:tiers=a,tiers=b"} {
		if _, err := heldFrom(text); err == nil || hintFor(err) == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
}
