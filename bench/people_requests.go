package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Of the organisation whose requests wait.
const (
	peopleAskers    = 50
	peopleApprovers = 5
	peopleDecided   = 200 // requests that are decided upon, each by another than the last
	requestsPage    = 50
)

// requestSchema is where the requests live in a database of PostgreSQL, beside the
// grants, which no log vouches for.
const requestSchema = "writ_bench_requests"

// requests are what requests cost while many wait, in milliseconds.
type requests struct {
	Pending int    `json:"pending"`
	Acts    []live `json:"acts"`
}

// requestStore names an empty store for requests beside another.
func requestStore(ctx context.Context, dsn, dir string) (string, error) {
	if strings.HasPrefix(dsn, "sqlite:") {
		return "sqlite:" + filepath.Join(dir, "requests.db"), nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", errors.New("-postgres: want a postgres:// URL")
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	for _, text := range []string{"DROP SCHEMA IF EXISTS " + requestSchema + " CASCADE", "CREATE SCHEMA " + requestSchema} {
		if _, err := conn.Exec(ctx, text); err != nil {
			return "", err
		}
	}
	q := u.Query()
	q.Set("search_path", requestSchema)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// bureau is an office with everything behind it, as a server has it.
type bureau struct {
	office *governance.Office
	state  *snapshot.Source
	close  func() error
}

// openBureau opens an office on an empty store, with its log in a directory.
func openBureau(ctx context.Context, dsn, dir string) (b *bureau, err error) {
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	closing := []func() error{db.Close}
	b = &bureau{close: func() error {
		var errs []error
		for _, f := range closing {
			errs = append(errs, f())
		}
		return errors.Join(errs...)
	}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	log, err := journal.Open(ctx, journal.Config{Dir: filepath.Join(dir, "log"), Origin: "bench/0", Key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))})
	if err != nil {
		return nil, err
	}
	closing = append([]func() error{log.Close}, closing...)
	ledger, err := governance.OpenLedger(ctx, log, "0")
	if err != nil {
		return nil, err
	}
	rules, err := authority.New(nil)
	if err != nil {
		return nil, err
	}
	b.office = governance.New(governance.Config{
		Store: db, Log: log, Ledger: ledger, Instance: auditlog.Instance{ID: "bench", Version: "bench", Shard: "0"},
		Account: "111122223333", Now: time.Now, Authority: rules,
	})
	b.state, err = snapshot.Open(ctx, snapshot.Config{
		Load:  func(ctx context.Context, since int64) ([]store.Row, int64, error) { return ledger.Load(ctx, db, since) },
		Watch: db.Watch, Authorised: ledger.Authorised, MaxAge: time.Hour,
	})
	if err == nil {
		b.office.Attach(b.state)
	}
	return b, err
}

// asking are people who ask for their agents, those who approve, and what there is
// to ask for.
func asking() []manifest.Resource {
	var out []manifest.Resource
	person := func(name string, role operator.Role) {
		out = append(out, manifest.Resource{Kind: manifest.Operator, Name: name, Spec: &operator.Operator{
			ID: name, Email: name + "@example.com", Roles: []operator.Held{{Role: role}},
		}})
	}
	for n := range peopleApprovers {
		person(fmt.Sprintf("approver-%d", n), operator.Approver)
	}
	for n := range peopleAskers {
		asker := fmt.Sprintf("asker-%d", n)
		person(asker, operator.Requester)
		out = append(out, manifest.Resource{Kind: manifest.Identity, Name: identityName(n), Spec: &identity.Identity{
			ID: identityName(n), Kind: identity.Agent, Environment: "prod", Team: "support", Sponsor: asker + "@example.com",
		}})
	}
	for n := range peopleEntitlements {
		out = append(out, entitlementNumber(n))
	}
	return out
}

// actor is a person at the API.
func (b *bureau) actor(name string) governance.Actor {
	op, _ := b.state.Current().Operator(name)
	return governance.Actor{Name: name, Operator: op, Via: "api"}
}

// requested files requests until so many wait, and measures those that come last
// and what is done with them.
func requested(ctx context.Context, dsn, dir string, pending int) (out *requests, err error) {
	if dsn, err = requestStore(ctx, dsn, dir); err != nil {
		return nil, err
	}
	b, err := openBureau(ctx, dsn, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	if _, _, err := b.office.Apply(ctx, governance.Local("cli"), "apply", governance.Plan{Changes: manifest.Plan(nil, asking(), false)}); err != nil {
		return nil, err
	}
	if err := b.state.Refresh(ctx); err != nil {
		return nil, err
	}
	out = &requests{Pending: pending}
	ids, submitted, err := b.submit(ctx, pending)
	if err != nil {
		return nil, err
	}
	listed, err := b.list(ctx, pending)
	if err != nil {
		return nil, err
	}
	decided, err := b.decide(ctx, ids[:min(peopleDecided, pending)])
	out.Acts = []live{submitted, listed, decided}
	return out, err
}

// submit files requests; the last tenth is what counts.
func (b *bureau) submit(ctx context.Context, pending int) (ids []string, l live, err error) {
	var took []float64
	for n := range pending {
		began := time.Now()
		r, err := b.office.Submit(ctx, b.actor(fmt.Sprintf("asker-%d", n%peopleAskers)), governance.Submission{
			Ask: request.Ask{Grant: &request.GrantAsk{
				Identity: identityName(n % peopleAskers), Entitlement: fmt.Sprintf("entitlement-%02d", n/peopleAskers%peopleEntitlements), Duration: 4 * time.Hour,
			}}, Justification: "as asked in the ticket",
		})
		if err != nil {
			return nil, l, err
		}
		ids, took = append(ids, r.ID), append(took, time.Since(began).Seconds()*1000)
	}
	return ids, summed("a request submitted", took[pending-max(1, pending/10):]), nil
}

func summed(what string, took []float64) live {
	return live{what, len(took), quantileOf(took, 0.5), quantileOf(took, 0.99)}
}

// list reads, page by page, what an approver may decide on.
func (b *bureau) list(ctx context.Context, pending int) (l live, err error) {
	var took []float64
	q, found := governance.RequestQuery{ToDecide: true, Limit: requestsPage}, 0
	for {
		began := time.Now()
		page, err := b.office.Requests(ctx, b.actor("approver-0"), q)
		if err != nil {
			return l, err
		}
		took = append(took, time.Since(began).Seconds()*1000)
		if found += len(page.Items); page.Next == "" {
			break
		}
		q.After = page.Next
	}
	if found != pending {
		return l, fmt.Errorf("of %d requests that wait, the pages show %d", pending, found)
	}
	return summed(fmt.Sprintf("%d requests to decide, listed", requestsPage), took), nil
}

// decide approves requests, each of which becomes a grant.
func (b *bureau) decide(ctx context.Context, ids []string) (l live, err error) {
	var took []float64
	for n, id := range ids {
		began := time.Now()
		r, err := b.office.Decide(ctx, b.actor(fmt.Sprintf("approver-%d", n%peopleApprovers)), id, governance.Verdict{Verdict: request.Approve})
		if err != nil {
			return l, err
		}
		if r.State != request.Approved {
			return l, fmt.Errorf("request %s is %s", id, r.State)
		}
		took = append(took, time.Since(began).Seconds()*1000)
	}
	if _, grants := b.state.Current().Counts(); grants != len(ids) {
		return l, fmt.Errorf("%d approvals led to %d grants", len(ids), grants)
	}
	return summed("a request approved", took), nil
}
