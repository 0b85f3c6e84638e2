package analyse

import (
	"context"
	"slices"
	"sync"

	"github.com/writ-project/writ/internal/awsiam"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/rights"
)

// Target is a model or an inference profile, as it is called in a region.
type Target struct {
	ID      string // catalogue id: of a foundation model or a system profile, or an ARN
	Profile bool
	Region  string // called
	Family  string
	Model   string // the foundation model at the end
}

// Cell is what a principal may do with a target, without its reasons.
type Cell uint8

// The cells.
const (
	CellDenied Cell = iota
	CellUndetermined
	CellConditional
	CellAllowed
)

// Can reports whether a cell is anything but a deny.
func (c Cell) Can() bool { return c != CellDenied }

func cellOf(d rights.Decision) Cell {
	switch d {
	case rights.Allowed:
		return CellAllowed
	case rights.Conditional:
		return CellConditional
	case rights.Undetermined:
		return CellUndetermined
	}
	return CellDenied
}

// Decision is the word for a cell.
func (c Cell) Decision() rights.Decision {
	return [...]rights.Decision{rights.ImplicitDeny, rights.Undetermined, rights.Conditional, rights.Allowed}[c]
}

// Matrix is every principal's right to every target, by either action.
type Matrix struct {
	Principals []*estate.Principal
	Targets    []Target
	Actions    []string
	cells      []Cell
}

// At is one cell.
func (m *Matrix) At(principal, target, action int) Cell {
	return m.cells[(principal*len(m.Targets)+target)*len(m.Actions)+action]
}

// Any reports whether a principal can do anything at all with any target.
func (m *Matrix) Any(principal int) bool {
	row := m.cells[principal*len(m.Targets)*len(m.Actions):][:len(m.Targets)*len(m.Actions)]
	return slices.ContainsFunc(row, Cell.Can)
}

// Targets are the models and profiles of the catalogue, each as called in the
// regions given where it can be called there: a geographic profile only from
// its source regions. Without regions it is the default one.
func (a *Analysis) Targets(regions []string) []Target {
	if len(regions) == 0 {
		regions = []string{defaultRegion}
	}
	var out []Target
	for _, region := range regions {
		for _, m := range a.Catalogue.Models() {
			if m.Kind == "" || m.Kind == bedrock.FoundationModel {
				out = append(out, Target{ID: m.ID, Region: region, Family: m.Family, Model: m.ID})
			} else if regionIn(m.ID) == region {
				out = append(out, Target{ID: m.ID, Region: region, Family: m.Family, Model: m.Base})
			}
		}
		for _, p := range a.Catalogue.Profiles() {
			if (p.Global || len(p.Destinations[region]) > 0) && (regionIn(p.ID) == "" || regionIn(p.ID) == region) {
				m, _ := a.Catalogue.Model(p.Model)
				out = append(out, Target{ID: p.ID, Profile: true, Region: region, Family: m.Family, Model: p.Model})
			}
		}
	}
	return out
}

// Matrix decides every cell. progress, which may be nil, is told how many
// principals are done.
func (a *Analysis) Matrix(ctx context.Context, principals []*estate.Principal, targets []Target, progress func(done, total int)) (*Matrix, error) {
	m := &Matrix{Principals: principals, Targets: targets, Actions: rights.InvokeActions}
	m.cells = make([]Cell, len(principals)*len(targets)*len(m.Actions))
	plans, err := a.plans(principals, targets)
	if err != nil {
		return nil, err
	}
	width := len(targets) * len(m.Actions)
	const batch = 64
	err = inParallel(ctx, (len(principals)+batch-1)/batch, func(n int) {
		row := make([]rights.Decision, width)
		for i := n * batch; i < min((n+1)*batch, len(principals)); i++ {
			plans[principals[i].Principal.Account].row(principals[i], row, m.cells[i*width:][:width])
		}
		if progress != nil {
			progress(n*batch, len(principals))
		}
	})
	return m, err
}

// plans resolves the targets once for every account.
func (a *Analysis) plans(principals []*estate.Principal, targets []Target) (map[string]*plan, error) {
	out := map[string]*plan{}
	for _, p := range principals {
		if out[p.Principal.Account] != nil {
			continue
		}
		pl, err := a.plan(p.Account, targets)
		if err != nil {
			return nil, err
		}
		out[p.Principal.Account] = pl
	}
	return out, nil
}

// plan is the questions of all cells of an account's rows.
type plan struct {
	a       *Analysis
	account *estate.Account
	cells   []Checks // target by target, action by action
	known   awsiam.Context
	grids   sync.Pool // of *rights.Grid, one a worker
}

func (a *Analysis) plan(acct *estate.Account, targets []Target) (*plan, error) {
	pl := &plan{a: a, account: acct}
	for _, t := range targets {
		for _, action := range rights.InvokeActions {
			c, err := a.Checks(Question{Action: action, Resource: t.ID, Region: t.Region}, acct.ID)
			if err != nil {
				return nil, err
			}
			c.List = a.bind(c.List, acct)
			pl.cells = append(pl.cells, c)
		}
	}
	return pl, nil
}

// decide decides the cells of one principal.
func (pl *plan) decide(p *estate.Principal, decisions []rights.Decision) {
	g, _ := pl.grids.Get().(*rights.Grid)
	if g == nil {
		lists := make([][]rights.Check, len(pl.cells))
		for i := range pl.cells {
			lists[i] = pl.cells[i].List
		}
		g = rights.NewGrid(pl.a.universe(), lists)
	}
	if g.Silent(p.Identity) {
		for i := range decisions {
			decisions[i] = rights.ImplicitDeny
		}
	} else {
		g.Row(pl.a.Case(p, nil, pl.known), decisions)
	}
	pl.grids.Put(g)
}

// row decides the cells of one principal for a matrix.
func (pl *plan) row(p *estate.Principal, decisions []rights.Decision, row []Cell) {
	pl.decide(p, decisions)
	for i, d := range decisions {
		if row[i] = cellOf(d); pl.cells[i].Doubt != "" && row[i].Can() {
			row[i] = CellUndetermined
		}
	}
}

// holder answers the one question of a plan: in full only when the answer is
// not no.
func (pl *plan) holder(p *estate.Principal) Holder {
	var d [1]rights.Decision
	if pl.decide(p, d[:]); !d[0].Can() {
		return Holder{Principal: p, Answer: rights.Answer{Decision: d[0]}}
	}
	return Holder{Principal: p, Answer: pl.a.answer(p, pl.cells[0], pl.known)}
}
