package governance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// UnfreezeOrder lets a frozen budget be spent from again.
type UnfreezeOrder struct {
	// Account is the id of one account; empty: every frozen one of the budget.
	Account string `json:"account,omitempty"`
	Reason  string `json:"reason"` // it is recorded
}

// Unfreezing says what was unfrozen.
type Unfreezing struct {
	Budget   string   `json:"budget"`
	Accounts []string `json:"accounts"` // ids
}

// Unfreeze lets calls through again that more was used for than was reserved. It is
// a decision over whoever spends from the account: nobody makes it for identities of
// their own. Replicas learn of it within two seconds.
func (o *Office) Unfreeze(ctx context.Context, a Actor, name string, in UnfreezeOrder) (Unfreezing, error) {
	if err := checkReason(in.Reason); err != nil {
		return Unfreezing{}, err
	}
	v, err := o.Budget(ctx, a, name)
	if err != nil {
		return Unfreezing{}, err
	}
	frozen, err := o.accounts(ctx, store.BudgetFilter{Budget: name, Frozen: true})
	if err != nil {
		return Unfreezing{}, err
	}
	frozen = slices.DeleteFunc(frozen, func(f store.BudgetAccount) bool { return in.Account != "" && f.ID != in.Account })
	if len(frozen) == 0 {
		return Unfreezing{}, fmt.Errorf("a frozen account of budget %q: %w", name, store.ErrNotFound)
	}
	out := Unfreezing{Budget: name}
	for i := range frozen {
		err := o.unfreeze(ctx, a, v.Owner, &frozen[i], in.Reason)
		if err != nil {
			return out, err
		}
		out.Accounts = append(out.Accounts, frozen[i].ID)
	}
	return out, nil
}

func (o *Office) unfreeze(ctx context.Context, a Actor, owner string, f *store.BudgetAccount, reason string) error {
	s, err := o.present(ctx)
	if err != nil {
		return err
	}
	on := budgetObject(s, f.Budget, owner)
	on.Eligible = slices.Concat(on.Owners, approversOf(s, on))
	if on.Barred, err = o.spenders(ctx, s, f); err != nil {
		return err
	}
	if err := o.May(ctx, a, authority.Unfreeze, on); err != nil {
		return err
	}
	text, err := json.Marshal(unfrozen{Account: f.ID, Frozen: f.Frozen, By: a.Name, Reason: reason, At: o.cfg.Now().UTC(), Salt: rand.Text()})
	if err != nil {
		return err
	}
	control := auditlog.Control{Action: "unfreeze", Actor: a.Name, Target: "Budget/" + f.ID, Note: digestOf(text)}
	return o.act(ctx, control, func(ref store.Ref) error {
		// The reason first: a crash between the two leaves the account frozen, which
		// anybody sees, and not unfrozen for a reason that nobody knows.
		if _, err := o.cfg.Store.SetFact(ctx, unfreezingOf(ref), string(text)); err != nil {
			return err
		}
		return o.cfg.Store.Unfreeze(ctx, f.ID)
	})
}

// approversOf are the operators who hold the role approver over an object.
func approversOf(s *snapshot.Snapshot, on authority.Object) []string {
	var out []string
	for _, op := range s.Operators() {
		if authority.Holds(op, operator.Approver, on) {
			out = append(out, op.ID)
		}
	}
	return out
}

// unfrozen is what the store keeps of an unfreezing; its record holds a digest of
// it, which the salt keeps from being guessed.
type unfrozen struct {
	Account string    `json:"account"`
	Frozen  string    `json:"frozen"` // why it was
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`
	Salt    string    `json:"salt"`
}

func unfreezingOf(ref store.Ref) store.Fact {
	return store.Fact(fmt.Sprintf("unfreeze/%s/%d", ref.Shard, ref.Index))
}

// committedUnfreezing reports whether the store holds an unfreezing by a record's
// authority.
func (o *Office) committedUnfreezing(ctx context.Context, ref store.Ref) (bool, error) {
	_, err := o.cfg.Store.Fact(ctx, unfreezingOf(ref))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// spenders are the accounts of operators who answer for an identity that spent from
// an account: of the one that it is of, else of every one that has spent since the
// account's window began.
func (o *Office) spenders(ctx context.Context, s *snapshot.Snapshot, f *store.BudgetAccount) ([]string, error) {
	if _, ok := s.Identity(f.Key); ok {
		return o.answerable(s, []string{f.Key}), nil
	}
	for _, name := range []string{f.Key, strings.TrimPrefix(f.Budget, grantPrefix)} {
		if g, ok := s.Grant(name); ok {
			return o.answerable(s, []string{g.Identity}), nil
		}
	}
	q := store.SpendQuery{By: []string{"identity"}}
	if !f.Start.IsZero() {
		q.From = f.Start.UTC().Format("2006-01-02")
	}
	rows, err := o.cfg.Store.Spend(ctx, q)
	if err != nil {
		return nil, err
	}
	var spent []string
	for _, r := range rows {
		spent = append(spent, r.Identity)
	}
	if b, ok := s.Budget(f.Budget); ok {
		spent = slices.DeleteFunc(spent, func(name string) bool { return !mayReach(s, b.Covers.Identities, b.Covers.Teams, name) })
	}
	return o.answerable(s, spent), nil
}

// mayReach reports whether a budget can cover calls of an identity.
func mayReach(s *snapshot.Snapshot, identities, teams []string, name string) bool {
	if len(identities) > 0 && !slices.Contains(identities, name) {
		return false
	}
	i, ok := s.Identity(name)
	return len(teams) == 0 || ok && slices.Contains(teams, i.Team)
}

func (o *Office) answerable(s *snapshot.Snapshot, identities []string) []string {
	var people []string
	for _, name := range identities {
		if i, ok := s.Identity(name); ok {
			people = append(people, i.Sponsor, i.Owner, i.Deputy)
		}
	}
	slices.Sort(people)
	return accountsOf(s, slices.Compact(people)...)
}
