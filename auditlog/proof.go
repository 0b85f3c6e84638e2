package auditlog

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	proofHeader       = "c2sp.org/tlog-proof@v1"
	consistencyHeader = "writ/consistency-proof@v1"

	maxProof       = 256 << 10
	maxProofHashes = 128
)

// InclusionProof shows that an entry is in a log: https://c2sp.org/tlog-proof.
type InclusionProof struct {
	Extra      []byte // optional and not authenticated
	Index      uint64 // of the entry
	Hashes     []Hash // from the leaf's sibling up
	Checkpoint []byte // the signed note, verbatim
}

// ProveInclusion proves that the entry with the given index is in the tree of
// the checkpoint, which must be signed. It returns no proof that would fail.
func ProveInclusion(r tlog.HashReader, c Checkpoint, index uint64) (InclusionProof, error) {
	if index >= c.Size || c.Size > maxSize {
		return InclusionProof{}, fmt.Errorf("proving inclusion: entry %d is not in a tree of %d", index, c.Size)
	}
	hashes, err := tlog.ProveRecord(int64(c.Size), int64(index), r)
	if err != nil {
		return InclusionProof{}, fmt.Errorf("proving inclusion: %w", err)
	}
	leaf, err := r.ReadHashes([]int64{tlog.StoredHashIndex(0, int64(index))})
	if err != nil {
		return InclusionProof{}, fmt.Errorf("proving inclusion: %w", err)
	}
	if err := tlog.CheckRecord(hashes, int64(c.Size), c.Root, int64(index), leaf[0]); err != nil {
		return InclusionProof{}, fmt.Errorf("proving inclusion: the stored tiles do not lead to the checkpoint: %w", err)
	}
	return InclusionProof{Index: index, Hashes: hashes, Checkpoint: c.Note}, nil
}

// VerifyInclusion checks the proof for an entry, and the signature of the log
// under one of the keys. It returns the checkpoint the entry is under.
func VerifyInclusion(p InclusionProof, entry []byte, keys ...note.Verifier) (Checkpoint, error) {
	c, err := ParseCheckpoint(p.Checkpoint, keys...)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verifying inclusion: %w", err)
	}
	if p.Index >= c.Size {
		return Checkpoint{}, fmt.Errorf("verifying inclusion: entry %d is not in a tree of %d", p.Index, c.Size)
	}
	if err := tlog.CheckRecord(p.Hashes, int64(c.Size), c.Root, int64(p.Index), LeafHash(entry)); err != nil {
		return Checkpoint{}, fmt.Errorf("verifying inclusion: %w", err)
	}
	return c, nil
}

// Marshal encodes the proof, as C2SP says.
func (p InclusionProof) Marshal() []byte {
	var b bytes.Buffer
	b.WriteString(proofHeader + "\n")
	if len(p.Extra) > 0 {
		b.WriteString("extra " + base64.StdEncoding.EncodeToString(p.Extra) + "\n")
	}
	fmt.Fprintf(&b, "index %d\n", p.Index)
	writeHashes(&b, p.Hashes, p.Checkpoint)
	return b.Bytes()
}

// ParseInclusionProof is the inverse of Marshal; any other encoding is refused. It
// verifies nothing.
func ParseInclusionProof(b []byte) (InclusionProof, error) {
	lines, checkpoint, err := splitProof(b, proofHeader)
	if err != nil {
		return InclusionProof{}, err
	}
	p := InclusionProof{Checkpoint: checkpoint}
	if extra, ok := strings.CutPrefix(lines[0], "extra "); ok {
		p.Extra, err = base64.StdEncoding.Strict().DecodeString(extra)
		if err != nil || len(p.Extra) == 0 || len(lines) < 2 || base64.StdEncoding.EncodeToString(p.Extra) != extra {
			return InclusionProof{}, errors.New("parsing proof: malformed extra line")
		}
		lines = lines[1:]
	}
	if p.Index, err = parseField(lines[0], "index "); err != nil {
		return InclusionProof{}, err
	}
	p.Hashes, err = parseHashes(lines[1:])
	return p, err
}

// ConsistencyProof shows that a log only grew between two checkpoints. C2SP has no
// file form for it; this one is the shape of a tlog-proof:
//
//	writ/consistency-proof@v1
//	size <size of the older tree>
//	<base64 hash> …
//
//	<the newer checkpoint>
type ConsistencyProof struct {
	Size       uint64 // of the older tree
	Hashes     []Hash // RFC 6962, section 2.1.2
	Checkpoint []byte // the newer signed note, verbatim
}

// ProveConsistency proves that the tree of the newer checkpoint extends the
// one of the older, and returns an error when it does not.
func ProveConsistency(r tlog.HashReader, older, newer Checkpoint) (ConsistencyProof, error) {
	p := ConsistencyProof{Size: older.Size, Checkpoint: newer.Note}
	if older.Size > 0 && older.Size <= newer.Size && newer.Size <= maxSize {
		hashes, err := tlog.ProveTree(int64(newer.Size), int64(older.Size), r)
		if err != nil {
			return ConsistencyProof{}, fmt.Errorf("proving consistency: %w", err)
		}
		p.Hashes = hashes
	}
	if err := p.check(older, newer); err != nil {
		return ConsistencyProof{}, fmt.Errorf("proving consistency: %w", err)
	}
	return p, nil
}

// VerifyConsistency checks the proof against an older checkpoint that the
// caller trusts, and the newer one's signature. It returns the newer one.
func VerifyConsistency(p ConsistencyProof, older Checkpoint, keys ...note.Verifier) (Checkpoint, error) {
	newer, err := ParseCheckpoint(p.Checkpoint, keys...)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("verifying consistency: %w", err)
	}
	if err := p.check(older, newer); err != nil {
		return Checkpoint{}, fmt.Errorf("verifying consistency: %w", err)
	}
	return newer, nil
}

func (p ConsistencyProof) check(older, newer Checkpoint) error {
	if older.Origin != newer.Origin {
		return fmt.Errorf("checkpoints of two logs: %q and %q", older.Origin, newer.Origin)
	}
	if p.Size != older.Size || older.Size > newer.Size {
		return fmt.Errorf("proof from %d entries does not lead from %d to %d", p.Size, older.Size, newer.Size)
	}
	if older.Size == 0 { // every log extends the empty one, and needs no proof
		if len(p.Hashes) > 0 || older.Root != new(Tree).Root() {
			return errors.New("malformed proof from the empty tree")
		}
		return nil
	}
	return tlog.CheckTree(p.Hashes, int64(newer.Size), newer.Root, int64(older.Size), older.Root)
}

// Marshal encodes the proof.
func (p ConsistencyProof) Marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nsize %d\n", consistencyHeader, p.Size)
	writeHashes(&b, p.Hashes, p.Checkpoint)
	return b.Bytes()
}

// ParseConsistencyProof is the inverse of Marshal; any other encoding is refused.
// It verifies nothing.
func ParseConsistencyProof(b []byte) (ConsistencyProof, error) {
	lines, checkpoint, err := splitProof(b, consistencyHeader)
	if err != nil {
		return ConsistencyProof{}, err
	}
	p := ConsistencyProof{Checkpoint: checkpoint}
	if p.Size, err = parseField(lines[0], "size "); err != nil {
		return ConsistencyProof{}, err
	}
	p.Hashes, err = parseHashes(lines[1:])
	return p, err
}

func writeHashes(b *bytes.Buffer, hashes []Hash, checkpoint []byte) {
	for _, h := range hashes {
		b.WriteString(h.String() + "\n")
	}
	b.WriteByte('\n')
	b.Write(checkpoint)
}

// splitProof returns the lines between header and blank line, at least one,
// and what follows.
func splitProof(b []byte, header string) ([]string, []byte, error) {
	if len(b) > maxProof {
		return nil, nil, fmt.Errorf("parsing proof: %d bytes, at most %d", len(b), maxProof)
	}
	head, checkpoint, ok := bytes.Cut(b, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !ok || lines[0] != header || len(lines) < 2 {
		return nil, nil, fmt.Errorf("parsing proof: not a %s file", header)
	}
	return lines[1:], checkpoint, nil
}

func parseField(line, name string) (uint64, error) {
	value, ok := strings.CutPrefix(line, name)
	if !ok {
		return 0, fmt.Errorf("parsing proof: want a line %q", strings.TrimSpace(name))
	}
	n, err := parseDecimal(value)
	if err != nil {
		return 0, fmt.Errorf("parsing proof: %w", err)
	}
	return n, nil
}

func parseHashes(lines []string) ([]Hash, error) {
	if len(lines) > maxProofHashes {
		return nil, fmt.Errorf("parsing proof: %d hashes, at most %d", len(lines), maxProofHashes)
	}
	var out []Hash
	for _, l := range lines {
		h, err := parseHash(l)
		if err != nil {
			return nil, fmt.Errorf("parsing proof: %w", err)
		}
		out = append(out, h)
	}
	return out, nil
}
