package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// fingerprintVersion is part of what is hashed: a change of what is hashed
// changes it, and with it every baseline.
const fingerprintVersion = "writ finding 1"

// Fingerprint identifies what was found: 32 lower-case hex digits over the
// rule, the account, the principal, the resource and the text of the
// statements. Positions, severities and words are left out, so that moving a
// file, or saying it better, makes nothing new.
func Fingerprint(f Finding) string {
	var text []byte
	add := func(s string) {
		text = binary.BigEndian.AppendUint64(text, uint64(len(s)))
		text = append(text, s...)
	}
	for _, s := range []string{fingerprintVersion, f.Rule, f.Account, f.Principal, f.Resource} {
		add(s)
	}
	for _, s := range f.Statements {
		add(statementText(s))
	}
	for _, h := range f.Path {
		add(h.From)
		add(h.By)
		add(h.To)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// statementText is a statement without the white space of its file; where its
// text was not kept, its names.
func statementText(s Statement) string {
	var compact bytes.Buffer
	if len(s.Text) > 0 && json.Compact(&compact, s.Text) == nil {
		return s.Layer + " " + compact.String()
	}
	return fmt.Sprintf("%s %q %q %d %s", s.Layer, s.Policy, s.Sid, s.Index, s.Effect)
}
