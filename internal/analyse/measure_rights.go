package analyse

import (
	"maps"
	"slices"

	"github.com/writ-project/writ/internal/estate"
	"github.com/writ-project/writ/internal/report"
	"github.com/writ-project/writ/internal/rights"
)

// reachHops is how many roles a principal may go through to count as one that
// reaches a model.
const reachHops = 3

// askedRights bounds how many conditional rights are asked for their condition
// and their dates: equal ones once. Those beyond are reported without.
const askedRights = 50_000

// chained are all principals, and for those that can invoke nothing themselves
// the chain of roles to one that can.
func (s *scan) chained() []Holder {
	s.shared.walk.Do(func() {
		holders := make([]Holder, len(s.matrix.Principals))
		for i, p := range s.matrix.Principals {
			best := slices.Max(append(slices.Clone(s.matrix.row(i)), CellDenied))
			holders[i] = Holder{Principal: p, Answer: rights.Answer{Decision: best.Decision()}}
		}
		if s.chain(s.ctx, holders, reachHops) == nil { // otherwise the scan ends with the context's error
			s.shared.holders = holders
		}
	})
	return s.shared.holders
}

// row is all cells of a principal.
func (m *Matrix) row(principal int) []Cell {
	return m.cells[principal*len(m.Targets)*len(m.Actions):][:len(m.Targets)*len(m.Actions)]
}

// rights reports every right that is not denied: a principal's own, and for who
// has none those of the first role in its reach that has. Reports group rows
// that are equal.
func (s *scan) rights(h report.Handler) error {
	w := rightsWriter{scan: s, h: h, terms: map[string][]term{}}
	w.u, _ = s.usage(s.unusedDays())
	for i, x := range s.subjects() {
		if err := w.own(x, s.matrix.row(i)); err != nil {
			return err
		}
	}
	for _, holder := range s.chained() {
		if len(holder.Path) == 0 {
			continue
		}
		if err := w.through(holder); err != nil {
			return err
		}
	}
	return s.ctx.Err()
}

type rightsWriter struct {
	*scan
	h     report.Handler
	u     *usage // nil: what is used is not known
	asked int
	terms map[string][]term // of the cells of subjects that are alike
}

// term is what there is to say of one right beside its decision.
type term struct{ condition, from, until string }

func (w *rightsWriter) own(x *subject, row []Cell) error {
	if !slices.ContainsFunc(row, Cell.Can) {
		return nil
	}
	terms := w.termsOf(x, row)
	var used []bool
	if w.u != nil && w.u.known(x.Principal) {
		used = w.u.cells(x.whole)
	}
	for i, c := range row {
		if !c.Can() {
			continue
		}
		r := w.right(x.whole, i, c)
		r.Used = "unknown"
		if used != nil {
			r.Used = map[bool]string{true: "used", false: "unused"}[used[i]]
		}
		if terms != nil {
			r.Condition, r.From, r.Until = terms[i].condition, terms[i].from, terms[i].until
		}
		if err := w.h.Right(r); err != nil {
			return err
		}
	}
	return nil
}

func (w *rightsWriter) right(p *estate.Principal, i int, c Cell) report.Right {
	t := &w.matrix.Targets[i/len(w.matrix.Actions)]
	return report.Right{Account: p.Principal.Account, Principal: p.ARN, Kind: string(p.Kind), Action: w.matrix.Actions[i%len(w.matrix.Actions)],
		Target: t.ID, Region: t.Region, Decision: string(c.Decision())}
}

// termsOf asks when a subject's rights hold that are conditional or have a date;
// nil: it has none, or too many were asked already. Cells whose checks every
// statement treats alike are asked once.
func (w *rightsWriter) termsOf(x *subject, row []Cell) []term {
	if known, ok := w.terms[x.like]; ok {
		return known
	}
	dated := w.ending(x)
	checks := w.checksOf(x.Account.ID)
	c := w.classer(x)
	classes := map[string][]int{}
	for i := range row {
		if row[i] == CellConditional || row[i].Can() && dated {
			k := c.class(checks[i].List)
			classes[k] = append(classes[k], i)
		}
	}
	if len(classes) == 0 || w.asked+len(classes) > askedRights {
		return nil
	}
	w.asked += len(classes)
	out := make([]term, len(row))
	list := slices.Collect(maps.Values(classes))
	_ = inParallel(w.ctx, len(list), func(n int) {
		i := list[n][0]
		ans := w.ask(x, i/len(w.matrix.Actions), i%len(w.matrix.Actions), nil)
		for _, i := range list[n] {
			out[i] = term{rights.Terms(ans.Condition), stamp(ans.From), stamp(ans.Until)}
		}
	})
	w.terms[x.like] = out
	return out
}

// through reports the rights at the end of a chain as those of who begins it.
func (w *rightsWriter) through(holder Holder) error {
	last := w.Estate.Principal(holder.Path[len(holder.Path)-1].To)
	row, ok := w.index[last]
	if !ok {
		return nil
	}
	for i, c := range w.matrix.row(row) {
		if !c.Can() {
			continue
		}
		r := w.right(holder.Principal, i, min(c, cellOf(holder.Answer.Decision)))
		r.Hops, r.Used = len(holder.Path), "unknown"
		if err := w.h.Right(r); err != nil {
			return err
		}
	}
	return nil
}
