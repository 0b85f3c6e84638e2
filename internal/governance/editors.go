package governance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/request"
	"github.com/writ-project/writ/internal/store"
)

// editors are the accounts that last wrote the rules a request is judged by, and
// what they wrote: they do not decide on it (rule R2).
func (o *Office) editors(ctx context.Context, r *request.Request) (map[string]string, error) {
	out := make(map[string]string)
	if g := r.Ask.Grant; g != nil {
		who, err := o.lastEditor(ctx, manifest.Entitlement, g.Entitlement)
		if err != nil {
			return nil, err
		}
		if who != "" && who != Self {
			out[who] = "they last edited the entitlement"
		}
	}
	return out, nil
}

// editorsOf finds the editors of a request's rules.
type editorsOf func(ctx context.Context, r *request.Request) (map[string]string, error)

// remembered is editors for a list, most of which is of a few entitlements: each
// is looked up once.
func (o *Office) remembered() editorsOf {
	known := make(map[string]map[string]string)
	return func(ctx context.Context, r *request.Request) (map[string]string, error) {
		what := ""
		if g := r.Ask.Grant; g != nil {
			what = g.Entitlement
		}
		if out, ok := known[what]; ok {
			return out, nil
		}
		out, err := o.editors(ctx, r)
		if err == nil {
			known[what] = out
		}
		return out, err
	}
}

// lastEditor is the account that last changed a resource: the actor of the record
// that did, or, where that was an approval, who had asked for the change.
func (o *Office) lastEditor(ctx context.Context, kind manifest.Kind, name string) (string, error) {
	row, err := o.cfg.Store.Get(ctx, kind, name)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	c, err := o.cfg.Ledger.Control(ctx, row.Record)
	if err != nil {
		return "", fmt.Errorf("who last changed %s/%s: %w", kind, name, err)
	}
	id, decided := strings.CutPrefix(c.Target, "request/")
	if !decided || c.Action != "request.decide" {
		return c.Actor, nil
	}
	last, _, err := o.cfg.Store.Last(ctx, manifest.Request, id)
	if err != nil {
		return "", fmt.Errorf("who asked for the last change of %s/%s: %w", kind, name, err)
	}
	asked, err := last.Resource()
	if err != nil {
		return "", err
	}
	return asked.Spec.(*request.Request).Requester.Operator, nil
}
