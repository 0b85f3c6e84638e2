package compat

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/writtest"
)

const (
	standInModel     = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
	standInRefused   = "anthropic.claude-opus-4-1-20250805-v1:0"
	standInCounted   = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	standInVideo     = "amazon.nova-reel-v1:0"
	standInOutput    = "s3://compat-results/videos"
	standInBusy      = "anthropic.claude-3-5-haiku-20241022-v1:0"
	standInBroken    = "anthropic.claude-haiku-4-5-20251001-v1:0"
	standInGuardrail = "arn:aws:bedrock:us-east-1:111122223333:guardrail/gr1"
	standInRole      = "arn:aws:iam::111122223333:role/compat"
	standInSession   = 3 * time.Second

	// smithy-go 1.28.8 closes a request body when the headers of the answer are
	// in; net/http may by then not have looked for the body's end yet, takes
	// the close for a failed request and drops the connection with the rest of
	// the stream. Only an answer within microseconds meets that race.
	standInLatency = 20 * time.Millisecond
)

// standIn is the stand-in for Bedrock itself, so that a mistake that the
// gateway shared with it would show, with a stand-in for STS beside it.
func standIn(t *testing.T) Target {
	to, _ := recordingStandIn(t)
	return to
}

func recordingStandIn(t *testing.T) (Target, *fakebedrock.Recorder) {
	t.Helper()
	recorder := new(fakebedrock.Recorder)
	bedrock := fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{
			{AccessKeyID: "AKIACOMPAT", SecretAccessKey: "compat-secret", SessionToken: "compat/token+="},
			{BearerToken: "compat-bearer"},
		},
		Latency:  standInLatency,
		Fault:    faultByModel,
		Recorder: recorder,
	})
	certificate, ca := selfSigned(t)
	plain, secure := listen(t), listen(t)
	go bedrock.Serve(plain)
	go bedrock.ServeTLS(secure, certificate)
	t.Cleanup(func() { bedrock.Close() })
	sts := httptest.NewServer(&standInSTS{bedrock: bedrock})
	t.Cleanup(sts.Close)

	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a-web-identity-token"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Target{
		Runtime:    "http://" + plain.Addr().String(),
		RuntimeTLS: "https://" + secure.Addr().String(),
		STS:        sts.URL,
		CA:         ca,
		Env:        []string{"AWS_ACCESS_KEY_ID=AKIACOMPAT", "AWS_SECRET_ACCESS_KEY=compat-secret", "AWS_SESSION_TOKEN=compat/token+="},
		Bearer:     "compat-bearer",
		RoleARN:    standInRole, BriefRoleARN: standInRole,
		TokenFile: token,
		// The end of a session is told in whole seconds, so it comes no later.
		BeforeRefresh: func(*testing.T) { time.Sleep(standInSession) },
		Model:         standInModel,
		Refused:       []string{standInRefused},
		Throttled:     standInBusy,
		Counted:       standInCounted,
		Guardrail:     standInGuardrail,
		Video:         standInVideo,
		Output:        standInOutput,
		Broken:        standInBroken,
	}, recorder
}

func faultByModel(r fakebedrock.Request) fakebedrock.Fault {
	switch r.Model {
	case standInRefused, ossRefused:
		return fakebedrock.Fault{Kind: fakebedrock.Refuse, Status: 403, Type: "AccessDeniedException", Message: "No right to this model."}
	case standInBusy, ossBusy:
		return fakebedrock.Fault{Kind: fakebedrock.Refuse, Status: 429, Type: "ThrottlingException", Message: "Too many requests"}
	case standInBroken, ossBroken:
		return fakebedrock.Fault{Kind: fakebedrock.Exception, After: 4, Status: 429, Type: "ThrottlingException", Message: "Too many requests"}
	}
	if bytes.Contains(r.Body, []byte("s3://elsewhere/")) {
		return fakebedrock.Fault{Kind: fakebedrock.Refuse, Status: 403, Type: "AccessDeniedException", Message: "No right to this place."}
	}
	if r.Path == "/guardrail/"+writtest.Escape(standInGuardrail)+"/version/2/apply" {
		return fakebedrock.Fault{Kind: fakebedrock.Refuse, Status: 403, Type: "AccessDeniedException", Message: "No right to this guardrail."}
	}
	return fakebedrock.Fault{}
}

// TestClientsSignTheirWay keeps the quirks of each SDK that the gateway's
// verifier is built for: when an SDK changes them, this says so first.
func TestClientsSignTheirWay(t *testing.T) {
	signedHeaders := regexp.MustCompile(`SignedHeaders=([^,]+)`)
	for _, c := range present(t) {
		t.Run(c.name, func(t *testing.T) {
			to, recorder := recordingStandIn(t)
			c.run(t, "call", to.plain(to.Model), nil)
			c.run(t, "call", append(to.secure(to.Model), to.credentials()...), nil)
			got := recorder.Requests()
			if len(got) != 2 {
				t.Fatalf("got %d requests, want 2", len(got))
			}
			if got[0].Proto != c.plain || got[1].Proto != c.secure || !got[1].TLS {
				t.Errorf("spoke %s, and %s over TLS=%v", got[0].Proto, got[1].Proto, got[1].TLS)
			}
			for _, r := range got {
				if c.signed == "" { // a bearer token, and the model in the body
					if r.Verified != "bearer" || r.Path != "/openai/v1/chat/completions" {
						t.Errorf("verified %q at %s", r.Verified, r.Path)
					}
					continue
				}
				if r.Verified != "AKIACOMPAT" {
					t.Errorf("verified %q", r.Verified)
				}
				match := signedHeaders.FindStringSubmatch(r.Header.Get("Authorization"))
				if match == nil || match[1] != c.signed {
					t.Errorf("signed %v, want %s", match, c.signed)
				}
				if sent := r.Header.Get("X-Amz-Content-Sha256") != ""; sent != strings.Contains(c.signed, "x-amz-content-sha256") {
					t.Errorf("payload hash sent: %v", sent)
				}
				colon := "%3A"
				if c.rawColon {
					colon = ":"
				}
				if !strings.HasPrefix(r.Path, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1"+colon+"0/") {
					t.Errorf("path %s", r.Path)
				}
			}
		})
	}
}

// standInSTS hands out short sessions, and tells the stand-in
// for Bedrock about each. It verifies nothing.
type standInSTS struct {
	bedrock *fakebedrock.Server
	minted  atomic.Int64
}

func (s *standInSTS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const reply = `<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult>%[2]s</%[1]sResult>` +
		`<ResponseMetadata><RequestId>11111111-2222-3333-4444-555555555555</RequestId></ResponseMetadata></%[1]sResponse>`
	w.Header().Set("Content-Type", "text/xml")
	const session = "arn:aws:sts::111122223333:assumed-role/compat/compat"
	switch action := r.FormValue("Action"); action {
	case "AssumeRoleWithWebIdentity":
		n := s.minted.Add(1)
		c := fakebedrock.Credential{AccessKeyID: fmt.Sprintf("ASIACOMPAT%d", n), SecretAccessKey: rand.Text(), SessionToken: rand.Text()}
		s.bedrock.Admit(c)
		fmt.Fprintf(w, xml.Header+reply, action, fmt.Sprintf(
			`<Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>`+
				`<Expiration>%s</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>AROA:compat</AssumedRoleId><Arn>%s</Arn></AssumedRoleUser>`,
			c.AccessKeyID, c.SecretAccessKey, c.SessionToken, time.Now().Add(standInSession).UTC().Format(time.RFC3339), session))
	case "GetCallerIdentity":
		fmt.Fprintf(w, xml.Header+reply, action, `<Arn>`+session+`</Arn><UserId>AROA:compat</UserId><Account>111122223333</Account>`)
	default:
		w.WriteHeader(http.StatusBadRequest)
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// selfSigned makes a certificate for 127.0.0.1 and the PEM file that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "compat"}, // curl wants an issuer to have a name
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
