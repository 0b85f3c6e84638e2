package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/sod"
	"github.com/writ-project/writ/internal/store"
)

// news is one change of the outbox with what it changed, as that stands now.
type news struct {
	store.Event
	row   store.Row
	state *snapshot.Snapshot
	since time.Time // nothing older is told
}

// overtaken reports whether the resource has been changed again since: what it
// became is told with the later change.
func (n *news) overtaken() bool { return n.row.Revision != n.Revision }

func (n *news) subject() string { return string(n.Kind) + "/" + n.Name }

// event words one event. key tells it from others about the same thing.
func (n *news) event(kind, key string, d Data, to ...Recipient) Event {
	d.Record = recordOf(n.Record)
	return Event{ID: idOf(n.subject() + "/" + key), Type: kind, Subject: n.subject(), Time: n.At, Data: d, To: to}
}

// once is a key for what happens with this very change.
func (n *news) once(what string) string { return fmt.Sprintf("%s/%d", what, n.Revision) }

// told lists the kinds whose changes are told of.
func told(k manifest.Kind) bool {
	switch k {
	case manifest.Request, manifest.Hold, manifest.Grant, manifest.Quarantine, manifest.Validation, manifest.Delegation, manifest.Waiver,
		manifest.Operator, manifest.Token:
		return true
	}
	return false
}

// derive turns a change into events.
func derive(ctx context.Context, db *store.DB, state *snapshot.Snapshot, since time.Time, e store.Event) ([]Event, error) {
	if !told(e.Kind) {
		return nil, nil
	}
	row, _, err := db.Last(ctx, e.Kind, e.Name)
	if errors.Is(err, store.ErrNotFound) {
		row, err = store.Row{Change: store.Change{Kind: e.Kind, Name: e.Name}, Revision: e.Revision}, nil
	}
	if err != nil {
		return nil, err
	}
	n := &news{Event: e, row: row, state: state, since: since}
	if len(row.Spec) == 0 { // deleted: nothing is known of it but its name
		return n.deleted(), nil
	}
	r, err := manifest.Decode(row.Kind, row.Name, row.Spec)
	if err != nil {
		return nil, nil // what cannot be read tells nothing; the snapshot complains of it
	}
	switch s := r.Spec.(type) {
	case *request.Request:
		return n.request(s), nil
	case *hold.Hold:
		return n.hold(s), nil
	case *rights.Grant:
		return n.grant(s), nil
	}
	if n.overtaken() {
		return nil, nil
	}
	return n.other(r.Spec), nil
}

// other tells of what has no states of its own: it begins, changes, and ends.
func (n *news) other(spec any) []Event {
	switch s := spec.(type) {
	case *rights.Quarantine:
		return n.quarantine(s)
	case *bedrock.Validation:
		return n.validation(s)
	case *operator.Delegation:
		return n.delegation(s)
	case *sod.Waiver:
		return n.waiver(s)
	case *operator.Operator:
		return n.operator(s)
	case *operator.Token:
		return n.token(s)
	}
	return nil
}

func (n *news) deleted() []Event {
	kind := map[manifest.Kind]string{
		manifest.Grant: GrantEnded, manifest.Operator: OperatorChanged, manifest.Token: TokenEnded,
		manifest.Delegation: DelegationEnded, manifest.Waiver: WaiverEnded, manifest.Quarantine: QuarantineLifted,
	}[n.Kind]
	if kind == "" || !n.Op.Ends() {
		return nil
	}
	return []Event{n.event(kind, n.once("deleted"), Data{Summary: fmt.Sprintf("%s %s was deleted", n.Kind, n.Name), State: "deleted"})}
}

func (n *news) quarantine(q *rights.Quarantine) []Event {
	d := Data{Target: q.Target.String(), Reason: clip(q.Reason), By: q.By, Command: "writ quarantine list"}
	kind := QuarantineSet
	d.Summary = fmt.Sprintf("%s is quarantined", q.Target)
	if n.Op.Ends() {
		kind, d.By, d.Reason = QuarantineLifted, "", ""
		d.Summary = fmt.Sprintf("%s is no longer quarantined", q.Target)
	}
	var to []Recipient
	if q.Target.Kind == rights.TargetIdentity {
		d.Identity = q.Target.Name
		to = n.sponsors(q.Target.Name)
	}
	return []Event{n.event(kind, n.once(string(n.Op)), d, to...)}
}

func (n *news) validation(v *bedrock.Validation) []Event {
	if n.Op.Ends() {
		return nil
	}
	until := v.Expires
	return []Event{n.event(ValidationAttested, n.once("attested"), Data{
		Summary: fmt.Sprintf("%s attests %s of %s", v.By, v.Kind, v.Model), By: v.By, Model: v.Model, State: v.Kind, Until: &until,
	}, n.modelOwner(v.Model)...)}
}

func (n *news) delegation(g *operator.Delegation) []Event {
	until := g.NotAfter
	d := Data{By: g.From, Operator: g.To, Reason: clip(g.Reason), Until: &until, Summary: fmt.Sprintf("%s decides in the place of %s", g.To, g.From)}
	kind := DelegationBegun
	if n.Op.Ends() {
		kind, d.Summary = DelegationEnded, fmt.Sprintf("%s no longer decides in the place of %s", g.To, g.From)
	}
	return []Event{n.event(kind, n.once(string(n.Op)), d, Recipient{Person, g.From}, Recipient{Person, g.To})}
}

func (n *news) waiver(w *sod.Waiver) []Event {
	until := w.Expires
	d := Data{Target: w.Subject, State: w.Rule, Reason: clip(w.Reason), Request: w.Request, Until: &until,
		By: strings.Join(w.Approvers, ", "), Summary: fmt.Sprintf("%s is excepted from %s", w.Subject, w.Rule)}
	kind := WaiverGranted
	if n.Op.Ends() {
		kind, d.Summary, d.By = WaiverEnded, fmt.Sprintf("the exception of %s from %s has ended", w.Subject, w.Rule), ""
	}
	return []Event{n.event(kind, n.once(string(n.Op)), d)}
}

func (n *news) operator(o *operator.Operator) []Event {
	var roles []string
	for _, h := range o.Roles {
		roles = append(roles, string(h.Role))
	}
	slices.Sort(roles)
	d := Data{Operator: n.Name, State: "enabled", Command: "writ operator show " + n.Name,
		Summary: fmt.Sprintf("operator %s holds: %s", n.Name, strings.Join(slices.Compact(roles), ", "))}
	if o.Disabled {
		d.State, d.Summary = "disabled", fmt.Sprintf("operator %s is disabled", n.Name)
	}
	return []Event{n.event(OperatorChanged, n.once("changed"), d, Recipient{Person, n.Name})}
}

func (n *news) token(t *operator.Token) []Event {
	until := t.Expires
	d := Data{Operator: t.Operator, Until: &until, Summary: fmt.Sprintf("an API token of %s was issued: %s", t.Operator, strings.Join(t.Scopes, ", "))}
	kind := TokenIssued
	if n.Op.Ends() {
		kind, d.Summary = TokenEnded, fmt.Sprintf("an API token of %s has ended", t.Operator)
	}
	return []Event{n.event(kind, n.once(string(n.Op)), d, Recipient{Person, t.Operator})}
}
