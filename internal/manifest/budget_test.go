package manifest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/budget"
)

const budgeted = `apiVersion: writ/v1
kind: Budget
name: payments-month
spec:
  covers:
    teams: [payments]
  per: identity
  usd: 12.50
  requests: 1000
  window: month
  timeZone: Europe/Berlin
  notify: [90, 100]
`

func TestMoneyInFilesIsReadAsWritten(t *testing.T) {
	for text, want := range map[string]budget.Money{
		"12.50": 12_500_000, "12": 12_000_000, `"12.50"`: 12_500_000, "'0.000001'": 1, "0": 0, "9223372036854.775807": 1<<63 - 1,
		"0.1": 100_000, "4503599627370.497001": 4_503_599_627_370_497_001, // no floating-point number is that one
	} {
		got, err := Parse("b.yaml", []byte(strings.Replace(budgeted, "12.50", text, 1)))
		if err != nil {
			t.Errorf("usd: %s: %v", text, err)
			continue
		}
		if usd := got[0].Spec.(*budget.Budget).USD; usd == nil || *usd != want {
			t.Errorf("usd: %s is %v, want %v", text, usd, want)
		}
	}
}

func TestWhatIsWrongInABudgetIsShownWhereItStands(t *testing.T) {
	for name, tc := range map[string]struct{ old, new, want string }{
		"too many decimals":  {"12.50", "12.1234567", "b.yaml:8:8: Budget/payments-month: usd: want a decimal number of US dollars"},
		"text that is none":  {"12.50", "a lot", "b.yaml:8:8: Budget/payments-month: usd: want a decimal number of US dollars"},
		"an exponent":        {"12.50", "1e3", "usd: want a decimal number of US dollars"},
		"too much":           {"12.50", "9223372036854.775808", "between -9223372036854.775808 and 9223372036854.775807"},
		"no money":           {"12.50", "true", "usd: want a decimal number of US dollars"},
		"less than nothing":  {"12.50", "-1", "b.yaml:8:8: Budget/payments-month: usd -1.00 USD: want 0 or more"},
		"an unknown limit":   {"requests: 1000", "request: 1000", `unknown field "request"`},
		"half a request":     {"requests: 1000", "requests: 0.5", "requests"},
		"no such window":     {"window: month", "window: year", "b.yaml:10:11"},
		"no such zone":       {"Europe/Berlin", "Europe/Atlantis", "b.yaml:11:13"},
		"a percent too high": {"[90, 100]", "[900]", "b.yaml:12:11: Budget/payments-month: notify 900"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("b.yaml", []byte(strings.Replace(budgeted, tc.old, tc.new, 1)))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("says %v, want %q", err, tc.want)
			}
		})
	}
}

func TestABudgetIsWrittenAsItIsRead(t *testing.T) {
	got, err := Parse("b.yaml", []byte(budgeted))
	if err != nil {
		t.Fatal(err)
	}
	text, err := got[0].YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("b.yaml", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if d := cmp.Diff(got[0].Spec, again[0].Spec); d != "" {
		t.Errorf("%s\n%s", d, text)
	}
}

// TestABudgetStandsAfterEntitlements, which it may name.
func TestABudgetStandsAfterEntitlements(t *testing.T) {
	if k, err := ParseKind("budgets"); err != nil || k != Budget || !k.InFiles() {
		t.Errorf("%v, %v", k, err)
	}
	if compare(Resource{Kind: Entitlement, Name: "z"}, Resource{Kind: Budget, Name: "a"}) >= 0 {
		t.Error("budgets are made before entitlements")
	}
}
