package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store"
)

// oldKey is when a session key should have been rotated.
const oldKey = 90 * 24 * time.Hour

// holdings are the resources that checks ask about.
type holdings struct {
	issuers      []*identity.Issuer
	bindings     []*identity.Binding
	entitlements []*rights.Entitlement
	grants       []*rights.Grant
}

func readHoldings(ctx context.Context, db *store.DB) (*holdings, error) {
	all, _, err := db.Resources(ctx)
	if err != nil {
		return nil, err
	}
	h := &holdings{}
	for _, r := range all {
		switch spec := r.Spec.(type) {
		case *identity.Issuer:
			h.issuers = append(h.issuers, spec)
		case *identity.Binding:
			h.bindings = append(h.bindings, spec)
		case *rights.Entitlement:
			h.entitlements = append(h.entitlements, spec)
		case *rights.Grant:
			h.grants = append(h.grants, spec)
		}
	}
	return h, nil
}

// state is whether the store can be read, here and by the server.
func (p *patient) state(context.Context) []diagnosis {
	switch {
	case p.storeErr != nil:
		return fail(hintFor(p.storeErr), "the store cannot be read: %v", p.storeErr)
	case p.live == nil:
		return ok("the store can be read; whether the log vouches for it is checked at start")
	case p.status.StateError != "":
		return fail("writ get and the log say who changed it", "the server refuses the store's state: %s", p.status.StateError)
	}
	age := time.Duration(p.status.SnapshotAge * float64(time.Second)).Round(time.Millisecond)
	if limit := p.cfg.Limits.Freshness; age > limit/2 {
		return warn("is the database slow or unreachable?", "the rules were last read %v ago; calls stop at %v", age, limit)
	}
	return ok("revision %d, read %v ago: %d identities, %d grants", p.status.Revision, age, p.status.Identities, p.status.Grants)
}

// auditLog checks the signed end of the log, or all of it.
func (p *patient) auditLog(ctx context.Context) []diagnosis {
	if p.status.LogError != "" {
		return fail("make room or mend the disk, then restart", "the log takes nothing: %s", p.status.LogError)
	}
	dir := p.dir.log(cmp.Or(p.cfg.Replica.Name, shard))
	if !p.deep {
		r, err := journal.OpenReader(dir)
		if err != nil {
			return fail("writ audit verify says where; keep the directory as evidence", "%v", err)
		}
		return ok("%d records; checkpoint and tail are as they were signed (--deep derives all of it)", r.Head().Size)
	}
	report, err := auditlog.Verify(ctx, os.DirFS(dir), auditlog.VerifyOptions{})
	if err != nil {
		return fail("keep the directory as evidence, and restore a backup that verifies", "%v", err)
	}
	for _, kind := range contradictions {
		if n := report.Counts[kind]; n > 0 {
			return fail("writ audit verify lists them", "%d records contradict each other (%s)", n, kind)
		}
	}
	if n := report.Counts[auditlog.UnknownOutcome]; n > 0 && p.live == nil {
		return warn("writ audit tail --unknown lists them", "the whole log verifies; the outcome of %d calls is unknown", n)
	}
	return ok("the whole log verifies: %s", report.Verdict())
}

func (p *patient) keys(ctx context.Context) []diagnosis {
	if p.store == nil {
		return fail("", "the keys cannot be read: %v", p.storeErr)
	}
	all, err := p.store.Keys(ctx)
	if err != nil {
		return fail("", "%v", err)
	}
	oldest := time.Duration(0)
	for _, k := range all {
		if (k.Purpose == "seal" || k.Purpose == "derive") && k.Retired.IsZero() {
			oldest = max(oldest, time.Since(k.Created))
		}
	}
	days := int(oldest.Hours() / 24)
	if oldest > oldKey {
		return warn("writ keys rotate", "the keys that seal sessions are %d days old", days)
	}
	return ok("the keys that seal sessions are %d days old", days)
}

func (p *patient) bindings(context.Context) []diagnosis {
	if p.world == nil {
		return nil // said under state
	}
	var out []diagnosis
	for _, b := range p.world.bindings {
		if why := b.Wide(); why != "" {
			out = append(out, warn("pin the subject: docs/identity-providers.md", "binding %s can be satisfied by several subjects: %s", b.ID, why)...)
		}
	}
	if out == nil {
		return ok("each of %d bindings names one subject", len(p.world.bindings))
	}
	return out
}

func (p *patient) grants(context.Context) []diagnosis {
	if p.world == nil {
		return nil
	}
	var over, soon []string
	now := time.Now()
	for _, g := range p.world.grants {
		switch {
		case !g.NotAfter.IsZero() && now.After(g.NotAfter):
			over = append(over, g.ID)
		case !g.NotAfter.IsZero() && g.NotAfter.Sub(now) < p.within:
			soon = append(soon, fmt.Sprintf("%s (%s)", g.ID, g.NotAfter.UTC().Format(time.DateOnly)))
		}
	}
	var out []diagnosis
	if len(soon) > 0 {
		out = append(out, warn("renew them, or let them end", "%d of %d grants end within %v: %s", len(soon), len(p.world.grants), p.within, someOf(soon))...)
	}
	if len(over) > 0 {
		out = append(out, warn("writ delete grant NAME", "%d grants are over and do nothing: %s", len(over), someOf(over))...)
	}
	if out == nil {
		return ok("none of %d grants ends within %v", len(p.world.grants), p.within)
	}
	return out
}

func (p *patient) entitlements(context.Context) []diagnosis {
	if p.world == nil {
		return nil
	}
	held := make(map[string]bool)
	for _, g := range p.world.grants {
		held[g.Entitlement] = true
	}
	var idle []string
	for _, e := range p.world.entitlements {
		if !held[e.ID] {
			idle = append(idle, e.ID)
		}
	}
	if len(idle) > 0 {
		return warn("delete what nobody will ask for", "%d entitlements are held by nobody: %s", len(idle), someOf(idle))
	}
	return ok("each of %d entitlements is held by somebody; whether it is used, the log says", len(p.world.entitlements))
}

// someOf names a few of many.
func someOf(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
}

// validations are those that models need. One that is missing stops calls now; one
// that ends within a week will before long.
func (p *patient) validations(context.Context) []diagnosis {
	if p.live == nil {
		return nil // only the server knows what its identities may invoke
	}
	const hint = "writ model attest MODEL KIND --evidence URL; writ model list --due shows all"
	var out []diagnosis
	for _, d := range p.status.Validations {
		if len(d.Identities) > 0 || d.Left > 0 {
			out = append(out, warn(hint, "%s", dueText(&d))...)
		}
	}
	if out == nil {
		return ok("no validation that an identity's calls need ends within 30 days")
	}
	return out
}
