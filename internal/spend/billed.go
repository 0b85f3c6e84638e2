package spend

import (
	"regexp"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// BillComparison sets a bill beside a ledger: by day, account, region and model, and
// by all models together where the bill names one that the catalogue does not know.
type BillComparison struct {
	out    Reconciliation
	ledger *Ledger
	bill   map[Place]*billed
	models map[string]string // the bill's name to the catalogue's; "" to none
	days   span
}

// billed is what a bill says of a place, in billionths of a US dollar.
type billed struct {
	sums Sums // its cost is not used
	nano int64
}

// CompareBill begins a comparison with a bill. The ledger is complete.
func CompareBill(l *Ledger) *BillComparison {
	return &BillComparison{
		ledger: l, bill: map[Place]*billed{}, models: map[string]string{},
		out: Reconciliation{Source: "bill"},
	}
}

// Result is what was found so far; callers note files and skipped lines in it.
func (c *BillComparison) Result() *Reconciliation { return &c.out }

// unnamed is the model of charges that name none that the catalogue knows.
const unnamed = "?"

// Add takes one charge.
func (c *BillComparison) Add(v Charge) {
	if p := c.ledger.Period; p.From != "" && v.Day < p.From || p.To != "" && v.Day > p.To {
		return
	}
	c.days.see(v.Day)
	model, ok := c.models[v.Model]
	if !ok {
		model = named(c.ledger.cat, v.Model)
		c.models[v.Model] = model
	}
	at := Place{v.Day, v.Account, v.Region, first(model, unnamed)}
	b := c.bill[at]
	if b == nil {
		b = &billed{}
		c.bill[at] = b
	}
	b.nano = add(b.nano, v.ListNano)
	c.out.BilledMicroUSD = add(c.out.BilledMicroUSD, v.BilledNano) // in billionths until End
	switch v.Kind {
	case inputTokens:
		b.sums.Input = add(b.sums.Input, v.Tokens)
	case outputTokens:
		b.sums.Output = add(b.sums.Output, v.Tokens)
	case cacheReads:
		b.sums.CacheRead = add(b.sums.CacheRead, v.Tokens)
	case cacheWrites:
		b.sums.CacheWrite = add(b.sums.CacheWrite, v.Tokens)
	}
}

// End closes the comparison. A bill counts no calls: sums of its side have none.
func (c *BillComparison) End() Reconciliation {
	p := c.days.within(c.ledger.Period)
	c.out.From, c.out.To = p.From, p.To
	cells, nano := c.cells(p)
	for at, x := range cells {
		x.AWS.CostMicroUSD = micro(nano[at])
		c.out.Writ.add(x.Writ)
		c.out.AWS.add(x.AWS)
		switch diff := x.AWS.CostMicroUSD - x.Writ.CostMicroUSD; {
		case same(x):
		case diff > 0:
			c.out.Beyond.CostMicroUSD = add(c.out.Beyond.CostMicroUSD, diff)
		default:
			c.out.OnlyWrit.CostMicroUSD = add(c.out.OnlyWrit.CostMicroUSD, -diff)
		}
	}
	b := &c.out.Beyond
	b.Source, b.From, b.To = c.out.Source, c.out.From, c.out.To
	c.out.BilledMicroUSD = micro(c.out.BilledMicroUSD)
	c.out.Cells = differing(cells, func(x *Cell) bool { return !same(x) })
	c.out.Equal = len(c.out.Cells) == 0 && c.out.SkippedCount == 0
	return c.out
}

// cells puts both sides into places: those of one day, account and region into one,
// where the bill has a charge there that names no known model.
func (c *BillComparison) cells(p Period) (map[Place]*Cell, map[Place]int64) {
	whole := map[Place]bool{}
	for at := range c.bill {
		if at.Model == unnamed {
			whole[Place{at.Day, at.Account, at.Region, ""}] = true
		}
	}
	at := func(one Place) Place {
		if all := (Place{one.Day, one.Account, one.Region, ""}); whole[all] {
			return all
		}
		return one
	}
	cells, nano := map[Place]*Cell{}, map[Place]int64{}
	cell := func(one Place) *Cell {
		if cells[one] == nil {
			cells[one] = &Cell{Place: one}
		}
		return cells[one]
	}
	for one, b := range c.bill {
		one = at(one)
		cell(one).AWS.add(b.sums)
		nano[one] = add(nano[one], b.nano)
	}
	for _, call := range c.ledger.calls {
		if !call.edge && !call.nothing() && p.Holds(call.At) {
			cell(at(call.place())).Writ.add(call.sums())
		}
	}
	return cells, nano
}

// same reports whether a cell's costs agree. Writ rounds each call up to a whole
// millionth of a dollar, so it may have up to one for each call more. Calls that
// Writ could not price make the sides differ, as whatever they cost is not in
// Writ's sum.
func same(x *Cell) bool {
	over := x.Writ.CostMicroUSD - x.AWS.CostMicroUSD
	return x.Writ.Unpriced == 0 && over >= -1 && over <= x.Writ.Calls+1
}

// micro rounds billionths to the nearest millionths.
func micro(nano int64) int64 {
	if nano < 0 {
		return -micro(-nano)
	}
	return nano/1000 + (nano%1000+500)/1000
}

var particles = regexp.MustCompile(`[A-Z]?[a-z]+|[A-Z]+|[0-9]+`)

// noise are parts of model ids that bills leave out.
var noise = []string{"instruct", "v"}

// named is the model of the catalogue that a bill means by a name such as
// Claude4.6Sonnet or NovaPro: the one whose id has the same parts, in whichever
// order. Empty: none, or more than one.
func named(cat *bedrock.Catalogue, name string) string {
	want := parts(name)
	if len(want) == 0 {
		return ""
	}
	var found string
	for _, m := range cat.Models() {
		if _, ok := strings.CutPrefix(m.ID, m.Provider+"."); !ok || !slices.Equal(parts(idName(m)), want) {
			continue
		}
		if found != "" {
			return ""
		}
		found = m.ID
	}
	return found
}

var version = regexp.MustCompile(`(-\d{8})?(-v\d+)?(:\d+)?$`)

// idName is a model's id without provider, date and version.
func idName(m bedrock.Model) string {
	return version.ReplaceAllString(strings.TrimPrefix(m.ID, m.Provider+"."), "")
}

// parts are the words and numbers of a name, sorted.
func parts(name string) []string {
	var out []string
	for _, p := range particles.FindAllString(name, -1) {
		if p = strings.ToLower(p); !slices.Contains(noise, p) {
			out = append(out, p)
		}
	}
	slices.Sort(out)
	return out
}
