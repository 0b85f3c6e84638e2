package spend

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
)

func againstBill(t *testing.T, l *Ledger, text string) Reconciliation {
	t.Helper()
	c := CompareBill(l)
	err := ReadBill(strings.NewReader(text), func(v Charge) error { c.Add(v); return nil },
		func(n int64, reason string) { c.Result().NoteSkipped(Skipped{Line: n, Reason: reason}) })
	if err != nil {
		t.Fatal(err)
	}
	return c.End()
}

const cur2Heading = "line_item_usage_start_date,line_item_usage_end_date,line_item_usage_account_id,product_region_code,line_item_usage_type,line_item_line_item_type," +
	"line_item_product_code,product,line_item_usage_amount,pricing_unit,line_item_unblended_cost,pricing_public_on_demand_cost,line_item_currency_code,line_item_iam_principal\n"

func cur2(usage, kind, service, amount, billed, list string) string {
	return fmt.Sprintf("2026-11-20T00:00:00.000Z,2026-11-21T00:00:00.000Z,%s,us-east-1,%s,%s,%s,\"{\"\"product_name\"\":\"\"x\"\"}\",%s,1K tokens,%s,%s,USD,\n", account, usage, kind, service, amount, billed, list)
}

// TestTheFormsOfBillsAreRead: CUR 2.0, its predecessor, and FOCUS, each one charge for
// the same use.
func TestTheFormsOfBillsAreRead(t *testing.T) {
	want := Charge{Day: "2026-11-20", Account: account, Region: "us-east-1", Model: "Claude4.5Haiku", Usage: "USE1-Claude4.5Haiku-input-tokens", Kind: inputTokens, Tokens: 2500, ListNano: 2_500_000, BilledNano: 2_000_000}
	for name, text := range map[string]string{
		"CUR 2.0": cur2Heading + cur2("USE1-Claude4.5Haiku-input-tokens", "Usage", "AmazonBedrock", "2.5", "0.002", "0.0025"),
		"CUR": "lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/UsageAccountId,product/region,lineItem/UsageType,lineItem/LineItemType,lineItem/ProductCode,lineItem/UsageAmount,pricing/unit,lineItem/UnblendedCost,pricing/publicOnDemandCost\n" +
			"2026-11-20T05:00:00Z,2026-11-20T06:00:00Z," + account + ",us-east-1,USE1-Claude4.5Haiku-input-tokens,Usage,AmazonBedrock,2.5,1K tokens,2E-3,0.0025\n",
		"FOCUS": "\ufeffBilledCost,BillingCurrency,ChargeCategory,ChargePeriodEnd,ChargePeriodStart,ConsumedQuantity,ConsumedUnit,ListCost,RegionId,ServiceName,SubAccountId,x_UsageType\n" +
			"0.002,USD,Usage,2026-11-20 13:00:00,2026-11-20 12:00:00,2500,Tokens,0.0025,us-east-1,Amazon Bedrock," + account + ",USE1-Claude4.5Haiku-input-tokens\n",
	} {
		var got []Charge
		err := ReadBill(strings.NewReader(text), func(c Charge) error { got = append(got, c); return nil }, func(n int64, reason string) { t.Errorf("%s: line %d: %s", name, n, reason) })
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff([]Charge{want}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestABillThatSaysTheSameIsEqual(t *testing.T) {
	b := newBook(t, Period{})
	b.call(noon, "id-1", 1000, 200, 2000)
	b.call(noon, "id-2", 1000, 200, 2000)
	text := cur2Heading + cur2("USE1-Claude4.5Haiku-input-tokens", "Usage", "AmazonBedrock", "2", "0.0018", "0.0020") +
		cur2("USE1-Claude4.5Haiku-output-tokens", "Usage", "AmazonBedrock", "0.4", "0.0018", "0.0019990") + // Writ rounded each call up
		cur2("USE1-Claude4.5Haiku-output-tokens", "Tax", "AmazonBedrock", "", "9", "") +
		cur2("BoxUsage:t3.micro", "Usage", "AmazonEC2", "1", "9", "9")
	got := againstBill(t, b.ledger, text)
	if !got.Equal || got.Writ.CostMicroUSD != 4000 || got.AWS.CostMicroUSD != 3999 || got.BilledMicroUSD != 3600 {
		t.Errorf("%+v", got)
	}
	if got.AWS.Input != 2000 || got.AWS.Output != 400 {
		t.Errorf("tokens of the bill: %+v", got.AWS)
	}
}

func TestABillShowsWhatWentAroundTheGateway(t *testing.T) {
	b := newBook(t, Period{})
	b.call(noon, "id-1", 1000, 200, 2000)
	got := againstBill(t, b.ledger, cur2Heading+cur2("USE1-Claude4.5Haiku-input-tokens", "Usage", "AmazonBedrock", "2", "0.002", "0.002")+
		cur2("USE1-NovaPro-input-tokens", "Usage", "AmazonBedrock", "2", "1.5", "1.6"))
	want := []Cell{{Place: Place{"2026-11-20", account, "us-east-1", "amazon.nova-pro-v1:0"}, AWS: Sums{Input: 2000, CostMicroUSD: 1_600_000}}}
	if diff := cmp.Diff(want, got.Cells); got.Equal || diff != "" {
		t.Errorf("equal %v: %s", got.Equal, diff)
	}
	if got.Beyond.CostMicroUSD != 1_600_000 || got.OnlyWrit.CostMicroUSD != 0 {
		t.Errorf("%+v", got)
	}
}

// TestAModelThatTheCatalogueDoesNotKnowPutsItsPlaceTogether: else its cost would look
// like another model's.
func TestAModelThatTheCatalogueDoesNotKnowPutsItsPlaceTogether(t *testing.T) {
	b := newBook(t, Period{})
	b.call(noon, "id-1", 1000, 200, 2000)
	got := againstBill(t, b.ledger, cur2Heading+cur2("USE1-MP:USE1_InputTokenCount-Units", "Usage", "abc123", "2", "0.001", "0.001")+
		cur2("USE1-Claude4.5Haiku-output-tokens", "Usage", "AmazonBedrock", "2", "0.001", "0.001")+
		cur2("USE1-Mystery-input-tokens", "Usage", "AmazonBedrock", "2", "0.001", "0.001"))
	if !got.Equal || got.AWS.CostMicroUSD != 2000 || got.Writ.Calls != 1 {
		t.Errorf("%+v", got)
	}
}

func TestLinesOfABillThatCannotBeReadAreReported(t *testing.T) {
	b := newBook(t, Period{})
	good := cur2("USE1-NovaPro-input-tokens", "Usage", "AmazonBedrock", "2", "1", "1")
	text := cur2Heading + strings.Replace(good, "USD", "EUR", 1) + strings.Replace(good, ",1,1,", ",lots,1,", 1) + strings.Replace(good, "2026-11-21", "2026-12-01", 1) +
		strings.Replace(good, "2026-11-20T", "yesterday", 1) + "too,few\n" + good
	got := againstBill(t, b.ledger, text)
	if got.SkippedCount != 5 || got.AWS.CostMicroUSD != 1_000_000 || got.Equal {
		t.Errorf("%d skipped: %+v", got.SkippedCount, got.Skipped)
	}
	for _, s := range got.Skipped {
		if s.Line < 2 {
			t.Errorf("%+v", s)
		}
	}
	for _, bad := range []string{"", "a,b,c\n1,2,3\n"} {
		if err := ReadBill(strings.NewReader(bad), func(Charge) error { return nil }, func(int64, string) {}); err == nil {
			t.Errorf("%q is a bill", bad)
		}
	}
}

func TestNamesInBillsAreModelsOfTheCatalogue(t *testing.T) {
	for name, want := range map[string]string{
		"Claude4.5Haiku": haiku, "NovaPro": "amazon.nova-pro-v1:0", "NovaLite": "amazon.nova-lite-v1:0", "Claude3Opus": "anthropic.claude-3-opus-20240229-v1:0",
		"Claude 3 Haiku": "anthropic.claude-3-haiku-20240307-v1:0", "Claude3.5Sonnet": "", // two versions have the name
		"": "", "Mystery9": "",
	} {
		if got := named(bedrock.Embedded(), name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	if got := edition(`{"product_name":"Claude 3.5 Sonnet (Amazon Bedrock Edition)"}`); got != "Claude 3.5 Sonnet" {
		t.Errorf("%q", got)
	}
}

func TestUsageTypesAreTakenApart(t *testing.T) {
	for usage, want := range map[string]struct {
		model string
		kind  tokenKind
	}{
		"USE1-Claude4.6Sonnet-input-tokens":                  {"Claude4.6Sonnet", inputTokens},
		"EUC1-NovaPro-output-tokens-cross-region-global":     {"NovaPro", outputTokens},
		"USW2-Claude4.6Sonnet-cache-read-input-token-count":  {"Claude4.6Sonnet", cacheReads},
		"APN1-Claude4.6Sonnet-cache-write-input-token-count": {"Claude4.6Sonnet", cacheWrites},
		"USE1-Claude4.6Opus-mantle-input-tokens-standard":    {"Claude4.6Opus", inputTokens},
		"USE1-MP:USE1_OutputTokenCount-Units":                {"", outputTokens},
		"USE1-Guardrail-ContentPolicyUnitsConsumed":          {"", ""},
		"": {"", ""},
	} {
		if model, kind := readUsage(usage); model != want.model || kind != want.kind {
			t.Errorf("%s: %q %q", usage, model, kind)
		}
	}
}

func TestMoneyOfABillIsReadToTheBillionth(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "0.0000000004": 0, "0.0000000005": 1, "-0.0000000005": -1, "12.5": 12_500_000_000, "1.2E-5": 12_000, ".5": 500_000_000, "3.": 3_000_000_000} {
		if got, err := parseNano(text); err != nil || got != want {
			t.Errorf("%s: %d %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "1,5", "1e999", "0x10", "1/3", "NaN", "99999999999", "1e18"} {
		if got, err := parseNano(bad); err == nil {
			t.Errorf("%s is %d", bad, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		nano := rapid.Int64Range(-math.MaxInt64/2, math.MaxInt64/2).Draw(t, "nano")
		if want := nano / 1000; micro(nano)-want > 1 || micro(nano)-want < -1 || micro(-nano) != -micro(nano) {
			t.Fatalf("%d billionths are %d millionths", nano, micro(nano))
		}
	})
}

func FuzzReadBill(f *testing.F) {
	f.Add([]byte(cur2Heading + cur2("USE1-NovaPro-input-tokens", "Usage", "AmazonBedrock", "2", "1", "1")))
	f.Add([]byte("lineItem/UsageStartDate,lineItem/UsageAccountId,lineItem/LineItemType,lineItem/ProductCode,lineItem/UnblendedCost\n2026-11-20,1,Usage,AmazonBedrock,1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := CompareBill(NewLedger(Period{}, bedrock.Embedded()))
		_ = ReadBill(bytes.NewReader(text), func(v Charge) error {
			if v.Day == "" || v.Tokens < 0 && v.Kind == "" {
				t.Errorf("%+v", v)
			}
			c.Add(v)
			return nil
		}, func(n int64, reason string) {
			if n <= 0 || reason == "" {
				t.Errorf("skipped line %d: %q", n, reason)
			}
		})
		c.End()
	})
}
