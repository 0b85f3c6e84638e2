package bedrock

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// The tables that say how prices follow from listed ones, and what guardrails
// cost. They are kept by hand; a note says where a figure is not settled.
var (
	//go:embed data/factors.csv
	factorsTable string
	//go:embed data/guardrails.csv
	guardrailsTable string
)

// factor is a row of factors.csv: what of a price follows from its figures, of
// which models. A tier has one factor, which stands for all figures.
type factor struct {
	models  string // a model, a family, or "*"
	what    string // a tier, long_context or cache_write_hour
	over    int64
	factors [len(rateNames)]float64
}

const (
	whatLong = "long_context"
	whatHour = "cache_write_hour"
)

func readFactor(row []string) (f factor, err error) {
	f.models, f.what = row[0], row[1]
	if f.over, err = readLimit(row[2]); err != nil {
		return f, err
	}
	for i, cell := range row[3:8] {
		if cell == "" {
			continue
		}
		if f.factors[i], err = strconv.ParseFloat(cell, 64); err != nil || !(f.factors[i] > 0 && f.factors[i] <= maxFactor) {
			return f, fmt.Errorf("factor %q: want a number up to %d", cell, maxFactor)
		}
	}
	if !slices.Contains(tierNames[:], f.what) && f.what != whatHour && (f.what != whatLong || f.over < 1) {
		return f, fmt.Errorf("%q: want a tier, %s, or %s with a number of tokens", f.what, whatHour, whatLong)
	}
	return f, nil
}

func (f *factor) reaches(m *Model) bool {
	return f.models == "*" || f.models == m.Family || f.models == m.ID
}

// extend adds to a price what follows from its figures.
func (f *factor) extend(p *Price) {
	switch f.what {
	case whatHour:
		if p.CacheWrite != nil {
			p.CacheWriteHour = times(p.Input, f.factors[rateCacheHour])
		}
	case whatLong:
		r := p.Rates()
		p.LongContext = &LongContext{Over: f.over, Rates: Rates{
			times(r.Input, f.factors[rateInput]), times(r.Output, f.factors[rateOutput]), times(r.CacheRead, f.factors[rateCacheRead]),
			times(r.CacheWrite, f.factors[rateCacheWrite]), times(r.CacheWriteHour, f.factors[rateCacheHour]),
		}}
	default:
		*p.tiers()[slices.Index(tierNames[:], f.what)] = &TierPrice{Factor: new(f.factors[0])}
	}
}

// times is a figure times a factor, to six decimals.
func times(v *float64, by float64) *float64 {
	if v == nil {
		return nil
	}
	return new(math.Round(*v*by*1e6) / 1e6)
}

// extendPrices applies factors.csv to every listed price.
func (c *Catalogue) extendPrices(table string) error {
	var all []factor
	err := readTable(table, 9, func(row []string) error {
		f, err := readFactor(row)
		all = append(all, f)
		return err
	})
	if err != nil {
		return err
	}
	extend := func(p *Price, m Model) {
		for i := range all {
			if p.priced() && all[i].reaches(&m) {
				all[i].extend(p)
			}
		}
	}
	for id, m := range c.models {
		extend(&m.Price, m)
		c.models[id] = m
	}
	for id, p := range c.profiles {
		extend(&p.Price, c.models[p.Model])
		c.profiles[id] = p
	}
	return nil
}

// guardrailUnit is how many units a listed guardrail price is short of those of
// a Quote: it is for a thousand units, and a Price's figures are per million.
const guardrailUnit = 1000

// readGuardrails adds up what the policies of a guardrail cost: which of them
// one has, no request says.
func (c *Catalogue) readGuardrails(table string) error {
	total := 0.0
	err := readTable(table, 3, func(row []string) error {
		v, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			return err
		}
		total += v
		return validFigure("price", v)
	})
	if err != nil {
		return err
	}
	c.guardrail = times(&total, 1)
	return nil
}

// guardrailPrice is what 1,000 units cost that all policies read, in USD.
func (c *Catalogue) guardrailPrice() *float64 {
	for c.under != nil {
		c = c.under
	}
	return c.guardrail
}

// Listing is what is listed of the price of a call to a model, through a profile
// unless profileID is empty. ok is false when nothing is. A profile without a
// price of its own has its model's, except where the tables say that its price
// is unknown, and for a router, whose choice is unknown.
func (c *Catalogue) Listing(modelID, profileID string) (Listing, bool) {
	m, ok := c.Model(modelID)
	of := m.listing()
	if profileID == "" {
		return of, ok && of.known()
	}
	p, ok := c.Profile(profileID)
	if !ok || modelID != p.Model && !slices.Contains(p.Routes, modelID) {
		return Listing{}, false
	}
	own := p.listing()
	switch {
	case own.known():
		own.Price = own.Price.withTiers(of.Price)
		return own, true
	case len(p.Routes) > 0 || c.isUnpriced(profileID):
		return Listing{}, false
	}
	own.Price = own.Price.over(of.Price)
	own.Later = of.Later
	return own, own.known()
}

func (m *Model) listing() Listing   { return Listing{Price: m.Price, Later: m.Prices} }
func (p *Profile) listing() Listing { return Listing{Price: p.Price, Later: p.Prices} }

// withTiers adds the tiers that a profile's price does not state, where they are
// factors: a factor is of whatever the standard price is.
func (p Price) withTiers(of Price) Price {
	for i, t := range p.tiers() {
		if from := *of.tiers()[i]; *t == nil && from != nil && from.Factor != nil {
			*t = from
		}
	}
	return p
}

// PriceOf is the price that is listed for a call, without the days from which
// others hold: for weighing models against each other, not for charging.
func (c *Catalogue) PriceOf(modelID, profileID string) (Price, bool) {
	l, ok := c.Listing(modelID, profileID)
	if ok && !l.Price.priced() {
		return l.Later[0].Price, true
	}
	return l.Price, ok
}

// PriceVersion names all prices: the month of the embedded tables and a digest
// over every price, listed or laid over them. Records carry it.
func (c *Catalogue) PriceVersion() string { return c.priceVersion }

// digestPrices makes the version of the prices of one layer, over the one below.
func (c *Catalogue) digestPrices(below string) string {
	sum := sha256.New()
	fmt.Fprintln(sum, below)
	for _, id := range slices.Sorted(maps.Keys(c.models)) {
		m := c.models[id]
		writeEntry(sum, id, m.listing())
	}
	for _, id := range slices.Sorted(maps.Keys(c.profiles)) {
		p := c.profiles[id]
		writeEntry(sum, id, p.listing())
	}
	month, _, _ := strings.Cut(below, "+")
	return month + "+" + hex.EncodeToString(sum.Sum(nil)[:8])
}
