package proof

import (
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/writ-project/writ/internal/identity"
)

func TestS12_IssuerMustBeConfiguredBeforeAnyFetch(t *testing.T) {
	o := open(t, nil)
	stranger := newIDP(t, o.key)
	tok := o.key.token(t, stranger.URL, epoch, nil)
	o.deny(IssuerUnknown, o.request(tok))
	for _, iss := range []string{o.idp.URL + "/", strings.ToUpper(o.idp.URL), strings.TrimPrefix(o.idp.URL, "https://"), "", o.idp.URL + "#"} {
		o.deny(IssuerUnknown, o.request(o.token(with("iss", iss))))
	}
	if n := len(stranger.hits) + len(o.idp.hits); n != 0 {
		t.Errorf("%d paths were fetched", n)
	}
}

func TestS12_TwoIssuersForOneURLRefused(t *testing.T) {
	o := open(t, nil)
	o.world.Issuers["twin"] = o.idp.issuer()
	o.deny(IssuerAmbiguous, o.request(o.token(nil)))
}

func TestS12_BindingBelongsToItsIssuer(t *testing.T) {
	o := open(t, nil)
	other := newIDP(t, o.key)
	o.world.Issuers["other"] = other.issuer()
	o.deny(NoBinding, o.request(o.key.token(t, other.URL, epoch, nil)))
}

func TestS12_AlgorithmFromConfiguration(t *testing.T) {
	o := open(t, nil)
	configure := func(algorithms ...string) {
		i := o.idp.issuer()
		i.Algorithms = algorithms
		o.world.Issuers["cluster"] = i
	}
	configure("RS256")
	o.deny(AlgorithmRefused, o.request(o.token(nil)))
	configure("RS256", "ES256")
	o.allow(o.request(o.token(nil)))
	configure()
	o.allow(o.request(o.token(nil))) // the defaults have ES256
}

func TestS12_RS256Accepted(t *testing.T) {
	o := open(t, nil)
	key := rsaKey(t, "r1")
	o.idp.publish(o.key, key)
	o.allow(o.request(key.token(t, o.idp.URL, epoch, nil)))
}

func TestS12_NoneAndSymmetricAlgorithmsRefused(t *testing.T) {
	o := open(t, nil)
	key := rsaKey(t, "r1")
	o.idp.publish(key)
	claims := map[string]any{"iss": o.idp.URL, "sub": testSubject, "aud": testAudience, "iat": epoch.Unix(), "exp": epoch.Add(time.Hour).Unix()}
	header := func(alg string) string { return segment(map[string]any{"alg": alg, "kid": "r1", "typ": "JWT"}) }
	for _, alg := range []string{"none", "None", "NONE", "nOnE"} {
		o.deny(AlgorithmRefused, o.request(Token(header(alg)+"."+segment(claims)+".")))
	}
	// The public key, which anybody has, as the secret of an HMAC.
	der, err := x509.MarshalPKIXPublicKey(key.public())
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"der": der, "pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "modulus": key.public().(*rsa.PublicKey).N.Bytes(),
	} {
		t.Run(name, func(t *testing.T) {
			input := header("HS256") + "." + segment(claims)
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(input))
			o.deny(AlgorithmRefused, o.request(Token(input+"."+segment(mac.Sum(nil)))))
		})
	}
}

func TestS12_SymmetricKeyInKeySetIsIgnored(t *testing.T) {
	set := []byte(`{"keys":[{"kty":"oct","kid":"k1","alg":"HS256","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}]}`)
	if keys, err := parseKeys(set); err == nil {
		t.Errorf("keys %v: want none", keys)
	}
}

func TestS12_KeysInTheTokenRefused(t *testing.T) {
	o := open(t, nil)
	mine := ecKey(t, "k1") // not the issuer's
	jwk := jose.JSONWebKey{Key: mine.public(), KeyID: "k1", Algorithm: "ES256"}
	claims := map[string]any{"iss": o.idp.URL, "sub": testSubject, "aud": testAudience, "iat": epoch.Unix(), "exp": epoch.Add(time.Hour).Unix()}
	for name, v := range map[string]any{
		"jwk": jwk, "jku": "https://evil.example/keys", "x5u": "https://evil.example/cert",
		"x5c": []string{"MIIB"}, "crit": []string{"b64"}, "b64": false, "zip": "DEF", "ALG": "none", "p2c": "1",
	} {
		t.Run(name, func(t *testing.T) {
			h := maps.Clone(mine.header())
			h[name] = v
			o.deny(MalformedProof, o.request(mine.sign(t, h, claims)))
		})
	}
	if n := len(o.idp.hits); n != 0 {
		t.Errorf("%d paths were fetched", n)
	}
	o.deny(SignatureInvalid, o.request(mine.sign(t, mine.header(), claims)))
}

func TestS12_KeyIDSelectsOneKeyAndNothingElse(t *testing.T) {
	o := open(t, nil)
	second := ecKey(t, "k2")
	o.idp.publish(o.key, second)
	o.allow(o.request(o.token(nil)))
	wrong := testKey{id: "k2", alg: "ES256", signer: o.key.signer} // k1's signature under k2's name
	o.deny(SignatureInvalid, o.request(wrong.token(t, o.idp.URL, epoch, nil)))
	for _, kid := range []string{"../k1", "k1\x00", "K1", "' OR 1=1 --", "http://evil.example/k1"} {
		k := testKey{id: kid, alg: "ES256", signer: o.key.signer}
		o.deny(KeyUnknown, o.request(k.token(t, o.idp.URL, epoch, nil)))
	}
	none := testKey{id: "", alg: "ES256", signer: o.key.signer}
	o.deny(MalformedProof, o.request(none.token(t, o.idp.URL, epoch, nil)))
}

func TestS12_KeyOfAnotherAlgorithmRefused(t *testing.T) {
	o := open(t, nil)
	published := o.key
	published.alg = "ES384"
	o.idp.publish(published)
	o.deny(KeyUnknown, o.request(o.token(nil)))
}

func TestTimes(t *testing.T) {
	at := func(d time.Duration) int64 { return epoch.Add(d).Unix() }
	times := func(iat, exp time.Duration) func(map[string]any) {
		return func(c map[string]any) { c["iat"], c["exp"] = at(iat), at(exp) }
	}
	for _, c := range []struct {
		name string
		edit func(map[string]any)
		want Reason // empty: accepted
	}{
		{"expired within leeway", times(-time.Hour, -59*time.Second), ""},
		{"expired", times(-time.Hour, -60*time.Second), ProofExpired},
		{"issued ahead within leeway", times(60*time.Second, time.Hour), ""},
		{"issued ahead", times(61*time.Second, time.Hour), ProofNotYetValid},
		{"not before within leeway", with("nbf", at(60*time.Second)), ""},
		{"not before", with("nbf", at(61*time.Second)), ProofNotYetValid},
		{"a day", times(0, 24*time.Hour), ""},
		{"more than a day", times(0, 24*time.Hour+time.Second), ProofTooLong},
		{"long life, hidden by an old iat", times(-1000*time.Hour, time.Hour), ProofTooLong},
		{"expires before issued", times(30*time.Second, 0), ProofTooLong},
		{"fractional", with("exp", float64(at(time.Hour))+0.5), ""},
		{"no exp", without("exp"), ClaimsIncomplete},
		{"no iat", without("iat"), ClaimsIncomplete},
		{"no sub", without("sub"), ClaimsIncomplete},
		{"no aud", without("aud"), ClaimsIncomplete},
		{"empty aud", with("aud", []string{}), ClaimsIncomplete},
		{"exp as text", with("exp", "4102444800"), MalformedProof},
		{"exp never", with("exp", 1e18), MalformedProof},
		{"exp negative", with("exp", -1), MalformedProof},
		{"exp null", with("exp", nil), MalformedProof},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := open(t, nil)
			req := o.request(o.token(c.edit))
			if c.want == "" {
				o.allow(req)
			} else {
				o.deny(c.want, req)
			}
		})
	}
}

func TestProofLifetimeIsConfigurable(t *testing.T) {
	o := open(t, func(c *Config) { c.ProofLifetime = 10 * time.Minute })
	o.deny(ProofTooLong, o.request(o.token(nil)))
	o.allow(o.request(o.token(with("exp", epoch.Add(10*time.Minute).Unix()))))
}

func TestMalformedTokens(t *testing.T) {
	o := open(t, nil)
	good := string(o.token(nil))
	parts := strings.Split(good, ".")
	raw := func(header, claims string) Token { return o.key.sign(t, []byte(header), []byte(claims)) }
	header := `{"alg":"ES256","kid":"k1"}`
	claims := `"iss":"` + o.idp.URL + `","sub":"` + testSubject + `","aud":"writ","iat":1795435200,"exp":1795438800`
	o.allow(o.request(raw(header, "{"+claims+"}")))
	for name, tok := range map[string]Token{
		"empty":             "",
		"two parts":         Token(parts[0] + "." + parts[1]),
		"five parts":        Token(good + "." + parts[0] + "." + parts[1]),
		"JSON form":         Token(`{"protected":"` + parts[0] + `","payload":"` + parts[1] + `","signature":"` + parts[2] + `"}`),
		"padding":           Token(parts[0] + "=." + parts[1] + "." + parts[2]),
		"line break":        Token(good[:5] + "\n" + good[5:]),
		"line break at end": Token(good + "\n"),
		"space":             Token(" " + good),
		"standard base64":   Token(parts[0] + "." + parts[1] + ".+/+/"),
		"too long":          raw(header, "{"+claims+`,"x":"`+strings.Repeat("x", maxToken)+`"}`),
		"spare bits set":    Token(parts[0] + "." + parts[1] + "." + parts[2][:85] + string(parts[2][85]+1)),
		"header list":       raw(`[]`, "{"+claims+"}"),
		"header twice alg":  raw(`{"alg":"ES256","alg":"none","kid":"k1"}`, "{"+claims+"}"),
		"alg not text":      raw(`{"alg":1,"kid":"k1"}`, "{"+claims+"}"),
		"logout token":      raw(`{"alg":"ES256","kid":"k1","typ":"logout+jwt"}`, "{"+claims+"}"),
		"claims twice":      raw(header, "{"+claims+`,"sub":"root"}`),
		"claims escaped":    raw(header, "{"+claims+`,"s\u0075b":"root"}`),
		"claims case":       raw(header, "{"+claims+`,"Sub":"root"}`),
		"claims fold":       raw(header, "{"+claims+`,"i\u017fs":"https://evil.example"}`), // ſ folds to s
		"trailing data":     raw(header, "{"+claims+"}{}"),
		"not UTF-8":         raw(header, "{"+claims+",\"x\":\"\xff\"}"),
		"too deep":          raw(header, "{"+claims+`,"x":`+strings.Repeat(`{"a":`, 20)+"1"+strings.Repeat("}", 20)+"}"),
		"list too deep":     raw(header, "{"+claims+`,"x":`+strings.Repeat("[", 11000)+"}"),
		"aud nested":        raw(header, strings.Replace("{"+claims+"}", `"writ"`, `[["writ"]]`, 1)),
		"aud object":        raw(header, strings.Replace("{"+claims+"}", `"writ"`, `{"writ":1}`, 1)),
		"aud too many":      raw(header, strings.Replace("{"+claims+"}", `"writ"`, `["writ"`+strings.Repeat(`,"x"`, 40)+`]`, 1)),
		"sub too long":      raw(header, strings.Replace("{"+claims+"}", testSubject, strings.Repeat("s", maxSubject+1), 1)),
		"sub number":        raw(header, strings.Replace("{"+claims+"}", `"`+testSubject+`"`, `7`, 1)),
	} {
		t.Run(name, func(t *testing.T) {
			r := o.deny(MalformedProof, o.request(tok))
			if tok != "" && strings.Contains(r.Error(), parts[1][:20]) {
				t.Errorf("the error quotes the token: %v", r)
			}
		})
	}
}

func TestClaimShapes(t *testing.T) {
	for _, c := range []struct {
		name, claims string
		binding      identity.Binding
		refused      map[string]string // a claim changed to this value is not satisfied
	}{
		{
			name: "GitHub Actions",
			claims: `{"iss":"I","sub":"repo:acme/summariser:environment:dev","aud":"writ","iat":1795435200,"nbf":1795435200,"exp":1795435500,
				"repository":"acme/summariser","repository_id":"74","repository_owner":"acme","ref":"refs/heads/main","environment":"dev",
				"job_workflow_ref":"acme/ci/.github/workflows/sum.yml@refs/heads/main","runner_environment":"github-hosted","run_attempt":"1"}`,
			binding: identity.Binding{Subject: "repo:acme/summariser:environment:dev", Claims: map[string]string{
				"repository_id": "74", "ref": "refs/heads/main", "job_workflow_ref": "acme/ci/.github/workflows/*@refs/heads/main"}},
			refused: map[string]string{"repository_id": "75", "ref": "refs/heads/*x"},
		},
		{
			name: "GitLab CI",
			claims: `{"iss":"I","sub":"project_path:acme/sum:ref_type:branch:ref:main","aud":"writ","iat":1795435200,"nbf":1795435195,"exp":1795438800,
				"namespace_path":"acme","project_id":"22","ref":"main","ref_protected":"true","user_identities":[{"provider":"x","extern_uid":"1"}],"pipeline_id":"1"}`,
			binding: identity.Binding{Subject: "project_path:acme/sum:ref_type:branch:ref:*", Claims: map[string]string{"ref_protected": "true", "project_id": "22"}},
			refused: map[string]string{"ref_protected": "false", "user_identities": "*"},
		},
		{
			name: "Kubernetes",
			claims: `{"iss":"I","sub":"system:serviceaccount:prod:triage","aud":["writ"],"iat":1795435200,"nbf":1795435200,"exp":1795438800,"jti":"j",
				"kubernetes.io":{"namespace":"prod","node":{"name":"n1","uid":"u0"},"pod":{"name":"p","uid":"u1"},"serviceaccount":{"name":"triage","uid":"u2"},"warnafter":1795438807}}`,
			binding: identity.Binding{Subject: "system:serviceaccount:prod:triage", Claims: map[string]string{
				"kubernetes.io.namespace": "prod", "kubernetes.io.serviceaccount.uid": "u2", "kubernetes.io.warnafter": "1795438807"}},
			refused: map[string]string{"kubernetes.io.namespace": "dev", "kubernetes.io.pod": "*", "namespace": "prod"},
		},
		{
			name: "AWS GetWebIdentityToken",
			claims: `{"iss":"I","sub":"arn:aws:iam::111122223333:role/Triage","aud":"writ","iat":1795435200,"exp":1795435500,"jti":"j",
				"https://sts.amazonaws.com/":{"aws_account":"111122223333","source_region":"us-east-1","org_id":"o-1","principal_tags":{"team":"finance"},
				"ec2_role_delivery":"2.0","request_tags":{"data-classification":"public"}}}`,
			binding: identity.Binding{Subject: "arn:aws:iam::111122223333:role/Triage", Claims: map[string]string{
				"https://sts.amazonaws.com/.aws_account": "111122223333", "https://sts.amazonaws.com/.principal_tags.team": "finance"}},
			refused: map[string]string{
				"https://sts.amazonaws.com/.aws_account":                      "999999999999",
				"https://sts.amazonaws.com/.request_tags.data-classification": "*", // S5: the caller's own word
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := open(t, nil)
			b := &o.world.Bindings[0]
			b.Subject, b.Claims = c.binding.Subject, maps.Clone(c.binding.Claims)
			tok := o.key.sign(t, o.key.header(), []byte(strings.Replace(c.claims, `"I"`, `"`+o.idp.URL+`"`, 1)))
			o.allow(o.request(tok))
			for name, v := range c.refused {
				b.Claims = maps.Clone(c.binding.Claims)
				b.Claims[name] = v
				o.deny(NoBinding, o.request(tok))
			}
		})
	}
}

func TestS20_RefusalsAreNotAnOracle(t *testing.T) {
	want := answers[NoBinding]
	for _, why := range []Reason{RoleUnknown, NoBinding, BindingAmbiguous, AWSAudience, OutsideNetwork, IdentityUnknown, IdentityHalted} {
		if got := refuse(why, errIdentity).Answer(); got != want {
			t.Errorf("%s answers %+v: want the same as every other refusal", why, got)
		}
	}
	for why := range answers {
		if a := refuse(why, errIdentity).Answer(); strings.Contains(a.Message, "support-agent") || a.Message == "" {
			t.Errorf("%s tells its caller %q", why, a.Message)
		}
	}
	if a := refuse("unheard of", nil).Answer(); a != internal {
		t.Errorf("an unknown reason answers %+v", a)
	}
}

var errIdentity = errors.New("identity support-agent is quarantined")
