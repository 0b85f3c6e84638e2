package governance

import (
	"context"
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/login"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// SignIn is the account of a person that a provider vouches for: the one that
// names their subject or, where none does and the address is to be believed, the
// one person's account that has it. It is recorded before the sign-in is made.
// login.ErrNoAccount where there is none, or it is disabled.
func (o *Office) SignIn(ctx context.Context, p login.Person) (login.Account, error) {
	s, err := o.present(ctx)
	if err != nil {
		return login.Account{}, err
	}
	op := accountOf(s, p)
	if op == nil || op.Disabled {
		return login.Account{}, login.ErrNoAccount
	}
	return o.signedIn(ctx, Actor{Name: op.ID, Operator: op, Via: "console"}, op.Epoch)
}

// accountOf finds the one account of a person, or nil: also where several claim
// to be theirs.
func accountOf(s *snapshot.Snapshot, p login.Person) *operator.Operator {
	if op := only(s, func(op *operator.Operator) bool {
		return op.Login != nil && op.Login.Issuer == p.Issuer && op.Login.Subject == p.Subject
	}); op != nil || p.Email == "" {
		return op
	}
	return only(s, func(op *operator.Operator) bool {
		return op.Login == nil && op.Kind != operator.Automation && op.Email == p.Email
	})
}

func only(s *snapshot.Snapshot, is func(*operator.Operator) bool) *operator.Operator {
	var found *operator.Operator
	for _, op := range s.Operators() {
		if !is(op) {
			continue
		}
		if found != nil {
			return nil
		}
		found = op
	}
	return found
}

// signedIn records a sign-in.
func (o *Office) signedIn(ctx context.Context, a Actor, epoch uint32) (login.Account, error) {
	err := o.act(ctx, noted(act{a, "sign_in", "operator/" + a.Name}), func(store.Ref) error { return nil })
	return login.Account{Operator: a.Name, Epoch: epoch, Maker: a.Maker}, err
}

// SignInByLink is the account of a link that is used: the local administrator, or
// the operator that an administrator made it for.
func (o *Office) SignInByLink(ctx context.Context, name, maker string) (login.Account, error) {
	if name == LocalAdmin {
		return o.signedIn(ctx, Local("console"), 0)
	}
	s, err := o.present(ctx)
	if err != nil {
		return login.Account{}, err
	}
	op, ok := s.Operator(name)
	if !ok || op.Disabled || op.Login != nil {
		return login.Account{}, login.ErrNoAccount
	}
	return o.signedIn(ctx, Actor{Name: op.ID, Operator: op, Maker: maker, Via: "console"}, op.Epoch)
}

// MayInvite reports whether the actor may make a link that signs an operator in:
// a person that no provider vouches for. What is then done by it counts as the
// actor's too. It is recorded.
func (o *Office) MayInvite(ctx context.Context, a Actor, name string) error {
	s, err := o.present(ctx)
	if err != nil {
		return err
	}
	op, err := known(s, name)
	if err != nil {
		return err
	}
	if err := o.May(ctx, a, authority.ManagePeople, operatorObject(op)); err != nil {
		return err
	}
	switch {
	case op.Login != nil:
		return fmt.Errorf("%w: %s signs in by their provider", ErrInvalid, name)
	case op.Kind == operator.Automation:
		return fmt.Errorf("%w: %s is a program: issue a token for it", ErrInvalid, name)
	}
	return o.act(ctx, noted(act{a, "operator.invite", "operator/" + name}), func(store.Ref) error { return nil })
}

// clockAhead is how far ahead another replica's clock may run.
const clockAhead = time.Minute

// SignedIn says who acts by a sign-in. Whether its seal holds, its caller has seen.
func (o *Office) SignedIn(ctx context.Context, in credential.SignIn) (Actor, error) {
	if now := o.cfg.Now(); !now.Before(in.Expires) || in.Issued.After(now.Add(clockAhead)) {
		return Actor{}, ErrUnknown
	}
	out, err := o.cfg.Store.Used(ctx, login.EndedID(in.ID))
	if err != nil {
		return Actor{}, err
	}
	if out {
		return Actor{}, ErrUnknown
	}
	if in.Operator == LocalAdmin {
		return Local(""), nil
	}
	s, err := o.present(ctx)
	if err != nil {
		return Actor{}, err
	}
	op, ok := s.Operator(in.Operator)
	if !ok || op.Disabled || in.Epoch < op.Epoch {
		return Actor{}, ErrUnknown
	}
	return Actor{Name: op.ID, Operator: op, Maker: in.Maker}, nil
}
