package auditlog

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// CommitmentScheme names how [Commit] works, for [Content.Scheme].
const CommitmentScheme = "hmac-sha256-v1"

// commitmentDomain separates these MACs from every other use of a salt.
const commitmentDomain = "writ audit commitment v1"

// Commit returns a commitment to content by its SHA-256 sum: whoever later
// shows the content and the salt can prove that it is what was recorded;
// whoever has only the record learns nothing, not even whether two records
// hold the same content.
//
// The salt is 32 random bytes, kept outside the log, one per person or
// identity. Erase the salt, erase the person: without it no commitment can be
// tied to any content, although the log itself stays whole. The label
// ("request", "response", "user_agent", …) and the record's id make the
// commitment useless anywhere else.
//
// The form is base64url without padding of HMAC-SHA256, keyed by the salt, over
// domain, label, record id and sum, each preceded by its length as a
// big-endian uint32.
func Commit(salt []byte, label, recordID string, sum [sha256.Size]byte) string {
	b := make([]byte, 0, 4*4+len(commitmentDomain)+len(label)+len(recordID)+len(sum))
	for _, field := range [...]string{commitmentDomain, label, recordID, string(sum[:])} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write(b)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(b[:0]))
}

// VerifyCommitment reports, in constant time, whether c is the commitment to
// the given content. An empty salt verifies nothing.
func VerifyCommitment(c string, salt []byte, label, recordID string, sum [sha256.Size]byte) bool {
	want := Commit(salt, label, recordID, sum)
	return len(salt) > 0 && hmac.Equal([]byte(c), []byte(want))
}
