package credential

import (
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"pgregory.net/rapid"
)

func mustKEK(t testing.TB) *KEK {
	t.Helper()
	k, err := GenerateKEK(filepath.Join(t.TempDir(), "kek"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func same(a, b Key) bool {
	return a.ID == b.ID && a.Purpose == b.Purpose && a.Epoch == b.Epoch && a.Created.Equal(b.Created) &&
		a.Retired.Equal(b.Retired) && a.Reveal() == b.Reveal()
}

func TestWrapComesBack(t *testing.T) {
	kek := mustKEK(t)
	rapid.Check(t, func(t *rapid.T) {
		want := NewKey(rapid.Uint16().Draw(t, "id"), rapid.SampledFrom(purposes[1:]).Draw(t, "purpose"),
			rapid.Uint32().Draw(t, "epoch"), noon.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "ns"))))
		if rapid.Bool().Draw(t, "retired") {
			want = want.Retire(noon.Add(time.Hour))
		}
		got, err := Unwrap(kek, Wrap(kek, want))
		if err != nil || !same(got, want) {
			t.Fatalf("%v → %v, %v", want, got, err)
		}
	})
}

func TestS10_WrappedKeyIsBoundToItsIDAndPurpose(t *testing.T) {
	kek := mustKEK(t)
	wrapped := Wrap(kek, NewKey(1, SealPurpose, 0, noon).Retire(noon))
	for bit := range 8 * len(wrapped) {
		flipped := append([]byte(nil), wrapped...)
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := Unwrap(kek, flipped); err == nil {
			t.Fatalf("bit %d flipped, and it unwraps", bit)
		}
	}
	for n := range wrapped {
		if _, err := Unwrap(kek, wrapped[:n]); err == nil {
			t.Fatalf("%d bytes unwrap", n)
		}
	}
	if _, err := Unwrap(kek, append(wrapped, 0)); err == nil {
		t.Error("a trailing byte is ignored")
	}
	if _, err := Unwrap(mustKEK(t), wrapped); err == nil {
		t.Error("another key-encryption key unwraps")
	}
}

func TestKeysAreNotWrappedPlain(t *testing.T) {
	k := NewKey(1, DerivePurpose, 0, noon)
	material := k.Reveal()
	if strings.Contains(string(Wrap(mustKEK(t), k)), string(material[:])) {
		t.Error("the wrapped key holds the material")
	}
	if other := NewKey(1, DerivePurpose, 0, noon); other.Reveal() == material {
		t.Error("two new keys are the same")
	}
}

func TestKEKFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek")
	made, err := GenerateKEK(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}
	loaded, err := LoadKEK(path)
	if err != nil {
		t.Fatal(err)
	}
	want := NewKey(1, SealPurpose, 0, noon)
	if got, err := Unwrap(loaded, Wrap(made, want)); err != nil || !same(got, want) {
		t.Errorf("wrapped by the key made, unwrapped by the key loaded: %v", err)
	}
	before, _ := os.ReadFile(path)
	if _, err := GenerateKEK(path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("an existing file: %v", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("an existing file was touched")
	}
}

func TestS10_KEKOthersCanReadIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kek")
	if _, err := GenerateKEK(path); err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644, 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKEK(path); err == nil {
			t.Errorf("mode %04o: loaded", mode)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKEK(path); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

func TestLoadKEKRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadKEK(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKEK(dir); err == nil {
		t.Error("a directory: loaded")
	}
	good := base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))
	for name, text := range map[string]string{
		"empty":     "",
		"short":     base64.StdEncoding.EncodeToString(make([]byte, 31)),
		"long":      base64.StdEncoding.EncodeToString([]byte(strings.Repeat("ab", 17))),
		"zeros":     base64.StdEncoding.EncodeToString(make([]byte, 32)),
		"hex":       strings.Repeat("0a", 32),
		"two lines": good + "\n" + good,
		"broken":    good[:20] + "\n" + good[20:],
		"huge":      good + strings.Repeat(" ", maxKEKFile) + "x",
		"no pad":    strings.TrimRight(good, "="),
	} {
		path := filepath.Join(dir, "bad")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := LoadKEK(path)
		if err == nil {
			t.Errorf("%s: loaded", name)
		} else if len(text) > 8 && strings.Contains(err.Error(), text[:8]) {
			t.Errorf("%s: the error quotes the file: %v", name, err)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	kek := mustKEK(f)
	f.Add(Wrap(kek, NewKey(1, SealPurpose, 0, noon)))
	f.Add([]byte{})
	f.Add(make([]byte, wrapSize))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := Unwrap(kek, b); err == nil && k.Created != noon {
			t.Fatalf("forged: %v", k)
		}
	})
}

func FuzzParseKEK(f *testing.F) {
	f.Add([]byte("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"))
	f.Add([]byte("\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := parseKEK(b); (k == nil) == (err == nil) {
			t.Fatalf("%v, %v", k, err)
		}
	})
}

func FuzzDecodeSession(f *testing.F) {
	s := sample()
	f.Add(string(appendSession(nil, &s)))
	f.Add(string(appendSession(nil, &identity.Session{ID: "a", Identity: "b", Proof: identity.ProofLocalAdmin, Issued: noon, Expires: noon.Add(1e9)})))
	f.Fuzz(func(t *testing.T, payload string) {
		s, err := decodeSession(payload)
		if err != nil {
			return
		}
		if again := string(appendSession(nil, &s)); again != payload {
			t.Fatalf("%q decodes, but encodes as %q", payload, again)
		}
	})
}

func FuzzOpenSession(f *testing.F) {
	r := mustRing(f, 0, pair(1, 0))
	i := mustSeal(f, r, sample())
	f.Add(i.AccessKeyID, i.SessionToken.Reveal())
	f.Add("' OR 1=1 --", "writs.v1.\x00")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, id, token string) {
		s, secret, err := r.OpenSession(id, token)
		genuine := id == i.AccessKeyID && token == i.SessionToken.Reveal()
		if genuine != (err == nil) || (err != nil && (s.ID != "" || secret.Reveal() != "")) {
			t.Fatalf("%q: %v", id, err)
		}
	})
}

func FuzzOpenBearer(f *testing.F) {
	r := mustRing(f, 0, pair(1, 0))
	token := mustSealBearer(f, r, sample())
	f.Add(token)
	f.Add("writb.v1.")
	f.Add("writs.v1." + strings.TrimPrefix(token, "writb.v1."))
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := r.OpenBearer(s); (s == token) != (err == nil) {
			t.Fatalf("%v", err)
		}
	})
}

func BenchmarkOpenSession(b *testing.B) {
	r := mustRing(b, 0, pair(1, 0))
	i := mustSeal(b, r, sample())
	token := i.SessionToken.Reveal()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.OpenSession(i.AccessKeyID, token); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenBearer(b *testing.B) {
	r := mustRing(b, 0, pair(1, 0))
	token := mustSealBearer(b, r, sample())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.OpenBearer(token); err != nil {
			b.Fatal(err)
		}
	}
}
