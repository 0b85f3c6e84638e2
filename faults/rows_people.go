package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// peopleRows are what can happen to rights while they are taken away, told of or
// brought back.
func peopleRows() []row {
	const group = "rights"
	return []row{
		{group: group, name: "stopped for longer than its lease", how: "SIGSTOP for 2.5 s under load, a lease of 1 s; continued", run: stoppedBeyondItsLease},
		{group: group, name: "a grant is widened in the database", how: "its end moved in its row and in that alone, freshness limit 2 s; the row restored", run: rowWidened},
		{group: group, name: "sinks that refuse", how: "a webhook whose port is closed, a mail server that takes nothing (554); quarantines are set and told of", ends: []string{"200"}, run: sinksRefuse},
		{group: group, name: "an old backup is restored", how: "a right is taken away after the backup; restored with the newest log into a new directory", ends: []string{"200"}, run: oldBackup},
	}
}

func stoppedBeyondItsLease(ctx context.Context, t *trial) error {
	if err := t.opens(ctx, options{config: "replica: {lease: 1s}\n"}); err != nil {
		return err
	}
	calling, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- t.during(calling, load{workers: 4, streams: true, pause: 5 * time.Millisecond}) }()
	err := errors.Join(sleep(ctx, 300*time.Millisecond), t.site.process.freeze(ctx), sleep(ctx, 2500*time.Millisecond))
	err = errors.Join(err, syscall.Kill(t.site.process.pid, syscall.SIGCONT), sleep(ctx, time.Second))
	cancel()
	if err := errors.Join(err, <-done); err != nil {
		return err
	}
	return t.heals(ctx)
}

// rowWidened does what somebody with write access to the database would do, and
// nothing more: they cannot write to the log.
func rowWidened(ctx context.Context, t *trial) error {
	db, err := t.onPostgres(ctx)
	if err != nil {
		return err
	}
	const grant = "support-agent.support-conversations"
	var spec string
	var digest []byte
	if err := db.within(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, `SELECT spec, digest FROM resources WHERE kind = 'Grant' AND name = $1`, grant).Scan(&spec, &digest)
	}); err != nil {
		return err
	}
	write := func(spec string) error {
		return db.within(ctx, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE head SET revision = revision + 1`)
			if err == nil {
				_, err = tx.Exec(ctx, `UPDATE resources SET spec = $2, revision = (SELECT revision FROM head) WHERE kind = 'Grant' AND name = $1`, grant, spec)
			}
			return err
		})
	}
	wider := strings.Replace(spec, `"notAfter":"2`, `"notAfter":"3`, 1)
	if wider == spec {
		return fmt.Errorf("the grant has no end to move: %s", spec)
	}
	if err := write(wider); err != nil {
		return err
	}
	if err := t.untilRefused(ctx); err != nil {
		return err
	}
	t.note("/readyz: %d", t.site.ready())
	if err := write(spec); err != nil {
		return err
	}
	return t.heals(ctx)
}

// sinksRefuse has acts told of to sinks that take nothing.
func sinksRefuse(ctx context.Context, t *trial) error {
	mail, err := startRefusingMail()
	if err != nil {
		return err
	}
	t.own(func() { _ = mail.Close() })
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := gone.Close(); err != nil {
		return err
	}
	secret := filepath.Join(t.dir, "sink-secret")
	if err := os.WriteFile(secret, []byte("whsec_"+strings.Repeat("QUJD", 11)), 0o600); err != nil {
		return err
	}
	err = t.opens(ctx, options{config: fmt.Sprintf(`notify:
  sinks:
    - {name: hook, kind: webhook, url: "https://%s/", secretFile: %q, allowLocal: true}
    - {name: post, kind: mail, allowLocal: true, mail: {server: %q, from: writ@example.com, to: [security@example.com]}}
`, gone.Addr(), secret, mail.Addr())})
	if err != nil {
		return err
	}
	for _, tag := range []string{"nobody", "nothing"} {
		if _, err := t.site.verb(ctx, "quarantine", "add", "tag", tag, "--reason", "a drill", "--data", t.site.data); err != nil {
			return err
		}
	}
	if err := t.during(ctx, t.few(true)); err != nil {
		return err
	}
	if err := t.toldInVain(ctx); err != nil {
		return err
	}
	return t.heals(ctx)
}

// toldInVain waits until both sinks have something to be told; it is tried again,
// and nothing was delivered.
func (t *trial) toldInVain(ctx context.Context) error {
	for end := time.Now().Add(recoverWithin); ; {
		out, err := t.site.verb(ctx, "notify", "list", "--json", "--data", t.site.data)
		if err != nil {
			return err
		}
		waiting := make(map[string]int)
		for dec := json.NewDecoder(bytes.NewReader(out)); ; {
			var s struct {
				Name               string
				Waiting, Delivered int
			}
			if err := dec.Decode(&s); errors.Is(err, io.EOF) {
				break
			} else if err != nil || s.Delivered > 0 {
				return errors.Join(fmt.Errorf("the sinks stand at %s", out), err)
			}
			waiting[s.Name] = s.Waiting
		}
		if waiting["hook"] >= 2 && waiting["post"] >= 2 {
			t.note("what is to be told waits, and is tried again")
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("the sinks stand at %s", out)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// startRefusingMail answers every connection as a mail server that takes nothing.
func startRefusingMail() (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "554 5.7.1 no\r\n")
			_ = c.Close()
		}
	}()
	return l, nil
}

// oldBackup goes on from a backup that knows a right which was taken away since.
func oldBackup(ctx context.Context, t *trial) error {
	if err := t.opens(ctx, options{}); err != nil {
		return err
	}
	if err := t.during(ctx, t.few(true)); err != nil {
		return err
	}
	s, backup, restored := t.site, filepath.Join(t.site.dir, "old.backup"), filepath.Join(t.site.dir, "restored")
	if _, err := s.verb(ctx, "backup", backup, "--data", s.data); err != nil {
		return err
	}
	if _, err := s.verb(ctx, "revoke", "grant", "analytics.nova-family", "--reason", "a drill", "--data", s.data); err != nil {
		return err
	}
	if err := t.stops(ctx); err != nil {
		return err
	}
	if _, err := s.verb(ctx, "restore", backup, "--data", restored, "--kek", filepath.Join(s.data, "kek"), "--log", s.log()); err != nil {
		return err
	}
	s.data = restored
	if err := s.start(ctx); err != nil {
		return err
	}
	return errors.Join(t.stayedAway(ctx), t.heals(ctx))
}

// stayedAway looks that the right is gone and that the old session is void, and
// gets a new one.
func (t *trial) stayedAway(ctx context.Context) error {
	out, err := t.site.verb(ctx, "grant", "list", "--data", t.site.data)
	if err != nil {
		return err
	}
	if bytes.Contains(out, []byte("analytics.nova-family")) {
		return fmt.Errorf("WRONGLY ALLOWED: what was taken away after the backup is back:\n%s", out)
	}
	for _, a := range t.call(ctx, load{workers: 1, calls: 3, only: true, patient: 10 * time.Second}) {
		if a.status == 200 {
			return errors.New("WRONGLY ALLOWED: a session from before the restore opens")
		}
	}
	t.site.keys, err = t.site.session(ctx, "support-agent")
	return err
}
