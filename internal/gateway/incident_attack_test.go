package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/writtest"
)

// GHSA-g53w-w6mj-hrpp: a secret that is built in, made from a public name, or
// on the command line.
func TestIncident_GHSA_g53w_w6mj_hrpp_InstallationsShareNoSecret(t *testing.T) {
	t.Parallel()
	one, two := openSite(t, siteOptions{}), openSite(t, siteOptions{})
	for _, name := range []string{"kek", "run/admin.token", "log/0/key", "tls/ca.key", "tls/ca.pem"} {
		a, err := os.ReadFile(filepath.Join(one.Data, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(two.Data, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if len(a) < 32 || string(a) == string(b) {
			t.Errorf("%s: %d bytes, the same in both installations: %v", name, len(a), string(a) == string(b))
		}
	}
	one.session(t, "support-agent")
	arguments, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", one.PID))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(arguments), one.Data) {
		t.Fatalf("these are not writ's arguments: %q", arguments)
	}
	for _, secret := range one.secrets {
		if strings.Contains(string(arguments), secret) {
			t.Errorf("a secret is among the arguments: %.6s…", secret)
		}
	}
	if _, err := writtest.Launch(t, writtest.Options{Data: brokenKEK(t, ""), NoDemo: true, Args: []string{"--config", accountOnly(t)}}); err == nil {
		t.Error("writ started with an empty key-encryption key")
	}
}

// brokenKEK is an installation whose key-encryption key is something else.
func brokenKEK(t testing.TB, text string) string {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "kek"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func accountOnly(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "writ.yaml")
	if err := os.WriteFile(path, []byte("account: \"111122223333\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// CVE-2026-42271: an endpoint runs what a caller sends it. Whatever arrives, no
// process comes of it; TestNoInputStartsAProcess shows that none can.
func TestIncident_CVE_2026_42271_NoRequestStartsAProcess(t *testing.T) {
	t.Parallel()
	s := openSite(t, siteOptions{})
	k := s.session(t, "support-agent")
	mark := filepath.Join(t.TempDir(), "ran")
	for i, text := range []string{"$(touch " + mark + ")", "`touch " + mark + "`", "; touch " + mark + " #", "| touch " + mark, "\n/usr/bin/touch " + mark + "\n"} {
		s.call(t, k, sonnet, "converse", marked("run", fmt.Sprintf(`,"requestMetadata":{"cmd":%q}`, text)))
		s.call(t, k, text, "converse", writtest.Say("run"))
		s.assume(t, text, "support-agent")
		s.tryApply(t, fmt.Sprintf("run%d.yaml", i), "apiVersion: writ/v1\nkind: Network\nname: run\nspec: {cidrs: ["+fmt.Sprintf("%q", text)+"]}\n")
		for _, path := range []string{"/api/v1/explain", "/api/v1/apply", "/mcp/test", "/test/connection"} {
			req := post(s.Admin+path, http.Header{"Authorization": {"Bearer " + s.operator}, "Content-Type": {"application/json"}}, fmt.Sprintf(`{"command":%q,"args":[%q],"identity":%q}`, text, text, text))
			if a := writtest.Do(t, req); a.Status < 400 {
				t.Errorf("%s: answered %d %s", path, a.Status, a.Body)
			}
		}
	}
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.PID))
	if err != nil || len(children) == 0 {
		t.Fatalf("reading writ's children: %v, %v", children, err)
	}
	for _, path := range children {
		if b, err := os.ReadFile(path); err == nil && len(b) > 0 {
			t.Errorf("writ has children: %s", b)
		}
	}
	if _, err := os.Stat(mark); !os.IsNotExist(err) {
		t.Errorf("a command was run: %v", err)
	}
}

// litellm#33080: an allow-list that a name gets by which only looks like one
// of its members.
func TestIncident_litellm_33080_LookAlikeNamesAreNotTheModel(t *testing.T) {
	t.Parallel()
	s := shared()
	for who, names := range map[string][]string{
		"support-agent": {
			"bedrock/" + sonnet, "bedrockz/" + sonnet, "us." + sonnet, "usx" + sonnet[2:], "us-gov" + sonnet[2:], "eu" + sonnet[2:], "global" + sonnet[2:],
			sonnet + "0", sonnet[:len(sonnet)-1] + "1", sonnet[:len(sonnet)-2], sonnet + ".", sonnet + "%20", sonnet + "%00", "%20" + sonnet,
			strings.ToUpper(sonnet), strings.Replace(sonnet, "claude", "Claude", 1), strings.Replace(sonnet, "claude", "c%D0%BBaude", 1), strings.Replace(sonnet, "o", "%D0%BE", 1),
			sonnet + "/../amazon.nova-pro-v1:0", sonnet + "%2F..%2Famazon.nova-pro-v1:0", sonnet + ",amazon.nova-pro-v1:0", "*", "us.anthropic.*", sonnet[3:] + "*",
			"arn:aws:bedrock:us-east-1::foundation-model/" + sonnet, "arn:aws:bedrock:us-east-1:999900001111:inference-profile/" + sonnet,
			"arn:aws:bedrockz:us-east-1:111122223333:inference-profile/" + sonnet, "arn:aws-cn:bedrock:us-east-1:111122223333:inference-profile/" + sonnet,
		},
		"analytics": {"amazon.novax-lite-v1:0", "amazonx.nova-lite-v1:0", "amazon.nova-", "amazon.nova", "bedrockz/amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0:24k:x", "meta.llama3-1-70b-instruct-v1:0%23amazon.nova-lite-v1:0"},
	} {
		token := s.bearer(t, who)
		for _, name := range names {
			for _, id := range []string{name, strings.ReplaceAll(name, "/", "%2F")} {
				mark := "looks like " + who + " " + id
				got := s.say(t, rawCall("/model/"+id+"/converse", s.host(), token, "", writtest.Say(mark)))
				if len(got) != 1 || got[0].Status != 403 && got[0].Status != 400 && got[0].Status != 404 {
					t.Errorf("%s: answered %+v", id, got)
				}
				s.notReached(t, mark)
			}
		}
	}
}

// litellm#30670: a credential in an error. What AWS says of Writ's own
// credentials quotes the headers that were signed, and is not the caller's to read.
func TestIncident_litellm_30670_WhatBedrockSaysOfOurCredentialsStaysHere(t *testing.T) {
	t.Parallel()
	var name string
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Amzn-Errortype", name+":http://internal.amazon.com/coral/com.amazon.coral.service/")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `{"message":"The Canonical String should have been x-amz-security-token:%s authorization:%s"}`, "SESSION-OF-WRIT", r.Header.Get("Authorization"))
	}))
	t.Cleanup(up.Close)
	s := openSite(t, siteOptions{Upstream: up.URL})
	k := s.session(t, "support-agent")
	for _, name = range []string{"InvalidSignatureException", "UnrecognizedClientException", "ExpiredTokenException", "MissingAuthenticationTokenException", "IncompleteSignatureException", "InvalidClientTokenId", "SignatureDoesNotMatch", "RequestTimeTooSkewed"} {
		for _, operation := range []string{"converse", "converse-stream"} {
			a := s.call(t, k, sonnet, operation, writtest.Say("under our own name"))
			if a.Status != 503 || a.ErrorType() != "ServiceUnavailableException" || strings.Contains(a.Body, "SESSION-OF-WRIT") || strings.Contains(a.Body, upstreamKeyID) {
				t.Errorf("%s: answered %d %s", name, a.Status, a.Body)
			}
			if o := s.outcome(t, a).Outcome; o.Ended != "upstream_error" || !strings.HasPrefix(o.ErrorType, name) {
				t.Errorf("%s: recorded as %+v", name, o)
			}
		}
	}
	if len(s.find(t, "SESSION-OF-WRIT")) > 0 {
		t.Error("Bedrock's words about Writ's own credentials were written down")
	}
	// What Bedrock says about the right to a model is an answer like any other.
	name = "AccessDeniedException"
	if a := s.call(t, k, sonnet, "converse", writtest.Say("not allowed")); a.Status != 403 || !strings.HasPrefix(a.ErrorType(), name) {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
}
