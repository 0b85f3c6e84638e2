package governance

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/receipt"
)

const issuer = "writ.example/log/0"

func releasedCall(now time.Time) receipt.Claims {
	return receipt.Claims{
		Issuer: "somebody.else/log/0", Identity: "bot", ID: receipt.NewID(issuer, "h", 0, issuer, 7),
		IssuedAt: now.Unix(), Expires: now.Add(receipt.MaxLife).Unix(), Tool: "pay",
		Arguments: "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", // of {}
		Hold:      "h", Call: "c", Approvers: []string{"ana"}, LogOrigin: issuer, LogIndex: 7,
	}
}

func TestS10_ReceiptKeysRotate(t *testing.T) {
	h := open(t, t.TempDir())
	kek, err := credential.GenerateKEK(filepath.Join(h.dir, "kek"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	cfg := KeysConfig{
		Issuer: issuer, Store: h.store, KEK: kek, Shard: "0", Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return now },
	}
	keys, err := OpenKeys(t.Context(), cfg, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := keys.Announce(t.Context(), h.office, h.log.Head().Size); err != nil {
		t.Fatal(err)
	}
	want := receipt.Expect{Issuer: issuer, Identity: "bot", Tool: "pay", Arguments: []byte(`{}`), Now: now}
	old, err := keys.SignReceipt(releasedCall(now))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := receipt.Check(old, keys.Receipts(), want); err != nil {
		t.Fatalf("a fresh receipt: %v", err)
	}

	if _, err := keys.Rotate(t.Context(), alice, false); err != nil {
		t.Fatal(err)
	}
	fresh, err := keys.SignReceipt(releasedCall(now))
	if err != nil {
		t.Fatal(err)
	}
	if fresh == old {
		t.Error("the old key signs on after its rotation")
	}
	published, err := receipt.ParseKeys(keys.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"from before": old, "from after": fresh} {
		if _, err := receipt.Check(token, published, want); err != nil {
			t.Errorf("a receipt %s an ordinary rotation: %v", name, err)
		}
	}
	replica, err := OpenKeys(t.Context(), cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(replica.JWKS(), keys.JWKS()) {
		t.Error("another replica publishes other keys")
	}

	now = now.Add(receipt.MaxLife + receipt.Skew)
	if err := keys.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(keys.Receipts().Keys); n != 2 {
		t.Errorf("%d keys are published while the last receipt of the old one can count", n)
	}
	now = now.Add(2 * receipt.Skew)
	if err := keys.reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(keys.Receipts().Keys); n != 1 {
		t.Errorf("%d keys are published after that", n)
	}

	last, err := keys.SignReceipt(releasedCall(now))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Rotate(t.Context(), alice, true); err != nil {
		t.Fatal(err)
	}
	want.Now = now
	if _, err := receipt.Check(last, keys.Receipts(), want); !errors.Is(err, receipt.ErrKey) {
		t.Errorf("a receipt from before an emergency rotation: %v", err)
	}
}
