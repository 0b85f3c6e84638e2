package auditlog_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-project/writ/auditlog"
)

const origin = "log.example/writ"

// testKey is a fixed signing key; its secrecy protects nothing.
var testKey = ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))

func mustSigner(t testing.TB) note.Signer {
	t.Helper()
	s, err := auditlog.NewSigner(origin, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustVerifierKey(t testing.TB) string {
	t.Helper()
	k, err := auditlog.VerifierKey(origin, testKey.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func mustVerifier(t testing.TB) note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(mustVerifierKey(t))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// layout says what a test's log directory looks like.
type layout struct {
	entries   [][]byte
	start     int   // entries before the tail, a multiple of 256
	frames    []int // sizes of the frames of the tail; the rest is one frame
	published int   // size of the published checkpoint
	noTail    bool  // only the published part
}

// build makes a log directory from nothing but the documented format.
func (l layout) build(t testing.TB) fstest.MapFS {
	t.Helper()
	fsys := fstest.MapFS{"key": {Data: []byte(mustVerifierKey(t) + "\n")}}
	tree := &auditlog.Tree{}
	var tail []byte
	ends := map[int]bool{len(l.entries): len(l.entries) > l.start}
	for i, at := 0, l.start; i < len(l.frames); i++ {
		at += l.frames[i]
		ends[at] = true
	}
	first := l.start
	for i := 0; ; i++ {
		if i == l.published {
			fsys["checkpoint"] = &fstest.MapFile{Data: mustSign(t, tree).Note}
			publish(t, fsys, tree.Edge(), l.entries[:i])
		}
		if i > l.start && ends[i] {
			tail = append(tail, frame(l.entries[first:i], first, mustSign(t, tree).Note)...)
			first = i
		}
		if i == len(l.entries) {
			break
		}
		full := tree.Add(auditlog.LeafHash(l.entries[i]))
		if i < l.published {
			publish(t, fsys, full, l.entries[:i+1])
		}
	}
	if !l.noTail {
		fsys[auditlog.TailPath(uint64(l.start))] = &fstest.MapFile{Data: tail}
	}
	return fsys
}

// publish stores tiles, and the bundle that ends with the last entry if it is
// full or the tiles are partial.
func publish(t testing.TB, fsys fstest.MapFS, tiles []auditlog.TileData, entries [][]byte) {
	t.Helper()
	for _, d := range tiles {
		fsys[d.Path()] = &fstest.MapFile{Data: d.Data}
		if d.Level != 0 {
			continue
		}
		from := int(d.N) * auditlog.TileWidth
		bundle, err := auditlog.EncodeBundle(entries[from : from+d.Width])
		if err != nil {
			t.Fatal(err)
		}
		name := auditlog.Tile{Level: auditlog.EntriesLevel, N: d.N, Width: d.Width}.Path()
		fsys[name] = &fstest.MapFile{Data: bundle}
	}
}

func frame(entries [][]byte, first int, checkpoint []byte) []byte {
	buf := make([]byte, auditlog.FrameHeaderSize)
	for _, e := range entries {
		buf = auditlog.AppendEntry(buf, e)
	}
	return auditlog.SealFrame(buf, uint64(first), len(entries), checkpoint)
}

func mustSign(t testing.TB, tree *auditlog.Tree) auditlog.Checkpoint {
	t.Helper()
	c, err := auditlog.Checkpoint{Origin: origin, Size: tree.Size(), Root: tree.Root()}.Sign(mustSigner(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var epoch = time.Date(2026, 3, 4, 5, 6, 7, 89000, time.UTC)

func mustMarshal(t testing.TB, r *auditlog.Record) []byte {
	t.Helper()
	b, err := r.Marshal()
	if err != nil {
		t.Fatalf("Marshal: %v", err)
	}
	return b
}

// records makes n valid records: a mint, then intents and their outcomes.
func records(t testing.TB, n int) [][]byte {
	t.Helper()
	mint := uint64(0)
	who := &auditlog.Who{Identity: "support-agent"}
	cred := &auditlog.Credential{Kind: "session", ID: "s-1", MintRecord: &mint}
	out := make([][]byte, n)
	for i := range out {
		r := &auditlog.Record{ID: fmt.Sprintf("r-%d", i), Time: auditlog.At(epoch.Add(time.Duration(i) * time.Second))}
		switch {
		case i == 0:
			r.Kind, r.Who, r.Proof = auditlog.KindMint, who, &auditlog.Proof{Kind: "oidc"}
			r.Credential = &auditlog.Credential{Kind: "session", ID: "s-1"}
		case i%2 == 1:
			r.Kind, r.Who, r.Credential = auditlog.KindIntent, who, cred
			r.Call = &auditlog.Call{Operation: "Converse"}
			r.Decision = &auditlog.Decision{Decision: "permit"}
		default:
			r.Kind, r.Outcome = auditlog.KindOutcome, &auditlog.Outcome{Intent: uint64(i - 1), Ended: "complete"}
		}
		out[i] = mustMarshal(t, r)
	}
	return out
}
