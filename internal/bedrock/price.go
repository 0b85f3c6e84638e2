package bedrock

import (
	"fmt"
	"math"
	"math/bits"
)

// maxPrice is the highest price believed, in USD per million tokens. It keeps
// a slip of the pen (a price per token in place of one per million) out.
const maxPrice = 1e6

// Validate reports a figure that no price can have.
func (p Price) Validate() error {
	for _, f := range []struct {
		name  string
		value *float64
	}{{"input", p.Input}, {"output", p.Output}, {"cacheRead", p.CacheRead}, {"cacheWrite", p.CacheWrite}} {
		if f.value != nil && !(*f.value >= 0 && *f.value <= maxPrice) {
			return fmt.Errorf("price %s %v: want USD per million tokens between 0 and %v", f.name, *f.value, maxPrice)
		}
	}
	return nil
}

// Tokens counts what a call used, or may use at most. Input excludes what was
// read from or written to the prompt cache, as in Converse's usage.
type Tokens struct {
	Input, Output, CacheRead, CacheWrite int64
}

// picoPerMicro is how many of USD 10⁻¹² make one of USD 10⁻⁶.
const picoPerMicro = 1_000_000

// Cost is what the tokens cost at a price, in millionths of a US dollar,
// rounded up. ok is false when a figure that the tokens need is unknown, when
// a count is negative, or when the cost is beyond an int64: an unknown cost is
// never zero.
//
// Prices have at most six decimals per million tokens, so a token costs a
// whole number of 10⁻¹² USD; a price with more is rounded up to that. The sum
// is then exact in 128 bits.
func Cost(p Price, t Tokens) (microUSD int64, ok bool) {
	var hi, lo uint64
	for _, part := range [4]struct {
		price  *float64
		tokens int64
	}{{p.Input, t.Input}, {p.Output, t.Output}, {p.CacheRead, t.CacheRead}, {p.CacheWrite, t.CacheWrite}} {
		if part.tokens == 0 {
			continue
		}
		pico, known := picoUSD(part.price)
		if !known || part.tokens < 0 {
			return 0, false
		}
		h, l := bits.Mul64(pico, uint64(part.tokens))
		var carry uint64
		lo, carry = bits.Add64(lo, l, 0)
		hi, _ = bits.Add64(hi, h, carry)
	}
	return roundUp(hi, lo)
}

// picoUSD is the price of one token in 10⁻¹² USD. A price per million tokens
// in USD times 10⁶ is just that.
func picoUSD(perMillion *float64) (pico uint64, known bool) {
	if perMillion == nil || !(*perMillion >= 0 && *perMillion <= maxPrice) {
		return 0, false
	}
	const noise = 1e-4 // what a decimal fraction loses as a float64 is far below
	return uint64(math.Ceil(*perMillion*picoPerMicro - noise)), true
}

// roundUp divides a sum of 10⁻¹² USD by picoPerMicro.
func roundUp(hi, lo uint64) (microUSD int64, ok bool) {
	if hi >= picoPerMicro {
		return 0, false
	}
	quo, rem := bits.Div64(hi, lo, picoPerMicro)
	if rem > 0 {
		quo++
	}
	if quo > math.MaxInt64 {
		return 0, false
	}
	return int64(quo), true
}
