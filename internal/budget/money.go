package budget

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Money is an amount of US dollars in millionths. Its text is a decimal number of
// dollars with at most six decimals, such as "12.50"; it never passes through a
// floating-point number.
type Money int64

// Dollar is one US dollar.
const Dollar Money = 1_000_000

// decimals is how many digits a Money has after the point.
const decimals = 6

// ErrMoney marks text that is no amount of money.
var ErrMoney = errors.New("want a decimal number of US dollars with at most six decimals, such as 12.50")

// ParseMoney reads a decimal number of dollars: an optional minus, digits, and
// optionally a point and one to six digits. What does not fit is an error.
func ParseMoney(s string) (Money, error) {
	digits, minus := strings.CutPrefix(s, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if !number(whole) || point && !number(fraction) || len(fraction) > decimals {
		return 0, ErrMoney
	}
	if minus {
		whole = "-" + whole // the least amount has no positive counterpart
	}
	v, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w, between %s and %s", ErrMoney, Money(math.MinInt64).Decimal(), Money(math.MaxInt64).Decimal())
	}
	return Money(v), nil
}

// number reports whether s is digits, and at least one.
func number(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// Decimal is the amount in dollars, with two decimals or as many as it takes.
func (m Money) Decimal() string {
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -n
	}
	fraction := strings.TrimRight(fmt.Sprintf("%06d", n%uint64(Dollar)), "0")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return fmt.Sprintf("%s%d.%s", sign, n/uint64(Dollar), fraction)
}

// String is the amount for people to read.
func (m Money) String() string { return m.Decimal() + " USD" }

// MarshalText implements encoding.TextMarshaler.
func (m Money) MarshalText() ([]byte, error) { return []byte(m.Decimal()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Money) UnmarshalText(b []byte) (err error) {
	*m, err = ParseMoney(string(b))
	return err
}

// UnmarshalJSON implements json.Unmarshaler: the text, in quotes or without.
func (m *Money) UnmarshalJSON(b []byte) error {
	text := string(b)
	if len(b) >= 2 && b[0] == '"' && b[len(b)-1] == '"' {
		text = text[1 : len(text)-1]
	}
	return m.UnmarshalText([]byte(text))
}
