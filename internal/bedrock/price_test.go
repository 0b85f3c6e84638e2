package bedrock

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func usd(v float64) *float64 { return &v }

func TestPriceValidate(t *testing.T) {
	full := Rates{usd(1), usd(2), usd(0.1), usd(1.25), usd(2)}
	for name, p := range map[string]Price{
		"nothing":            {},
		"free":               {Input: usd(0), Output: usd(1e6)},
		"long, at least":     {Input: usd(1), LongContext: &LongContext{Over: 1, Rates: full}},
		"a factor":           {Priority: &TierPrice{Factor: usd(1.75)}},
		"a tier's own rates": {Flex: &TierPrice{Rates: full, LongContext: &LongContext{Over: 9, Rates: full}}},
		"a guardrail":        {Guardrail: usd(0.15)},
	} {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for want, p := range map[string]Price{
		"cacheWriteHour -1":           {CacheWriteHour: usd(-1)},
		"price output NaN":            {Output: usd(math.NaN())},
		"price input +Inf":            {Input: usd(math.Inf(1))},
		"price cacheRead 1e+07":       {CacheRead: usd(1e7)},
		"over 0":                      {LongContext: &LongContext{Rates: full}},
		"less than the usual":         {Input: usd(3), LongContext: &LongContext{Over: 1, Rates: full}},
		"longContext output -1":       {LongContext: &LongContext{Over: 1, Rates: Rates{Output: usd(-1)}}},
		"a factor and rates":          {Flex: &TierPrice{Factor: usd(1), Rates: full}},
		"factor 101":                  {Batch: &TierPrice{Factor: usd(101)}},
		"optimized input 1e+07":       {Optimized: &TierPrice{Rates: Rates{Input: usd(1e7)}}},
		"reserved longContext over 0": {Reserved: &TierPrice{LongContext: &LongContext{}}},
		"guardrail -1":                {Guardrail: usd(-1)},
	} {
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

func TestDatedPricesValidated(t *testing.T) {
	ok := []DatedPrice{{From: "2026-10-01"}, {From: "2027-01-01", Price: Price{Input: usd(1)}}}
	if err := validatePrices(ok); err != nil {
		t.Error(err)
	}
	for want, prices := range map[string][]DatedPrice{
		`"2026-1-1"`:       {{From: "2026-1-1"}},
		`"2026-02-30"`:     {{From: "2026-02-30"}},
		`""`:               {{}},
		"each once":        {{From: "2026-10-01"}, {From: "2026-10-01"}},
		"days in order":    {{From: "2026-10-02"}, {From: "2026-10-01"}},
		"price input -1":   {{From: "2026-10-01", Price: Price{Input: usd(-1)}}},
		"prices: more tha": make([]DatedPrice, maxDated+1),
	} {
		if err := validatePrices(prices); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one about %q", err, want)
		}
	}
}

func TestListingHoldsByDay(t *testing.T) {
	l := Listing{Price: Price{Input: usd(3)}, Later: []DatedPrice{{"2026-10-01", Price{Input: usd(2)}}, {"2026-12-01", Price{}}}}
	for at, want := range map[string]*float64{
		"2026-09-30T23:59:59Z":      usd(3),
		"2026-10-01T00:00:00Z":      usd(2),
		"2026-10-01T01:30:00+02:00": usd(3), // still September in UTC
		"2026-11-30T23:59:59Z":      usd(2),
		"2026-12-01T00:00:00Z":      nil, // unknown from then on
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, l.At(when).Input); d != "" {
			t.Errorf("at %s: %s", at, d)
		}
	}
}

// TestAStatedPriceTakesThePlaceOfFiguresAsAGroup: a discount on input must not
// be joined with the rates that the tables derive from another input price.
func TestAStatedPriceTakesThePlaceOfFiguresAsAGroup(t *testing.T) {
	cat := mustWith(t, Embedded(), []Model{{ID: sonnet, Price: Price{Input: usd(2.5), Output: usd(12)}}}, nil)
	m, _ := cat.Model(sonnet)
	want := Price{Input: usd(2.5), Output: usd(12), Priority: m.Price.Priority, Flex: m.Price.Flex, Batch: m.Price.Batch}
	if d := cmp.Diff(want, m.Price); d != "" || m.Price.Flex == nil {
		t.Error(d)
	}
	only := mustWith(t, Embedded(), []Model{{ID: sonnet, Price: Price{Optimized: &TierPrice{Factor: usd(1.25)}}}}, nil)
	m, _ = only.Model(sonnet)
	if *m.Price.Input != 3 || m.Price.LongContext == nil || m.Price.Optimized == nil {
		t.Errorf("stating a tier changed the figures: %+v", m.Price)
	}
}

func TestEmbeddedPricesFollowFromFactors(t *testing.T) {
	m, _ := Embedded().Model(sonnet)
	if got := *m.Price.CacheWriteHour; got != 6 {
		t.Errorf("an hour's cache write costs %v, want 6", got)
	}
	want := &LongContext{Over: 200000, Rates: Rates{usd(6), usd(22.5), usd(0.6), usd(7.5), usd(12)}}
	if d := cmp.Diff(want, m.Price.LongContext); d != "" {
		t.Error(d)
	}
	if p, _ := Embedded().Profile("eu." + sonnet); *p.Price.LongContext.Input != 6.6 || *p.Price.Priority.Factor != 1.75 {
		t.Errorf("the profile has no factors: %+v", p.Price)
	}
	if m, _ := Embedded().Model("amazon.nova-pro-v1:0"); m.Price.CacheWriteHour != nil || m.Price.LongContext != nil || m.Price.Optimized != nil {
		t.Errorf("Nova Pro has prices that nobody stated: %+v", m.Price)
	}
	if m, _ := Embedded().Model("luma.ray-v2:0"); m.Price != (Price{}) {
		t.Errorf("a model without a price has tiers: %+v", m.Price)
	}
}

func TestDamagedPriceTablesRefused(t *testing.T) {
	const head = "1,2,3,4,5,6,7,8,9\n"
	for _, row := range []string{"*,fast,,1,,,,,", "*,flex,,-1,,,,,", "*,flex,,x,,,,,", "*,flex,,101,,,,,", "*,long_context,,1,,,,,", "*,long_context,x,1,,,,,", "*,flex,,NaN,,,,,"} {
		if err := (&Catalogue{}).extendPrices(head + row + "\n"); err == nil {
			t.Errorf("%s is accepted", row)
		}
	}
	for _, row := range []string{"content,x,", "content,-1,", "content,NaN,"} {
		if err := (&Catalogue{}).readGuardrails("1,2,3\n" + row + "\n"); err == nil {
			t.Errorf("%s is accepted", row)
		}
	}
	if got := *Embedded().guardrailPrice(); got != 0.67 {
		t.Errorf("all policies cost %v", got)
	}
}

func TestPriceVersionNamesPricesAlone(t *testing.T) {
	v := Embedded().PriceVersion()
	if !strings.HasPrefix(v, AsOf+"+") || len(v) != len(AsOf)+1+16 {
		t.Errorf("PriceVersion() = %q", v)
	}
	same := mustWith(t, Embedded(), []Model{{ID: sonnet, Impact: "high"}}, nil)
	again := mustWith(t, Embedded(), []Model{{ID: sonnet, Impact: "low"}}, nil)
	if same.PriceVersion() != again.PriceVersion() {
		t.Error("what is no price changed the version of the prices")
	}
	dear := mustWith(t, Embedded(), []Model{{ID: sonnet, Prices: []DatedPrice{{"2027-01-01", Price{Input: usd(4)}}}}}, nil)
	if dear.PriceVersion() == same.PriceVersion() || dear.Version() == same.Version() {
		t.Error("a price to come did not change the version")
	}
}
