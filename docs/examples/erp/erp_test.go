package erp_test

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/writ-project/writ/docs/examples/erp"
	"github.com/writ-project/writ/internal/store/storetest"
	"github.com/writ-project/writ/receipt"
)

const (
	issuer  = "writ.example/log/main"
	payment = `{"invoice":"INV-1041","amount":1250.00}`
)

var (
	private = ed25519.NewKeyFromSeed([]byte("a seed for tests, 32 bytes long."))
	signer  = receipt.NewKey(private.Public().(ed25519.PublicKey))
	now     = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
)

func clock() time.Time { return now }

// released is a receipt for a payment of invoice-triage.
func released(t *testing.T, change func(*receipt.Claims)) string {
	t.Helper()
	digest, err := receipt.Digest([]byte(payment))
	if err != nil {
		t.Fatal(err)
	}
	c := receipt.Claims{
		Issuer: issuer, Identity: "invoice-triage", ID: receipt.NewID(issuer, "h-7", 0, issuer, 4711),
		IssuedAt: now.Unix(), Expires: now.Add(time.Minute).Unix(), Tool: "post_payment", Arguments: digest,
		Hold: "h-7", Call: "tooluse_1", Approvers: []string{"ana"}, LogOrigin: issuer, LogIndex: 4711,
	}
	if change != nil {
		change(&c)
	}
	token, err := receipt.Sign(private, signer.ID, c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// ledger is the handler behind the door: it keeps what was posted.
type ledger struct{ posted []string }

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c, ok := erp.Receipt(r)
	if err != nil || !ok {
		http.Error(w, "no receipt", http.StatusInternalServerError)
		return
	}
	l.posted = append(l.posted, string(body)+" by "+strings.Join(c.Approvers, ","))
	w.WriteHeader(http.StatusCreated)
}

func guard() erp.Guard {
	return erp.Guard{
		Tool: "post_payment", Issuer: issuer, Nonces: receipt.NewMemory(clock), Now: clock,
		Keys: func(context.Context) (receipt.Keys, error) {
			return receipt.Keys{Issuer: issuer, Keys: []receipt.Key{signer}}, nil
		},
		Caller: func(r *http.Request) string { user, _, _ := r.BasicAuth(); return user },
	}
}

func post(door http.Handler, user, body string, tokens ...string) int {
	r := httptest.NewRequest(http.MethodPost, "/payments", strings.NewReader(body))
	if user != "" {
		r.SetBasicAuth(user, "secret")
	}
	for _, token := range tokens {
		r.Header.Add(receipt.Header, token)
	}
	w := httptest.NewRecorder()
	door.ServeHTTP(w, r)
	return w.Code
}

func TestS24_TheLedgerTakesAReleasedPaymentOnce(t *testing.T) {
	l := new(ledger)
	door := erp.RequireReceipt(l, guard())
	token := released(t, nil)
	if code := post(door, "invoice-triage", payment, token); code != http.StatusCreated {
		t.Fatalf("a released payment is answered %d", code)
	}
	if code := post(door, "invoice-triage", payment, token); code != http.StatusConflict {
		t.Errorf("the second time: %d", code)
	}
	if len(l.posted) != 1 || l.posted[0] != payment+" by ana" {
		t.Errorf("posted: %q", l.posted)
	}
}

func TestS24_TheLedgerTakesNothingElse(t *testing.T) {
	good := released(t, nil)
	for _, c := range []struct {
		name, user, body string
		tokens           []string
		code             int
	}{
		{"no receipt", "invoice-triage", payment, nil, http.StatusForbidden},
		{"two receipts", "invoice-triage", payment, []string{good, good}, http.StatusForbidden},
		{"nobody", "", payment, []string{good}, http.StatusUnauthorized},
		{"another caller", "support-agent", payment, []string{good}, http.StatusForbidden},
		{"another amount", "invoice-triage", strings.Replace(payment, "1250.00", "9250.00", 1), []string{good}, http.StatusForbidden},
		{"no body", "invoice-triage", "", []string{good}, http.StatusForbidden},
		{"a very long body", "invoice-triage", payment + strings.Repeat(" ", receipt.MaxArguments), []string{good}, http.StatusRequestEntityTooLarge},
		{"another tool", "invoice-triage", payment, []string{released(t, func(c *receipt.Claims) { c.Tool = "read_invoice" })}, http.StatusForbidden},
		{"expired", "invoice-triage", payment, []string{released(t, func(c *receipt.Claims) { c.IssuedAt -= 3600; c.Expires -= 3600 })}, http.StatusForbidden},
		{"another installation", "invoice-triage", payment, []string{released(t, func(c *receipt.Claims) { c.Issuer = "writ.test" })}, http.StatusForbidden},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := new(ledger)
			door := erp.RequireReceipt(l, guard())
			if code := post(door, c.user, c.body, c.tokens...); code != c.code {
				t.Errorf("answered %d, want %d", code, c.code)
			}
			if len(l.posted) != 0 {
				t.Errorf("posted: %q", l.posted)
			}
			if code := post(door, "invoice-triage", payment, good); code != http.StatusCreated {
				t.Errorf("the good receipt was used up by it: %d", code)
			}
		})
	}
}

func TestWhatCannotBeAskedRefuses(t *testing.T) {
	g := guard()
	g.Keys = func(context.Context) (receipt.Keys, error) { return receipt.Keys{}, errors.New("no connection") }
	if code := post(erp.RequireReceipt(new(ledger), g), "invoice-triage", payment, released(t, nil)); code != http.StatusServiceUnavailable {
		t.Errorf("without keys: %d", code)
	}
	g = guard()
	g.Nonces = nil
	if code := post(erp.RequireReceipt(new(ledger), g), "invoice-triage", payment, released(t, nil)); code != http.StatusServiceUnavailable {
		t.Errorf("without a store of used receipts: %d", code)
	}
}

// pay is a handler's work with a database: receipt and write in one transaction.
func pay(ctx context.Context, db *sql.DB, token string, fail error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	want := receipt.Expect{Issuer: issuer, Identity: "invoice-triage", Tool: "post_payment", Arguments: []byte(payment), Now: now}
	keys := receipt.Keys{Issuer: issuer, Keys: []receipt.Key{signer}}
	if _, err := receipt.Verify(ctx, token, keys, want, erp.TxNonces{Tx: tx}); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO payments (body) VALUES ($1)`, payment); err != nil {
		return err
	}
	if fail != nil {
		return fail
	}
	return tx.Commit()
}

func TestS24_AReceiptIsUsedIfAndOnlyIfTheWriteHappened(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		usedWithTheWrite(t, "sqlite", "file:"+filepath.Join(t.TempDir(), "erp.db")+"?_pragma=busy_timeout(10000)&_txlock=immediate")
	})
	t.Run("postgres", func(t *testing.T) { usedWithTheWrite(t, "pgx", storetest.Postgres(t)) })
}

func usedWithTheWrite(t *testing.T, driver, dsn string) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, table := range []string{erp.Schema, `CREATE TABLE payments (body TEXT)`} {
		if _, err := db.Exec(table); err != nil {
			t.Fatal(err)
		}
	}
	token := released(t, nil)
	full := errors.New("the disk is full")
	if err := pay(t.Context(), db, token, full); !errors.Is(err, full) {
		t.Fatal(err)
	}
	results := make(chan error, 16)
	for range cap(results) {
		go func() { results <- pay(t.Context(), db, token, nil) }()
	}
	paid := 0
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			paid++
		case !errors.Is(err, receipt.ErrUsed):
			t.Error(err)
		}
	}
	var rows int
	if err := db.QueryRow(`SELECT count(*) FROM payments`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	if paid != 1 || rows != 1 {
		t.Errorf("paid %d times, %d rows", paid, rows)
	}
}
