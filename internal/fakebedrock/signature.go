package fakebedrock

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Credential is a caller that the stand-in knows: a key pair, or a bearer token.
type Credential struct {
	AccessKeyID     string // required unless BearerToken is set
	SecretAccessKey string
	SessionToken    string // optional; when set, the caller must send it, signed
	BearerToken     string
	Account         string // AWS account of the key; empty means 111122223333

	session *Session // of a role, that the stand-in's STS vended
}

// Format prints the access key id and nothing secret, whatever the verb.
func (c Credential) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "credential %s", c.AccessKeyID) }

// LogValue is the access key id.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.AccessKeyID) }

// MarshalJSON refuses: a credential has no JSON form.
func (c Credential) MarshalJSON() ([]byte, error) {
	return nil, fmt.Errorf("encoding credential %s: refused", c.AccessKeyID)
}

// Admit lets more callers in.
func (s *Server) Admit(more ...Credential) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range more {
		if c.AccessKeyID != "" {
			s.keys[c.AccessKeyID] = c
		}
		if c.BearerToken != "" {
			s.bearers[sha256.Sum256([]byte(c.BearerToken))] = true
		}
	}
}

// maxSkew is how far a signature's date may be from now.
const maxSkew = 5 * time.Minute

func forbidden(name, message string) *apiError {
	return &apiError{status: http.StatusForbidden, name: name, message: message}
}

// authenticate returns who signed: an access key id, or "bearer".
func (s *Server) authenticate(req *Request, service string) (string, *apiError) {
	values := req.Header.Values("Authorization")
	if len(values) == 0 && s.cfg.Anonymous {
		return "", nil
	}
	if len(values) != 1 {
		return "", forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	if token, ok := strings.CutPrefix(values[0], "Bearer "); ok {
		s.mu.Lock()
		known := s.bearers[sha256.Sum256([]byte(token))] // by digest, so that timing tells nothing
		s.mu.Unlock()
		if !known {
			return "", forbidden("AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
		}
		return "bearer", nil
	}
	sig, refused := parseAuthorization(values[0])
	if refused != nil {
		return "", refused
	}
	req.Region = sig.region
	known, refused := s.verify(*req, sig, service)
	req.Session = known.session
	return sig.accessKeyID, refused
}

// authorization is a parsed SigV4 Authorization header.
type authorization struct {
	accessKeyID, day, region, service string
	signedHeaders                     []string
	signature                         string // lower-case hex
}

// parseAuthorization reads "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…,
// Signature=…" (AWS, "Create a signed AWS API request").
func parseAuthorization(header string) (authorization, *apiError) {
	incomplete := func(what string) (authorization, *apiError) {
		return authorization{}, &apiError{status: http.StatusBadRequest, name: "IncompleteSignatureException",
			message: "Authorization header requires " + what + "."}
	}
	rest, ok := strings.CutPrefix(header, "AWS4-HMAC-SHA256 ")
	if !ok {
		return incomplete("algorithm AWS4-HMAC-SHA256")
	}
	parts := map[string]string{}
	for field := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		if _, twice := parts[name]; twice {
			return incomplete("each parameter once")
		}
		parts[name] = value
	}
	scope := strings.Split(parts["Credential"], "/")
	if len(scope) != 5 || scope[4] != "aws4_request" {
		return incomplete("'Credential' parameter")
	}
	if parts["SignedHeaders"] == "" || parts["Signature"] == "" || len(parts) != 3 {
		return incomplete("'SignedHeaders' and 'Signature' parameters")
	}
	return authorization{
		accessKeyID: scope[0], day: scope[1], region: scope[2], service: scope[3],
		signedHeaders: strings.Split(parts["SignedHeaders"], ";"),
		signature:     parts["Signature"],
	}, nil
}

// verify recomputes the signature with the secret on file.
func (s *Server) verify(req Request, sig authorization, service string) (Credential, *apiError) {
	s.mu.Lock()
	known, ok := s.keys[sig.accessKeyID]
	s.mu.Unlock()
	if !ok || !hmac.Equal([]byte(known.SessionToken), []byte(req.Header.Get("X-Amz-Security-Token"))) {
		return Credential{}, forbidden("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	if known.session != nil && !s.cfg.Now().Before(known.session.Expires) {
		return Credential{}, forbidden("ExpiredTokenException", "The security token included in the request is expired")
	}
	if sig.region != s.cfg.Region && !slices.Contains(s.cfg.Regions, sig.region) || sig.service != service {
		return Credential{}, forbidden("InvalidSignatureException", "Credential should be scoped to a valid region and service.")
	}
	date := req.Header.Get("X-Amz-Date")
	at, err := time.Parse("20060102T150405Z", date)
	if err != nil || at.Format("20060102") != sig.day {
		return Credential{}, forbidden("InvalidSignatureException", "Date in Credential scope does not match the date of the request.")
	}
	if skew := s.cfg.Now().Sub(at); skew.Abs() > maxSkew {
		return Credential{}, forbidden("InvalidSignatureException", "Signature expired or not yet current: "+date)
	}
	if refused := checkSignedHeaders(req, sig.signedHeaders); refused != nil {
		return Credential{}, refused
	}
	if sum, sent := req.Header["X-Amz-Content-Sha256"]; sent && !slices.Equal(sum, []string{hexSum(req.Body)}) {
		return Credential{}, forbidden("InvalidSignatureException", "The provided 'x-amz-content-sha256' header does not match what was computed.")
	}
	if want := sign(req, sig, known.SecretAccessKey); !hmac.Equal([]byte(want), []byte(sig.signature)) {
		return Credential{}, forbidden("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return known, nil
}

// checkSignedHeaders requires the host, and every header to which AWS gives a
// meaning, to be signed; the trace id, which proxies add, apart.
func checkSignedHeaders(req Request, signed []string) *apiError {
	if !slices.IsSorted(signed) || len(slices.Compact(slices.Clone(signed))) != len(signed) {
		return forbidden("InvalidSignatureException", "SignedHeaders must be sorted and unique.")
	}
	if !slices.Contains(signed, "host") && !slices.Contains(signed, ":authority") {
		return forbidden("InvalidSignatureException", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for name := range req.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-amz") && name != "x-amzn-trace-id" && !slices.Contains(signed, name) {
			return forbidden("InvalidSignatureException", "There were headers present in the request which were not signed: "+name)
		}
	}
	return nil
}

// sign computes the hex signature that the request should carry.
func sign(req Request, sig authorization, secret string) string {
	text := strings.Join([]string{
		"AWS4-HMAC-SHA256",
		req.Header.Get("X-Amz-Date"),
		sig.day + "/" + sig.region + "/" + sig.service + "/aws4_request",
		hexSum([]byte(canonicalRequest(req, sig.signedHeaders))),
	}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{sig.day, sig.region, sig.service, "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}

func hexSum(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// canonicalRequest ends in the hash of the body as it arrived, whatever the
// caller claims it to be: boto3 sends no X-Amz-Content-Sha256 at all.
func canonicalRequest(req Request, signed []string) string {
	path, query, _ := strings.Cut(req.Path, "?")
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s\n%s\n", req.Method, escapeAgain(path), canonicalQuery(query))
	for _, name := range signed {
		fmt.Fprintf(&b, "%s:%s\n", name, headerValue(req, name))
	}
	fmt.Fprintf(&b, "\n%s\n%s", strings.Join(signed, ";"), hexSum(req.Body))
	return b.String()
}

// escapeAgain percent-encodes each segment of an already escaped path once
// more, as every service but S3 wants it.
func escapeAgain(path string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}

func canonicalQuery(raw string) string {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return raw // cannot match a well-formed signature
	}
	return strings.ReplaceAll(values.Encode(), "+", "%20")
}

// headerValue joins repeated headers and squeezes blanks. Host and
// :authority are one thing in net/http; so is a content length that HTTP/2
// left implicit.
func headerValue(req Request, name string) string {
	values := req.Header.Values(name)
	switch name {
	case "host", ":authority":
		values = []string{req.Host}
	case "content-length":
		values = []string{fmt.Sprint(len(req.Body))}
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(trimmed, ",")
}
