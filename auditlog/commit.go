package auditlog

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"sync"
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
	return NewCommitter(salt).Commit(label, recordID, sum)
}

// Committer makes commitments under one salt, of which a call needs several.
// It holds the salt and may be used concurrently.
type Committer struct {
	macs sync.Pool // of hash.Hash keyed by the salt: keying one costs more than using it
}

// NewCommitter keeps a copy of the salt.
func NewCommitter(salt []byte) *Committer {
	key := bytes.Clone(salt)
	return &Committer{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// Format implements fmt.Formatter, for every verb, without the salt.
func (c *Committer) Format(w fmt.State, _ rune) { _, _ = io.WriteString(w, "auditlog.Committer") }

// Commit is [Commit] under the committer's salt.
func (c *Committer) Commit(label, recordID string, sum [sha256.Size]byte) string {
	b := make([]byte, 0, 4*4+len(commitmentDomain)+len(label)+len(recordID)+len(sum))
	for _, field := range [...]string{commitmentDomain, label, recordID, string(sum[:])} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(field)))
		b = append(b, field...)
	}
	mac := c.macs.Get().(hash.Hash)
	mac.Reset()
	mac.Write(b)
	b = mac.Sum(b[:0])
	c.macs.Put(mac)
	return base64.RawURLEncoding.EncodeToString(b)
}

// VerifyCommitment reports, in constant time, whether c is the commitment to
// the given content. An empty salt verifies nothing.
func VerifyCommitment(c string, salt []byte, label, recordID string, sum [sha256.Size]byte) bool {
	want := Commit(salt, label, recordID, sum)
	return len(salt) > 0 && hmac.Equal([]byte(c), []byte(want))
}
