package credential

import (
	"errors"
	"reflect"
	"testing"
)

// A session that is remembered opens for its own token, whole, under its own
// access key id, and for nothing else; another ring does not know it.
func TestS10_RememberedSessionsOpenForTheirTokenOnly(t *testing.T) {
	r, s := mustRing(t, 0, pair(1, 0)), sample()
	issued, other := mustSeal(t, r, s), mustSeal(t, r, s)
	token := issued.SessionToken.Reveal()
	first, secret, err := r.OpenSession(issued.AccessKeyID, token)
	if err != nil {
		t.Fatal(err)
	}
	again, secretAgain, err := r.OpenSession(issued.AccessKeyID, token)
	if err != nil || secretAgain.Reveal() != secret.Reveal() {
		t.Fatalf("the second time: %v", err)
	}
	if !reflect.DeepEqual(first, again) {
		t.Errorf("the second time it opens to %+v, the first time to %+v", again, first)
	}
	if e, ok := r.opened.recall(issued.AccessKeyID, token); !ok || e.secret.Reveal() != secret.Reveal() {
		t.Error("it is not remembered, so this test shows nothing")
	}
	if _, _, err := r.OpenSession(other.AccessKeyID, token); !errors.Is(err, ErrInvalid) {
		t.Errorf("under another access key id: %v", err)
	}
	for i := range token {
		b := []byte(token)
		b[i] ^= 1
		if _, _, err := r.OpenSession(issued.AccessKeyID, string(b)); !errors.Is(err, ErrInvalid) {
			t.Fatalf("with byte %d changed: %v", i, err)
		}
	}
	if _, _, err := mustRing(t, 1, pair(2, 1)).OpenSession(issued.AccessKeyID, token); !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrRevoked) {
		t.Errorf("after an emergency rotation: %v", err)
	}
}
