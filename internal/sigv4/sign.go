package sigv4

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Outbound says how to sign a request that leaves.
type Outbound struct {
	Credentials aws.Credentials // required; a session token is added to the request
	Service     string          // the signing name
	Region      string
	Time        time.Time
}

// unsigned are the headers that AWS's own signer leaves out, since a hop on
// the way may change them.
var unsigned = map[string]bool{"Authorization": true, "User-Agent": true, "X-Amzn-Trace-Id": true, "Expect": true, "Transfer-Encoding": true}

// Sign signs a request in place, in the header form, over its path as escaped,
// its headers and the SHA-256 of its body. It sets Authorization, X-Amz-Date
// and, for session credentials, X-Amz-Security-Token. The request has no query,
// and no header twice. A test holds the signature against AWS's own signer,
// which remembers keys by access key id alone, without the secret, and made up
// more than half of what forwarding a call took.
func (k *Keys) Sign(r *http.Request, bodySum [32]byte, o Outbound) error {
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		return fmt.Errorf("signing request: it has a query")
	}
	at := o.Time.UTC()
	p := Presented{date: at.Format(dateFormat), scope: Scope{Date: at.Format("20060102"), Region: o.Region, Service: o.Service}}
	r.Header["X-Amz-Date"] = []string{p.date}
	if o.Credentials.SessionToken != "" {
		r.Header["X-Amz-Security-Token"] = []string{o.Credentials.SessionToken}
	}
	fields, err := outboundFields(r)
	if err != nil {
		return fmt.Errorf("signing request: %w", err)
	}
	names := fields.names()
	p.canonical = canonicalRequest(r.Method, r.URL.EscapedPath(), "", fields, names)
	sum := p.sign(k.key(o.Credentials.SecretAccessKey, p.scope, at), bodySum)
	r.Header["Authorization"] = []string{Algorithm + " Credential=" + o.Credentials.AccessKeyID + "/" + p.scope.String() +
		", SignedHeaders=" + names + ", Signature=" + hex.EncodeToString(sum[:])}
	return nil
}

// outboundFields are the headers to be signed, sorted.
func outboundFields(r *http.Request) (signedFields, error) {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	fields := append(make(signedFields, 0, len(r.Header)+2), field{name: "host", value: host})
	if r.ContentLength > 0 {
		fields = append(fields, field{name: "content-length", value: strconv.FormatInt(r.ContentLength, 10)})
	}
	for name, values := range r.Header {
		if unsigned[name] || name == "Content-Length" {
			continue
		}
		if len(values) != 1 {
			return nil, fmt.Errorf("header %s is there %d times", name, len(values))
		}
		fields = append(fields, field{name: strings.ToLower(name), value: values[0]})
	}
	slices.SortFunc(fields, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return fields, nil
}

// names is the SignedHeaders list.
func (fs signedFields) names() string {
	var b strings.Builder
	for i := range fs {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(fs[i].name)
	}
	return b.String()
}
