package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/writtest"
	"github.com/writ-project/writ/receipt"
)

const nonce = "0123456789abcdef0123456789abcdef"

// shownReceipt is a receipt for {"amount":1250} and a file with its key.
func shownReceipt(t *testing.T, change func(*receipt.Claims)) (token, keys string) {
	t.Helper()
	private := ed25519.NewKeyFromSeed([]byte("a seed for tests, 32 bytes long."))
	key := receipt.NewKey(private.Public().(ed25519.PublicKey))
	digest, err := receipt.Digest([]byte(`{"amount":1250}`))
	if err != nil {
		t.Fatal(err)
	}
	c := receipt.Claims{
		Issuer: "writ.example/log/0", Identity: "invoice-triage", ID: nonce, IssuedAt: time.Now().Unix(), Expires: time.Now().Unix() + 900,
		Tool: "post_payment", Arguments: digest, Hold: "h-7", Call: "tooluse_1", Approvers: []string{"ana"}, LogOrigin: "writ.example/log/0", LogIndex: 7,
	}
	if change != nil {
		change(&c)
	}
	if token, err = receipt.Sign(private, key.ID, c); err != nil {
		t.Fatal(err)
	}
	keys = filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, receipt.Keys{Issuer: c.Issuer, Keys: []receipt.Key{key}}.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	return token, keys
}

func TestReceiptVerifySaysYesNoOrNeither(t *testing.T) {
	token, keys := shownReceipt(t, nil)
	hostile, _ := shownReceipt(t, func(c *receipt.Claims) { c.Hold = "h\x1b]0;pwned\a\u202e" })
	dir := t.TempDir()
	spaced := filepath.Join(dir, "arguments.json")
	if err := os.WriteFile(spaced, []byte("{ \"amount\": 1.25e3 }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join(dir, "broken.json")
	if err := os.WriteFile(broken, []byte(`{"keys":[]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(dir, "used")
	for _, c := range []struct {
		name   string
		args   []string
		exit   int
		stdout string
		stderr string
	}{
		{"as it is", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys}, 0, "released: post_payment for invoice-triage\n", "--nonces FILE remembers"},
		{"arguments of a file", []string{token, "--tool", "post_payment", "--arguments", spaced, "--keys", keys}, 0, "record      7 of writ.example/log/0", ""},
		{"other arguments", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1251}`, "--keys", keys}, 1, "", "REFUSED: the receipt is for other arguments"},
		{"another tool", []string{token, "--tool", "pay", "--arguments", `{"amount":1250}`, "--keys", keys}, 1, "", "for another tool"},
		{"another installation", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys, "--issuer", "writ.test/log/0"}, 1, "", "another installation's"},
		{"another identity", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys, "--identity", "bot"}, 1, "", "another identity's"},
		{"no receipt", []string{"x.y.z", "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys}, 1, "", "not a receipt"},
		{"no keys", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", broken}, 2, "", "hint: writ receipt keys >"},
		{"no file", []string{token, "--tool", "post_payment", "--arguments", "nowhere.json", "--keys", keys}, 2, "", "hint: --arguments takes JSON"},
		{"keys in the clear", []string{token, "--tool", "post_payment", "--arguments", `{}`, "--gateway", "http://writ.example"}, 2, "", "hint: use https"},
		{"JSON", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys, "--json"}, 0, `"verdict":"released","single_use":"unchecked","claims":{"iss":"writ.example/log/0"`, ""},
		{"JSON, refused", []string{token, "--tool", "p", "--arguments", `{"amount":1250}`, "--keys", keys, "--json"}, 1, `{"verdict":"refused","reason":"the receipt is for another tool"}`, ""},
		{"hostile text", []string{hostile, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys}, 0, `"h\x1b]0;pwned\a\u202e"`, ""},
		{"used", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys, "--nonces", used}, 0, "used by this check", ""},
		{"used again", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys, "--nonces", used}, 1, "", "REFUSED: the receipt was used before"},
		{"no place for nonces", []string{token, "--tool", "post_payment", "--arguments", `{"amount":1250}`, "--keys", keys, "--nonces", filepath.Join(dir, "no", "used")}, 2, "", "the receipt is not used up"},
	} {
		got := writtest.Run(t, dir, append([]string{"receipt", "verify"}, c.args...)...)
		if got.Code != c.exit || !strings.Contains(got.Stdout, c.stdout) || !strings.Contains(got.Stderr, c.stderr) {
			t.Errorf("%s: exit %d\n%s%s", c.name, got.Code, got.Stdout, got.Stderr)
		}
	}
}

// TestReceiptKeysAreTheSameLiveOrNot: a stopped installation prints what its
// gateway serves.
func TestReceiptKeysAreTheSameLiveOrNot(t *testing.T) {
	s := writtest.Start(t, writtest.Options{})
	live := s.MustRun(t, "receipt", "keys", "--json")
	keys, err := receipt.ParseKeys([]byte(live))
	if err != nil || len(keys.Keys) != 1 || keys.Issuer == "" {
		t.Fatalf("%s: %v", live, err)
	}
	if named := s.MustRun(t, "receipt", "keys", "--json", "--gateway", s.Gateway); named != live {
		t.Errorf("by its address: %s", named)
	}
	var pretty, one any
	if json.Unmarshal([]byte(s.MustRun(t, "receipt", "keys")), &pretty) != nil || json.Unmarshal([]byte(live), &one) != nil || fmt.Sprint(pretty) != fmt.Sprint(one) {
		t.Error("without --json it prints other keys")
	}
	s.Terminate()
	if err := s.Exit(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	if stopped := s.MustRun(t, "receipt", "keys", "--json"); stopped != live {
		t.Errorf("stopped: %s\nlive: %s", stopped, live)
	}
}

func TestS24_ANonceFileRemembersAcrossProcesses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "used")
	var taken, used atomic.Int64
	var all sync.WaitGroup
	for range 16 { // each opens the file anew, as a process does
		all.Go(func() {
			switch err := nonceFile(file).Use(t.Context(), nonce, time.Unix(2e9, 0)); {
			case err == nil:
				taken.Add(1)
			case errors.Is(err, receipt.ErrUsed):
				used.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if taken.Load() != 1 || used.Load() != 15 {
		t.Errorf("taken %d times, refused %d times", taken.Load(), used.Load())
	}
	if err := nonceFile(file).Use(t.Context(), nonce+"0", time.Unix(2e9, 0)); err != nil {
		t.Errorf("another nonce: %v", err)
	}
}

// TestANonceFileCutOffAnywhere: of a line that a crash cut off, nobody was told
// that it is there; every other line counts on.
func TestANonceFileCutOffAnywhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "used")
	first, last := nonce+" 2000000000\n", strings.Repeat("f", 32)+" 2000000000\n"
	for cut := range last {
		if err := os.WriteFile(file, []byte(first+last[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := nonceFile(file).Use(t.Context(), nonce, time.Unix(2e9, 0)); !errors.Is(err, receipt.ErrUsed) {
			t.Fatalf("cut at %d: the line before does not count: %v", cut, err)
		}
		if err := nonceFile(file).Use(t.Context(), strings.Repeat("f", 32), time.Unix(2e9, 0)); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != first+last {
			t.Fatalf("cut at %d: the file is %q", cut, got)
		}
	}
}

func TestAFileOfSomethingElseRemembersNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "used")
	for _, text := range []string{"hello\n", "hello world\n", "\n", " 1\n", strings.Repeat("x", 1000), nonce + " 2000000000\n\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := nonceFile(file).Use(t.Context(), "another"+nonce, time.Unix(2e9, 0)); err == nil || errors.Is(err, receipt.ErrUsed) {
			t.Errorf("%.20q: %v", text, err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Errorf("%.20q became %.20q", text, got)
		}
	}
}

func TestANonceFileThatIsLockedIsNotWaitedForBeyondTheCall(t *testing.T) {
	file := filepath.Join(t.TempDir(), "used")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := lockFile(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := nonceFile(file).Use(ctx, nonce, time.Unix(2e9, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
