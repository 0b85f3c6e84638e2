package governance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// ImportOrder brings identities into the inventory, many at once.
type ImportOrder struct {
	// Found says that the rows were found in an account and nobody stated them:
	// they enter as discovered, and change nothing that somebody stated.
	Found  bool           `json:"found,omitempty"`
	Rows   []identity.Row `json:"rows"`
	DryRun bool           `json:"dryRun,omitempty"`
}

// ImportReport is what an import did, or would do. With problems it did nothing.
type ImportReport struct {
	Created   int             `json:"created"`
	Updated   int             `json:"updated"`
	Unchanged int             `json:"unchanged"`
	Items     []ImportItem    `json:"items"`
	Problems  []ImportProblem `json:"problems,omitempty"`
	Revision  int64           `json:"revision,omitempty"`
}

// ImportItem is what became of one row.
type ImportItem struct {
	Line int         `json:"line,omitempty"`
	Name string      `json:"name"` // of the identity, which can have another name than the row
	Op   manifest.Op `json:"op"`   // create, update or unchanged
	// Fields were changed; Kept were not, although the row states them otherwise:
	// rules read them, and changing them is for writ apply.
	Fields  []string `json:"fields,omitempty"`
	Kept    []string `json:"kept,omitempty"`
	Guessed []string `json:"guessed,omitempty"`
}

// ImportProblem is why a row cannot be imported.
type ImportProblem struct {
	Line int    `json:"line,omitempty"`
	Name string `json:"name"`
	Text string `json:"text"`
}

// Import adds identities, and facts about those that are there: by name, or by an
// AWS principal that an identity is known by. It never widens what an identity
// may do, never takes anything back, and never changes a state. New identities
// are discovered, or claimed when they come with a sponsor. All rows are judged
// first; then they are committed in order, as many at once as a record names, and
// an error leaves what came before in force.
func (o *Office) Import(ctx context.Context, a Actor, order ImportOrder) (ImportReport, error) {
	s, err := o.present(ctx)
	if err != nil {
		return ImportReport{}, err
	}
	if len(order.Rows) > identity.MaxRows {
		return ImportReport{}, fmt.Errorf("%w: %d rows: want at most %d", ErrInvalid, len(order.Rows), identity.MaxRows)
	}
	rows, report := o.judge(ctx, a, s, order)
	if len(report.Problems) > 0 || order.DryRun {
		return report, nil
	}
	for part := range slices.Chunk(rows, batch) {
		report.Revision, err = o.commit(ctx, act{a, "identity.import", ""}, func(s *snapshot.Snapshot) ([]store.Change, error) {
			return o.importing(ctx, a, s, order.Found, part)
		})
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

// judge plans every row against one state, and renames rows to the identities
// that they mean.
func (o *Office) judge(ctx context.Context, a Actor, s *snapshot.Snapshot, order ImportOrder) ([]identity.Row, ImportReport) {
	report := ImportReport{Items: []ImportItem{}}
	by := principalsOf(s)
	rows := slices.Clone(order.Rows)
	lines := make(map[string]int)
	for n := range rows {
		row := &rows[n]
		name, err := meant(s, by, row)
		row.Name = name
		if before, twice := lines[name]; twice && err == nil {
			err = fmt.Errorf("row %d is about the same identity", before)
		}
		lines[name] = n + 1
		var item ImportItem
		if err == nil {
			_, item, err = o.importRow(ctx, a, s, order.Found, *row)
		}
		if err != nil {
			report.Problems = append(report.Problems, ImportProblem{Line: row.Line, Name: order.Rows[n].Name, Text: err.Error()})
			continue
		}
		report.count(item)
	}
	return rows, report
}

func (r *ImportReport) count(item ImportItem) {
	switch item.Op {
	case manifest.Create:
		r.Created++
	case manifest.Update:
		r.Updated++
	default:
		r.Unchanged++
	}
	r.Items = append(r.Items, item)
}

func principalsOf(s *snapshot.Snapshot) map[string]string {
	by := make(map[string]string)
	for _, i := range s.Identities() {
		for _, arn := range i.Principals {
			by[arn] = i.ID
		}
	}
	return by
}

// meant is the identity that a row is about: the one with its name, or the one
// that its principals are known by.
func meant(s *snapshot.Snapshot, by map[string]string, row *identity.Row) (string, error) {
	name := row.Name
	_, there := s.Identity(name)
	for _, arn := range row.Principals {
		known, ok := by[arn]
		switch {
		case !ok || known == name:
		case there || name != row.Name:
			return name, fmt.Errorf("%s is known as another identity, %s", arn, known)
		default:
			name = known
		}
	}
	return name, nil
}

// importing is the changes of some rows against the state as it is now.
func (o *Office) importing(ctx context.Context, a Actor, s *snapshot.Snapshot, found bool, rows []identity.Row) ([]store.Change, error) {
	var out []store.Change
	for _, row := range rows {
		next, item, err := o.importRow(ctx, a, s, found, row)
		if err != nil {
			return nil, fmt.Errorf("identity %q: %w", row.Name, err)
		}
		if item.Op == manifest.Unchanged {
			continue
		}
		c, err := changeOf(item.Op, manifest.Resource{Kind: manifest.Identity, Name: row.Name, Spec: next})
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (o *Office) importRow(ctx context.Context, a Actor, s *snapshot.Snapshot, found bool, row identity.Row) (*identity.Identity, ImportItem, error) {
	item := ImportItem{Line: row.Line, Name: row.Name, Guessed: row.Guessed}
	if err := plainRow(&row); err != nil {
		return nil, item, err
	}
	was, there := s.Identity(row.Name)
	on := objectOf(s, "Identity", row.Name, row.Name, "")
	if !there {
		on.Environment, on.Team = row.Environment, row.Team
	}
	if err := o.May(ctx, a, authority.Inventory, on); err != nil {
		return nil, item, err
	}
	var next identity.Identity
	if there {
		next, item = merged(*was, &row, found, item)
	} else {
		next, item.Op = entered(&row, found), manifest.Create
	}
	return &next, item, next.Validate()
}

// plainRow refuses what a list cannot say of an identity.
func plainRow(row *identity.Row) error {
	if row.State != "" || row.Epoch != 0 || !row.Confirmed.IsZero() || row.ConfirmedBy != "" {
		return errors.New("state, epoch and confirmation are not for an import to set")
	}
	return nil
}

func entered(row *identity.Row, found bool) identity.Identity {
	next := row.Identity
	next.ID, next.State = row.Name, identity.Discovered
	if next.Sponsor != "" && !found {
		next.State = identity.Claimed
	}
	return next
}

// merged is what an identity becomes by a row: more is known of it, and it may do
// no more. Tags and principals are added and never taken away, since quarantines
// go by them.
func merged(was identity.Identity, row *identity.Row, found bool, item ImportItem) (identity.Identity, ImportItem) {
	next := was
	note := func(field string, changed bool) {
		if changed {
			item.Fields = append(item.Fields, field)
		}
	}
	if !found {
		for _, p := range []struct {
			field string
			into  *string
			from  string
		}{{"sponsor", &next.Sponsor, row.Sponsor}, {"owner", &next.Owner, row.Owner}, {"deputy", &next.Deputy, row.Deputy}} {
			changed := p.from != "" && *p.into != p.from
			note(p.field, changed)
			if changed {
				*p.into = p.from
				next.Confirmed, next.ConfirmedBy = time.Time{}, "" // by whom it is not said anew
			}
		}
		note("shared", row.Shared && !next.Shared)
		next.Shared = next.Shared || row.Shared
	}
	next.Tags = union(next.Tags, row.Tags)
	note("tags", len(next.Tags) > len(was.Tags))
	next.Principals = union(next.Principals, row.Principals)
	note("principals", len(next.Principals) > len(was.Principals))
	item.Op = manifest.Update
	if len(item.Fields) == 0 {
		item.Op = manifest.Unchanged
	}
	item.Kept = statedOtherwise(&was, row)
	return next, item
}

// statedOtherwise names what a row states otherwise than the identity, and was not guessed.
func statedOtherwise(was *identity.Identity, row *identity.Row) (out []string) {
	for field, differs := range map[string]bool{
		"kind":        row.Kind != "" && row.Kind != was.Kind,
		"environment": row.Environment != "" && row.Environment != was.Environment,
		"team":        row.Team != "" && row.Team != was.Team,
		"purposes":    len(row.Purposes) > 0 && !slices.Equal(row.Purposes, was.Purposes),
		"maxSession":  row.MaxSession != 0 && row.MaxSession != was.MaxSession,
	} {
		if differs && !slices.Contains(row.Guessed, field) {
			out = append(out, field)
		}
	}
	slices.Sort(out)
	return out
}

// union is a list with what another adds, in order.
func union(list, more []string) []string {
	out := slices.Clip(list)
	for _, v := range more {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// folded is how addresses are compared.
func folded(name string) string { return strings.ToLower(name) }
