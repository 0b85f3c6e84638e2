package spend

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// focusRule is what FOCUS 1.2 asks of a column, for charges of the category Usage
// that are no corrections (specification, columns, content constraints).
type focusRule struct {
	level string // mandatory, conditional or recommended
	null  bool   // allowed for such charges
	form  func(string) bool
}

var (
	focusNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`) // attribute: numeric format
	focusTime   = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)                // attribute: date/time format, UTC
	focusUnit   = regexp.MustCompile(`^([0-9]+ )?[A-Z][A-Za-z]*s$`)                      // attribute: unit format, plural and capitalised
)

func isNumber(s string) bool { return focusNumber.MatchString(s) }
func notNegative(s string) bool {
	return isNumber(s) && !strings.HasPrefix(s, "-")
}
func isTime(s string) bool { return focusTime.MatchString(s) }
func isUnit(s string) bool { return focusUnit.MatchString(s) }
func isText(s string) bool { return s == strings.TrimSpace(s) }
func oneOf(values ...string) func(string) bool {
	return func(s string) bool { return slices.Contains(values, s) }
}

// isTags: a JSON object of plain values, attribute key-value format.
func isTags(s string) bool {
	var tags map[string]any
	if json.Unmarshal([]byte(s), &tags) != nil {
		return false
	}
	for _, v := range tags {
		switch v.(type) {
		case string, bool, float64, nil:
		default:
			return false
		}
	}
	return true
}

var focusRules = map[string]focusRule{
	"BilledCost":          {"mandatory", false, isNumber},
	"BillingAccountId":    {"mandatory", false, isText},
	"BillingAccountName":  {"mandatory", true, isText},
	"BillingCurrency":     {"mandatory", false, regexp.MustCompile(`^[A-Z]{3}$`).MatchString},
	"BillingPeriodEnd":    {"mandatory", false, isTime},
	"BillingPeriodStart":  {"mandatory", false, isTime},
	"ChargeCategory":      {"mandatory", false, oneOf("Usage")}, // the only one that an export has
	"ChargeClass":         {"mandatory", true, oneOf("")},       // null unless it is a correction
	"ChargeDescription":   {"mandatory", true, isText},
	"ChargeFrequency":     {"recommended", false, oneOf("One-Time", "Recurring", "Usage-Based")},
	"ChargePeriodEnd":     {"mandatory", false, isTime},
	"ChargePeriodStart":   {"mandatory", false, isTime},
	"ConsumedQuantity":    {"conditional", false, notNegative},
	"ConsumedUnit":        {"conditional", false, isUnit},
	"ContractedCost":      {"mandatory", false, isNumber},
	"ContractedUnitPrice": {"conditional", false, notNegative},
	"EffectiveCost":       {"mandatory", false, isNumber},
	"InvoiceIssuerName":   {"mandatory", false, isText},
	"ListCost":            {"mandatory", false, isNumber},
	"ListUnitPrice":       {"conditional", false, notNegative},
	"PricingCategory":     {"conditional", false, oneOf("Standard", "Dynamic", "Committed", "Other")},
	"PricingQuantity":     {"mandatory", false, isNumber},
	"PricingUnit":         {"mandatory", false, isUnit},
	"ProviderName":        {"mandatory", false, isText},
	"PublisherName":       {"mandatory", false, isText},
	"RegionId":            {"conditional", true, isText},
	"RegionName":          {"conditional", true, isText},
	"ResourceId":          {"conditional", true, isText},
	"ResourceName":        {"conditional", true, isText},
	"ResourceType":        {"conditional", true, isText},
	"ServiceCategory":     {"mandatory", false, oneOf("AI and Machine Learning")},
	"ServiceName":         {"mandatory", false, isText},
	"ServiceSubcategory":  {"recommended", false, oneOf("Bots", "Generative AI", "Machine Learning", "Natural Language Processing", "Other (AI and Machine Learning)")},
	"SkuId":               {"conditional", false, isText},
	"SkuPriceId":          {"conditional", false, isText},
	"SubAccountId":        {"conditional", true, isText},
	"SubAccountName":      {"conditional", true, isText},
	"Tags":                {"conditional", true, isTags},
}

// mandatory21 are the columns that FOCUS 1.2 has in every dataset.
var mandatory21 = strings.Fields(`BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd BillingPeriodStart
	ChargeCategory ChargeClass ChargeDescription ChargePeriodEnd ChargePeriodStart ContractedCost EffectiveCost InvoiceIssuerName
	ListCost PricingQuantity PricingUnit ProviderName PublisherName ServiceCategory ServiceName`)

func exported(t fataler, rows []Row, o FOCUSOptions) (charges []map[string]string, left int64) {
	t.Helper()
	var b strings.Builder
	left, err := WriteFOCUS(&b, rows, o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	all, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, fields := range all[1:] {
		charge := map[string]string{}
		for i, name := range all[0] {
			charge[name] = fields[i]
		}
		charges = append(charges, charge)
	}
	return charges, left
}

type fataler interface {
	Helper()
	Fatalf(string, ...any)
}

func TestAnExportHasTheColumnsOfFOCUS(t *testing.T) {
	for _, name := range mandatory21 {
		if !slices.Contains(focusColumns, name) || focusRules[name].level != "mandatory" {
			t.Errorf("%s is mandatory", name)
		}
	}
	for i, name := range focusColumns {
		if _, ok := focusRules[name]; !ok && !regexp.MustCompile(`^x_[A-Z][A-Za-z]+$`).MatchString(name) {
			t.Errorf("%s is neither a column of FOCUS nor named as a custom one", name)
		}
		if slices.Index(focusColumns, name) != i {
			t.Errorf("%s is there twice", name)
		}
	}
}

// TestEveryChargeKeepsTheRulesOfFOCUS checks rows of all sorts against the table.
func TestEveryChargeKeepsTheRulesOfFOCUS(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(drawRow), 1, 20).Draw(t, "rows")
		charges, left := exported(t, rows, FOCUSOptions{BillingAccount: rapid.SampledFrom([]string{"", "999999999999"}).Draw(t, "payer")})
		var unpriced, cost int64
		for _, r := range rows {
			if r.Requests == r.Unpriced {
				unpriced += r.Unpriced
			} else {
				cost += r.CostMicroUSD
			}
		}
		if left != unpriced {
			t.Fatalf("%d requests are said to be left out, want %d", left, unpriced)
		}
		sum := new(big.Rat)
		for _, c := range charges {
			if err := keepsRules(c); err != nil {
				t.Fatalf("%v\n%v", err, c)
			}
			sum.Add(sum, rat(c["ListCost"]))
		}
		if sum.Cmp(big.NewRat(cost, million)) != 0 {
			t.Fatalf("the charges add up to %s, and %d micro-dollars were spent", sum.FloatString(6), cost)
		}
	})
}

func keepsRules(c map[string]string) error {
	for name, rule := range focusRules {
		v, ok := c[name]
		switch {
		case !ok:
			return fmt.Errorf("%s is missing", name)
		case v == "" && !rule.null:
			return fmt.Errorf("%s is null", name)
		case v != "" && !rule.form(v):
			return fmt.Errorf("%s: %q", name, v)
		}
	}
	if c["x_CostBasis"] != costBasis {
		return fmt.Errorf("the cost is not marked as a %s", costBasis)
	}
	// Unit prices times the quantity make the cost, to the millionth.
	for price, total := range map[string]string{"ListUnitPrice": "ListCost", "ContractedUnitPrice": "ContractedCost"} {
		product := new(big.Rat).Mul(rat(c[price]), rat(c["PricingQuantity"]))
		if product.FloatString(6) != rat(c[total]).FloatString(6) {
			return fmt.Errorf("%s × PricingQuantity is %s, and %s %s", price, product.FloatString(9), total, c[total])
		}
	}
	return keepsPeriods(c)
}

func keepsPeriods(c map[string]string) error {
	at := map[string]time.Time{}
	for _, name := range []string{"BillingPeriodStart", "BillingPeriodEnd", "ChargePeriodStart", "ChargePeriodEnd"} {
		t, err := time.Parse(time.RFC3339, c[name])
		if err != nil {
			return err
		}
		at[name] = t
	}
	switch {
	case at["ChargePeriodEnd"].Sub(at["ChargePeriodStart"]) != 24*time.Hour:
		return fmt.Errorf("the charge is not for a day")
	case at["ChargePeriodStart"].Before(at["BillingPeriodStart"]), at["ChargePeriodEnd"].After(at["BillingPeriodEnd"]):
		return fmt.Errorf("the charge is outside of its billing period")
	case at["BillingPeriodStart"].Day() != 1 || at["BillingPeriodEnd"].Day() != 1:
		return fmt.Errorf("the billing period is no month")
	}
	return nil
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("no number: " + s)
	}
	return r
}

func drawRow(t *rapid.T) Row {
	count := rapid.Int64Range(0, 1<<40)
	requests := rapid.Int64Range(1, 1<<30).Draw(t, "requests")
	name := rapid.SampledFrom([]string{"", "a", "team, \"quoted\"", "anthropic.claude-haiku-4-5-20251001-v1:0", "línea"})
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 800).Draw(t, "day"))
	return Row{
		Keys: Keys{
			Day: day.Format(time.DateOnly), Identity: name.Draw(t, "identity"), Team: name.Draw(t, "team"), Model: name.Draw(t, "model"),
			Profile: name.Draw(t, "profile"), Account: rapid.SampledFrom([]string{"", "111122223333"}).Draw(t, "account"), Operation: name.Draw(t, "operation"),
		},
		Totals: Totals{
			Requests: requests, Unpriced: rapid.SampledFrom([]int64{0, 0, requests / 2, requests}).Draw(t, "unpriced"),
			Input: rapid.SampledFrom([]int64{0, count.Draw(t, "input")}).Draw(t, "some input"), Output: rapid.SampledFrom([]int64{0, count.Draw(t, "output")}).Draw(t, "some output"),
			CostMicroUSD: count.Draw(t, "cost"),
		},
	}
}

func TestAnUnpricedCallIsNoChargeOfNothing(t *testing.T) {
	rows := []Row{
		{Keys: Keys{Day: "2026-11-02", Model: "m"}, Totals: Totals{Requests: 3, Unpriced: 3, Input: 10}},
		{Keys: Keys{Day: "2026-11-02", Model: "n", Account: "111122223333"}, Totals: Totals{Requests: 3, Unpriced: 1, Input: 10, CostMicroUSD: 7}},
	}
	charges, left := exported(t, rows, FOCUSOptions{})
	if len(charges) != 1 || left != 3 || charges[0]["x_UnpricedRequests"] != "1" || charges[0]["BilledCost"] != "0.000007" {
		t.Errorf("%d charges, %d left out: %v", len(charges), left, charges)
	}
	if _, err := WriteFOCUS(&strings.Builder{}, []Row{{Keys: Keys{Day: "soon"}, Totals: Totals{Requests: 1}}}, FOCUSOptions{}); err == nil {
		t.Error("a charge of no day is exported")
	}
}
