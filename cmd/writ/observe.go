package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
)

type observeCmd struct {
	Keygen    observeKeygenCmd    `cmd:"" help:"Make an approver's key."`
	Statement observeStatementCmd `cmd:"" help:"Word a statement for two people to sign."`
	Sign      observeSignCmd      `cmd:"" help:"Sign a statement, signed by another or not."`
	On        observeOnCmd        `cmd:"" help:"Switch observe mode on by a statement that two people signed."`
	Off       observeOffCmd       `cmd:"" help:"Switch observe mode off. One person may."`
	Status    observeStatusCmd    `cmd:"" help:"Say whether observe mode is on, until when, and who signed."`
}

func (c *observeCmd) Help() string {
	return `Observe mode is for first adoption: a call that no right covers, or that a rule
forbids, goes through, and answer, record, log and metrics say that it would have
been refused. Nothing else is passed over: who does not authenticate, what cannot
be understood, and what cannot be recorded is refused as ever.

It takes two people: their verifier keys stand in observe.approvers, and both sign
one statement, which names the installation, a time of at most 30 days and a reason,
and counts once. It ends by itself; anyone may end it sooner.

  ann$ writ observe keygen ann --out ann.key      # prints her verifier key
  bob$ writ observe keygen bob --out bob.key
  ann$ writ observe statement --for 168h --reason "first week" > statement
  ann$ writ observe sign --key ann.key statement > by-ann
  bob$ writ observe sign --key bob.key by-ann > by-both
       writ observe on by-both`
}

type observeKeygenCmd struct {
	Name string `arg:"" help:"Of the person, without spaces."`
	Out  string `required:"" help:"New file for the private key, mode 0600." type:"path"`
}

func (c *observeKeygenCmd) Run() error {
	private, public, err := note.GenerateKey(rand.Reader, c.Name)
	if err == nil {
		_, err = note.NewVerifier(public) // refuses names that no key can have
	}
	if err != nil {
		return withHint(fmt.Errorf("making a key for %q: %w", c.Name, err), "a name has no spaces and no +")
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = fmt.Fprintln(f, private); errors.Join(err, f.Close()) != nil {
		return errors.Join(err, os.Remove(c.Out))
	}
	fmt.Println(public)
	fmt.Fprintf(os.Stderr, "the private key is in %s: keep it where only %s gets it; the line above goes into observe.approvers\n", c.Out, c.Name)
	return nil
}

type observeStatementCmd struct {
	dataFlag
	Reason string        `required:"" help:"Why, in one line; it is shown to whoever asks."`
	From   time.Time     `help:"When it begins (RFC 3339). Default: at once." placeholder:"TIME"`
	For    time.Duration `default:"24h" help:"How long, at most 720h."`
	Log    string        `help:"The log's origin, which names the installation; default: asked of the live server." placeholder:"ORIGIN"`
}

func (c *observeStatementCmd) Run(ctx context.Context) error {
	if c.Log == "" {
		client, _, err := c.needLive(ctx)
		if err != nil {
			return err
		}
		s, err := client.Observe(ctx)
		if err != nil {
			return err
		}
		c.Log = s.Log
	}
	if c.From.IsZero() {
		c.From = time.Now()
	}
	s, err := governance.NewStatement(c.Log, c.Reason, c.From, c.From.Add(c.For))
	if err != nil {
		return err
	}
	fmt.Print(s.Text())
	return nil
}

type observeSignCmd struct {
	Key  string `required:"" help:"File with the private key (writ observe keygen)." type:"path"`
	File string `arg:"" help:"Statement, signed by another or not; - for standard input."`
}

// Run shows what is signed on stderr: nobody should sign unread.
func (c *observeSignCmd) Run() error {
	signer, err := loadSigner(c.Key)
	if err != nil {
		return err
	}
	text, err := readInput(c.File)
	if err != nil {
		return err
	}
	n := &note.Note{Text: string(text)}
	if body, _, signed := bytes.Cut(text, []byte("\n\n")); signed {
		opened, err := note.Open(text, note.VerifierList())
		var unverified *note.UnverifiedNoteError
		if err != nil && !errors.As(err, &unverified) {
			return fmt.Errorf("reading the signed statement: %w", err)
		}
		if unverified != nil {
			opened = unverified.Note
		}
		n = &note.Note{Text: string(body) + "\n", UnverifiedSigs: opened.UnverifiedSigs}
	}
	if _, err := governance.ParseStatement(n.Text); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s signs:\n\n%s\n", signer.Name(), n.Text)
	out, err := note.Sign(n, signer)
	if err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	_, err = os.Stdout.Write(out)
	return err
}

// loadSigner reads a private key, which is in no error.
func loadSigner(path string) (note.Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, withHint(fmt.Errorf("%s can be read by others", path), "chmod 600 %s", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(strings.TrimSpace(string(b)))
	if err != nil {
		return nil, withHint(fmt.Errorf("%s holds no private key", path), "writ observe keygen makes one")
	}
	return signer, nil
}

// maxStatement bounds a signed statement.
const maxStatement = 1 << 16

func readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(io.LimitReader(os.Stdin, maxStatement))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxStatement))
}

type observeOnCmd struct {
	dataFlag
	File string `arg:"" help:"Statement that two approvers signed; - for standard input."`
}

func (c *observeOnCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	text, err := readInput(c.File)
	if err != nil {
		return err
	}
	s, err := client.ObserveOn(ctx, string(text))
	if err != nil {
		return err
	}
	if s.On {
		fmt.Fprintln(os.Stderr, loud(s))
	} else {
		fmt.Fprintf(os.Stderr, "observe mode will begin at %s\n", s.From.Format(time.RFC3339))
	}
	return nil
}

type observeOffCmd struct{ dataFlag }

func (c *observeOffCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if _, err := client.ObserveOff(ctx); err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "observe mode is off: every call needs its right again; calls that only it let through were cut")
	return nil
}

type observeStatusCmd struct {
	dataFlag
	JSON bool `help:"Print JSON."`
}

func (c *observeStatusCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	s, err := client.Observe(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s)
	}
	fmt.Println(observeLine(s))
	return nil
}

func observeLine(s api.ObserveStatus) string {
	switch {
	case s.On:
		return loud(s)
	case s.Pending:
		return fmt.Sprintf("off; on from %s until %s (signed by %s)", s.From.Format(time.RFC3339), s.Until.Format(time.RFC3339), strings.Join(s.Approvers, ", "))
	}
	return "off"
}
