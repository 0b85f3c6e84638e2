package secret

import (
	"bytes"
	"encoding/base64"

	"github.com/writ-project/writ/internal/dataclass"
)

const maxHeader = 1024 // the longest header of a token that is decoded, encoded

var urlBase64 = setOf("A-Za-z0-9_-")

// webToken finds a signed or encrypted JSON web token (RFC 7515, RFC 7516):
// three or five parts of base64url, the first a JSON object with an "alg".
func (s *scan) webToken(start int) {
	if start < s.last[ownJWT] || start > 0 && urlBase64.has(s.text[start-1]) {
		return
	}
	header := run(s.text, start, &urlBase64)
	s.last[ownJWT] = header
	if !headerOfToken(s.text[start:header]) {
		return
	}
	stop, parts := header, 1
	for parts < 5 && stop < len(s.text) && s.text[stop] == '.' {
		next := run(s.text, stop+1, &urlBase64)
		if next == stop+1 && parts == 1 {
			break
		}
		stop, parts = next, parts+1
	}
	if parts >= 3 && stop-header >= 12 {
		s.last[ownJWT] = stop
		s.keep(dataclass.Secret, start, stop, 95, "jwt", "")
	}
}

func headerOfToken(encoded []byte) bool {
	if len(encoded) < 16 || len(encoded) > maxHeader {
		return false
	}
	var room [maxHeader]byte
	n, _ := base64.RawURLEncoding.Decode(room[:], encoded)
	return n > 2 && room[0] == '{' && bytes.Contains(room[:n], []byte(`"alg"`))
}

// runUpTo is run within the next most bytes.
func runUpTo(b []byte, at int, set *byteSet, most int) int {
	return run(b[:min(len(b), at+most)], at, set)
}

// run is the end of the bytes of the set from at on.
func run(b []byte, at int, set *byteSet) int {
	for at < len(b) && set.has(b[at]) {
		at++
	}
	return at
}
