package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/journal"
)

// outsideRows are what others that Writ relies on can do: the issuer whose
// keys verify proofs, and the database that holds the rules.
func outsideRows() []row {
	const group = "issuer and database"
	return []row{
		{group: group, name: "issuer down, its keys never fetched", how: "connections dropped; time moved on a minute by a tracer, the least between two fetches", ends: []string{"200"}, run: issuerNeverSeen},
		{group: group, name: "issuer down, its keys at hand", how: "connections dropped; time moved on 30 and 65 minutes by a tracer", ends: []string{"200"}, run: issuerGone},
		{group: group, name: "database killed", how: "kill -9 of PostgreSQL, freshness limit 2 s; started again", run: databaseKilled},
		{group: group, name: "database hangs", how: "SIGSTOP of PostgreSQL, freshness limit 2 s; continued", run: databaseHangs},
	}
}

// prove exchanges a fresh token of the issuer's at the STS endpoint.
func (t *trial) prove(ctx context.Context) (status int, err error) {
	token, err := t.site.issuer.signer.Token("demo:support-agent", "writ", nil, 20*time.Hour)
	if err != nil {
		return 0, err
	}
	form := url.Values{
		"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleSessionName": {"faults"},
		"RoleArn": {"arn:aws:iam::" + demo.Account + ":role/support-agent"}, "WebIdentityToken": {token},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.site.process.gateway+"/", strings.NewReader(form.Encode()))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// proves makes some proofs, all of which must be accepted, or none.
func (t *trial) proves(ctx context.Context, accepted bool, when string) error {
	for range 3 {
		status, err := t.prove(ctx)
		if err != nil {
			return err
		}
		if (status == http.StatusOK) != accepted {
			return fmt.Errorf("%s, a proof was answered %d", when, status)
		}
	}
	t.note("%s: proofs %s", when, map[bool]string{true: "accepted", false: "refused"}[accepted])
	return nil
}

// minted counts the sessions that the log says were obtained by a proof.
func (t *trial) minted(ctx context.Context) (int, error) {
	r, err := journal.OpenReader(t.site.log())
	if err != nil {
		return 0, err
	}
	n := 0
	return n, r.Scan(ctx, t.from, func(_ uint64, entry []byte) error {
		rec, err := auditlog.ParseRecord(entry)
		if err == nil && rec.Kind == auditlog.KindMint && rec.Proof.Kind == "oidc" {
			n++
		}
		return err
	})
}

// later moves writ's time on; the load signs by the same clock.
func (t *trial) later(ctx context.Context, d time.Duration) error {
	t.ahead = d
	if err := t.clock(ctx, "both "+d.String()); err != nil {
		return err
	}
	return t.becomes(ctx, http.StatusOK) // the rules are read again within a second
}

// becomes waits until /readyz answers so.
func (t *trial) becomes(ctx context.Context, status int) error {
	for end := time.Now().Add(recoverWithin); t.site.ready() != status; {
		if time.Now().After(end) {
			return fmt.Errorf("readyz says %d, not %d", t.site.ready(), status)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func issuerNeverSeen(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	t.site.issuer.down.Store(true)
	if err := errors.Join(t.proves(ctx, false, "while it is down"), t.during(ctx, t.few(true))); err != nil {
		return err
	}
	t.site.issuer.down.Store(false)
	if err := t.later(ctx, 61*time.Second); err != nil {
		return err
	}
	if err := t.proves(ctx, true, "a minute after it is back"); err != nil {
		return err
	}
	return errors.Join(t.onRecord(ctx, 3), t.heals(ctx))
}

// onRecord compares the proofs that were accepted with those in the log.
func (t *trial) onRecord(ctx context.Context, accepted int) error {
	n, err := t.minted(ctx)
	if err == nil && n != accepted {
		err = fmt.Errorf("UNRECORDED: %d proofs were accepted, and %d are in the log", accepted, n)
	}
	return err
}

func issuerGone(ctx context.Context, t *trial) error {
	if err := t.traced(ctx); err != nil {
		return err
	}
	if err := t.proves(ctx, true, "before"); err != nil {
		return err
	}
	t.site.issuer.down.Store(true)
	if err := t.later(ctx, 30*time.Minute); err != nil {
		return err
	}
	if err := errors.Join(t.proves(ctx, true, "30 minutes after it went down"), t.during(ctx, t.few(true))); err != nil {
		return err
	}
	if err := t.later(ctx, 65*time.Minute); err != nil {
		return err
	}
	if err := t.proves(ctx, false, "65 minutes after"); err != nil {
		return err
	}
	t.site.issuer.down.Store(false)
	if err := t.later(ctx, 67*time.Minute); err != nil {
		return err
	}
	if err := t.proves(ctx, true, "once it is back"); err != nil {
		return err
	}
	// The load's own session was good for an hour.
	keys, err := t.site.session(ctx, "support-agent")
	if err != nil {
		return err
	}
	t.site.keys = keys
	return errors.Join(t.onRecord(ctx, 9), t.heals(ctx))
}

// onPostgres opens a site whose rules are in a PostgreSQL of its own.
func (t *trial) onPostgres(ctx context.Context) (*postgres, error) {
	db, err := t.startPostgres(ctx)
	if err != nil {
		return nil, err
	}
	dsn := filepath.Join(db.dir, "dsn")
	if err := os.WriteFile(dsn, []byte(db.dsn), 0o600); err != nil {
		return nil, err
	}
	if err := t.opens(ctx, options{config: fmt.Sprintf("store: {dsnFile: %q}\nlimits: {freshness: 2s}\n", dsn)}); err != nil {
		return nil, err
	}
	t.call(ctx, t.few(true))
	return db, nil
}

func databaseKilled(ctx context.Context, t *trial) error {
	db, err := t.onPostgres(ctx)
	if err != nil {
		return err
	}
	db.kill()
	if err := t.untilRefused(ctx); err != nil {
		return err
	}
	if err := db.start(ctx); err != nil {
		return err
	}
	return t.heals(ctx)
}

func databaseHangs(ctx context.Context, t *trial) error {
	db, err := t.onPostgres(ctx)
	if err != nil {
		return err
	}
	if err := db.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	bad := t.untilRefused(ctx)
	if err := errors.Join(bad, db.signal(syscall.SIGCONT)); err != nil {
		return err
	}
	return t.heals(ctx)
}
