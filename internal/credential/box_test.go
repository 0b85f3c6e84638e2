package credential

import (
	"bytes"
	"errors"
	"testing"
)

func box(t testing.TB, ids ...uint16) *Box {
	t.Helper()
	var keys []Key
	for _, id := range ids {
		keys = append(keys, NewKey(id, HoldPurpose, 0, noon))
	}
	b, err := NewBox(append(keys, NewKey(9, SealPurpose, 0, noon)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHeldContentOpensForItsLabelOnly(t *testing.T) {
	b := box(t, 1, 2)
	sealed := b.Seal([]byte("post 100 EUR"), "hold/a")
	if bytes.Contains(sealed, []byte("post")) {
		t.Fatal("it is not sealed")
	}
	if got, err := b.Open(sealed, "hold/a"); err != nil || string(got) != "post 100 EUR" {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := b.Open(sealed, "hold/b"); !errors.Is(err, ErrBox) {
		t.Errorf("it opens as another hold's: %v", err)
	}
	if _, err := box(t, 1, 2).Open(sealed, "hold/a"); !errors.Is(err, ErrBox) {
		t.Errorf("another installation's key opens it: %v", err)
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := b.Open(bad, "hold/a"); !errors.Is(err, ErrBox) {
			t.Errorf("with byte %d changed it opens: %v", i, err)
		}
	}
	if _, err := b.Open(sealed[:len(sealed)-1], "hold/a"); !errors.Is(err, ErrBox) {
		t.Errorf("cut short it opens: %v", err)
	}
}

func TestABoxNeedsAKeyForHolds(t *testing.T) {
	if _, err := NewBox([]Key{NewKey(1, SealPurpose, 0, noon)}); err == nil {
		t.Error("a key for sessions seals what is held")
	}
}

func FuzzBoxOpen(f *testing.F) {
	b := box(f, 1)
	f.Add(b.Seal([]byte("x"), "a"), "a")
	f.Add([]byte{1, 0, 1}, "")
	f.Fuzz(func(t *testing.T, sealed []byte, label string) {
		if text, err := b.Open(sealed, label); err == nil && (label != "a" || string(text) != "x") {
			t.Fatalf("%q opens, for %q", text, label)
		}
	})
}
