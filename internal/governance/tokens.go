package governance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// TokenOrder asks for an API token.
type TokenOrder struct {
	Operator string        `json:"operator,omitempty"` // empty: the actor's own
	Scopes   []string      `json:"scopes"`             // actions, or "*"
	Life     time.Duration `json:"life,omitempty"`     // zero: 30 days; at most a year
	Note     string        `json:"note,omitempty"`     // what it is for
}

// TokenView is an API token without what opens it.
type TokenView struct {
	ID       string    `json:"id"`
	Version  int64     `json:"version"`
	Operator string    `json:"operator"`
	Scopes   []string  `json:"scopes"`
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires"`
	Note     string    `json:"note,omitempty"`
	Maker    string    `json:"maker,omitempty"` // who made it, where that was somebody else
	// Void says why it counts no more, if so: expired, or the account's tokens were voided.
	Void string `json:"void,omitempty"`
}

const (
	tokenLife = 30 * 24 * time.Hour
	maxNote   = 200 // characters
)

// IssueToken makes an API token, for oneself or, by an administrator, for a
// program. It can do no more than what it is made by: the token acted by, if any,
// bounds its scopes and its end. The secret is told once and kept nowhere.
func (o *Office) IssueToken(ctx context.Context, a Actor, in TokenOrder) (operator.Secret, TokenView, error) {
	if in.Operator == "" {
		in.Operator = a.Name
	}
	id := strings.ToLower(rand.Text()[:16])
	secret, digest := operator.NewSecret(id, rand.Text())
	var made *operator.Token
	_, err := o.commit(ctx, act{a, "token.issue", "token/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		op, err := known(s, in.Operator)
		if err != nil {
			return nil, err
		}
		if err := o.May(ctx, a, authority.IssueToken, operatorObject(op)); err != nil {
			return nil, err
		}
		if made, err = o.token(a, op, in); err != nil {
			return nil, err
		}
		made.ID, made.Digest = id, digest
		return just(create(manifest.Token, id, made))
	})
	if err != nil {
		return operator.Secret{}, TokenView{}, err
	}
	v, err := o.readToken(ctx, id)
	return secret, v, err
}

// token words a token for an account.
func (o *Office) token(a Actor, op *operator.Operator, in TokenOrder) (*operator.Token, error) {
	if in.Life == 0 {
		in.Life = tokenLife
	}
	now := o.cfg.Now().UTC()
	t := &operator.Token{Operator: op.ID, Scopes: in.Scopes, Created: now, Expires: now.Add(in.Life), Note: in.Note, Epoch: op.Epoch, Maker: a.Maker}
	if op.ID != a.Name {
		t.Maker = a.Name
	}
	switch {
	case len(in.Scopes) == 0:
		return nil, fmt.Errorf("%w: name the token's scopes: %v, or %s for all", ErrInvalid, authority.Actions, authority.AllScopes)
	case in.Life < 0 || in.Life > operator.MaxTokenLife:
		return nil, fmt.Errorf("%w: a token lives up to a year", ErrInvalid)
	case len(in.Note) > maxNote:
		return nil, fmt.Errorf("%w: note: want at most %d characters", ErrInvalid, maxNote)
	}
	for _, scope := range in.Scopes {
		if !authority.ValidScope(scope) {
			return nil, fmt.Errorf("%w: scope %q: want one of %v, or %s", ErrInvalid, scope, authority.Actions, authority.AllScopes)
		}
	}
	return t, within(a.Token, t)
}

// within holds a token against the one that it is made by.
func within(by, t *operator.Token) error {
	if by == nil {
		return nil
	}
	for _, scope := range t.Scopes {
		if !authority.InScope(by.Scopes, authority.Action(scope)) {
			return fmt.Errorf("%w: the token that you act by does not have the scope %s", ErrForbidden, scope)
		}
	}
	if t.Expires.After(by.Expires) {
		return fmt.Errorf("%w: the token that you act by ends before, at %s", ErrForbidden, by.Expires.Format(time.RFC3339))
	}
	return nil
}

func tokenObject(t *operator.Token) authority.Object {
	return authority.Object{Kind: "Token", Name: t.ID, Requester: t.Operator}
}

func (o *Office) readToken(ctx context.Context, id string) (TokenView, error) {
	row, err := o.cfg.Store.Get(ctx, manifest.Token, id)
	if err != nil {
		return TokenView{}, err
	}
	s, err := o.present(ctx)
	if err != nil {
		return TokenView{}, err
	}
	return o.viewToken(s, row)
}

func (o *Office) viewToken(s *snapshot.Snapshot, row store.Row) (TokenView, error) {
	r, err := row.Resource()
	if err != nil {
		return TokenView{}, err
	}
	t := r.Spec.(*operator.Token)
	v := TokenView{
		ID: row.Name, Version: row.Revision, Operator: t.Operator, Scopes: t.Scopes, Created: t.Created, Expires: t.Expires, Note: t.Note, Maker: t.Maker,
	}
	if _, err := o.holder(s, t); err != nil {
		v.Void = err.Error()
	}
	return v, nil
}

// holder is who a token acts as, or why it does not count.
func (o *Office) holder(s *snapshot.Snapshot, t *operator.Token) (*operator.Operator, error) {
	op, ok := s.Operator(t.Operator)
	switch {
	case !ok:
		return nil, errors.New("the account does not exist")
	case op.Disabled:
		return nil, errors.New("the account is disabled")
	case t.Epoch < op.Epoch:
		return nil, errors.New("the account's tokens were voided")
	case !o.cfg.Now().Before(t.Expires):
		return nil, errors.New("it has expired")
	}
	return op, nil
}

// Tokens lists the API tokens of an account, or of all, that the actor may see.
func (o *Office) Tokens(ctx context.Context, a Actor, account, after string, limit int) (Page[TokenView], error) {
	s, err := o.present(ctx)
	if err != nil {
		return Page[TokenView]{}, err
	}
	find := store.Query{Kind: manifest.Token, Subject: account, After: after}
	return pageOf(ctx, o.cfg.Store, find, limit, func(row store.Row) (TokenView, bool) {
		v, err := o.viewToken(s, row)
		on := tokenObject(&operator.Token{ID: v.ID, Operator: v.Operator})
		return v, err == nil && o.May(ctx, a, authority.ViewPeople, on) == nil
	})
}

// RevokeToken ends a token at once.
func (o *Office) RevokeToken(ctx context.Context, a Actor, id string) error {
	_, err := o.commit(ctx, act{a, "token.revoke", "token/" + id}, func(s *snapshot.Snapshot) ([]store.Change, error) {
		t, ok := s.Token(id)
		if !ok {
			return nil, fmt.Errorf("token %q: %w", id, store.ErrNotFound)
		}
		if err := o.May(ctx, a, authority.RevokeToken, tokenObject(t)); err != nil {
			if o.May(ctx, a, authority.ViewPeople, tokenObject(t)) != nil {
				return nil, fmt.Errorf("token %q: %w", id, store.ErrNotFound)
			}
			return nil, err
		}
		return just(closing(manifest.Token, id, t))
	})
	return err
}

// ErrUnknown means that a credential is not valid, or not any more. It does not
// say which.
var ErrUnknown = errors.New("the credential is not valid")

// Bearer says who acts by an API token.
func (o *Office) Bearer(ctx context.Context, text string) (Actor, error) {
	id, secret, err := operator.ParseSecret(text)
	if err != nil {
		return Actor{}, ErrUnknown
	}
	s, err := o.present(ctx)
	if err != nil {
		return Actor{}, err
	}
	t, ok := s.Token(id)
	if !ok {
		t = &operator.Token{}
	}
	if !t.Opens(secret) || !ok {
		return Actor{}, ErrUnknown
	}
	op, err := o.holder(s, t)
	if err != nil {
		return Actor{}, ErrUnknown
	}
	held := *t
	held.Scopes = slices.Clone(t.Scopes)
	return Actor{Name: op.ID, Operator: op, Token: &held, Maker: t.Maker}, nil
}
