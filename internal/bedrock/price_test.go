package bedrock

import (
	"math"
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

func usd(v float64) *float64 { return &v }

func TestCost(t *testing.T) {
	full := Price{Input: usd(3), Output: usd(15), CacheRead: usd(0.3), CacheWrite: usd(3.75)}
	tests := []struct {
		name   string
		price  Price
		tokens Tokens
		want   int64
		ok     bool
	}{
		{"nothing used", Price{}, Tokens{}, 0, true},
		{"input and output", full, Tokens{Input: 1000, Output: 100}, 4500, true},
		{"all four", full, Tokens{Input: 1, Output: 1, CacheRead: 10, CacheWrite: 4}, 3 + 15 + 3 + 15, true},
		{"rounds up", full, Tokens{CacheRead: 1}, 1, true},
		{"rounds up once, not per part", full, Tokens{CacheRead: 1, CacheWrite: 1}, 5, true},
		{"a price with many decimals is exact", Price{Input: usd(0.00875)}, Tokens{Input: 1_000_000}, 8750, true},
		{"free output", Price{Input: usd(0.02), Output: usd(0)}, Tokens{Input: 50, Output: 7}, 1, true},
		{"unknown figure needed", Price{Input: usd(3)}, Tokens{Input: 1, Output: 1}, 0, false},
		{"unknown figure not needed", Price{Input: usd(3)}, Tokens{Input: 1}, 3, true},
		{"negative count", full, Tokens{Input: -1}, 0, false},
		{"negative price", Price{Input: usd(-1)}, Tokens{Input: 1}, 0, false},
		{"not a number", Price{Input: usd(math.NaN())}, Tokens{Input: 1}, 0, false},
		{"infinite", Price{Input: usd(math.Inf(1))}, Tokens{Input: 1}, 0, false},
		{"beyond an int64", Price{Input: usd(1e6)}, Tokens{Input: math.MaxInt64}, 0, false},
		{"beyond 128 bits of quotient", Price{Input: usd(1e6), Output: usd(1e6)}, Tokens{Input: math.MaxInt64, Output: math.MaxInt64}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Cost(tt.price, tt.tokens)
			if got != tt.want || ok != tt.ok {
				t.Errorf("Cost = %d, %v, want %d, %v", got, ok, tt.want, tt.ok)
			}
		})
	}
}

// TestCostAgreesWithRationals compares Cost with arithmetic that cannot round:
// prices of six decimals and counts as large as they come.
func TestCostAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var price Price
		var tokens Tokens
		sum := new(big.Rat)
		for _, part := range []struct {
			price  **float64
			tokens *int64
		}{{&price.Input, &tokens.Input}, {&price.Output, &tokens.Output}, {&price.CacheRead, &tokens.CacheRead}, {&price.CacheWrite, &tokens.CacheWrite}} {
			millionths := rapid.Int64Range(0, 1e9).Draw(t, "price")
			*part.price = decimal(t, millionths)
			*part.tokens = rapid.Int64Range(0, 1e15).Draw(t, "tokens")
			sum.Add(sum, new(big.Rat).Mul(big.NewRat(millionths, 1e6), new(big.Rat).SetInt64(*part.tokens)))
		}
		up := new(big.Int).Add(sum.Num(), new(big.Int).Sub(sum.Denom(), big.NewInt(1)))
		want := up.Div(up, sum.Denom())
		if got, ok := Cost(price, tokens); ok != want.IsInt64() || ok && got != want.Int64() {
			t.Fatalf("Cost(%d tokens) = %d, %v, want %v", tokens, got, ok, want)
		}
	})
}

// decimal is a price of so many millionths, as a file would state it.
func decimal(t *rapid.T, millionths int64) *float64 {
	v, err := strconv.ParseFloat(new(big.Rat).SetFrac64(millionths, 1e6).FloatString(6), 64)
	if err != nil {
		t.Fatal(err)
	}
	return &v
}

func TestPriceValidate(t *testing.T) {
	if err := (Price{Input: usd(0), Output: usd(1e6)}).Validate(); err != nil {
		t.Error(err)
	}
	for _, v := range []float64{-0.1, math.NaN(), math.Inf(1), 1e7} {
		if (Price{CacheWrite: usd(v)}).Validate() == nil {
			t.Errorf("price %v is valid", v)
		}
	}
}

func BenchmarkCost(b *testing.B) {
	price := Price{Input: usd(3), Output: usd(15), CacheRead: usd(0.3), CacheWrite: usd(3.75)}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Cost(price, Tokens{Input: 1234, Output: 567, CacheRead: 89, CacheWrite: 10}); !ok {
			b.Fatal("no cost")
		}
	}
}
