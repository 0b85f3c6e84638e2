package governance

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/widening"
)

// OperatorQuery picks operators.
type OperatorQuery struct {
	Role  operator.Role // empty: whichever
	After string
	Limit int
}

// OperatorView is an operator as its reader may see it.
type OperatorView struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	operator.Operator
}

// OperatorChange is what became of a change of an operator: it is in force, or it
// widens what the account may do and others are asked.
type OperatorChange struct {
	Operator *OperatorView `json:"operator,omitempty"`
	Request  string        `json:"request,omitempty"` // id of the request that it became
}

func operatorObject(op *operator.Operator) authority.Object {
	return authority.Object{Kind: "Operator", Name: op.ID, Automation: op.Kind == operator.Automation}
}

// Operators lists the operators that the actor may see, by name.
func (o *Office) Operators(ctx context.Context, a Actor, q OperatorQuery) (Page[OperatorView], error) {
	find := store.Query{Kind: manifest.Operator, After: q.After}
	return pageOf(ctx, o.cfg.Store, find, q.Limit, func(row store.Row) (OperatorView, bool) {
		v, err := viewOperator(row)
		if err != nil || q.Role != "" && !v.Has(q.Role) {
			return OperatorView{}, false
		}
		return v, o.May(ctx, a, authority.ViewPeople, operatorObject(&v.Operator)) == nil
	})
}

func viewOperator(row store.Row) (OperatorView, error) {
	r, err := row.Resource()
	if err != nil {
		return OperatorView{}, err
	}
	return OperatorView{ID: row.Name, Version: row.Revision, Operator: *r.Spec.(*operator.Operator)}, nil
}

// Operator returns one operator; store.ErrNotFound where there is none that the
// actor may see.
func (o *Office) Operator(ctx context.Context, a Actor, id string) (OperatorView, error) {
	row, err := o.cfg.Store.Get(ctx, manifest.Operator, id)
	if err != nil {
		return OperatorView{}, err
	}
	v, err := viewOperator(row)
	if err == nil && o.May(ctx, a, authority.ViewPeople, operatorObject(&v.Operator)) != nil {
		err = fmt.Errorf("operator %q: %w", id, store.ErrNotFound)
	}
	return v, err
}

// CreateOperator makes an account that must not be there yet, as PutOperator does.
func (o *Office) CreateOperator(ctx context.Context, a Actor, op operator.Operator, why string) (OperatorChange, error) {
	return o.PutOperator(ctx, a, op, notThere, why)
}

// notThere is the version of what must not be there.
const notThere = -1

// PutOperator creates an account, or changes it. seen is the version that the
// actor saw; 0 is whichever. Where somebody else could judge a change that lets
// the account do more, it becomes a request with the words of why (security S18).
// The first account ends bootstrap for good (security S17).
func (o *Office) PutOperator(ctx context.Context, a Actor, op operator.Operator, seen int64, why string) (OperatorChange, error) {
	var ask *request.ChangeAsk
	_, err := o.commit(ctx, act{a, "operator.put", "operator/" + op.ID}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		before, err := o.operatorToChange(ctx, a, s, &op, seen)
		if err != nil {
			return nil, err
		}
		next := &op
		if before == nil {
			next = newcomer(&op, o.cfg.Now())
		} else {
			next = operator.Succeed(before, next)
		}
		if err := next.Validate(); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
		}
		if err := unclaimed(s, next); err != nil {
			return nil, err
		}
		widens := widening.OfOperator(before, next)
		if ask = nil; len(widens) > 0 && approverBeside(s, a.Name, a.Party().Person, next.ID, next.Behind()) {
			ask, err = askOperator(before, next, widens)
			return nil, err
		}
		if before == nil {
			return just(create(manifest.Operator, next.ID, next))
		}
		return just(update(manifest.Operator, next.ID, next))
	})
	if err != nil {
		return OperatorChange{}, err
	}
	if ask != nil {
		return o.fileOperator(ctx, a, ask, why)
	}
	if err := o.endBootstrap(ctx); err != nil {
		return OperatorChange{}, err
	}
	row, err := o.cfg.Store.Get(ctx, manifest.Operator, op.ID)
	if err != nil {
		return OperatorChange{}, err
	}
	v, err := viewOperator(row)
	return OperatorChange{Operator: &v}, err
}

// operatorToChange returns the account that a change is of; nil for a new one.
func (o *Office) operatorToChange(ctx context.Context, a Actor, s *snapshot.Snapshot, op *operator.Operator, seen int64) (*operator.Operator, error) {
	if err := o.May(ctx, a, authority.ManagePeople, operatorObject(op)); err != nil {
		return nil, err
	}
	before, ok := s.Operator(op.ID)
	if !ok {
		if seen > 0 {
			return nil, fmt.Errorf("operator %q: %w", op.ID, store.ErrNotFound)
		}
		return nil, nil
	}
	if seen == notThere {
		return nil, fmt.Errorf("%w: there is an operator %s already", ErrInvalid, op.ID)
	}
	return before, o.asSeen(ctx, manifest.Operator, op.ID, seen)
}

// newcomer is an account that begins. Its epoch is above that of any account of
// the same name that was deleted, so that none of its sign-ins count again.
func newcomer(op *operator.Operator, now time.Time) *operator.Operator {
	next := *op
	next.Epoch = max(op.Epoch, uint32(now.Unix()))
	return &next
}

// newcomers has the accounts begin that a plan creates.
func newcomers(changes []manifest.Change, now time.Time) {
	for i, c := range changes {
		if op, ok := c.Resource.Spec.(*operator.Operator); ok && c.Op == manifest.Create {
			changes[i].Resource.Spec = newcomer(op, now)
		}
	}
}

// unclaimed refuses a login that another account has: who signs in is one account.
func unclaimed(s *snapshot.Snapshot, op *operator.Operator) error {
	if op.Login == nil {
		return nil
	}
	for _, other := range s.Operators() {
		if other.ID != op.ID && other.Login != nil && *other.Login == *op.Login {
			return fmt.Errorf("%w: %s signs in by that login already", ErrInvalid, other.ID)
		}
	}
	return nil
}

// askOperator words a change of an account as a request has it.
func askOperator(before, after *operator.Operator, widens []string) (*request.ChangeAsk, error) {
	r := manifest.Resource{Kind: manifest.Operator, Name: after.ID, Spec: after}
	c := request.Change{Op: string(manifest.Create), Kind: string(r.Kind), Name: r.Name}
	if before != nil {
		sum := manifest.Resource{Kind: r.Kind, Name: r.Name, Spec: before}.Digest()
		c.Op, c.Before = string(manifest.Update), hex.EncodeToString(sum[:])
	}
	spec, err := r.Encode()
	if err != nil {
		return nil, err
	}
	c.Spec = json.RawMessage(spec)
	ask := &request.ChangeAsk{Changes: []request.Change{c}}
	for _, text := range widens {
		ask.Widens = append(ask.Widens, request.Widens{Operator: after.ID, Cause: r.ID(), Text: text})
	}
	return ask, nil
}

func (o *Office) fileOperator(ctx context.Context, a Actor, ask *request.ChangeAsk, why string) (OperatorChange, error) {
	if why == "" {
		return OperatorChange{}, fmt.Errorf("%w: say why, for those who are asked", ErrNeedsRequest)
	}
	r, err := o.Submit(ctx, a, Submission{Ask: request.Ask{Change: ask}, Justification: why})
	return OperatorChange{Request: r.ID}, err
}

// DisableOperator suspends an account, or notes that its holder has left: its
// sign-ins and tokens are void at once, and stay so when it is enabled again.
func (o *Office) DisableOperator(ctx context.Context, a Actor, id, reason string) (OperatorView, error) {
	if err := checkReason(reason); err != nil {
		return OperatorView{}, err
	}
	_, err := o.commit(ctx, act{a, "operator.disable", "operator/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		before, ok := s.Operator(id)
		if !ok {
			return nil, fmt.Errorf("operator %q: %w", id, store.ErrNotFound)
		}
		if err := o.May(ctx, a, authority.ManagePeople, operatorObject(before)); err != nil {
			return nil, err
		}
		if before.Disabled {
			return nil, fmt.Errorf("%w: %s is disabled already", ErrNothing, id)
		}
		next := *before
		next.Disabled, next.Suspended = true, &identity.Remark{By: a.Name, Reason: reason}
		return just(update(manifest.Operator, id, operator.Succeed(before, &next)))
	})
	if err != nil {
		return OperatorView{}, err
	}
	row, err := o.cfg.Store.Get(ctx, manifest.Operator, id)
	if err != nil {
		return OperatorView{}, err
	}
	return viewOperator(row)
}

// excludesMaker says why who made the actor's credential may not decide, or "".
func (c *circle) excludesMaker(a Actor) string {
	if a.Maker == "" {
		return ""
	}
	if op, ok := c.state.Operator(a.Maker); ok {
		return c.excludes(op)
	}
	return c.close[strings.ToLower(a.Maker)]
}

var errNobody = errors.New("the local administrator is no account: create an operator and act as it")

// known returns an enabled account that something is made for.
func known(s *snapshot.Snapshot, id string) (*operator.Operator, error) {
	if slices.Contains(operator.Reserved, id) {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, errNobody)
	}
	op, ok := s.Operator(id)
	switch {
	case !ok:
		return nil, fmt.Errorf("operator %q: %w", id, store.ErrNotFound)
	case op.Disabled:
		return nil, fmt.Errorf("%w: %s is disabled", ErrInvalid, id)
	}
	return op, nil
}

// just is an act of one change.
func just(c store.Change, err error) ([]store.Change, error) { return []store.Change{c}, err }
