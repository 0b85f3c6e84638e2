package sigv4

import "strings"

// checkPath refuses paths that clients normalise before signing: which of the
// two spellings was signed, and which is routed, must never be in question.
func checkPath(path string) error {
	if len(path) > maxPath || (path != "" && path[0] != '/') {
		return refuse(IncompleteSignature, "the path is too long or not absolute")
	}
	rest := strings.TrimPrefix(path, "/")
	for rest != "" {
		var segment string
		var more bool
		segment, rest, more = strings.Cut(rest, "/")
		if segment == "." || segment == ".." || (segment == "" && more) {
			return refuse(IncompleteSignature, "the path holds an empty or a dot segment")
		}
	}
	return nil
}

// canonicalRequest is the canonical request up to, and without, the payload's
// digest, with room for it. The query is in canonical form.
func canonicalRequest(method, path, query string, fields signedFields, signedHeaders string) []byte {
	size := len(method) + 3*len(path) + len(query) + len(signedHeaders) + 8 + 64
	for i := range fields {
		size += len(fields[i].name) + len(fields[i].value) + 2
	}
	b := make([]byte, 0, size)
	b = append(b, method...)
	b = append(b, '\n')
	b = appendPath(b, path)
	b = append(b, '\n')
	b = append(b, query...)
	b = append(b, '\n')
	for i := range fields {
		b = append(b, fields[i].name...)
		b = append(b, ':')
		b = appendValue(b, fields[i].value)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	b = append(b, signedHeaders...)
	return append(b, '\n')
}

// appendPath URI-encodes the path as it came over the wire, so that what was
// encoded there is encoded twice: every service but S3 signs it this way.
func appendPath(b []byte, path string) []byte {
	const digits = "0123456789ABCDEF"
	if path == "" {
		return append(b, '/')
	}
	for i := range len(path) {
		c := path[i]
		if kind(c) != 0 || c == '/' {
			b = append(b, c)
			continue
		}
		b = append(b, '%', digits[c>>4], digits[c&15])
	}
	return b
}

// appendValue trims a header's value and collapses runs of blanks inside it.
func appendValue(b []byte, s string) []byte {
	s = strings.Trim(s, " ")
	if !strings.Contains(s, "  ") {
		return append(b, s...)
	}
	for i := range len(s) {
		if s[i] == ' ' && s[i-1] == ' ' { // never at 0: s begins with no blank
			continue
		}
		b = append(b, s[i])
	}
	return b
}
