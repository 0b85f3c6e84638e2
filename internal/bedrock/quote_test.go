package bedrock

import (
	"math"
	"math/big"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// quoted is the quote of a price by itself.
func quoted(t interface{ Fatalf(string, ...any) }, p Price) Quote {
	q, ok := Embedded().quote(p, "", "")
	if !ok {
		t.Fatalf("no quote of %+v", p)
	}
	return q
}

func TestCost(t *testing.T) {
	full := Price{Input: usd(3), Output: usd(15), CacheRead: usd(0.3), CacheWrite: usd(3.75), CacheWriteHour: usd(6)}
	tests := []struct {
		name   string
		price  Price
		tokens Tokens
		units  int64
		want   int64
		ok     bool
	}{
		{"nothing used", full, Tokens{}, 0, 0, true},
		{"input and output", full, Tokens{Input: 1000, Output: 100}, 0, 4500, true},
		{"all five", full, Tokens{Input: 1, Output: 1, CacheRead: 10, CacheWrite: 4, CacheWriteHour: 2}, 0, 3 + 15 + 3 + 15 + 12, true},
		{"rounds up", full, Tokens{CacheRead: 1}, 0, 1, true},
		{"rounds up once, not per part", full, Tokens{CacheRead: 1, CacheWrite: 1}, 0, 5, true},
		{"a price with many decimals is exact", Price{Input: usd(0.00875)}, Tokens{Input: 1_000_000}, 0, 8750, true},
		{"free output", Price{Input: usd(0.02), Output: usd(0)}, Tokens{Input: 50, Output: 7}, 0, 1, true},
		{"free by an operator's word", Price{Input: usd(0), Output: usd(0)}, Tokens{Input: 50, Output: 7}, 0, 0, true},
		{"a guardrail beside it", full, Tokens{Input: 1000}, 3, 3000 + 2010, true},
		{"a guardrail of known policies", Price{Input: usd(3), Guardrail: usd(0.15)}, Tokens{Input: 1000}, 3, 3000 + 450, true},
		{"reading the cache at no price of its own", Price{Input: usd(3)}, Tokens{CacheRead: 10}, 0, 30, true},
		{"unknown figure needed", Price{Input: usd(3)}, Tokens{Input: 1, Output: 1}, 0, 0, false},
		{"writing the cache at an unknown price", Price{Input: usd(3)}, Tokens{CacheWrite: 1}, 0, 0, false},
		{"unknown figure not needed", Price{Input: usd(3)}, Tokens{Input: 1}, 0, 3, true},
		{"negative count", full, Tokens{Input: -1}, 0, 0, false},
		{"negative units", full, Tokens{}, -1, 0, false},
		{"beyond an int64", Price{Input: usd(1e6)}, Tokens{Input: math.MaxInt64}, 0, 0, false},
		{"beyond 128 bits of quotient", Price{Input: usd(1e6), Output: usd(1e6)}, Tokens{Input: math.MaxInt64, Output: math.MaxInt64}, 0, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := quoted(t, tt.price).Cost(tt.tokens, tt.units)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Cost = %d, %v, want %d, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
	if _, ok := (Quote{}).Cost(Tokens{Input: 1}, 0); ok {
		t.Error("the zero Quote has a price")
	}
}

func TestImpossiblePricesAreNotQuoted(t *testing.T) {
	for _, v := range []float64{-1, math.NaN(), math.Inf(1), 2e6} {
		if _, ok := Embedded().quote(Price{Input: &v}, "", ""); ok {
			t.Errorf("a price of %v is quoted", v)
		}
	}
}

func TestLongInputIsChargedAsALongCall(t *testing.T) {
	for _, tt := range []struct {
		tokens Tokens
		want   int64
	}{
		{Tokens{Input: 200_000, Output: 1000}, 600_000 + 15_000},
		{Tokens{Input: 200_001, Output: 1000}, 1_200_006 + 22_500},
		{Tokens{Input: 1, CacheRead: 150_000, CacheWrite: 50_000}, 6 + 90_000 + 375_000},
		{Tokens{Input: 1, CacheRead: 100_000, CacheWriteHour: 100_000}, 6 + 60_000 + 1_200_000},
		{Tokens{Input: 10, Output: 400_000}, 30 + 6_000_000}, // what is answered is not input
	} {
		q, _ := Embedded().Quote(PriceQuestion{Model: sonnet})
		if got, ok := q.Cost(tt.tokens, 0); got != tt.want || !ok {
			t.Errorf("%+v: %d, %v, want %d", tt.tokens, got, ok, tt.want)
		}
	}
}

func TestTiersHaveTheirOwnPrice(t *testing.T) {
	own := TierPrice{Rates: Rates{Input: usd(10), Output: usd(20)}}
	cat := mustWith(t, Embedded(), []Model{
		{ID: "amazon.nova-pro-v1:0", Price: Price{Optimized: &own}},
		{ID: sonnet, Price: Price{Reserved: &TierPrice{Factor: usd(0)}, Priority: &own}},
		{ID: importedARN, Base: "meta.llama3-1-70b-instruct-v1:0", Regions: []string{"us-east-1"}, Price: Price{Input: usd(1), Output: usd(1)}},
	}, nil)
	const nova = "amazon.nova-pro-v1:0"
	for _, tt := range []struct {
		model, tier, latency string
		input                int64
		want                 int64 // of a thousand tokens of input for each; -1: unpriced
	}{
		{nova, "", "", 1000, 800},
		{nova, "default", "standard", 1000, 800},
		{nova, "priority", "", 1000, 1400},
		{nova, "flex", "", 1000, 400},
		{nova, "batch", "", 1000, 400},
		{nova, "reserved", "", 1000, -1},
		{nova, "auto", "", 1000, -1},
		{nova, "", "optimized", 1000, 10_000},
		{nova, "optimized", "", 1000, -1},
		{nova, "flex", "optimized", 1000, -1},
		{nova, "", "fastest", 1000, -1},
		{sonnet, "", "optimized", 1000, -1},
		{sonnet, "reserved", "", 1000, 3000}, // what is beyond the capacity is charged as standard
		{sonnet, "flex", "", 300_000, 900_000},
		{sonnet, "priority", "", 200_000, 2_000_000},
		{sonnet, "priority", "", 200_001, -1}, // rates that say nothing of long calls
		{importedARN, "", "", 1000, 1000},
		{importedARN, "flex", "", 1000, -1}, // its price is its own, and so are its tiers
	} {
		q, quoted := cat.Quote(PriceQuestion{Model: tt.model, Tier: tt.tier, Latency: tt.latency})
		got, ok := q.Cost(Tokens{Input: tt.input}, 0)
		if !quoted || !ok {
			got = -1
		}
		if got != tt.want {
			t.Errorf("%+v: %d", tt, got)
		}
	}
}

func TestQuoteHoldsAtItsTime(t *testing.T) {
	cat := mustWith(t, Embedded(), []Model{{ID: sonnet, Prices: []DatedPrice{{"2027-01-01", Price{Input: usd(30)}}}}}, nil)
	for at, want := range map[string]int64{"2026-12-31": 3, "2027-01-01": 30} {
		when, err := time.Parse(time.DateOnly, at)
		if err != nil {
			t.Fatal(err)
		}
		q, ok := cat.Quote(PriceQuestion{Model: sonnet, At: when})
		if got, _ := q.Cost(Tokens{Input: 1}, 0); got != want || !ok {
			t.Errorf("at %s: %d, %v", at, got, ok)
		}
	}
}

// TestWhatIsNotPricedIsUnpriced names every sort of thing that has no price by
// the token, or none that is known.
func TestWhatIsNotPricedIsUnpriced(t *testing.T) {
	provisioned := "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/a1b2c3d4e5f6"
	own := Model{ID: provisioned, Base: "meta.llama3-1-70b-instruct-v1:0", Regions: []string{"us-east-1"}}
	cat := mustWith(t, Embedded(), []Model{own, imported(), {ID: "amazon.nova-canvas-v1:0", Price: Price{Input: usd(1), Output: usd(1)}}}, nil)
	for name, q := range map[string]PriceQuestion{
		"provisioned, by the hour":      {Model: provisioned},
		"imported":                      {Model: importedARN},
		"pictures":                      {Model: "amazon.nova-canvas-v1:0"},
		"no price published":            {Model: "anthropic.claude-opus-5-5"},
		"sources disagree":              {Model: "anthropic.claude-opus-4-8", Profile: "eu.anthropic.claude-opus-4-8"},
		"another model's profile":       {Model: "amazon.nova-pro-v1:0", Profile: usSonnet},
		"not listed":                    {Model: "a.b"},
		"a profile that is not listed":  {Model: sonnet, Profile: "us.a.b"},
		"a profile and nothing besides": {Profile: usSonnet},
	} {
		if got, ok := cat.Quote(q); ok || got != (Quote{}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	own.Price = Price{Input: usd(0), Output: usd(0)}
	if q, ok := mustWith(t, Embedded(), []Model{own}, nil).Quote(PriceQuestion{Model: provisioned}); !ok {
		t.Error("an operator's zero is not a price")
	} else if got, ok := q.Cost(Tokens{Input: 1, Output: 1}, 0); got != 0 || !ok {
		t.Errorf("it costs %d, %v", got, ok)
	}
}

func TestGuardrailAloneIsQuoted(t *testing.T) {
	q, ok := Embedded().Quote(PriceQuestion{})
	if got, priced := q.Cost(Tokens{}, 10); got != 6700 || !ok || !priced {
		t.Errorf("%d, %v, %v", got, ok, priced)
	}
	if _, ok := q.Cost(Tokens{Input: 1}, 0); ok {
		t.Error("a guardrail has a price for tokens")
	}
}

func TestRouterCostsItsDearestRouteUntilItIsKnown(t *testing.T) {
	router := Profile{ID: "arn:aws:bedrock:us-east-1:111122223333:prompt-router/a1b2c3d4e5f6", Model: sonnet, Routes: []string{"amazon.nova-pro-v1:0"}}
	cat := mustWith(t, Embedded(), nil, []Profile{router})
	for answered, want := range map[string]int64{
		"": 6000, "garbage": 6000, "meta.llama3-1-8b-instruct-v1:0": 6000,
		"amazon.nova-pro-v1:0": 800, sonnet: 3000, "eu." + sonnet: 3300,
		"arn:aws:bedrock:us-east-1::foundation-model/" + sonnet: 3000,
	} {
		q, ok := cat.Quote(PriceQuestion{Model: sonnet, Profile: router.ID, Answered: answered})
		tokens := Tokens{Input: 1000}
		if want == 6000 { // Nova has no price for writes, and Sonnet one for long calls
			tokens, want = Tokens{Input: 300_000}, 1_800_000
		}
		if got, priced := q.Cost(tokens, 0); got != want || !ok || !priced {
			t.Errorf("answered by %q: %d, %v, %v, want %d", answered, got, ok, priced, want)
		}
	}
	router.Routes = []string{"anthropic.claude-opus-5-5"}
	if _, ok := mustWith(t, Embedded(), nil, []Profile{router}).Quote(PriceQuestion{Model: sonnet, Profile: router.ID}); ok {
		t.Error("a route without a price does not count")
	}
	router.Price = Price{Input: usd(9)}
	if q, _ := mustWith(t, Embedded(), nil, []Profile{router}).Quote(PriceQuestion{Model: sonnet, Profile: router.ID}); q.usual.figure[rateInput] != 9_000_000_000 {
		t.Errorf("the router's own price does not count: %+v", q)
	}
}

// TestCostAgreesWithRationals compares Cost with arithmetic that cannot round:
// prices of six decimals, factors of three, and counts as large as they come.
func TestCostAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Rates
		var tokens Tokens
		permille := rapid.Int64Range(0, 100_000).Draw(t, "factor")
		sum := new(big.Rat)
		for _, part := range []struct {
			price  **float64
			tokens *int64
		}{{&r.Input, &tokens.Input}, {&r.Output, &tokens.Output}, {&r.CacheRead, &tokens.CacheRead}, {&r.CacheWrite, &tokens.CacheWrite}, {&r.CacheWriteHour, &tokens.CacheWriteHour}} {
			millionths := rapid.Int64Range(0, 1e9).Draw(t, "price")
			*part.price = decimal(t, millionths, 1e6)
			*part.tokens = rapid.Int64Range(0, 1e15).Draw(t, "tokens")
			sum.Add(sum, new(big.Rat).Mul(big.NewRat(millionths, 1e6), new(big.Rat).SetInt64(*part.tokens)))
		}
		sum.Mul(sum, big.NewRat(permille, 1000))
		up := new(big.Int).Add(sum.Num(), new(big.Int).Sub(sum.Denom(), big.NewInt(1)))
		want := up.Div(up, sum.Denom())
		p := Price{Batch: &TierPrice{Factor: decimal(t, permille, 1000)}}
		p.setRates(r)
		q, ok := Embedded().quote(p, "batch", "")
		if !ok {
			t.Fatal("no quote")
		}
		if got, ok := q.Cost(tokens, 0); ok != want.IsInt64() || ok && got != want.Int64() {
			t.Fatalf("Cost(%d tokens) = %d, %v, want %v", tokens, got, ok, want)
		}
	})
}

// decimal is a number of so many parts, as a file would state it.
func decimal(t *rapid.T, parts, of int64) *float64 {
	v, err := strconv.ParseFloat(new(big.Rat).SetFrac64(parts, of).FloatString(6), 64)
	if err != nil {
		t.Fatal(err)
	}
	return &v
}

// anyPrice draws a price that Validate accepts, with figures missing.
func anyPrice(t *rapid.T) Price {
	figure := func(name string, least float64) *float64 {
		if rapid.IntRange(0, 5).Draw(t, name+" known") == 0 {
			return nil
		}
		return decimal(t, int64(math.Round(least*1e6))+rapid.Int64Range(0, 50e6).Draw(t, name), 1e6)
	}
	rates := func(under Rates) (r Rates) {
		least := under.figures()
		for i, to := range []**float64{&r.Input, &r.Output, &r.CacheRead, &r.CacheWrite, &r.CacheWriteHour} {
			from := 0.0
			if least[i] != nil {
				from = *least[i]
			}
			*to = figure(rateNames[i], from)
		}
		return r
	}
	var p Price
	p.setRates(rates(Rates{}))
	if rapid.Bool().Draw(t, "long") {
		p.LongContext = &LongContext{Over: rapid.Int64Range(1, 2000).Draw(t, "over"), Rates: rates(p.Rates())}
	}
	p.Flex = &TierPrice{Factor: decimal(t, rapid.Int64Range(0, 3000).Draw(t, "factor"), 1000)}
	p.Priority = &TierPrice{Rates: rates(Rates{})}
	p.Reserved = &TierPrice{Rates: rates(Rates{})}
	return p
}

func anyQuote(t *rapid.T) Quote {
	p := anyPrice(t)
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	q, _ := Embedded().quote(p, rapid.SampledFrom([]string{"", "flex", "priority", "reserved"}).Draw(t, "tier"), "")
	if rapid.Bool().Draw(t, "routed") {
		other, _ := Embedded().quote(anyPrice(t), "", "")
		q = q.dearest(other)
	}
	return q
}

// TestS22_WorstIsTheMostThatABoundAllows holds that whatever a call uses within
// its bound, split between cache and the rest in any way, long or not, at any
// tier, costs no more than what was set aside for it.
func TestS22_WorstIsTheMostThatABoundAllows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := anyQuote(t)
		count := func(name string) int64 { return rapid.Int64Range(0, 1500).Draw(t, name) }
		used := Tokens{Input: count("input"), Output: count("output"), CacheRead: count("read"), CacheWrite: count("write"), CacheWriteHour: count("hour")}
		units := count("units")
		b := Bound{
			Input: used.Read() + count("spare input"), Output: used.Output + count("spare output"), GuardrailUnits: units + count("spare units"),
			CacheWrite: used.CacheWrite > 0 || rapid.Bool().Draw(t, "writes"), CacheHour: used.CacheWriteHour > 0 || rapid.Bool().Draw(t, "hours"),
		}
		if !b.Covers(used) {
			t.Fatalf("%+v does not cover %+v", b, used)
		}
		worst, ok := q.Worst(b)
		if !ok {
			return // refused where money is limited
		}
		if cost, ok := q.Cost(used, units); !ok || cost > worst {
			t.Fatalf("cost %d, %v, of %+v is above the worst %d of %+v", cost, ok, used, worst, b)
		}
	})
}

// TestCostIsMonotoneAndAdditive: one token more never costs less, and two calls
// together cost what they cost apart, but for rounding up, where none is long.
func TestCostIsMonotoneAndAdditive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := anyQuote(t)
		if !q.usual.known[rateCacheRead] || q.usual.figure[rateCacheRead] > q.usual.figure[rateInput] {
			return // a cache that costs more than reading anew is an operator's slip
		}
		draw := func(name string) Tokens {
			n := func(part string) int64 { return rapid.Int64Range(0, 1000).Draw(t, name+part) }
			return Tokens{n("input"), n("output"), n("read"), n("write"), n("hour")}
		}
		a, b := draw("a "), draw("b ")
		both := Tokens{a.Input + b.Input, a.Output + b.Output, a.CacheRead + b.CacheRead, a.CacheWrite + b.CacheWrite, a.CacheWriteHour + b.CacheWriteHour}
		one, ok1 := q.Cost(a, 1)
		two, ok2 := q.Cost(b, 1)
		sum, ok := q.Cost(both, 2)
		if !ok || !ok1 || !ok2 {
			return
		}
		if sum < one || sum < two {
			t.Fatalf("%+v costs %d, and its parts %d and %d", both, sum, one, two)
		}
		if q.over == 0 && (sum > one+two || sum < one+two-1) {
			t.Fatalf("%d together, %d and %d apart", sum, one, two)
		}
	})
}

func BenchmarkQuoteAndCost(b *testing.B) {
	cat := Embedded()
	ask := PriceQuestion{Model: sonnet, Profile: usSonnet, Tier: "flex", At: time.Unix(1800000000, 0)}
	b.ReportAllocs()
	for b.Loop() {
		q, ok := cat.Quote(ask)
		if _, priced := q.Cost(Tokens{Input: 1234, Output: 567, CacheRead: 89, CacheWrite: 10}, 0); !ok || !priced {
			b.Fatal("no cost")
		}
	}
}
