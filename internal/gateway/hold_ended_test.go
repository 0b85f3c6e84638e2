package gateway_test

import (
	"strings"
	"testing"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// newHoldingChanging is newHolding over an organisation that changes.
func newHoldingChanging(t *testing.T, terms rights.Hold) (*inside, *heldHere, *changing) {
	t.Helper()
	c, held := newChanging(t, nil), newHeldHere()
	all, err := demo.Organisation("http://127.0.0.1:1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		switch s := r.Spec.(type) {
		case *rights.Entitlement:
			if r.Name == "support-conversations" {
				s.Conditions.Hold, s.Conditions.Tools = terms, rights.Tools{Read: []string{"lookup_invoice"}, Write: []string{"post_payment"}}
				c.change(t, r, manifest.Update)
			}
		case *budget.Budget:
			s.Covers.Identities = []string{"analytics"}
			c.change(t, r, manifest.Update)
		}
	}
	in := newInside(t, 0, func(cfg *gateway.Config) { cfg.State, cfg.Holds = c.source, held })
	t.Cleanup(c.source.Subscribe(func(snapshot.Ended) { in.Reconsider() }))
	return in, held, c
}

// The right ends while people decide: nothing goes out, and the hold stays for them
// to see.
func TestARightThatEndsWhileItsAnswerWaits(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"converse", "converse-stream"} {
		in, held, c := newHoldingChanging(t, waiting)
		held.opened = func(h hold.Hold) {
			c.change(t, quarantine(rights.TargetIdentity, "support-agent"), manifest.Create)
			held.decide(h.ID, nil, hold.Release) // too late
		}
		a := in.call(t, operation, offering("[[say: hm]]"+paying))
		if leaks(a.Body, canary) || leaks(a.Body, "post_payment") || operation == "converse" && a.Status != 403 {
			t.Errorf("%s: answered %d %s", operation, a.Status, a.Body)
		}
		if o := in.ended(t, 1)[0]; o.Ended != "cut" || o.Hold == nil || o.Hold.ID != held.only(t).ID {
			t.Errorf("%s: recorded %+v %+v", operation, o, o.Hold)
		}
	}
}

// What people released is not given out by a right that has ended since, nor to
// somebody who is quarantined.
func TestAReleasedAnswerIsNotGivenOnceItsRightEnded(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*changing){
		"quarantine of the identity": func(c *changing) { c.change(t, quarantine(rights.TargetIdentity, "support-agent"), manifest.Create) },
		"quarantine of the model":    func(c *changing) { c.change(t, quarantine(rights.TargetModel, sonnet), manifest.Create) },
		"end of the grant": func(c *changing) {
			c.change(t, manifest.Resource{Kind: manifest.Grant, Name: "support-agent.support-conversations"}, manifest.Delete)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, held, c := newHoldingChanging(t, rights.Hold{})
			in.call(t, "converse", offering(paying))
			h := held.only(t)
			held.decide(h.ID, nil, hold.Release)
			end(c)
			if a := in.call(t, "converse", collecting(paying, h.ID)); a.Status != 403 || strings.Contains(a.Body, canary) {
				t.Errorf("by its call: %d %s", a.Status, a.Body)
			}
			for _, path := range []string{"/writ/v1/holds/" + h.ID, "/writ/v1/receipts/" + h.Calls[0].ID} {
				if a := in.own(t, path, in.token); a.Status != 403 || strings.Contains(a.Body, canary) || strings.Contains(a.Body, "receipt.of") {
					t.Errorf("%s: %d %s", path, a.Status, a.Body)
				}
			}
			if held.fetched != 0 || len(in.entries(t, auditlog.KindCollected)) != 0 {
				t.Errorf("the content was read %d times", held.fetched)
			}
		})
	}
}

// In strict mode the end of an answer that waited is sent once its outcome is
// durable, like any other's (security S27).
func TestS27_TheEndOfAHeldStreamWaitsForItsRecord(t *testing.T) {
	t.Parallel()
	in, held := newHolding(t, waiting, func(c *gateway.Config) { c.Strict = true })
	held.opened = func(h hold.Hold) { held.decide(h.ID, nil, hold.Release) }
	for i, operation := range []string{"converse", "converse-stream"} {
		a := in.call(t, operation, offering(paying))
		o := in.outcomes(t) // at once: they are there
		if !leaks(a.Body, canary) || len(o) != i+1 || o[i].Hold.State != "released" || o[i].Bytes != int64(len(a.Body)) {
			t.Errorf("%s: %d outcomes, %+v; answered %d bytes", operation, len(o), o[len(o)-1], len(a.Body))
		}
	}
}
