package secret

import "github.com/writ-project/writ/internal/dataclass"

const (
	accessKeySize = 20  // AKIA and 16 more
	secretKeySize = 40  // of base64
	beside        = 320 // how far from its id a secret key is looked for
	minSession    = 96  // the shortest session token; real ones have some hundred
)

var (
	base64Set = setOf("A-Za-z0-9+/")
	keyID     = setOf("A-Z0-9")
)

// accessKey finds an access key id of AWS
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids),
// the ones of AWS's documentation among them, and the secret key beside it.
func (s *scan) accessKey(start int) {
	stop := runUpTo(s.text, start, &keyID, accessKeySize+1)
	if stop-start != accessKeySize || start > 0 && isWord(s.text[start-1]) || stop < len(s.text) && isWord(s.text[stop]) {
		return
	}
	if monotone(s.text[start+4 : stop]) {
		return
	}
	s.keep(dataclass.AWSAccessKey, start, stop, 95, "aws-access-token", "")
	s.secretKeys(max(0, start-beside, s.last[ownAccessKey]), start)
	s.secretKeys(max(stop, s.last[ownAccessKey]), min(len(s.text), stop+beside))
	s.last[ownAccessKey] = min(len(s.text), stop+beside)
}

// secretKeys finds runs of base64 as long as a secret key between two offsets.
func (s *scan) secretKeys(from, to int) {
	for at := from; at < to; at++ {
		if !base64Set.has(s.text[at]) {
			continue
		}
		stop := at
		for stop < len(s.text) && stop-at <= secretKeySize && base64Set.has(s.text[stop]) {
			stop++
		}
		if secretKey(s.text[at:stop]) && (at == 0 || !base64Set.has(s.text[at-1])) && (stop == len(s.text) || s.text[stop] != '=') {
			s.keep(dataclass.AWSSecretKey, at, stop, 90, "aws-secret-key", "aws-access-token")
		}
		at = stop
	}
}

// secretKey reports whether b looks like the secret half of an access key.
func secretKey(b []byte) bool {
	if len(b) != secretKeySize || run(b, 0, &base64Set) < secretKeySize {
		return false
	}
	c := contentOf(b)
	return c.lower > 3 && c.upper > 3 && c.digits+c.symbols > 0 && entropy(b) > 3.8
}

// sessionToken finds the token of temporary credentials: long base64 that
// begins as STS has it.
func (s *scan) sessionToken(start int) {
	if start < s.last[ownSession] || start > 0 && base64Set.has(s.text[start-1]) {
		return
	}
	stop := run(s.text, start, &base64Set)
	s.last[ownSession] = stop
	for stop < len(s.text) && s.text[stop] == '=' {
		stop++
	}
	if stop-start >= minSession && entropy(s.text[start:min(stop, start+maxToken)]) > 4 {
		s.keep(dataclass.Secret, start, stop, 90, "aws-session-token", "")
	}
}
