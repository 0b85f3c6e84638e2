package bedrock

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Price is what a model's tokens cost, in USD per million; a nil figure is
// unknown, which is not zero.
type Price struct {
	Input      *float64 `json:"input,omitempty" yaml:"input,omitempty"`
	Output     *float64 `json:"output,omitempty" yaml:"output,omitempty"`
	CacheRead  *float64 `json:"cacheRead,omitempty" yaml:"cacheRead,omitempty"`
	CacheWrite *float64 `json:"cacheWrite,omitempty" yaml:"cacheWrite,omitempty"` // kept for five minutes
	// CacheWriteHour is for what is written to the cache to be kept for an hour.
	CacheWriteHour *float64 `json:"cacheWriteHour,omitempty" yaml:"cacheWriteHour,omitempty"`
	// LongContext is what every token of a call costs whose input is long; nil:
	// the same.
	LongContext *LongContext `json:"longContext,omitempty" yaml:"longContext,omitempty"`

	// The tiers that have a price of their own. A nil one is unknown: a call that
	// asks for it is unpriced, never priced as a standard one.
	Priority  *TierPrice `json:"priority,omitempty" yaml:"priority,omitempty"`
	Flex      *TierPrice `json:"flex,omitempty" yaml:"flex,omitempty"`
	Batch     *TierPrice `json:"batch,omitempty" yaml:"batch,omitempty"`
	Reserved  *TierPrice `json:"reserved,omitempty" yaml:"reserved,omitempty"`
	Optimized *TierPrice `json:"optimized,omitempty" yaml:"optimized,omitempty"` // latency optimized

	// Guardrail is what 1,000 units of text cost that a guardrail reads beside the
	// model, in USD; nil: all policies that AWS prices, together.
	Guardrail *float64 `json:"guardrail,omitempty" yaml:"guardrail,omitempty"`
}

// Rates are figures of a Price, in USD per million tokens.
type Rates struct {
	Input          *float64 `json:"input,omitempty" yaml:"input,omitempty"`
	Output         *float64 `json:"output,omitempty" yaml:"output,omitempty"`
	CacheRead      *float64 `json:"cacheRead,omitempty" yaml:"cacheRead,omitempty"`
	CacheWrite     *float64 `json:"cacheWrite,omitempty" yaml:"cacheWrite,omitempty"`
	CacheWriteHour *float64 `json:"cacheWriteHour,omitempty" yaml:"cacheWriteHour,omitempty"`
}

// LongContext are the rates of calls that read more than so many tokens,
// cached ones included.
type LongContext struct {
	Over  int64 `json:"over" yaml:"over"`
	Rates `yaml:",inline"`
}

// TierPrice is a tier's price: a factor of the standard one, or rates.
type TierPrice struct {
	// Factor multiplies every figure of the standard price; at most three decimals.
	Factor *float64 `json:"factor,omitempty" yaml:"factor,omitempty"`
	Rates  `yaml:",inline"`
	// LongContext belongs to rates; a factor has the standard price's.
	LongContext *LongContext `json:"longContext,omitempty" yaml:"longContext,omitempty"`
}

// DatedPrice is a price that holds from a day on, until the next one does.
type DatedPrice struct {
	From  string `json:"from" yaml:"from"` // 2026-01-31; the day begins in UTC
	Price `yaml:",inline"`
}

// Bounds on what is believed. They keep a slip of the pen (a price per token in
// place of one per million) out.
const (
	maxPrice  = 1e6 // USD per million tokens
	maxFactor = 100
	maxDated  = 64
)

// The figures of a price, by name, for every reader that treats them alike.
var rateNames = [...]string{"input", "output", "cacheRead", "cacheWrite", "cacheWriteHour"}

func (r *Rates) figures() [len(rateNames)]*float64 {
	return [...]*float64{r.Input, r.Output, r.CacheRead, r.CacheWrite, r.CacheWriteHour}
}

// Rates returns the price's own figures.
func (p *Price) Rates() Rates {
	return Rates{p.Input, p.Output, p.CacheRead, p.CacheWrite, p.CacheWriteHour}
}

func (p *Price) setRates(r Rates) {
	p.Input, p.Output, p.CacheRead, p.CacheWrite, p.CacheWriteHour = r.Input, r.Output, r.CacheRead, r.CacheWrite, r.CacheWriteHour
}

// tiers are the tiers of a price, by name.
func (p *Price) tiers() [len(tierNames)]**TierPrice {
	return [...]**TierPrice{&p.Priority, &p.Flex, &p.Batch, &p.Reserved, &p.Optimized}
}

var tierNames = [...]string{"priority", "flex", "batch", "reserved", "optimized"}

// tier is the price of a tier by its name, or nil.
func (p *Price) tier(name string) *TierPrice {
	if i := slices.Index(tierNames[:], name); i >= 0 {
		return *p.tiers()[i]
	}
	return nil
}

// Figure is one figure of a price, by its name.
type Figure struct {
	Name string
	USD  *float64 // per million tokens, or thousand units of text; a tier's factor as it is
}

// Figures lists every figure of a price, in one order for every price: where
// one of two prices is lower anywhere, the same place of their lists shows it.
// That a long call has no rates of its own shows as the usual ones.
func (p Price) Figures() []Figure {
	usual := p.Rates()
	out := usual.named("", nil)
	out = p.LongContext.named(out, "long ", usual)
	for i, t := range p.tiers() {
		tier := *t
		if tier == nil {
			tier = &TierPrice{}
		}
		out = append(out, Figure{tierNames[i] + " factor", tier.Factor})
		out = tier.Rates.named(tierNames[i]+" ", out)
		out = tier.LongContext.named(out, tierNames[i]+" long ", tier.Rates)
	}
	return append(out, Figure{"guardrails", p.Guardrail})
}

// figureNames are the words for the figures of a price.
var figureNames = [...]string{"input", "output", "cache reads", "cache writes", "cache writes for an hour"}

func (r *Rates) named(start string, out []Figure) []Figure {
	for i, f := range r.figures() {
		out = append(out, Figure{start + figureNames[i], f})
	}
	return out
}

func (l *LongContext) named(out []Figure, start string, usual Rates) []Figure {
	if l == nil {
		return usual.named(start, out)
	}
	return l.Rates.named(start, out)
}

// Validate reports a figure that no price can have.
func (p Price) Validate() error {
	rates := p.Rates()
	errs := []error{rates.validate("price "), p.LongContext.validate("price longContext ", rates)}
	for i, t := range p.tiers() {
		errs = append(errs, (*t).validate("price "+tierNames[i]+" "))
	}
	if p.Guardrail != nil {
		errs = append(errs, validFigure("price guardrail", *p.Guardrail))
	}
	return errors.Join(errs...)
}

func validFigure(name string, v float64) error {
	if !(v >= 0 && v <= maxPrice) {
		return fmt.Errorf("%s %v: want USD per million tokens between 0 and %v", name, v, maxPrice)
	}
	return nil
}

func (r *Rates) validate(where string) error {
	var errs []error
	for i, f := range r.figures() {
		if f != nil {
			errs = append(errs, validFigure(where+rateNames[i], *f))
		}
	}
	return errors.Join(errs...)
}

// validate holds a long call to cost no less: were it cheaper, one token more
// could lower a bill, and the dearest call would not be the largest.
func (l *LongContext) validate(where string, usual Rates) error {
	if l == nil {
		return nil
	}
	errs := []error{l.Rates.validate(where)}
	if l.Over < 1 {
		errs = append(errs, fmt.Errorf("%sover %d: want a number of tokens", where, l.Over))
	}
	for i, f := range l.figures() {
		if u := usual.figures()[i]; f != nil && u != nil && *f < *u {
			errs = append(errs, fmt.Errorf("%s%s %v: less than the usual %v", where, rateNames[i], *f, *u))
		}
	}
	return errors.Join(errs...)
}

func (t *TierPrice) validate(where string) error {
	switch {
	case t == nil:
		return nil
	case t.Factor == nil:
		return errors.Join(t.Rates.validate(where), t.LongContext.validate(where+"longContext ", t.Rates))
	case t.Rates != (Rates{}) || t.LongContext != nil:
		return fmt.Errorf("%shas a factor and rates: want one of them", where)
	case !(*t.Factor >= 0 && *t.Factor <= maxFactor):
		return fmt.Errorf("%sfactor %v: want 0 to %d", where, *t.Factor, maxFactor)
	}
	return nil
}

// validatePrices checks dated prices: each valid, with a day, and in order.
func validatePrices(prices []DatedPrice) error {
	var errs []error
	if len(prices) > maxDated {
		errs = append(errs, fmt.Errorf("prices: more than %d", maxDated))
	}
	for i := range prices {
		d := &prices[i]
		if t, err := time.Parse(time.DateOnly, d.From); err != nil || t.Format(time.DateOnly) != d.From {
			errs = append(errs, fmt.Errorf("prices from %q: want a day, such as 2026-01-31", d.From))
		} else if i > 0 && d.From <= prices[i-1].From {
			errs = append(errs, fmt.Errorf("prices from %s: want days in order, each once", d.From))
		}
		if err := d.Price.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("from %s: %w", d.From, err))
		}
	}
	return errors.Join(errs...)
}

// over lays a stated price over the one below it. Figures come as a group, so
// that those of two origins are never mixed; each tier, and the guardrail's, is
// on its own.
func (p Price) over(below Price) Price {
	if p.Rates() == (Rates{}) && p.LongContext == nil {
		p.setRates(below.Rates())
		p.LongContext = below.LongContext
	}
	for i, t := range p.tiers() {
		*t = either(*t, *below.tiers()[i])
	}
	p.Guardrail = either(p.Guardrail, below.Guardrail)
	return p
}

// priced reports whether the price states any of its figures.
func (p *Price) priced() bool { return p.Rates() != (Rates{}) || p.LongContext != nil }

// Listing is all that is listed of a price: what holds until the first day of
// Later, and what holds from each of its days on.
type Listing struct {
	Price Price
	Later []DatedPrice // by day
}

// At is the price that holds at an instant.
func (l Listing) At(t time.Time) Price {
	if len(l.Later) == 0 {
		return l.Price
	}
	day, p := t.UTC().Format(time.DateOnly), l.Price
	for i := range l.Later {
		if l.Later[i].From > day {
			break
		}
		p = l.Later[i].Price
	}
	return p
}

// known reports whether any price is listed, now or later.
func (l Listing) known() bool {
	return l.Price.priced() || slices.ContainsFunc(l.Later, func(d DatedPrice) bool { return d.priced() })
}

// over lays a listing over the one below: whoever states a price states all
// that is to come, too.
func (l Listing) over(below Listing) Listing {
	if l.Price.priced() || l.Later != nil {
		below.Later = nil
	}
	l.Price = l.Price.over(below.Price)
	if l.Later == nil {
		l.Later = below.Later
	}
	return l
}
