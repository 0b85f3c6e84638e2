package auditlog_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-project/writ/auditlog"
)

func TestCheckpointForm(t *testing.T) {
	c := mustSign(t, &auditlog.Tree{})
	const text = "log.example/writ\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
	if !strings.HasPrefix(string(c.Note), text+"\n— log.example/writ ") {
		t.Errorf("checkpoint:\n%s", c.Note)
	}
	// The signature must be a plain one for any signed-note implementation.
	if _, err := note.Open(c.Note, note.VerifierList(mustVerifier(t))); err != nil {
		t.Error(err)
	}
	got, err := auditlog.ParseCheckpoint(c.Note, mustVerifier(t))
	if err != nil || got.Origin != origin || got.Size != 0 || got.Root != c.Root {
		t.Errorf("ParseCheckpoint = %+v, %v", got, err)
	}
}

// resign signs any text with the test key, as a writer with a bug would.
func resign(t testing.TB, text string) []byte {
	t.Helper()
	msg, err := note.Sign(&note.Note{Text: text}, mustSigner(t))
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestParseCheckpointIsStrict(t *testing.T) {
	good := mustSign(t, &auditlog.Tree{})
	root := good.Root.String()
	for name, msg := range map[string][]byte{
		"extension line":     resign(t, origin+"\n0\n"+root+"\nextra\n"),
		"leading zero":       resign(t, origin+"\n00\n"+root+"\n"),
		"negative":           resign(t, origin+"\n-1\n"+root+"\n"),
		"huge":               resign(t, origin+"\n18446744073709551615\n"+root+"\n"),
		"another origin":     resign(t, "log.example/other\n0\n"+root+"\n"),
		"short root":         resign(t, origin+"\n0\nAAAA\n"),
		"stray root bits":    resign(t, origin+"\n0\n"+strings.Replace(root, "U=", "V=", 1)+"\n"),
		"no origin":          resign(t, "\n0\n"+root+"\n"),
		"repeated signature": append([]byte(good.Note), good.Note[strings.LastIndex(string(good.Note), "—"):]...),
		"unsigned":           []byte(good.Text()),
		"empty":              nil,
	} {
		if c, err := auditlog.ParseCheckpoint(msg, mustVerifier(t)); err == nil {
			t.Errorf("%s: accepted as %+v", name, c)
		}
	}
	if _, err := auditlog.ParseCheckpoint(good.Note); err == nil {
		t.Error("accepted without any key")
	}
}

// TestEveryByteOfACheckpointCounts also covers the unused bits at the end of
// base64, which a lax decoder would let anybody change.
func TestEveryByteOfACheckpointCounts(t *testing.T) {
	good := mustSign(t, &auditlog.Tree{}).Note
	for i := range good {
		for bit := range 8 {
			bad := append([]byte(nil), good...)
			bad[i] ^= 1 << bit
			if _, err := auditlog.ParseCheckpoint(bad, mustVerifier(t)); err == nil {
				t.Fatalf("bit %d of byte %d (%q) can be changed", bit, i, good[i])
			}
		}
	}
}

func TestSigningKeyDoesNotPrint(t *testing.T) {
	s := mustSigner(t)
	secret := base64.StdEncoding.EncodeToString(testKey.Seed())[:20]
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		out := fmt.Sprintf(verb, s)
		if strings.Contains(out, secret) || strings.Contains(out, "0123456789abcdef") || strings.Contains(out, "48, 49, 50") || strings.Contains(out, "48 49 50") {
			t.Errorf("%s prints the key: %s", verb, out)
		}
	}
	if _, err := auditlog.NewSigner(origin, testKey[:10]); err == nil {
		t.Error("a short key was accepted")
	}
}

// witness makes cosignatures as https://c2sp.org/tlog-cosignature says.
type witness struct {
	key  ed25519.PrivateKey
	name string
}

func (w witness) keyData() []byte {
	return append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
}

func (w witness) hash() uint32 {
	sum := sha256.Sum256(append([]byte(w.name+"\n"), w.keyData()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (w witness) vkey() string {
	return fmt.Sprintf("%s+%08x+%s", w.name, w.hash(), base64.StdEncoding.EncodeToString(w.keyData()))
}

func (w witness) cosign(msg []byte, at time.Time) []byte {
	text, _, _ := strings.Cut(string(msg), "\n\n")
	sig := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at.Unix(), text))
	data := binary.BigEndian.AppendUint32(nil, w.hash())
	data = binary.BigEndian.AppendUint64(data, uint64(at.Unix()))
	return fmt.Appendf(msg, "— %s %s\n", w.name, base64.StdEncoding.EncodeToString(append(data, sig...)))
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(string(mustSign(f, &auditlog.Tree{}).Note))
	f.Add(origin + "\n5\nAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	f.Fuzz(func(t *testing.T, text string) {
		// Sign what the fuzzer finds, so that it gets past the signature.
		msg := []byte(text)
		if signed, err := note.Sign(&note.Note{Text: text}, mustSigner(t)); err == nil {
			msg = signed
		}
		c, err := auditlog.ParseCheckpoint(msg, mustVerifier(t))
		if err == nil && !strings.HasPrefix(string(msg), c.Text()) {
			t.Errorf("%q is read as %q", msg, c.Text())
		}
	})
}
