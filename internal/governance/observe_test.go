package governance

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-project/writ/auditlog"
)

// person can sign.
type person struct{ private, public string }

func newPerson(t testing.TB, name string) person {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return person{private, public}
}

func sign(t testing.TB, text string, by ...person) []byte {
	t.Helper()
	var signers []note.Signer
	for _, p := range by {
		s, err := note.NewSigner(p.private)
		if err != nil {
			t.Fatal(err)
		}
		signers = append(signers, s)
	}
	out, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const observedLog = "test/0"

// statement is one that counts now.
func statement(t testing.TB, change func(*Statement)) string {
	t.Helper()
	s, err := NewStatement(observedLog, "first adoption", time.Now().Add(-time.Minute), time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&s)
	}
	return s.Text()
}

func (h *house) observe(t testing.TB, approvers ...person) *Observe {
	t.Helper()
	var keys []string
	for _, p := range approvers {
		keys = append(keys, p.public)
	}
	o, err := OpenObserve(context.Background(), h.office, observedLog, keys, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestObserveTakesTwoPeopleAndOneOff(t *testing.T) {
	h, ann, bob, eve := open(t, t.TempDir()), newPerson(t, "ann"), newPerson(t, "bob"), newPerson(t, "eve")
	o := h.observe(t, ann, bob)
	good := statement(t, nil)
	later := func(d time.Duration) func(*Statement) {
		return func(s *Statement) { s.From, s.Until = s.From.Add(d), s.Until.Add(d) }
	}
	for name, signed := range map[string][]byte{
		"nobody":               []byte(good),
		"one signature":        sign(t, good, ann),
		"the same key twice":   sign(t, good, ann, ann),
		"an unknown key":       sign(t, good, ann, eve),
		"unknown keys":         sign(t, good, newPerson(t, "ann"), newPerson(t, "bob")),
		"two and an unknown":   sign(t, good, ann, bob, eve),
		"a signature replaced": bytes.Replace(sign(t, good, ann, bob), []byte("first"), []byte("fifth"), 1),
		"another log":          sign(t, statement(t, func(s *Statement) { s.Origin = "other/0" }), ann, bob),
		"over":                 sign(t, statement(t, later(-2*time.Hour)), ann, bob),
		"31 days":              sign(t, statement(t, func(s *Statement) { s.Until = s.From.Add(31 * 24 * time.Hour) }), ann, bob),
		"in a year":            sign(t, statement(t, later(365*24*time.Hour)), ann, bob),
		"backwards":            sign(t, statement(t, func(s *Statement) { s.From, s.Until = s.Until, s.From }), ann, bob),
		"no reason":            sign(t, statement(t, func(s *Statement) { s.Reason = "" }), ann, bob),
		"a guessable nonce":    sign(t, statement(t, func(s *Statement) { s.Nonce = "1" }), ann, bob),
		"a further line":       sign(t, good+"until 2999-01-01T00:00:00Z\n", ann, bob),
		"another text":         sign(t, "hello\n", ann, bob),
	} {
		if _, err := o.On(t.Context(), alice, signed); err == nil || o.Current(time.Now()) != nil {
			t.Errorf("%s: switched it on (%v)", name, err)
			_ = o.Off(t.Context(), alice)
		}
	}
	if err := o.Off(t.Context(), alice); !errors.Is(err, ErrNotObserving) {
		t.Errorf("switching off what is off: %v", err)
	}
	w, err := o.On(t.Context(), alice, sign(t, good, bob, ann))
	if err != nil || !slices.Equal(w.Approvers, []string{"ann", "bob"}) {
		t.Fatalf("two people: %+v, %v", w, err)
	}
	if _, err := o.On(t.Context(), alice, sign(t, statement(t, nil), ann, bob)); !errors.Is(err, ErrObserving) {
		t.Errorf("a second statement at once: %v", err)
	}
	if err := o.Off(t.Context(), alice); err != nil || o.Current(time.Now()) != nil {
		t.Errorf("one person off: %v", err)
	}
	if _, err := o.On(t.Context(), alice, sign(t, good, ann, bob)); !errors.Is(err, ErrReplayed) {
		t.Errorf("the statement again: %v", err)
	}
	want := []string{"observe.on", "observe.off"}
	if got := h.actions(t); !slices.Equal(got, want) {
		t.Errorf("the log holds %v, want %v", got, want)
	}
}

// actions lists the control actions that were carried out.
func (h *house) actions(t testing.TB) (out []string) {
	t.Helper()
	var open []string
	err := h.log.Scan(context.Background(), 0, func(_ uint64, entry []byte) error {
		r, err := auditlog.ParseRecord(entry)
		if err == nil && r.Kind == auditlog.KindControl {
			open = append(open, r.Control.Action)
		}
		if err == nil && r.Kind == auditlog.KindControlOutcome && r.Outcome.Ended == ended {
			out = append(out, open[len(open)-1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestObserveIsOffByDefault(t *testing.T) {
	h, ann, bob := open(t, t.TempDir()), newPerson(t, "ann"), newPerson(t, "bob")
	for _, approvers := range [][]person{nil, {ann}} {
		o := h.observe(t, approvers...)
		if _, err := o.On(t.Context(), alice, sign(t, statement(t, nil), ann, bob)); err == nil || o.Pending() != nil {
			t.Errorf("with %d approvers it is on: %v", len(approvers), err)
		}
	}
}

func TestObserveSurvivesARestartAndOffDoesToo(t *testing.T) {
	dir, ann, bob, eve := t.TempDir(), newPerson(t, "ann"), newPerson(t, "bob"), newPerson(t, "eve")
	h := open(t, dir)
	signed := sign(t, statement(t, nil), ann, bob)
	if _, err := h.observe(t, ann, bob).On(t.Context(), alice, signed); err != nil {
		t.Fatal(err)
	}
	h.close()
	h = open(t, dir)
	if h.observe(t, ann, eve).Current(time.Now()) != nil {
		t.Error("it is on though one who signed is no approver any more")
	}
	o := h.observe(t, ann, bob)
	if o.Current(time.Now()) == nil {
		t.Fatal("it is off after a restart")
	}
	if err := o.Off(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	h.close()
	h = open(t, dir)
	if o = h.observe(t, ann, bob); o.Current(time.Now()) != nil {
		t.Error("it is on again after a restart")
	}
	if _, err := o.On(t.Context(), alice, signed); !errors.Is(err, ErrReplayed) {
		t.Errorf("the statement again after a restart: %v", err)
	}
	if _, err := h.load(t); err != nil {
		t.Errorf("the state does not load beside it: %v", err)
	}
}

// Whoever writes the store and not the log cannot switch it on, nor again.
func TestS17_TheStoreCannotSwitchObserveOn(t *testing.T) {
	dir, ann, bob := t.TempDir(), newPerson(t, "ann"), newPerson(t, "bob")
	h := open(t, dir)
	o := h.observe(t, ann, bob)
	if _, err := o.On(t.Context(), alice, sign(t, statement(t, nil), ann, bob)); err != nil {
		t.Fatal(err)
	}
	if err := o.Off(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		`DELETE FROM instance WHERE name LIKE 'observe_off/%'`,
		`UPDATE instance SET value = replace(value, '"Index":0', '"Index":2') WHERE name LIKE 'observe_on/%'`,
	} {
		if err := h.exec(query); err != nil {
			t.Fatal(err)
		}
		if h.observe(t, ann, bob).Current(time.Now()) != nil {
			t.Errorf("on after %s", query)
		}
	}
	fresh := statement(t, nil)
	s, err := ParseStatement(fresh)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(sign(t, fresh, ann, bob)), "\n", `\n`)
	if err := h.exec(`INSERT INTO instance (name, value) VALUES ($1, $2)`, "observe_on/"+s.Nonce, `{"record":{"Shard":"0","Index":0},"signed":"`+text+`"}`); err != nil {
		t.Fatal(err)
	}
	if o := h.observe(t, ann, bob); o.Current(time.Now()) != nil {
		t.Error("a signed statement without a record switched it on")
	}
}

// A window that the store has lost is over with the next switching: putting its
// row back does not open it again.
func TestS17_ALostWindowDoesNotComeBack(t *testing.T) {
	dir, ann, bob := t.TempDir(), newPerson(t, "ann"), newPerson(t, "bob")
	h := open(t, dir)
	if _, err := h.observe(t, ann, bob).On(t.Context(), alice, sign(t, statement(t, nil), ann, bob)); err != nil {
		t.Fatal(err)
	}
	if err := h.exec(`UPDATE instance SET name = 'hidden/' || name WHERE name LIKE 'observe_on/%'`); err != nil {
		t.Fatal(err)
	}
	o := h.observe(t, ann, bob)
	if o.Pending() != nil {
		t.Fatal("it is on without its statement")
	}
	if _, err := o.On(t.Context(), alice, sign(t, statement(t, nil), ann, bob)); err != nil {
		t.Fatal(err)
	}
	if err := o.Off(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	if err := h.exec(`UPDATE instance SET name = substr(name, 8) WHERE name LIKE 'hidden/%'`); err != nil {
		t.Fatal(err)
	}
	if h.observe(t, ann, bob).Pending() != nil {
		t.Error("the first window is open again")
	}
}

func TestObserveEndsByItself(t *testing.T) {
	dir, ann, bob := t.TempDir(), newPerson(t, "ann"), newPerson(t, "bob")
	synctest.Test(t, func(t *testing.T) {
		h := open(t, dir)
		o := h.observe(t, ann, bob)
		ctx, cancel := context.WithCancel(t.Context())
		done, reconsidered := make(chan struct{}), 0
		go func() { o.Run(ctx, func() { reconsidered++ }); close(done) }()
		soon := statement(t, func(s *Statement) { s.From, s.Until = s.From.Add(10*time.Minute), s.From.Add(20*time.Minute) })
		if _, err := o.On(t.Context(), alice, sign(t, soon, ann, bob)); err != nil {
			t.Fatal(err)
		}
		if o.Current(time.Now()) != nil || o.Pending() == nil {
			t.Error("it is on before it begins")
		}
		time.Sleep(15 * time.Minute)
		if o.Current(time.Now()) == nil {
			t.Error("it is off while it should be on")
		}
		time.Sleep(5 * time.Minute)
		if o.Current(time.Now()) != nil || o.Pending() != nil {
			t.Error("it did not end")
		}
		cancel()
		if <-done; reconsidered != 1 {
			t.Errorf("open calls were reconsidered %d times", reconsidered)
		}
		if got := h.actions(t); !slices.Equal(got, []string{"observe.on", "observe.ended"}) {
			t.Errorf("the log holds %v", got)
		}
		h.close()
	})
}

// A crash between the switch and its outcome leaves it as it was announced.
func TestS27_ObserveIsReconciled(t *testing.T) {
	dir, ann, bob := t.TempDir(), newPerson(t, "ann"), newPerson(t, "bob")
	h := open(t, dir)
	if _, err := h.observe(t, ann, bob).On(t.Context(), alice, sign(t, statement(t, nil), ann, bob)); err != nil {
		t.Fatal(err)
	}
	// As if the outcome had not been written: the ledger has the act open.
	h.ledger.mu.Lock()
	for r, last := range h.ledger.latest {
		delete(h.ledger.latest, r)
		h.ledger.open[last.place()] = &announced{changes: []spoken{{r, last}}}
	}
	h.ledger.mu.Unlock()
	if n, err := h.office.Reconcile(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d acts reconciled, %v", n, err)
	}
	if h.observe(t, ann, bob).Current(time.Now()) == nil {
		t.Error("what was committed was closed as an orphan")
	}
}

func FuzzParseStatement(f *testing.F) {
	f.Add(statement(f, nil))
	f.Add("writ observe v1\norigin x\nfrom 2026-01-01T00:00:00Z\nuntil 2026-01-02T00:00:00Z\nnonce 0\nreason x\n")
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := ParseStatement(text); err == nil && (s.Text() != text || s.Validate() != nil) {
			t.Errorf("%q is accepted", text)
		}
	})
}
