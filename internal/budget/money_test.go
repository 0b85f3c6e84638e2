package budget

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"pgregory.net/rapid"
)

func TestMoneyIsReadExactly(t *testing.T) {
	for text, want := range map[string]Money{
		"0": 0, "-0": 0, "12": 12_000_000, "12.5": 12_500_000, "12.50": 12_500_000, "0.000001": 1, "-0.10": -100_000, "007.1": 7_100_000,
		"0.1": 100_000, "9223372036854.775807": math.MaxInt64, "-9223372036854.775808": math.MinInt64,
	} {
		if got, err := ParseMoney(text); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestMoneyThatIsNoAmountIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "-", ".", ".5", "5.", "+1", "--1", "1e3", "0x10", "1_000", "1,50", "12.5 USD", " 1", "1 ", "0.0000001", "1.-5", "1.5.5", "٣", "NaN", "Infinity",
		"9223372036854.775808", "-9223372036854.775809", "99999999999999999999",
	} {
		if got, err := ParseMoney(text); !errors.Is(err, ErrMoney) {
			t.Errorf("%q: %d, %v, want ErrMoney", text, got, err)
		}
	}
}

func TestMoneyIsWrittenAsDollars(t *testing.T) {
	for m, want := range map[Money]string{
		0: "0.00 USD", 12_500_000: "12.50 USD", 1: "0.000001 USD", -100_000: "-0.10 USD", 1_234_500: "1.2345 USD", math.MinInt64: "-9223372036854.775808 USD",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d: %q, want %q", int64(m), got, want)
		}
	}
}

// TestMoneyComesBack: what is written is read as it was, by either decoder, in
// quotes and without.
func TestMoneyComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := Money(rapid.Int64().Draw(t, "money"))
		if got, err := ParseMoney(m.Decimal()); err != nil || got != m {
			t.Fatalf("%d came back as %d, %v", int64(m), got, err)
		}
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{string(text), m.Decimal()} {
			var v1, v2 Money
			if err := json.Unmarshal([]byte(form), &v1); err != nil || v1 != m {
				t.Fatalf("%s came back as %d, %v", form, int64(v1), err)
			}
			if err := jsonv2.Unmarshal([]byte(form), &v2); err != nil || v2 != m {
				t.Fatalf("%s came back as %d, %v", form, int64(v2), err)
			}
		}
	})
}

func TestMoneyInJSONIsTextOrANumber(t *testing.T) {
	for _, text := range []string{`true`, `[1]`, `{}`, `"12.50`, `1e2`, `"1\u0032"`, `""`} {
		var m Money
		if err := m.UnmarshalJSON([]byte(text)); !errors.Is(err, ErrMoney) {
			t.Errorf("%s: %d, %v, want ErrMoney", text, m, err)
		}
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, text := range []string{"0", "12.50", "-0.000001", "9223372036854.775807", "1e3", "0.0000001"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseMoney(text)
		if err != nil {
			return
		}
		if again, err := ParseMoney(m.Decimal()); err != nil || again != m {
			t.Errorf("%q is %d, and comes back as %d, %v", text, m, again, err)
		}
	})
}

func TestAmountsAreCountedByUnit(t *testing.T) {
	a := Amounts{MicroUSD: 5, Input: 7, Output: 11, Requests: 1, Streams: 2}
	for u, want := range map[Unit]int64{USD: 5, InputTokens: 7, OutputTokens: 11, TotalTokens: 18, Requests: 1, Streams: 2, "other": 0} {
		if got := a.Of(u); got != want {
			t.Errorf("%s: %d, want %d", u, got, want)
		}
	}
	if got := (Amounts{Input: math.MaxInt64, Output: 1}).Of(TotalTokens); got != math.MaxInt64 {
		t.Errorf("a sum that does not fit: %d", got)
	}
}
