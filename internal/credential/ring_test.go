package credential

import (
	"errors"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/identity"
)

// pair is a fresh seal and derive key.
func pair(id uint16, epoch uint32) []Key {
	return []Key{NewKey(id, SealPurpose, epoch, noon), NewKey(id, DerivePurpose, epoch, noon)}
}

// retired retires both keys of a pair.
func retired(keys []Key, at time.Time) []Key {
	return []Key{keys[0].Retire(at), keys[1].Retire(at)}
}

func mustRing(t testing.TB, epoch uint32, pairs ...[]Key) *Ring {
	t.Helper()
	c := RingConfig{Epoch: epoch}
	for _, p := range pairs {
		c.Keys = append(c.Keys, p...)
	}
	r, err := NewRing(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRotationOverlaps(t *testing.T) {
	first, second := pair(1, 0), pair(2, 0)
	before := mustSeal(t, mustRing(t, 0, first), sample())
	staged := mustRing(t, 0, first, second)
	rotated := mustRing(t, 0, retired(first, noon.Add(time.Minute)), second)
	after := mustSeal(t, rotated, sample())
	for name, ring := range map[string]*Ring{"staged": staged, "rotated": rotated} {
		for which, i := range map[string]Issued{"before": before, "after": after} {
			if _, secret, err := ring.OpenSession(i.AccessKeyID, i.SessionToken.Reveal()); err != nil || secret.Reveal() != i.SecretKey.Reveal() {
				t.Errorf("%s ring, session from %s: %v", name, which, err)
			}
		}
	}
	if staged.sealer.id != 1 || rotated.sealer.id != 2 || rotated.source.id != 2 {
		t.Error("a staged key seals, or a retired one still does")
	}
	gone := mustRing(t, 0, second)
	if _, _, err := gone.OpenSession(before.AccessKeyID, before.SessionToken.Reveal()); !errors.Is(err, ErrInvalid) {
		t.Errorf("a key that left the ring still opens: %v", err)
	}
}

func TestS10_RetiredKeyCannotMintAnew(t *testing.T) {
	stolen := pair(1, 0)
	thief, ring := mustRing(t, 0, stolen), mustRing(t, 0, retired(stolen, noon), pair(2, 0))
	s := sample()
	for age, want := range map[time.Duration]error{-time.Hour: nil, clockTolerance: nil, 2 * time.Minute: ErrInvalid} {
		s.Issued, s.Expires = noon.Add(age), noon.Add(age+MaxSession)
		if _, err := ring.OpenBearer(mustSealBearer(t, thief, s)); !errors.Is(err, want) {
			t.Errorf("issued %v after retirement: %v, want %v", age, err, want)
		}
	}
}

func TestS10_EmergencyRotationHasNoOverlap(t *testing.T) {
	old, fresh := pair(1, 4), pair(2, 5)
	before, thief := mustRing(t, 4, old), mustRing(t, 4, old)
	ring := mustRing(t, 5, old, fresh)
	issued := mustSeal(t, before, sample())
	if _, _, err := ring.OpenSession(issued.AccessKeyID, issued.SessionToken.Reveal()); err == nil {
		t.Error("a session from before opens")
	}
	if _, err := ring.OpenBearer(mustSealBearer(t, before, sample())); err == nil {
		t.Error("a bearer token from before opens")
	}
	thief.epoch = 5 // who holds the old key can write any epoch
	if _, err := ring.OpenBearer(mustSealBearer(t, thief, sample())); !errors.Is(err, ErrInvalid) {
		t.Errorf("a token forged with an old key opens: %v", err)
	}
	s, err := before.OpenBearer(mustSealBearer(t, before, sample()))
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Check(&s, &identity.Identity{ID: s.Identity}, from("203.0.113.1"), noon); !errors.Is(err, ErrRevoked) {
		t.Errorf("a session opened before still counts: %v", err)
	}
}

func TestS10_LowerKeyEpochIsRevoked(t *testing.T) {
	keys := pair(1, 5)
	writer, ring := mustRing(t, 5, keys), mustRing(t, 5, keys)
	writer.epoch = 4
	if _, err := ring.OpenBearer(mustSealBearer(t, writer, sample())); !errors.Is(err, ErrRevoked) {
		t.Errorf("OpenBearer: %v", err)
	}
	issued := mustSeal(t, writer, sample())
	if _, _, err := ring.OpenSession(issued.AccessKeyID, issued.SessionToken.Reveal()); !errors.Is(err, ErrRevoked) {
		t.Errorf("OpenSession: %v", err)
	}
}

func TestNewRingRefuses(t *testing.T) {
	good := pair(1, 1)
	for name, c := range map[string]RingConfig{
		"nothing":              {},
		"no derive key":        {Epoch: 1, Keys: good[:1]},
		"no seal key":          {Epoch: 1, Keys: good[1:]},
		"only retired keys":    {Epoch: 1, Keys: retired(good, noon)},
		"only earlier keys":    {Epoch: 2, Keys: good},
		"a later key":          {Epoch: 0, Keys: good},
		"a key twice":          {Epoch: 1, Keys: append(pair(1, 1), good...)},
		"a key's id reused":    {Epoch: 2, Keys: append(pair(1, 2), good...)},
		"a log key":            {Epoch: 1, Keys: append(pair(2, 1), NewKey(1, LogPurpose, 1, noon))},
		"a key without secret": {Epoch: 1, Keys: append(pair(2, 1), Key{ID: 1, Purpose: SealPurpose, Epoch: 1})},
		"the zero key":         {Keys: append(pair(2, 0), Key{})},
	} {
		if r, err := NewRing(c); err == nil || r != nil {
			t.Errorf("%s: no error", name)
		}
	}
}
