package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// crowd is how large an organisation is.
type crowd struct {
	Identities int `json:"identities"`
	Grants     int `json:"grants"`
	Pending    int `json:"pending"` // requests
}

// The organisation that the goals are about, and one to see that all works.
var (
	peopleCrowd = crowd{100_000, 1_000_000, 10_000}
	peopleShort = crowd{1_000, 10_000, 200}
)

// peopleModels are what the entitlements give.
var peopleModels = []string{
	"amazon.nova-lite-v1:0", "amazon.nova-pro-v1:0", "amazon.nova-micro-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0", "provider:anthropic",
}

const peopleEntitlements = 50

// since is when the grants began: whole seconds, as the gateway writes them.
var since = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// each yields the organisation's resources, in an order in which each refers
// only to those before it.
func (c crowd) each(yield func(manifest.Resource) error) error {
	for n := range peopleEntitlements {
		if err := yield(entitlementNumber(n)); err != nil {
			return err
		}
	}
	for n := range c.Identities {
		if err := yield(identityNumber(n)); err != nil {
			return err
		}
	}
	for n := range c.Grants {
		if err := yield(c.grantNumber(n)); err != nil {
			return err
		}
	}
	return nil
}

func entitlementNumber(n int) manifest.Resource {
	name := fmt.Sprintf("entitlement-%02d", n)
	return manifest.Resource{Kind: manifest.Entitlement, Name: name, Spec: &rights.Entitlement{
		ID: name, Models: peopleModels[n%len(peopleModels):][:1], Owner: "owner-17@example.com",
		Conditions: rights.Conditions{Data: rights.Data{Unscanned: true}},
	}}
}

func identityName(n int) string { return fmt.Sprintf("agent-%06d", n) }

func identityNumber(n int) manifest.Resource {
	name := identityName(n)
	return manifest.Resource{Kind: manifest.Identity, Name: name, Spec: &identity.Identity{
		ID: name, Kind: identity.Agent, Environment: "prod", Team: fmt.Sprintf("team-%03d", n%200), Purposes: []string{"support"},
		Sponsor: fmt.Sprintf("sponsor-%d@example.com", n%2000), Owner: fmt.Sprintf("owner-%d@example.com", n%5000),
	}}
}

// grantNumber is a grant as an approved request leaves it.
func (c crowd) grantNumber(n int) manifest.Resource {
	name := fmt.Sprintf("grant-%07d", n)
	pin := sha256.Sum256([]byte(name))
	return manifest.Resource{Kind: manifest.Grant, Name: name, Spec: &rights.Grant{
		ID: name, Identity: identityName(n % c.Identities), Entitlement: fmt.Sprintf("entitlement-%02d", n/c.Identities%peopleEntitlements),
		NotBefore: since.Add(time.Duration(n) * time.Second), NotAfter: since.Add(time.Duration(n)*time.Second + 90*24*time.Hour),
		Origin: rights.OriginRequested, Reason: "as asked in the ticket", State: rights.GrantActive, Duration: identity.Duration(90 * 24 * time.Hour),
		From: &rights.Provenance{
			Request: fmt.Sprintf("req-%07d", n), Requester: fmt.Sprintf("operator-%d", n%2000), Approvers: []string{fmt.Sprintf("operator-%d", n%700)},
			Pin: hex.EncodeToString(pin[:]),
		},
	}}
}

// fillBatch is how many resources go into one commit: more than governance puts
// there, to be done in minutes.
const fillBatch = 10_000

// fill writes the organisation into an empty store.
func (c crowd) fill(ctx context.Context, db *store.DB) error {
	w := &filling{db: db}
	if err := c.each(func(r manifest.Resource) error { return w.add(ctx, r) }); err != nil {
		return err
	}
	return w.flush(ctx)
}

// filling gathers changes into commits.
type filling struct {
	db       *store.DB
	revision int64
	changes  []store.Change
}

func (w *filling) add(ctx context.Context, r manifest.Resource) error {
	spec, err := r.Encode()
	if err != nil {
		return err
	}
	w.changes = append(w.changes, store.Change{Op: manifest.Create, Kind: r.Kind, Name: r.Name, Spec: spec})
	if len(w.changes) == fillBatch {
		return w.flush(ctx)
	}
	return nil
}

func (w *filling) flush(ctx context.Context) error {
	if len(w.changes) == 0 {
		return nil
	}
	next, err := w.db.Commit(ctx, store.Commit{Record: store.Ref{Shard: "0", Index: uint64(w.revision)}, Expect: w.revision, Changes: w.changes})
	if err != nil {
		return fmt.Errorf("filling the store: %w", err)
	}
	w.revision, w.changes = next, nil
	return nil
}
