package credential

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sampleSignIn() SignIn {
	return SignIn{
		ID: "i-01", Operator: "dana", Method: "https://login.example.com", Bound: strings.Repeat("c", 43), Maker: "erin", Epoch: 2,
		Issued: noon, Expires: noon.Add(8 * time.Hour),
	}
}

func sampleFlow() Flow {
	return Flow{
		State: strings.Repeat("s", 43), Nonce: strings.Repeat("n", 43), Verifier: strings.Repeat("v", 43),
		Loopback: "http://127.0.0.1:40000/", Challenge: strings.Repeat("c", 43), Echo: "e", Return: "/requests", Expires: noon.Add(10 * time.Minute),
	}
}

// form is one of the forms that operators' tokens have.
type form struct {
	kind kind
	seal func(*Ring, SignIn) (Bearer, error)
	open func(*Ring, string) (SignIn, error)
}

var forms = []form{
	{signInKind, (*Ring).SealSignIn, (*Ring).OpenSignIn},
	{linkKind, (*Ring).SealLink, (*Ring).OpenLink},
	{codeKind, (*Ring).SealCode, (*Ring).OpenCode},
}

func TestSignInComesBack(t *testing.T) {
	r := mustRing(t, 7, pair(1, 7))
	for _, f := range forms {
		sealed, err := f.seal(r, sampleSignIn())
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.open(r, sealed.Token.Reveal())
		want := sampleSignIn()
		want.KeyEpoch = 7
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v: %v %s", f.kind, err, diff)
		}
	}
	sealed, err := r.SealFlow(sampleFlow())
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.OpenFlow(sealed.Token.Reveal())
	if diff := cmp.Diff(sampleFlow(), got); err != nil || diff != "" {
		t.Errorf("flow: %v %s", err, diff)
	}
}

// TestS10_NoFormOfATokenIsAnother shows every token to every door, as it is and
// with the prefix that the door expects.
func TestS10_NoFormOfATokenIsAnother(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	issued := mustSeal(t, r, sample())
	flow, err := r.SealFlow(sampleFlow())
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[kind]string{
		sessionKind: issued.SessionToken.Reveal(), bearerKind: mustSealBearer(t, r, sample()),
		containerKind: mustSealContainer(t, r, contained()), flowKind: flow.Token.Reveal(),
	}
	for _, f := range forms {
		sealed, err := f.seal(r, sampleSignIn())
		if err != nil {
			t.Fatal(err)
		}
		tokens[f.kind] = sealed.Token.Reveal()
	}
	if len(tokens) != len(kinds) {
		t.Fatalf("%d of %d kinds are tried", len(tokens), len(kinds))
	}
	doors := map[kind]func(string) error{
		sessionKind:   func(s string) error { _, _, err := r.OpenSession(issued.AccessKeyID, s); return err },
		bearerKind:    func(s string) error { _, err := r.OpenBearer(s); return err },
		containerKind: func(s string) error { _, err := r.OpenContainer(s); return err },
		flowKind:      func(s string) error { _, err := r.OpenFlow(s); return err },
	}
	for _, f := range forms {
		doors[f.kind] = func(s string) error { _, err := f.open(r, s); return err }
	}
	for at, open := range doors {
		for from, token := range tokens {
			swapped := kinds[at].prefix + strings.TrimPrefix(token, kinds[from].prefix)
			if from == at {
				if err := open(token); err != nil {
					t.Errorf("%s at its own door: %v", kinds[from].label, err)
				}
				continue
			}
			for _, s := range []string{token, swapped} {
				if err := open(s); !errors.Is(err, ErrInvalid) {
					t.Errorf("%s as %s: %v", kinds[from].label, kinds[at].label, err)
				}
			}
		}
	}
}

func TestS10_AnEmergencyRotationEndsSignIns(t *testing.T) {
	before := mustRing(t, 0, pair(1, 0))
	after := mustRing(t, 1, pair(2, 1))
	// A ring that still holds the old key, as no ring should.
	lax := &Ring{epoch: 1, seal: before.seal, derive: before.derive, sealer: before.sealer, source: before.source, opened: new(opened)}
	for _, f := range forms {
		sealed, err := f.seal(before, sampleSignIn())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.open(after, sealed.Token.Reveal()); !errors.Is(err, ErrInvalid) {
			t.Errorf("by a new ring: %v", err)
		}
		if _, err := f.open(lax, sealed.Token.Reveal()); !errors.Is(err, ErrRevoked) {
			t.Errorf("by a ring of a later epoch: %v", err)
		}
	}
	flow, err := before.SealFlow(sampleFlow())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lax.OpenFlow(flow.Token.Reveal()); !errors.Is(err, ErrRevoked) {
		t.Errorf("a flow: %v", err)
	}
}

func TestS10_RetiredKeyMakesNoSignInAnew(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	sealed, err := r.SealSignIn(sampleSignIn())
	if err != nil {
		t.Fatal(err)
	}
	r.sealer.retired = noon.Add(-time.Hour)
	if _, err := r.OpenSignIn(sealed.Token.Reveal()); !errors.Is(err, ErrInvalid) {
		t.Errorf("%v", err)
	}
}

func TestSealSignInRefuses(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	for name, spoil := range map[string]func(*SignIn){
		"no id":         func(s *SignIn) { s.ID = "" },
		"no operator":   func(s *SignIn) { s.Operator = "" },
		"too long":      func(s *SignIn) { s.Expires = noon.Add(MaxSession + time.Second) },
		"ends at once":  func(s *SignIn) { s.Expires = s.Issued },
		"a long text":   func(s *SignIn) { s.Method = strings.Repeat("x", maxText+1) },
		"what no UTF-8": func(s *SignIn) { s.Bound = "\xff" },
		"long texts": func(s *SignIn) {
			s.ID, s.Operator, s.Method = strings.Repeat("x", maxText), strings.Repeat("x", maxText), strings.Repeat("x", maxText)
		},
		"no time at all": func(s *SignIn) { s.Issued, s.Expires = time.Time{}, time.Time{} },
	} {
		s := sampleSignIn()
		spoil(&s)
		for _, f := range forms {
			if _, err := f.seal(r, s); err == nil {
				t.Errorf("%s: sealed", name)
			}
		}
	}
	for name, spoil := range map[string]func(*Flow){
		"no state":    func(f *Flow) { f.State = "" },
		"no nonce":    func(f *Flow) { f.Nonce = "" },
		"no verifier": func(f *Flow) { f.Verifier = "" },
		"no end":      func(f *Flow) { f.Expires = time.Time{} },
		"long texts":  func(f *Flow) { f.Return, f.Echo = strings.Repeat("x", maxText), strings.Repeat("x", maxText) },
	} {
		f := sampleFlow()
		spoil(&f)
		if _, err := r.SealFlow(f); err == nil {
			t.Errorf("flow with %s: sealed", name)
		}
	}
}

func TestSignInsNeverPrint(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	sealed, err := r.SealSignIn(sampleSignIn())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, sealed); strings.Contains(text, sealed.Token.Reveal()) {
			t.Errorf("%s prints it", verb)
		}
	}
}

func TestEverySignInComesBack(t *testing.T) {
	r := mustRing(t, 0, pair(1, 0))
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(1, 80, 190)
		issued := time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "issued"), 0).UTC()
		want := SignIn{
			ID: text.Draw(t, "id"), Operator: text.Draw(t, "operator"), Method: text.Draw(t, "method"), Bound: text.Draw(t, "bound"), Maker: text.Draw(t, "maker"),
			Epoch: rapid.Uint32().Draw(t, "epoch"), Issued: issued, Expires: issued.Add(time.Duration(rapid.Int64Range(1, int64(MaxSession/time.Second)).Draw(t, "life")) * time.Second),
		}
		sealed, err := r.SealLink(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.OpenLink(sealed.Token.Reveal())
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v %s", err, diff)
		}
	})
}

// FuzzOpenSignIn opens what is made up, and decodes what no door let in.
func FuzzOpenSignIn(f *testing.F) {
	r := mustRing(f, 0, pair(1, 0))
	sealed, err := r.SealSignIn(sampleSignIn())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed.Token.Reveal())
	f.Add(kinds[linkKind].prefix)
	f.Fuzz(func(t *testing.T, token string) {
		_, _ = decodeSignIn(token)
		_, _ = r.OpenLink(token)
		_, _ = r.OpenCode(token)
		if s, err := r.OpenSignIn(token); err == nil && validSignIn(&s) != nil {
			t.Errorf("%+v opens", s)
		}
	})
}

func FuzzOpenFlow(f *testing.F) {
	r := mustRing(f, 0, pair(1, 0))
	sealed, err := r.SealFlow(sampleFlow())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed.Token.Reveal())
	f.Fuzz(func(t *testing.T, token string) {
		if flow, err := r.OpenFlow(token); err == nil && validFlow(&flow) != nil {
			t.Errorf("%+v opens", flow)
		}
	})
}
