package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/rights"
)

type revokeCmd struct {
	dataFlag
	Kind    string        `arg:"" enum:"grant,identity,tag,session" help:"grant, identity, tag or session."`
	Name    string        `arg:"" help:"Its name; of a session, its id."`
	Reason  string        `required:"" help:"Why; it is recorded, and told to whom it concerns." placeholder:"TEXT"`
	NoWait  bool          `help:"Do not wait until every replica knows."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the replicas."`
	JSON    bool          `help:"Print JSON."`
}

func (c *revokeCmd) Help() string {
	return `Takes a grant away, or every grant and session of an identity or of all with a tag, or
a session. It needs no approval. Open calls are cut and sessions that were minted are
refused.

It prints "revoked" only once every registered replica knows, or provably decides
nothing any more because its lease has ended; until then it says which one it waits
for, and after --timeout the exit status is 1. The word has gone out either way.`
}

func (c *revokeCmd) Run(ctx context.Context) error {
	return stop{c.dataFlag, api.StopOrder{Target: rights.Target{Kind: rights.TargetKind(c.Kind), Name: c.Name}, Reason: c.Reason}, "revoked", !c.NoWait, c.Timeout, c.JSON}.run(ctx, (*api.Client).Revoke)
}

// stop is a revocation or a quarantine as a verb carries it out.
type stop struct {
	dataFlag
	order   api.StopOrder
	word    string // said once everybody knows
	wait    bool
	timeout time.Duration
	json    bool
}

func (s stop) run(ctx context.Context, act func(*api.Client, context.Context, api.StopOrder) (governance.Revocation, error)) error {
	client, _, err := s.needLive(ctx)
	if err != nil {
		return err
	}
	r, err := act(client, ctx, s.order)
	if err != nil {
		return err
	}
	if s.wait && !r.Spread.Everyone {
		r.Spread, err = s.follow(ctx, client, r.Spread)
	}
	return errors.Join(err, s.answer(r))
}

// follow asks until everybody knows, telling each replica's step once.
func (s stop) follow(ctx context.Context, client *api.Client, from governance.Spread) (governance.Spread, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	told, now := map[string]string{}, from
	for !now.Everyone {
		if !s.json {
			reached(os.Stderr, told, now)
		}
		select {
		case <-ctx.Done():
			return now, nil
		case <-time.After(100 * time.Millisecond):
		}
		next, err := client.Spread(ctx, from.Revision)
		switch {
		case ctx.Err() != nil:
			return now, nil
		case err != nil:
			return now, err
		}
		now = next
	}
	if !s.json {
		reached(os.Stderr, told, now)
	}
	return now, nil
}

func reached(w io.Writer, told map[string]string, s governance.Spread) {
	for _, r := range s.Replicas {
		line := fmt.Sprintf("at revision %d, waiting for %d until %s", r.Revision, s.Revision, r.Until.Format("15:04:05"))
		switch {
		case r.Knows:
			line = "knows"
		case r.Fenced:
			line = "decides nothing: its lease has ended"
		}
		key := strings.TrimRight(line, "0123456789:")
		if told[r.Name] != key {
			fmt.Fprintf(w, "replica %s %s\n", r.Name, line)
		}
		told[r.Name] = key
	}
}

// answer says the word only when it is true (security S19).
func (s stop) answer(r governance.Revocation) error {
	if s.json {
		if err := printJSON(r); err != nil {
			return err
		}
	} else {
		s.tell(r)
	}
	if s.wait && !r.Spread.Everyone {
		return &negative{s.word + " here; not yet shown to be everywhere"}
	}
	return nil
}

func (s stop) tell(r governance.Revocation) {
	if len(r.Grants) > 0 {
		fmt.Fprintf(os.Stderr, "grants: %s\n", strings.Join(r.Grants, ", "))
	}
	if len(r.Sessions) > 0 {
		fmt.Fprintf(os.Stderr, "sessions void of: %s\n", strings.Join(r.Sessions, ", "))
	}
	if len(r.StillGiven) > 0 {
		fmt.Fprintf(os.Stderr, "STILL GIVEN by %s\n", strings.Join(r.StillGiven, ", "))
	}
	if !r.Spread.Everyone {
		return
	}
	if r.Quarantine != "" {
		fmt.Printf("%s %s (lift it with: writ quarantine lift %s)\n", s.word, r.Target, r.Quarantine)
		return
	}
	fmt.Printf("%s %s\n", s.word, r.Target)
}
