package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	maxSignedHeaders = 64
	maxFieldValue    = 8192 // bytes of one signed header's value
	maxPath          = 8192 // bytes of the escaped path
)

// field is one signed header.
type field struct {
	name  string // lower case
	value string // as received
	found bool
}

// signedFields are the signed headers, sorted by name.
type signedFields []field

// parseSignedHeaders reads the SignedHeaders list: lower-case names, sorted,
// each once, the host among them.
func parseSignedHeaders(list string) (signedFields, error) {
	n := strings.Count(list, ";") + 1
	if n > maxSignedHeaders {
		return nil, refuse(IncompleteSignature, "SignedHeaders names too many headers")
	}
	fields := make(signedFields, 0, n)
	hosts := 0
	for name := range strings.SplitSeq(list, ";") {
		if !signable(name) {
			return nil, refuse(IncompleteSignature, "SignedHeaders holds something that is not a lower-case header name")
		}
		if len(fields) > 0 && name <= fields[len(fields)-1].name {
			return nil, refuse(IncompleteSignature, "SignedHeaders is not sorted, or names a header twice")
		}
		if name == "host" || name == ":authority" {
			hosts++
		}
		fields = append(fields, field{name: name})
	}
	if hosts != 1 {
		return nil, refuse(InvalidSignature, "'host' or ':authority' must be a signed header")
	}
	return fields, nil
}

// signable reports whether name may stand in SignedHeaders: an RFC 9110 token
// without upper case, or HTTP/2's :authority, which the JavaScript SDK signs
// in place of host. The Authorization header cannot cover itself.
func signable(name string) bool {
	if name == ":authority" {
		return true
	}
	if name == "" || name == "authorization" {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if kind(c)&(lower|digit|underscore|hyphen) == 0 && strings.IndexByte("!#$%&'*+.^`|~", c) < 0 {
			return false
		}
	}
	return true
}

// fill finds the value of every signed header and refuses a request in which
// one is absent, repeated or unreadable, or in which a header that must be
// signed is not.
func (fs signedFields) fill(r *http.Request) error {
	for name, values := range r.Header {
		i, ok := slices.BinarySearchFunc(fs, name, compareName)
		switch {
		case !ok && mustSign(name) && !plainJSON(name, values):
			return refuse(InvalidSignature, "'"+strings.ToLower(name)+"' is present and must be a signed header")
		case !ok:
		case len(values) != 1 || fs[i].found:
			return refuse(InvalidSignature, "signed header '"+fs[i].name+"' is repeated")
		default:
			fs[i].value, fs[i].found = values[0], true
		}
	}
	fs.set("host", r.Host, r.Host != "")
	fs.set(":authority", r.Host, r.Host != "")
	fs.set("content-length", strconv.FormatInt(r.ContentLength, 10), r.ContentLength >= 0)
	for i := range fs {
		if !fs[i].found {
			return refuse(InvalidSignature, "signed header '"+fs[i].name+"' is absent")
		}
		if !plainValue(fs[i].value) {
			return refuse(IncompleteSignature, "signed header '"+fs[i].name+"' is too long or holds a control character")
		}
	}
	return nil
}

// set overrides a header that net/http keeps outside the header map.
func (fs signedFields) set(name, value string, found bool) {
	if i, ok := slices.BinarySearchFunc(fs, name, compareName); ok {
		fs[i].value, fs[i].found = value, found
	}
}

// value returns a signed header without the blanks around it.
func (fs signedFields) value(name string) (string, bool) {
	if i, ok := slices.BinarySearchFunc(fs, name, compareName); ok {
		return strings.Trim(fs[i].value, " "), true
	}
	return "", false
}

// mustSign reports whether a header may not travel unsigned (security S14):
// whatever AWS gives a meaning to, and the body's type.
func mustSign(name string) bool {
	const amz = "x-amz"
	if len(name) >= len(amz) && strings.EqualFold(name[:len(amz)], amz) {
		return true
	}
	return strings.EqualFold(name, "content-type")
}

// plainJSON is the one content type that may travel unsigned: every body here is
// JSON, so it says nothing. aws4fetch, which the AI SDK signs with, never signs it.
func plainJSON(name string, values []string) bool {
	return strings.EqualFold(name, "content-type") && len(values) == 1 && values[0] == "application/json"
}

// plainValue refuses control characters. The tab is among them: clients
// disagree on whether it counts as a blank when runs of blanks are collapsed.
func plainValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return len(s) <= maxFieldValue
}

// compareName orders a signed header's name and a header map's key, whose
// letters may be of either case.
func compareName(f field, key string) int {
	for i := range min(len(f.name), len(key)) {
		c := key[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if d := int(f.name[i]) - int(c); d != 0 {
			return d
		}
	}
	return len(f.name) - len(key)
}
