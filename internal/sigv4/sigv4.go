// Package sigv4 checks AWS Signature Version 4 on requests that come in, and
// puts it on requests that go out. It is the one room that knows the scheme
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
//
// Verification has two steps, because a body must not be read for a caller who
// could not have signed it. Parse reads the header form, before the body, and
// freezes everything that is signed except the body's digest. Keys.Verify then
// takes the secret, which the caller finds through the session token, and the
// digest of the body that was read.
//
// Parse trusts nothing. It accepts what AWS's SDKs send to Bedrock and STS and
// refuses the rest of the scheme: query signatures, unsigned payloads, chunk
// signatures, SigV4A, long-term keys without a session token, and any x-amz*
// or x-amzn* header that the signature does not cover (security S14). The SDKs
// add X-Amzn-Trace-Id unsigned inside AWS Lambda; whoever wants to serve them
// removes that header first, as a hop's own.
//
// A signature is good for Window around its date, as with AWS, and within that
// time it can be replayed: what that may cost is bounded elsewhere, by TLS,
// budgets and the record.
package sigv4

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Algorithm is the only signing algorithm accepted.
const Algorithm = "AWS4-HMAC-SHA256"

// Window is how far a signature's date may lie from now, either way.
const Window = 5 * time.Minute

// terminator ends every credential scope.
const terminator = "aws4_request"

// dateFormat is X-Amz-Date's, ISO 8601 basic in UTC.
const dateFormat = "20060102T150405Z"

// Scope says what a signing key is good for.
type Scope struct {
	Date    string // YYYYMMDD
	Region  string
	Service string
}

func (s Scope) String() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + terminator
}

// Want is the scope that a listener serves.
type Want struct {
	Service string   // required: the signing name, "bedrock" or "sts"
	Regions []string // the regions accepted; none means that none is
}

// Presented is a well-formed signature that nobody has checked yet. Only Parse
// makes one. It holds a session token and prints without it.
type Presented struct {
	accessKeyID string
	token       string
	scope       Scope
	date        string // X-Amz-Date as sent
	time        time.Time
	signature   [32]byte
	sum         *[32]byte // x-amz-content-sha256, when sent
	canonical   []byte    // the canonical request up to the payload's digest
}

// AccessKeyID returns the access key id, 1–128 letters, digits and underscores.
func (p *Presented) AccessKeyID() string { return p.accessKeyID }

// SessionToken returns X-Amz-Security-Token. It is a credential.
func (p *Presented) SessionToken() string { return p.token }

// Scope returns the credential scope.
func (p *Presented) Scope() Scope { return p.scope }

// Time returns X-Amz-Date.
func (p *Presented) Time() time.Time { return p.time }

// Format implements fmt.Formatter, for every verb, without the token.
func (p *Presented) Format(w fmt.State, _ rune) {
	_, _ = io.WriteString(w, "sigv4("+p.accessKeyID+"/"+p.scope.String()+")")
}

// LogValue implements slog.LogValuer.
func (p *Presented) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(p)) }

// Parse reads the signature of a request as received, without its body. Every
// error is an *Error.
func Parse(r *http.Request) (*Presented, error) {
	if err := refuseQuery(r.URL.RawQuery, r.URL.ForceQuery); err != nil {
		return nil, err
	}
	p, err := parse(r, "")
	if err != nil {
		return nil, err
	}
	if p.token == "" {
		return nil, errNoToken
	}
	return p, nil
}

var (
	errNoToken   = refuse(UnrecognizedClient, "X-Amz-Security-Token is missing: only session credentials minted here are accepted")
	errPresigned = refuse(IncompleteSignature, "presigned requests are not accepted: sign in the Authorization header")
)

// parse is Parse for a query in canonical form, and lets a request without a
// session token through.
func parse(r *http.Request, query string) (*Presented, error) {
	auth, err := parseAuthorization(r.Header["Authorization"])
	if err != nil {
		return nil, err
	}
	fields, err := parseSignedHeaders(auth.signedHeaders)
	if err != nil {
		return nil, err
	}
	if err := fields.fill(r); err != nil {
		return nil, err
	}
	p := &Presented{accessKeyID: auth.accessKeyID, scope: auth.scope, signature: auth.signature}
	if err := p.readFields(fields); err != nil {
		return nil, err
	}
	path := r.URL.EscapedPath()
	if err := checkPath(path); err != nil {
		return nil, err
	}
	p.canonical = canonicalRequest(r.Method, path, query, fields, auth.signedHeaders)
	return p, nil
}

// refuseQuery: hardly an operation has a query, and in a query the scheme would
// hide its presigned form.
func refuseQuery(query string, bare bool) error {
	if query == "" && !bare {
		return nil
	}
	if strings.Contains(strings.ToLower(query), "x-amz-") {
		return errPresigned
	}
	return refuse(IncompleteSignature, "a query string is not accepted")
}

// readFields takes date, token and payload digest from the signed headers.
func (p *Presented) readFields(fields signedFields) error {
	date, ok := fields.value("x-amz-date")
	if !ok {
		return refuse(IncompleteSignature, "X-Amz-Date is missing")
	}
	t, err := time.Parse(dateFormat, date)
	if err != nil || len(date) != len(dateFormat) {
		return refuse(IncompleteSignature, "X-Amz-Date is not of the form YYYYMMDDTHHMMSSZ")
	}
	if date[:8] != p.scope.Date {
		return refuse(InvalidSignature, "the date in the credential scope differs from X-Amz-Date")
	}
	p.date, p.time = date, t
	if p.token, ok = fields.value("x-amz-security-token"); ok && !plainToken(p.token) {
		return refuse(UnrecognizedClient, "X-Amz-Security-Token is malformed")
	}
	sum, ok := fields.value("x-amz-content-sha256")
	if !ok {
		return nil
	}
	p.sum, err = parseSum(sum)
	return err
}

// plainToken reports whether s is printable ASCII without blanks or quotes.
func plainToken(s string) bool {
	for i := range len(s) {
		if kind(s[i]) == 0 && strings.IndexByte("!#$%&()*+,/:;<=>?@[]^{|}", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// parseSum reads x-amz-content-sha256. The names that stand for "not signed"
// and "signed in chunks" get a reason of their own.
func parseSum(s string) (*[32]byte, error) {
	switch {
	case s == "UNSIGNED-PAYLOAD" || strings.HasPrefix(s, "STREAMING-"):
		return nil, refuse(InvalidSignature, "unsigned and chunk-signed payloads are not accepted")
	case len(s) != 64:
		return nil, refuse(IncompleteSignature, "X-Amz-Content-Sha256 is not a SHA-256 in lower-case hex")
	}
	var sum [32]byte
	if !decodeHex(&sum, s) {
		return nil, refuse(IncompleteSignature, "X-Amz-Content-Sha256 is not a SHA-256 in lower-case hex")
	}
	return &sum, nil
}

// In checks that the signature was made for one of the scopes served here.
func (p *Presented) In(w Want) error {
	switch {
	case w.Service == "" || p.scope.Service != w.Service:
		return refuse(InvalidSignature, "credential should be scoped to the service "+w.Service)
	case !slices.Contains(w.Regions, p.scope.Region):
		return refuse(InvalidSignature, "credential should be scoped to one of the regions "+strings.Join(w.Regions, ", "))
	}
	return nil
}
