package governance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// attempts bounds how often an act starts again when others commit between its
// look at the state and its commit.
const attempts = 16

// act names an act for its record.
type act struct {
	Actor  Actor
	Action string // such as request.decide
	Target string // what it is about, such as request/ID; never free text
}

// commit is every act on resources: look at the present state, compute the
// changes, check what would result, record the intention, commit. plan is called
// anew when another commit came between. It returns the revision at which the
// changes stand, which this server's snapshot has then reached.
func (o *Office) commit(ctx context.Context, a act, plan func(*snapshot.Snapshot) ([]store.Change, error)) (int64, error) {
	var revision int64
	var err error
	for range attempts {
		if revision, err = o.commitOnce(ctx, a, plan); !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	if err != nil {
		return revision, err
	}
	return revision, o.refresh(ctx)
}

func (o *Office) commitOnce(ctx context.Context, a act, plan func(*snapshot.Snapshot) ([]store.Change, error)) (int64, error) {
	s, err := o.present(ctx)
	if err != nil {
		return 0, err
	}
	changes, err := plan(s)
	if err != nil {
		return 0, err
	}
	if len(changes) == 0 {
		return s.Revision, nil
	}
	if len(changes) > batch {
		return 0, fmt.Errorf("%w: %d changes in one act: want at most %d", ErrInvalid, len(changes), batch)
	}
	if err := o.tried(s, changes); err != nil {
		return 0, err
	}
	c := announcing(a.Action, a.Actor, changes)
	c.Target, c.Revision = a.Target, uint64(s.Revision+1)
	var revision int64
	err = o.act(ctx, c, func(ref store.Ref) error {
		revision, err = o.cfg.Store.Commit(ctx, store.Commit{Record: ref, Expect: s.Revision, Changes: changes})
		return err
	})
	return revision, err
}

// tried reports why a state with the changes would not be sound.
func (o *Office) tried(s *snapshot.Snapshot, changes []store.Change) error {
	next, err := s.With(changes, o.cfg.Now())
	if err != nil {
		return err
	}
	return next.CheckReferences(changes)
}

// present is the state as of now, not as of the last look.
func (o *Office) present(ctx context.Context) (*snapshot.Snapshot, error) {
	if err := o.refresh(ctx); err != nil {
		return nil, err
	}
	return o.state.Current(), nil
}

func (o *Office) refresh(ctx context.Context) error {
	if o.state == nil {
		return errors.New("the office has no state to act on")
	}
	return o.state.Refresh(ctx)
}

// vouched returns a row that was read apart from the state, once the log vouches for
// it (security S17): perhaps by another replica's record that was not heard of yet.
// When an act overtook the row after it was read, it is the newer row. What is over
// is history, and decides nothing.
func (o *Office) vouched(ctx context.Context, row store.Row) (store.Row, error) {
	for tries := 1; !row.Deleted(); tries++ {
		wrong := o.cfg.Ledger.Vouched(ctx, row)
		if wrong == nil || errors.Is(wrong, errUnheard) { // that is no word against the row
			return row, wrong
		}
		now, _, err := o.cfg.Store.Last(ctx, row.Kind, row.Name)
		if err != nil {
			return row, err
		}
		if now.Record == row.Record || tries == attempts {
			return row, fmt.Errorf("%s %s: %w: %w", strings.ToLower(string(row.Kind)), row.Name, snapshot.ErrUnauthorised, wrong)
		}
		row = now
	}
	return row, nil
}

// Attach gives the office the state that acts are checked against. It must be
// called before any act on resources, once.
func (o *Office) Attach(s *snapshot.Source) { o.state = s }

// changeOf words a change of a resource; the op is update when it is there.
func changeOf(op manifest.Op, r manifest.Resource) (store.Change, error) {
	c := store.Change{Op: op, Kind: r.Kind, Name: r.Name}
	if op == manifest.Delete {
		return c, nil
	}
	if err := r.Validate(); err != nil {
		return c, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var err error
	c.Spec, err = r.Encode()
	return c, err
}

// create, update and closing word one change.
func create(kind manifest.Kind, name string, spec any) (store.Change, error) {
	return changeOf(manifest.Create, manifest.Resource{Kind: kind, Name: name, Spec: spec})
}

func update(kind manifest.Kind, name string, spec any) (store.Change, error) {
	return changeOf(manifest.Update, manifest.Resource{Kind: kind, Name: name, Spec: spec})
}

func closing(kind manifest.Kind, name string, spec any) (store.Change, error) {
	return changeOf(manifest.Close, manifest.Resource{Kind: kind, Name: name, Spec: spec})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// noted is a control record that changes no resource.
func noted(a act) auditlog.Control {
	return auditlog.Control{Action: a.Action, Actor: a.Actor.Name, Target: a.Target}
}
