package sigv4

import (
	"net/http"
	"slices"
	"strings"
)

// maxQuery and maxParameters bound a query string.
const (
	maxQuery      = 8192
	maxParameters = 64
)

// ParseQueried is Parse for the few operations whose query string has a
// meaning. The signature covers it in AWS's canonical form. A query in which
// the scheme itself would hide, as in a presigned request, is refused like
// everywhere (security S14), and so is one that two readers could read
// differently: a bare '+', a byte that RFC 3986 wants escaped.
func ParseQueried(r *http.Request) (*Presented, error) {
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	p, err := parse(r, query)
	if err != nil {
		return nil, err
	}
	if p.token == "" {
		return nil, errNoToken
	}
	return p, nil
}

// canonicalQuery decodes every name and value, escapes them again by the one
// rule, and sorts the pairs by name and then by value.
func canonicalQuery(raw string) (string, error) {
	if raw == "" {
		return "", nil
	}
	if len(raw) > maxQuery || strings.Count(raw, "&") >= maxParameters {
		return "", refuse(IncompleteSignature, "the query string is too long")
	}
	var pairs [][2]string
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		plain, ok := unescape(name)
		plainValue, okValue := unescape(value)
		if !ok || !okValue {
			return "", refuse(IncompleteSignature, "the query string holds a byte or an escape that is not RFC 3986's")
		}
		if presigning(plain) {
			return "", errPresigned
		}
		pairs = append(pairs, [2]string{escape(plain), escape(plainValue)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		if c := strings.Compare(a[0], b[0]); c != 0 {
			return c
		}
		return strings.Compare(a[1], b[1])
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + p[1])
	}
	return b.String(), nil
}

// presigning reports whether a parameter belongs to the scheme's query form.
func presigning(name string) bool {
	const amz = "x-amz-"
	return len(name) >= len(amz) && strings.EqualFold(name[:len(amz)], amz)
}

// unescape decodes percent escapes; ok is false for a broken one and for a byte
// that may not stand in a query, or whose meaning there is disputed.
func unescape(s string) (plain string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '%':
			if i+2 >= len(s) || hexValue(s[i+1]) > 15 || hexValue(s[i+2]) > 15 {
				return "", false
			}
			b.WriteByte(hexValue(s[i+1])<<4 | hexValue(s[i+2]))
			i += 2
		case kind(c) != 0 || strings.IndexByte("!$'()*,/:=?@", c) >= 0:
			b.WriteByte(c)
		default:
			return "", false
		}
	}
	return b.String(), true
}

// hexValue is the value of a hex digit of either case, or 255.
func hexValue(c byte) byte {
	if 'A' <= c && c <= 'F' {
		return c - 'A' + 10
	}
	return nibble(c)
}

// escape percent-encodes everything but RFC 3986's unreserved characters.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if c := s[i]; kind(c) != 0 {
			b = append(b, c)
		} else {
			b = append(b, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(b)
}
