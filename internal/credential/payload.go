package credential

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/writ-project/writ/internal/identity"
)

// A session is encoded as
//
//	version, 1 byte | proof kind, 1 | issued, 8 | expires, 8 | epoch, 4 | key epoch, 4 | record, 8 |
//	id | identity | binding | issuer | subject | proof id | number of networks, 1 | networks | shard
//
// The version is 2 where there is a shard, and 1 where there is none, with
// which the encoding ends at the networks.
// Integers are big-endian and times Unix seconds. Each text is its length in
// two bytes and its UTF-8. A network is 4 or 6, its prefix length in bits, and
// as many whole bytes of the address as the prefix covers. Nothing follows, and
// every session has exactly one encoding.
const (
	withoutShard = 1
	withShard    = 2
)

const (
	maxText     = 512 // bytes of one text
	maxNetworks = 64
)

// proofs gives each kind of proof its code: its place here.
var proofs = []identity.ProofKind{"", identity.ProofOIDC, identity.ProofLocalAdmin, identity.ProofSPIFFE}

// errPayload is wrapped: only a key's holder can make such a token.
var errPayload = fmt.Errorf("%w: malformed session", ErrInvalid)

// validate reports what keeps a session from being sealed, or nil.
func validate(s *identity.Session) error {
	switch {
	case s.ID == "" || s.Identity == "":
		return errors.New("id and identity are required")
	case slices.Index(proofs, s.Proof) < 1:
		return fmt.Errorf("proof kind %q is unknown", s.Proof)
	case s.Issued.Unix() <= 0 || !s.Issued.Before(s.Expires):
		return errors.New("it must begin after 1970, and end after it begins")
	case s.Expires.Sub(s.Issued) > MaxSession:
		return fmt.Errorf("it is longer than %v", MaxSession)
	case len(s.Networks) > maxNetworks:
		return fmt.Errorf("it names more than %d networks", maxNetworks)
	}
	for _, text := range append(texts(s), &s.Shard) {
		if len(*text) > maxText || !utf8.ValidString(*text) {
			return fmt.Errorf("a text is longer than %d bytes, or is not UTF-8", maxText)
		}
	}
	for _, p := range s.Networks {
		if !p.IsValid() || p != p.Masked() || p.Addr().Is4In6() {
			return fmt.Errorf("network %v is not a canonical prefix", p)
		}
	}
	return nil
}

// texts lists the text fields before the networks, in the order of the encoding.
func texts(s *identity.Session) []*string {
	return []*string{&s.ID, &s.Identity, &s.Binding, &s.Issuer, &s.Subject, &s.ProofID}
}

// appendSession appends the encoding of a valid session.
func appendSession(b []byte, s *identity.Session) []byte {
	version := byte(withoutShard)
	if s.Shard != "" {
		version = withShard
	}
	b = append(b, version, byte(slices.Index(proofs, s.Proof)))
	b = binary.BigEndian.AppendUint64(b, unixSeconds(s.Issued))
	b = binary.BigEndian.AppendUint64(b, unixSeconds(s.Expires))
	b = binary.BigEndian.AppendUint32(b, s.Epoch)
	b = binary.BigEndian.AppendUint32(b, s.KeyEpoch)
	b = binary.BigEndian.AppendUint64(b, s.Record)
	for _, text := range texts(s) {
		b = appendText(b, *text)
	}
	b = append(b, byte(len(s.Networks)))
	for _, p := range s.Networks {
		family := byte(6)
		if p.Addr().Is4() {
			family = 4
		}
		b = append(b, family, byte(p.Bits()))
		b = append(b, p.Addr().AsSlice()[:(p.Bits()+7)/8]...)
	}
	if version == withShard {
		b = appendText(b, s.Shard)
	}
	return b
}

func appendText(b []byte, text string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(text)))
	return append(b, text...)
}

// decodeSession reads an encoding that makes up the whole of payload. The
// session's texts share payload's memory.
func decodeSession(payload string) (identity.Session, error) {
	r := reader{rest: payload}
	version := r.byte()
	if version != withoutShard && version != withShard {
		return identity.Session{}, errPayload
	}
	var s identity.Session
	if code := int(r.byte()); code < len(proofs) {
		s.Proof = proofs[code]
	}
	s.Issued, s.Expires = r.time(), r.time()
	s.Epoch, s.KeyEpoch = uint32(r.uint(4)), uint32(r.uint(4))
	s.Record = r.uint(8)
	for _, text := range texts(&s) {
		*text = r.take(int(r.uint(2)))
	}
	if n := int(r.byte()); n > 0 && !r.short {
		s.Networks = make([]netip.Prefix, 0, min(n, maxNetworks))
		for range n {
			s.Networks = append(s.Networks, r.prefix())
		}
	}
	if version == withShard {
		s.Shard = r.take(int(r.uint(2)))
		r.short = r.short || s.Shard == ""
	}
	if r.short || r.rest != "" || validate(&s) != nil {
		return identity.Session{}, errPayload
	}
	return s, nil
}

// reader takes fields off the front of a text. Once one is missing it is short
// for good, and yields zeros.
type reader struct {
	rest  string
	short bool
}

func (r *reader) take(n int) string {
	if n > len(r.rest) {
		r.rest, r.short = "", true
		return ""
	}
	out := r.rest[:n]
	r.rest = r.rest[n:]
	return out
}

// uint reads n bytes, big-endian.
func (r *reader) uint(n int) (v uint64) {
	field := r.take(n)
	for i := range len(field) {
		v = v<<8 | uint64(field[i])
	}
	return v
}

func (r *reader) byte() byte { return byte(r.uint(1)) }

// lastSecond is the end of the year 9999, beyond which RFC 3339 has no form.
const lastSecond = 253402300799

func (r *reader) time() time.Time {
	v := r.uint(8)
	if v > lastSecond {
		r.short = true
	}
	return fromUnix(v)
}

// prefix reads a network; one that is not canonical is left for validate to
// refuse.
func (r *reader) prefix() netip.Prefix {
	family, bits := r.byte(), int(r.byte())
	field := r.take((bits + 7) / 8)
	var address [16]byte
	copy(address[:], field)
	switch {
	case family == 4 && bits <= 32:
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(address[:4])), bits)
	case family == 6 && bits <= 128:
		return netip.PrefixFrom(netip.AddrFrom16(address), bits)
	}
	return netip.Prefix{}
}
