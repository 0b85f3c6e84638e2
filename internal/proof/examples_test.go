package proof

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
)

// proofs are the payloads that the issuers of docs/examples sign, by the binding
// that each must satisfy.
var proofs = map[string]string{
	"release-notes.github": `{"iss":"https://token.actions.githubusercontent.com","aud":"writ",
		"sub":"repo:acme@123456/release-tools@456789:environment:production","iat":1795400000,"nbf":1795399700,"exp":1795400300,"jti":"j",
		"repository":"acme/release-tools","repository_id":"456789","repository_owner":"acme","repository_owner_id":"123456",
		"repository_visibility":"private","ref":"refs/heads/main","ref_type":"branch","ref_protected":"true","sha":"0","event_name":"push",
		"environment":"production","workflow":"notes","run_id":"7","run_attempt":"1","actor":"dana","runner_environment":"github-hosted",
		"job_workflow_ref":"acme/release-tools/.github/workflows/notes.yml@refs/heads/main"}`,
	"release-notes.gitlab": `{"iss":"https://gitlab.com","aud":"writ","sub":"project_path:acme/release-tools:ref_type:branch:ref:main",
		"iat":1795400000,"nbf":1795399995,"exp":1795403600,"jti":"j","namespace_id":"72","namespace_path":"acme","project_id":"22",
		"project_path":"acme/release-tools","user_id":"1","user_login":"dana","pipeline_id":"5","pipeline_source":"push","job_id":"9",
		"ref":"main","ref_type":"branch","ref_path":"refs/heads/main","ref_protected":"true","groups_direct":["acme"]}`,
	"ticket-router.cluster": `{"iss":"https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE","aud":["writ"],
		"sub":"system:serviceaccount:support:ticket-router","iat":1795400000,"nbf":1795400000,"exp":1795403600,"jti":"j",
		"kubernetes.io":{"namespace":"support","node":{"name":"n","uid":"u"},"pod":{"name":"p","uid":"u"},
		"serviceaccount":{"name":"ticket-router","uid":"14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"}}}`,
	"ticket-router.own-cluster": `{"iss":"https://kubernetes.default.svc.cluster.local","aud":["writ"],
		"sub":"system:serviceaccount:support:ticket-router","iat":1795400000,"nbf":1795400000,"exp":1795403600,"jti":"j",
		"kubernetes.io":{"namespace":"support","serviceaccount":{"name":"ticket-router","uid":"u"}}}`,
	"ticket-router.aws": `{"iss":"https://2f4c7a10-5f0e-4f5c-9d53-4c1de8c5e1a7.tokens.sts.global.api.aws","aud":"writ",
		"sub":"arn:aws:iam::444455556666:role/ticket-router","iat":1795400000,"exp":1795400300,"jti":"j",
		"https://sts.amazonaws.com/":{"aws_account":"444455556666","source_region":"us-east-1","org_id":"o-exampleorgid",
		"ou_path":["o-exampleorgid/r-1/ou-1/"],"principal_tags":{"environment":"prod"},"request_tags":{"purpose":"said by the caller"}}}`,
	"ticket-router.company": `{"iss":"https://login.example.com/realms/machines","aud":["writ","account"],
		"sub":"5f1c2a9e-1d3a-4a44-8a6e-0a7d6f0f5b11","iat":1795400000,"exp":1795400300,"jti":"j","azp":"ticket-router",
		"groups":{"environment":"prod"}}`,
}

// TestExamplesBindTheTokensTheyAreFor: the manifests of docs/examples fit
// together, and a token of each issuer's shape satisfies its binding and no
// other, and no longer once any value that the binding names is another.
func TestExamplesBindTheTokensTheyAreFor(t *testing.T) {
	all, err := manifest.LoadDir(os.DirFS(filepath.Join("..", "..", "docs", "examples")))
	if err != nil {
		t.Fatal(err)
	}
	if err := manifest.Check(all); err != nil {
		t.Fatal(err)
	}
	w := World{Issuers: map[string]identity.Issuer{}}
	for _, r := range all {
		switch s := r.Spec.(type) {
		case *identity.Issuer:
			w.Issuers[r.Name] = *s
		case *identity.Binding:
			w.Bindings = append(w.Bindings, *s)
			if proofs[r.Name] == "" && !s.ForCertificates() { // those are in recipes_test.go
				t.Errorf("no token of the shape that binding %s is for", r.Name)
			}
			if why := s.Wide(); why != "" {
				t.Errorf("binding %s: %s", r.Name, why)
			}
		}
	}
	for name, payload := range proofs {
		if got := boundBy(t, w, payload); got != name {
			t.Errorf("the token for %s is bound by %q", name, got)
		}
		for _, value := range namedBy(t, w, name) {
			if got := boundBy(t, w, strings.ReplaceAll(payload, `"`+value+`"`, `"another"`)); got != "" {
				t.Errorf("without %q the token for %s is still bound by %s", value, name, got)
			}
		}
	}
}

var manifestBlock = regexp.MustCompile("(?ms)^```yaml\n(apiVersion: writ/v1\n.*?)^```$")

// TestTheManualShowsTheExamples: what docs/identity-providers.md prints is what
// docs/examples holds.
func TestTheManualShowsTheExamples(t *testing.T) {
	docs := filepath.Join("..", "..", "docs")
	all, err := manifest.LoadDir(os.DirFS(filepath.Join(docs, "examples")))
	if err != nil {
		t.Fatal(err)
	}
	held := map[string]manifest.Resource{}
	for _, r := range all {
		held[r.ID()] = r
	}
	text, err := os.ReadFile(filepath.Join(docs, "identity-providers.md"))
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, block := range manifestBlock.FindAllSubmatch(text, -1) {
		shown, err := manifest.Parse("identity-providers.md", block[1])
		if err != nil {
			t.Error(err)
		}
		for _, r := range shown {
			if r.Name == "ticket-router.login" {
				continue // shows every field, and is nobody's
			}
			if example, ok := held[r.ID()]; !ok || example.Digest() != r.Digest() {
				t.Errorf("%s is not as the examples have it", r.ID())
			}
			same++
		}
	}
	if same < 8 {
		t.Errorf("only %d resources were compared", same)
	}
}

// boundBy is the binding that a payload is accepted by, or "".
func boundBy(t *testing.T, w World, payload string) string {
	t.Helper()
	c, err := readClaims([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.complete(); err != nil {
		t.Fatal(err)
	}
	issuer, err := w.issuer(c.issuer)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.choose(verified{issuer: issuer, claims: c}, "")
	if err != nil {
		return ""
	}
	return b.ID
}

// namedBy lists every value that a binding names.
func namedBy(t *testing.T, w World, name string) []string {
	t.Helper()
	for _, b := range w.Bindings {
		if b.ID == name {
			values := []string{b.Subject, b.Audience}
			for _, v := range b.Claims {
				values = append(values, v)
			}
			return values
		}
	}
	t.Fatalf("no example has binding %s", name)
	return nil
}
