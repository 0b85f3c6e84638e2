package bedrock

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// Tokens counts what a call used. Input excludes what was read from or written
// to the prompt cache, as in Converse's usage.
type Tokens struct {
	Input, Output, CacheRead int64
	CacheWrite               int64 // to be kept for five minutes
	CacheWriteHour           int64 // to be kept for an hour
}

// Read is everything that the model was given, cached or not.
func (t Tokens) Read() int64 {
	return capped(capped(t.Input, t.CacheRead), capped(t.CacheWrite, t.CacheWriteHour))
}

// capped adds without overflow.
func capped(a, b int64) int64 {
	if sum := a + b; a < 0 || b < 0 || sum >= 0 {
		return sum
	}
	return math.MaxInt64
}

// PriceQuestion asks for the price of one call.
type PriceQuestion struct {
	// Model and Profile are catalogue ids; Profile is empty for a model that is
	// called by itself. Both are empty where no model answers, but a guardrail.
	Model, Profile string
	Tier, Latency  string // as stated; empty: standard
	// Answered is the model that a prompt router chose, as its answer names it;
	// empty: not known.
	Answered string
	At       time.Time
}

// Quote is what one call is charged: the list price of its model, profile, tier
// and time. The zero Quote charges nothing and has no price either.
type Quote struct {
	usual, long rates
	over        int64 // tokens read, above which all are charged as long; 0: never
	unit        uint64
	unitKnown   bool
}

// rates are prices of one token in 10⁻¹⁵ USD, which holds a price of six
// decimals per million tokens times a factor of three, exactly.
type rates struct {
	figure [len(rateNames)]uint64
	known  [len(rateNames)]bool
}

// The places of the figures in rates.
const (
	rateInput = iota
	rateOutput
	rateCacheRead
	rateCacheWrite
	rateCacheHour
)

const (
	femtoPerMicro = 1_000_000_000
	perMille      = 1000
)

// Quote returns the price of a call. ok is false when nothing says what it
// costs: an unknown price is never zero, nor that of something like it.
//
// A profile without a price has its model's, unless the tables say that its
// price is unknown. A router costs what the model that it chose costs; while
// that is not known, it costs the most that any of its routes does.
func (c *Catalogue) Quote(q PriceQuestion) (Quote, bool) {
	if q.Model == "" && q.Profile == "" {
		out := Quote{}
		out.unit, out.unitKnown = femto(c.guardrailPrice(), 1, guardrailUnit)
		return out, out.unitKnown
	}
	if p, ok := c.Profile(q.Profile); ok && len(p.Routes) > 0 && !p.listing().known() {
		return c.routed(&p, q)
	}
	listing, ok := c.Listing(q.Model, q.Profile)
	if !ok || c.apart(q.Model) {
		return Quote{}, false
	}
	return c.quote(listing.At(q.At), q.Tier, q.Latency)
}

// apart reports whether a model's answers are not charged by the token,
// whatever is listed.
func (c *Catalogue) apart(modelID string) bool {
	m, _ := c.Model(modelID)
	return m.Modality == ModalityImage || m.Modality == ModalityVideo || m.Modality == ModalitySpeech
}

// routed is the price of a call through a router.
func (c *Catalogue) routed(router *Profile, q PriceQuestion) (Quote, bool) {
	routes := append([]string{router.Model}, router.Routes...)
	if model, profile := c.Find(q.Answered); model.ID != "" && slices.Contains(routes, model.ID) {
		return c.Quote(PriceQuestion{Model: model.ID, Profile: profile, Tier: q.Tier, Latency: q.Latency, At: q.At})
	}
	var most Quote
	for i, id := range routes {
		one, ok := c.Quote(PriceQuestion{Model: id, Tier: q.Tier, Latency: q.Latency, At: q.At})
		if !ok {
			return Quote{}, false
		}
		if i == 0 {
			most = one
		} else {
			most = most.dearest(one)
		}
	}
	return most, true
}

// quote turns a price into exact figures. Of a tier that AWS may serve as
// standard and then charges so (reserved capacity that is used up), it takes
// the dearer of both.
func (c *Catalogue) quote(p Price, tier, latency string) (q Quote, ok bool) {
	name, ok := tierName(tier, latency)
	if !ok {
		return Quote{}, false
	}
	standard, ok := exact(p.Rates(), p.LongContext, 1)
	switch t := p.tier(name); {
	case name == "":
		q = standard
	case t == nil:
		return Quote{}, false
	case t.Factor != nil:
		q, ok = exact(p.Rates(), p.LongContext, *t.Factor)
	default:
		q, ok = exact(t.Rates, t.LongContext, 1)
		if p.LongContext != nil && t.LongContext == nil { // what a long call costs there, nobody said
			q.over, q.long = p.LongContext.Over, rates{}
		}
	}
	if name == "reserved" {
		q = q.dearest(standard)
	}
	unit := c.guardrailPrice()
	if p.Guardrail != nil {
		unit = p.Guardrail
	}
	q.unit, q.unitKnown = femto(unit, 1, guardrailUnit)
	return q, ok && q.usual != (rates{})
}

// tierName is the tier whose price a call has; empty is the standard one. Two
// at once have no price that anybody publishes.
func tierName(tier, latency string) (string, bool) {
	standard := tier == "" || tier == "default" || tier == "standard"
	switch {
	case latency == "" || latency == "standard":
		if standard {
			return "", true
		}
		return tier, slices.Contains(tierNames[:], tier) && tier != "optimized"
	case latency == "optimized":
		return "optimized", standard
	}
	return "", false
}

// exact turns figures into those of a Quote.
func exact(r Rates, long *LongContext, factor float64) (q Quote, ok bool) {
	if q.usual, ok = exactRates(r, factor); ok && long != nil {
		q.over = long.Over
		q.long, ok = exactRates(long.Rates, factor)
	}
	return q, ok
}

func exactRates(r Rates, factor float64) (out rates, ok bool) {
	for i, f := range r.figures() {
		if f == nil {
			continue
		}
		if out.figure[i], out.known[i] = femto(f, factor, 1); !out.known[i] {
			return rates{}, false
		}
	}
	if !out.known[rateCacheRead] { // no cache read costs more than reading anew
		out.figure[rateCacheRead], out.known[rateCacheRead] = out.figure[rateInput], out.known[rateInput]
	}
	return out, true
}

// femto is a price per million as 10⁻¹⁵ USD for one, times a factor and a whole
// number; decimals beyond those that Quote is exact in are rounded up.
func femto(perMillion *float64, factor float64, times uint64) (uint64, bool) {
	if perMillion == nil || !(*perMillion >= 0 && *perMillion <= maxPrice) || !(factor >= 0 && factor <= maxFactor) {
		return 0, false
	}
	const noise = 1e-4 // what a decimal fraction loses as a float64 is far below
	pico := uint64(math.Ceil(*perMillion*1e6 - noise))
	return pico * uint64(math.Ceil(factor*perMille-noise)) * times, true
}

// dearest is a quote that charges no less than either of two. Where one of them
// has no figure, it has none.
func (q Quote) dearest(o Quote) Quote {
	a, b := q.longRates(), o.longRates()
	if q.over > 0 || o.over > 0 {
		out := Quote{usual: q.usual.dearest(o.usual), long: a.dearest(b), over: q.over}
		if out.over == 0 || o.over > 0 && o.over < out.over {
			out.over = o.over
		}
		out.long = out.long.atLeast(out.usual)
		out.unit, out.unitKnown = max(q.unit, o.unit), q.unitKnown && o.unitKnown
		return out
	}
	return Quote{usual: q.usual.dearest(o.usual), unit: max(q.unit, o.unit), unitKnown: q.unitKnown && o.unitKnown}
}

// longRates are what a call of any length can be charged at most by.
func (q Quote) longRates() rates {
	if q.over == 0 {
		return q.usual
	}
	return q.long
}

func (r rates) dearest(o rates) rates {
	for i := range r.figure {
		r.figure[i], r.known[i] = max(r.figure[i], o.figure[i]), r.known[i] && o.known[i]
	}
	return r
}

func (r rates) atLeast(o rates) rates {
	for i := range r.figure {
		r.figure[i] = max(r.figure[i], o.figure[i])
	}
	return r
}

// sum adds up products of 10⁻¹⁵ USD in 128 bits. Figures are below 10¹⁸, counts
// below 2⁶³, and there are few: it cannot overflow.
type sum struct{ hi, lo uint64 }

func (s *sum) add(figure uint64, count int64) {
	h, l := bits.Mul64(figure, uint64(count))
	var carry uint64
	s.lo, carry = bits.Add64(s.lo, l, 0)
	s.hi, _ = bits.Add64(s.hi, h, carry)
}

// micro is the sum in millionths of a USD, rounded up.
func (s *sum) micro() (int64, bool) {
	if s.hi >= femtoPerMicro {
		return 0, false
	}
	quo, rem := bits.Div64(s.hi, s.lo, femtoPerMicro)
	if rem > 0 {
		quo++
	}
	return int64(quo), quo <= math.MaxInt64
}

// Cost is what a call that used so much is charged, in millionths of a US
// dollar, rounded up once. guardrailUnits are text units of 1,000 characters
// that a guardrail read. ok is false when a figure that the usage needs is
// unknown, when a count is negative, or when the cost is beyond an int64.
func (q Quote) Cost(t Tokens, guardrailUnits int64) (microUSD int64, ok bool) {
	r := &q.usual
	if q.over > 0 && t.Read() > q.over {
		r = &q.long
	}
	var s sum
	for i, n := range [...]int64{t.Input, t.Output, t.CacheRead, t.CacheWrite, t.CacheWriteHour} {
		if n == 0 {
			continue
		}
		if n < 0 || !r.known[i] {
			return 0, false
		}
		s.add(r.figure[i], n)
	}
	if !q.addUnits(&s, guardrailUnits) {
		return 0, false
	}
	return s.micro()
}

func (q *Quote) addUnits(s *sum, units int64) bool {
	if units == 0 {
		return true
	}
	if units < 0 || !q.unitKnown {
		return false
	}
	s.add(q.unit, units)
	return true
}

// Worst is the most that a call within a bound is charged: no usage that the
// bound covers costs more, however it is split between the cache and the rest.
func (q Quote) Worst(b Bound) (microUSD int64, ok bool) {
	if q.over == 0 || b.Input <= q.over {
		return q.worst(&q.usual, b)
	}
	long, ok := q.worst(&q.long, b)
	if !ok {
		return 0, false
	}
	b.Input = q.over
	short, ok := q.worst(&q.usual, b)
	return max(long, short), ok
}

func (q *Quote) worst(r *rates, b Bound) (int64, bool) {
	var s sum
	if b.Input < 0 || b.Output < 0 || b.Input > 0 && !r.known[rateInput] || b.Output > 0 && !r.known[rateOutput] {
		return 0, false
	}
	dearest := max(r.figure[rateInput], r.figure[rateCacheRead])
	for i, wanted := range [...]bool{rateCacheWrite: b.CacheWrite, rateCacheHour: b.CacheHour} {
		if wanted && b.Input > 0 && !r.known[i] {
			return 0, false
		}
		if wanted {
			dearest = max(dearest, r.figure[i])
		}
	}
	s.add(dearest, b.Input)
	s.add(r.figure[rateOutput], b.Output)
	if !q.addUnits(&s, b.GuardrailUnits) {
		return 0, false
	}
	return s.micro()
}
