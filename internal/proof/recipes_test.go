package proof

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/writtest"
)

// signedAt is the iat of the payloads here.
const signedAt = 1795400000

// recipe is an issuer of docs/examples with the world around it: its real iss,
// header and claims, signed with a key of this test, which is pinned.
type recipe struct {
	*office
	name   string // of the issuer
	signer jose.Signer
	claims map[string]any
	from   string
}

// openRecipe takes an issuer and its bindings out of docs/examples.
func openRecipe(t *testing.T, name string, algorithm jose.SignatureAlgorithm, header map[jose.HeaderKey]any, claims string) *recipe {
	t.Helper()
	r := &recipe{office: open(t, nil), name: name, from: "192.0.2.10"}
	r.clock.t = time.Unix(signedAt+60, 0)
	key := recipeKey(t, algorithm)
	r.idp.publish(key)
	opts := &jose.SignerOptions{ExtraHeaders: header}
	var err error
	r.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key.signer, KeyID: key.id}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(claims), &r.claims); err != nil {
		t.Fatal(err)
	}
	all, err := manifest.LoadDir(os.DirFS(filepath.Join("..", "..", "docs", "examples")))
	if err != nil {
		t.Fatal(err)
	}
	r.world.Bindings, r.world.Issuers = nil, map[string]identity.Issuer{}
	for _, x := range all {
		switch s := x.Spec.(type) {
		case *identity.Issuer:
			s.JWKS, s.AllowLocal, s.CAFile = r.idp.URL+"/keys", true, r.idp.caFile
			r.world.Issuers[x.Name] = *s
		case *identity.Binding:
			r.world.Bindings = append(r.world.Bindings, *s)
			r.ids[s.Identity] = &identity.Identity{ID: s.Identity, Kind: identity.Workload, Environment: "prod"}
		}
	}
	r.world.Networks = identity.NewNetworks([]identity.Network{{ID: "cluster-egress", CIDRs: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}})
	return r
}

func recipeKey(t *testing.T, algorithm jose.SignatureAlgorithm) testKey {
	t.Helper()
	if algorithm == jose.RS256 {
		return rsaKey(t, "k1")
	}
	k, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return testKey{id: "k1", alg: string(algorithm), signer: k}
}

// edit changes claims: a path of names separated by "|" leads to the value; nil
// removes it.
type edit map[string]any

func (r *recipe) token(e edit) Token {
	r.t.Helper()
	text, err := json.Marshal(r.claims)
	if err != nil {
		r.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(text, &claims); err != nil {
		r.t.Fatal(err)
	}
	for path, v := range e {
		names := strings.Split(path, "|")
		at := claims
		for _, n := range names[:len(names)-1] {
			inner, ok := at[n].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[n] = inner
			}
			at = inner
		}
		at[names[len(names)-1]] = v
		maps.DeleteFunc(at, func(_ string, v any) bool { return v == nil })
	}
	if text, err = json.Marshal(claims); err != nil {
		r.t.Fatal(err)
	}
	sig, err := r.signer.Sign(text)
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := sig.CompactSerialize()
	if err != nil {
		r.t.Fatal(err)
	}
	return Token(out)
}

// both exchanges a token at the STS endpoint's door and at the container's.
func (r *recipe) both(what string, e edit, want Reason, binding string) {
	r.t.Helper()
	tok := r.token(e)
	sts, err := r.WebIdentity(r.t.Context(), r.world, WebIdentityRequest{Token: tok, SessionName: "s", Origin: from(r.from)})
	container, err2 := r.Container(r.t.Context(), r.world, ContainerRequest{Authorization: tok, Origin: from(r.from)})
	for door, got := range map[string]struct {
		m   Minted
		err error
	}{"STS": {sts, err}, "container": {container, err2}} {
		switch {
		case want == "" && got.err != nil:
			r.t.Errorf("%s at the %s door: %v", what, door, got.err)
		case want == "" && got.m.Session.Binding != binding:
			r.t.Errorf("%s at the %s door: bound by %s", what, door, got.m.Session.Binding)
		case want != "" && got.err == nil:
			r.t.Errorf("%s at the %s door: a session of %s", what, door, got.m.Session.Identity)
		case want != "":
			if x := got.err.(*Refusal); x.Reason != want {
				r.t.Errorf("%s at the %s door: refused for %s (%v), want %s", what, door, x.Reason, x.Err, want)
			}
		}
	}
}

func (r *recipe) accepts(binding, what string, e edit) { r.t.Helper(); r.both(what, e, "", binding) }

func (r *recipe) refuses(want Reason, what string, e edit) { r.t.Helper(); r.both(what, e, want, "") }

const githubClaims = `{"jti":"8ea8373e-0f9d-489d-a480-ac37deexample","sub":"repo:acme@123456/release-tools@456789:environment:production","aud":"writ",
	"ref":"refs/heads/main","sha":"0f5f8b5a2f6f0c1b9a4e6f1c2d3e4f5061728394","repository":"acme/release-tools","repository_owner":"acme","repository_owner_id":"123456",
	"run_id":"19283746501","run_number":"311","run_attempt":"1","repository_visibility":"private","repository_id":"456789","actor_id":"31415","actor":"dana",
	"workflow":"notes","head_ref":"","base_ref":"","event_name":"push","ref_protected":"true","ref_type":"branch","environment":"production",
	"environment_node_id":"EN_kwDOABCD","workflow_ref":"acme/release-tools/.github/workflows/notes.yml@refs/heads/main","workflow_sha":"0f5f8b5a2f6f0c1b9a4e6f1c2d3e4f5061728394",
	"job_workflow_ref":"acme/release-tools/.github/workflows/notes.yml@refs/heads/main","job_workflow_sha":"0f5f8b5a2f6f0c1b9a4e6f1c2d3e4f5061728394",
	"runner_environment":"github-hosted","enterprise":"acme","enterprise_id":"77","check_run_id":"55501",
	"iss":"https://token.actions.githubusercontent.com","nbf":1795399700,"exp":1795400300,"iat":1795400000}`

func TestRecipeGitHubActions(t *testing.T) {
	r := openRecipe(t, "github", jose.RS256, map[jose.HeaderKey]any{"typ": "JWT", "x5t": "eBZ_cn3sXYAd0ch4THBKHIgOwOE"}, githubClaims)
	const repo = "repo:acme@123456/release-tools@456789:"
	r.accepts("release-notes.github", "the job it is for", nil)
	r.accepts("release-notes.github", "another run, by somebody else", edit{"run_id": "2", "actor": "erik", "actor_id": "2"})

	r.refuses(NoBinding, "a pull request", edit{"sub": repo + "pull_request", "event_name": "pull_request", "ref": "refs/pull/7/merge", "head_ref": "feature", "base_ref": "main", "environment": nil})
	r.refuses(NoBinding, "a pull request that reached the environment", edit{"event_name": "pull_request", "ref": "refs/pull/7/merge", "head_ref": "feature", "base_ref": "main", "ref_protected": "false"})
	r.refuses(NoBinding, "a fork's, by pull_request_target, on the main branch", edit{"event_name": "pull_request_target", "head_ref": "mallory:main", "base_ref": "main"})
	r.refuses(NoBinding, "another branch in the environment", edit{"ref": "refs/heads/feature", "ref_protected": "false"})
	r.refuses(NoBinding, "a tag named main", edit{"ref": "refs/tags/main", "ref_type": "tag"})
	r.refuses(NoBinding, "another environment", edit{"sub": repo + "environment:staging", "environment": "staging"})
	r.refuses(NoBinding, "the branch without the environment", edit{"sub": repo + "ref:refs/heads/main", "environment": nil})
	r.refuses(NoBinding, "another repository", edit{"sub": "repo:acme@123456/other@456790:environment:production", "repository": "acme/other", "repository_id": "456790"})
	r.refuses(NoBinding, "a namesake under another owner", edit{"sub": "repo:acme@999999/release-tools@999998:environment:production", "repository_owner_id": "999999", "repository_id": "999998"})
	r.refuses(NoBinding, "the form of older repositories", edit{"sub": "repo:acme/release-tools:environment:production"})
	r.refuses(NoBinding, "GitHub's default audience", edit{"aud": "https://github.com/acme"})
	r.refuses(NoBinding, "AWS's audience", edit{"aud": "sts.amazonaws.com"})
	r.refuses(IssuerUnknown, "an enterprise's own issuer", edit{"iss": "https://token.actions.githubusercontent.com/acme"})
	r.refuses(ProofExpired, "an old token", edit{"iat": signedAt - 3600, "nbf": signedAt - 3900, "exp": signedAt - 3300})

	// An older repository's form, by branch, with the numbers beside it.
	b := &r.world.Bindings[bindingAt(t, r.world, "release-notes.github")]
	b.Subject = "repo:acme/release-tools:ref:refs/heads/main"
	older := edit{"sub": "repo:acme/release-tools:ref:refs/heads/main", "environment": nil}
	r.accepts("release-notes.github", "an older repository's branch", older)
	r.refuses(NoBinding, "the name, taken over by another owner", edit{"sub": older["sub"], "environment": nil, "repository_owner_id": "999999", "repository_id": "999998"})
}

const gitlabClaims = `{"namespace_id":"72","namespace_path":"acme","project_id":"22","project_path":"acme/release-tools","user_id":"1","user_login":"dana","user_email":"dana@example.com",
	"user_access_level":"maintainer","user_identities":[{"provider":"github","extern_uid":"2435223452345"}],"pipeline_id":"574","pipeline_source":"push","job_id":"302",
	"ref":"main","ref_type":"branch","ref_path":"refs/heads/main","ref_protected":"true","groups_direct":["acme","acme/releases"],"environment":"production","environment_protected":"true",
	"deployment_tier":"production","environment_action":"start","runner_id":1,"runner_environment":"gitlab-hosted","sha":"714a629c0b401fdce83e847fc9589983fc6f46bc",
	"project_visibility":"private","ci_config_ref_uri":"gitlab.com/acme/release-tools//.gitlab-ci.yml@refs/heads/main","ci_config_sha":"714a629c0b401fdce83e847fc9589983fc6f46bc","job_project_id":"22",
	"jti":"235b3a54-b797-45c7-ae9a-f72d7bc6ef5b","iss":"https://gitlab.com","iat":1795400000,"nbf":1795399995,"exp":1795403600,
	"sub":"project_path:acme/release-tools:ref_type:branch:ref:main","aud":"writ"}`

func TestRecipeGitLab(t *testing.T) {
	r := openRecipe(t, "gitlab", jose.RS256, map[jose.HeaderKey]any{"typ": "JWT"}, gitlabClaims)
	r.accepts("release-notes.gitlab", "the job it is for", nil)
	feature := edit{"sub": "project_path:acme/release-tools:ref_type:branch:ref:feature", "ref": "feature", "ref_path": "refs/heads/feature", "ref_protected": "false"}
	r.refuses(NoBinding, "another branch", feature)
	merge := maps.Clone(feature)
	merge["pipeline_source"] = "merge_request_event"
	r.refuses(NoBinding, "a merge request", merge)
	r.refuses(NoBinding, "a merge request of a branch named main", edit{"pipeline_source": "merge_request_event"})
	r.refuses(NoBinding, "the branch once it is not protected", edit{"ref_protected": "false"})
	r.refuses(NoBinding, "protected, as a list", edit{"ref_protected": []any{true}})
	r.refuses(NoBinding, "a tag named main", edit{"sub": "project_path:acme/release-tools:ref_type:tag:ref:main", "ref_type": "tag", "ref_path": "refs/tags/main"})
	r.refuses(NoBinding, "a fork's own main", edit{"sub": "project_path:mallory/release-tools:ref_type:branch:ref:main", "project_path": "mallory/release-tools", "project_id": "99", "namespace_id": "98", "namespace_path": "mallory"})
	r.refuses(NoBinding, "the path, taken over by another project", edit{"project_id": "99"})
	r.refuses(NoBinding, "the path, in another namespace", edit{"namespace_id": "98"})
	r.refuses(NoBinding, "a web pipeline", edit{"pipeline_source": "web"})
	r.refuses(NoBinding, "another audience", edit{"aud": "https://gitlab.com"})
	r.refuses(IssuerUnknown, "another instance", edit{"iss": "https://gitlab.example.com"})
	r.refuses(IssuerUnknown, "a spelling of the issuer", edit{"iss": "https://gitlab.com/"})
}

const kubernetesClaims = `{"aud":["writ"],"exp":1795403600,"iat":1795400000,"iss":"https://oidc.eks.us-east-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
	"jti":"6f2c8a37-4a7c-4d5e-9f0b-0a7d6f0f5b11","kubernetes.io":{"namespace":"support","node":{"name":"ip-10-0-1-23.ec2.internal","uid":"3a1a3f6e-29a4-4b1f-9d6c-1f2e3d4c5b6a"},
	"pod":{"name":"ticket-router-6d4b75cb6d-hwcfw","uid":"5b0c6e1a-4bb1-4a3a-9d1c-7d8e9f0a1b2c"},"serviceaccount":{"name":"ticket-router","uid":"14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
	"warnafter":1795403607},"nbf":1795400000,"sub":"system:serviceaccount:support:ticket-router"}`

// A projected token: the file of AWS_WEB_IDENTITY_TOKEN_FILE or, as it stands,
// of AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE.
func TestRecipeKubernetes(t *testing.T) {
	r := openRecipe(t, "cluster", jose.RS256, nil, kubernetesClaims) // without typ, as the API server signs
	r.accepts("ticket-router.cluster", "the pod it is for", nil)
	r.accepts("ticket-router.cluster", "another pod of it, on Fargate", edit{"kubernetes.io|pod|name": "ticket-router-2", "kubernetes.io|node": nil})
	r.accepts("ticket-router.cluster", "one of a length that the kubelet asks for", edit{"exp": signedAt + 3607})

	other := edit{"sub": "system:serviceaccount:default:ticket-router", "kubernetes.io|namespace": "default"}
	r.refuses(NoBinding, "a namesake in another namespace", other)
	r.refuses(NoBinding, "another account of the namespace", edit{"sub": "system:serviceaccount:support:default", "kubernetes.io|serviceaccount|name": "default"})
	r.refuses(NoBinding, "the account, deleted and made again", edit{"kubernetes.io|serviceaccount|uid": "ffffffff-a7e2-420f-9f9a-dbc4507c3798"})
	r.refuses(NoBinding, "a subject that the claims do not bear out", edit{"kubernetes.io|namespace": "default"})
	r.refuses(NoBinding, "claims spelt by dots at the top", edit{"kubernetes.io|namespace": nil, "kubernetes.io.namespace": "support", "kubernetes.io|serviceaccount": nil})
	r.refuses(NoBinding, "EKS Pod Identity's own token", edit{"aud": []any{"pods.eks.amazonaws.com"}})
	r.refuses(NoBinding, "a token for IAM roles", edit{"aud": []any{"sts.amazonaws.com"}})
	r.refuses(AWSAudience, "one that works at AWS too", edit{"aud": []any{"writ", "sts.amazonaws.com"}})
	r.refuses(NoBinding, "the API server's", edit{"aud": []any{"https://kubernetes.default.svc"}})
	r.refuses(IssuerUnknown, "another cluster", edit{"iss": "https://oidc.eks.us-east-1.amazonaws.com/id/OTHER"})
	r.refuses(ProofTooLong, "a year's token", edit{"exp": signedAt + 365*86400})
	r.refuses(ClaimsIncomplete, "one of the old kind, without an end", edit{"exp": nil})
	r.from = "198.51.100.7"
	r.refuses(OutsideNetwork, "outside the cluster's egress", nil)
}

const awsClaims = `{"aud":"writ","sub":"arn:aws:iam::444455556666:role/ticket-router","https://sts.amazonaws.com/":{"ec2_source_instance_arn":"arn:aws:ec2:us-east-1:444455556666:instance/i-0123456789abcdef0",
	"ec2_instance_source_vpc":"vpc-0abc","ec2_instance_source_private_ipv4":"10.0.1.23","ec2_role_delivery":"2.0","org_id":"o-exampleorgid","aws_account":"444455556666",
	"ou_path":["o-exampleorgid/r-ab12/ou-ab12-11111111/"],"original_session_exp":"2026-11-23T18:00:00Z","source_region":"us-east-1",
	"principal_tags":{"environment":"prod","team":"support"},"request_tags":{"purpose":"tickets"}},
	"iss":"https://2f4c7a10-5f0e-4f5c-9d53-4c1de8c5e1a7.tokens.sts.global.api.aws","exp":1795400300,"iat":1795400000,"jti":"1b0c3d2e-9e37-4b7e-8f29-2f1a9d8c7b6a"}`

func TestRecipeAWSOutboundIdentity(t *testing.T) {
	r := openRecipe(t, "aws-444455556666", jose.ES384, map[jose.HeaderKey]any{"typ": "JWT"}, awsClaims)
	const ns = "https://sts.amazonaws.com/"
	r.accepts("ticket-router.aws", "the role it is for", nil)
	r.accepts("ticket-router.aws", "beside another audience", edit{"aud": []any{"writ", "https://other.example"}})

	r.refuses(NoBinding, "another role", edit{"sub": "arn:aws:iam::444455556666:role/other"})
	r.refuses(NoBinding, "a role of that name under a path", edit{"sub": "arn:aws:iam::444455556666:role/dev/ticket-router"})
	r.refuses(NoBinding, "a user of that name", edit{"sub": "arn:aws:iam::444455556666:user/ticket-router"})
	r.refuses(NoBinding, "another account's role", edit{"sub": "arn:aws:iam::777788889999:role/ticket-router", ns + "|aws_account": "777788889999"})
	r.refuses(NoBinding, "another organisation", edit{ns + "|org_id": "o-other"})
	r.refuses(NoBinding, "another environment's tag", edit{ns + "|principal_tags|environment": "dev"})
	r.refuses(NoBinding, "S5: a tag that only the caller says", edit{ns + "|principal_tags": nil, ns + "|request_tags|environment": "prod"})
	r.refuses(NoBinding, "S5: the caller's tag under the principal's name", edit{ns + "|principal_tags|environment": "dev", ns + ".principal_tags.environment": "prod"})
	r.refuses(NoBinding, "the claims at the top", edit{ns: nil, "aws_account": "444455556666", "org_id": "o-exampleorgid"})
	r.refuses(NoBinding, "another audience", edit{"aud": "https://other.example"})
	r.refuses(IssuerUnknown, "another account's issuer", edit{"iss": "https://00000000-5f0e-4f5c-9d53-4c1de8c5e1a7.tokens.sts.global.api.aws"})

	rsa := openRecipe(t, "aws-444455556666", jose.RS256, map[jose.HeaderKey]any{"typ": "JWT"}, awsClaims)
	rsa.refuses(AlgorithmRefused, "signed with the other algorithm", nil)
}

func TestRecipeSPIFFE(t *testing.T) {
	r := openRecipe(t, "mesh", jose.RS256, nil, kubernetesClaims)
	ca := writtest.NewAuthority(t, "example.org")
	issuer := r.world.Issuers["mesh"]
	issuer.BundleFile = filepath.Join(t.TempDir(), "bundle.pem")
	r.world.Issuers["mesh"] = issuer
	if err := os.WriteFile(issuer.BundleFile, writtest.Bundle(ca), 0o600); err != nil {
		t.Fatal(err)
	}
	m := &meshed{office: r.office}
	m.clock.t = time.Now()
	got := m.accepted("the workload it is for", ca.SVID(t, "spiffe://example.org/ns/support/sa/ticket-router", nil))
	if got.Session.Binding != "ticket-router.mesh" || len(got.Session.Networks) != 1 {
		t.Errorf("the session is %+v", got.Session)
	}
	for _, id := range []string{"spiffe://example.org/ns/default/sa/ticket-router", "spiffe://example.org/ns/support/sa/ticket", "spiffe://example.org/ns/support/sa/ticket-router/x"} {
		m.refused(id, NoBinding, ca.SVID(t, id, nil))
	}
	m.refused("another trust domain", IssuerUnknown, ca.SVID(t, "spiffe://other.example/ns/support/sa/ticket-router", nil))
}

func bindingAt(t *testing.T, w World, name string) int {
	t.Helper()
	for i, b := range w.Bindings {
		if b.ID == name {
			return i
		}
	}
	t.Fatalf("no binding %s", name)
	return -1
}
