package spend

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"time"
)

// FOCUSVersion is the version of the FinOps Open Cost and Usage Specification that
// exports follow (https://focus.finops.org/focus-specification/v1-2).
const FOCUSVersion = "1.2"

// costBasis is what the costs of an export are; no invoice says so.
const costBasis = "list price"

// focusColumns are the columns of an export, in the order of the specification,
// and last the custom ones, whose names it wants to begin with x_.
var focusColumns = []string{
	"BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd", "BillingPeriodStart",
	"ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart",
	"ConsumedQuantity", "ConsumedUnit", "ContractedCost", "ContractedUnitPrice", "EffectiveCost", "InvoiceIssuerName", "ListCost", "ListUnitPrice",
	"PricingCategory", "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "RegionId", "RegionName",
	"ResourceId", "ResourceName", "ResourceType", "ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SkuPriceId",
	"SubAccountId", "SubAccountName", "Tags",
	"x_CostBasis", "x_EstimatedCost", "x_Requests", "x_UnpricedRequests",
}

// FOCUSOptions is what an export states that spend rows do not.
type FOCUSOptions struct {
	// BillingAccount is the AWS account that gets the bill. Empty: each row names the
	// account that was called, since Writ does not know who pays for it.
	BillingAccount string
}

// WriteFOCUS writes rows, told by every dimension, as a FOCUS cost and usage
// dataset in CSV: one charge for each. Costs are list prices and not what was
// invoiced; x_CostBasis says so in each row. A row of requests none of which has a
// price is left out, since its cost is not known and may not be null: left counts
// those requests.
func WriteFOCUS(w io.Writer, rows []Row, o FOCUSOptions) (left int64, err error) {
	out := csv.NewWriter(w)
	if err := out.Write(focusColumns); err != nil {
		return 0, err
	}
	for i := range rows {
		if rows[i].Requests == rows[i].Unpriced {
			left += rows[i].Unpriced
			continue
		}
		fields, err := focusRow(&rows[i], o)
		if err != nil {
			return left, err
		}
		if err := out.Write(fields); err != nil {
			return left, err
		}
	}
	out.Flush()
	return left, out.Error()
}

func focusRow(r *Row, o FOCUSOptions) ([]string, error) {
	values, err := focusValues(r, o)
	if err != nil {
		return nil, err
	}
	fields := make([]string, len(focusColumns))
	for i, c := range focusColumns {
		fields[i] = values[c] // a column without a value is null, which is empty in CSV
	}
	return fields, nil
}

func focusValues(r *Row, o FOCUSOptions) (map[string]string, error) {
	day, err := time.Parse(time.DateOnly, r.Day)
	if err != nil {
		return nil, fmt.Errorf("a charge of the day %.40q: %w", r.Day, err)
	}
	tags, err := tagsOf(r)
	if err != nil {
		return nil, err
	}
	month := time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
	cost, quantity := USD(r.CostMicroUSD), quantityOf(r)
	price := unitPrice(r.CostMicroUSD, quantity.count, quantity.block)
	sku := skuOf(r)
	v := map[string]string{
		"BilledCost": cost, "EffectiveCost": cost, "ListCost": cost, "ContractedCost": cost, "BillingCurrency": "USD",
		"BillingAccountId": r.Account, "SubAccountId": r.Account,
		"BillingPeriodStart": instant(month), "BillingPeriodEnd": instant(month.AddDate(0, 1, 0)),
		"ChargePeriodStart": instant(day), "ChargePeriodEnd": instant(day.AddDate(0, 0, 1)),
		"ChargeCategory": "Usage", "ChargeFrequency": "Usage-Based", "ChargeDescription": describe(r),
		"ConsumedQuantity": strconv.FormatInt(quantity.count, 10), "ConsumedUnit": quantity.consumed,
		"PricingQuantity": quantity.priced(), "PricingUnit": quantity.unit, "PricingCategory": "Standard",
		"ListUnitPrice": price, "ContractedUnitPrice": price,
		"ProviderName": "AWS", "PublisherName": "AWS", "InvoiceIssuerName": "AWS",
		"RegionId": r.Region, "ResourceId": first(r.Profile, r.Model), "ResourceName": first(r.Profile, r.Model), "ResourceType": resourceType(r),
		"ServiceCategory": "AI and Machine Learning", "ServiceSubcategory": "Generative AI", "ServiceName": "Amazon Bedrock",
		"SkuId": sku, "SkuPriceId": sku, "Tags": tags,
		"x_CostBasis": costBasis, "x_EstimatedCost": USD(r.EstimatedMicroUSD),
		"x_Requests": strconv.FormatInt(r.Requests, 10), "x_UnpricedRequests": strconv.FormatInt(r.Unpriced, 10),
	}
	if o.BillingAccount != "" {
		v["BillingAccountId"] = o.BillingAccount
	}
	if v["BillingAccountId"] == "" {
		v["BillingAccountId"] = "unknown" // the column may not be null
	}
	return v, nil
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func first(names ...string) string {
	for _, n := range names {
		if n != "" {
			return n
		}
	}
	return ""
}

// resourceType is what ResourceId names; empty where it names nothing.
func resourceType(r *Row) string {
	switch {
	case r.Profile != "":
		return "Inference profile"
	case r.Model != "":
		return "Foundation model"
	}
	return ""
}

// skuOf is Writ's own name of what has one price list: AWS's SKUs go by the kind of
// token, which spend is not kept by.
func skuOf(r *Row) string {
	return "writ/" + first(r.Profile, r.Model, r.Operation, "bedrock") + "/" + first(r.Tier, "standard")
}

func describe(r *Row) string {
	return fmt.Sprintf("%s of %s: %d requests at list price, blended over kinds of token", first(r.Operation, "Invocation"), first(r.Profile, r.Model, "no model"), r.Requests)
}

// quantity is how much was used, in what it is priced by.
type quantity struct {
	count    int64  // of consumed units
	consumed string // unit
	unit     string // that prices are for, of block consumed ones
	block    int64
}

// million is the block that Bedrock's prices of tokens are for.
const million = 1_000_000

// quantityOf is in tokens, and in requests where no tokens were counted.
func quantityOf(r *Row) quantity {
	if t := r.Tokens(); t > 0 {
		return quantity{t, "Tokens", "1000000 Tokens", million}
	}
	return quantity{r.Requests, "Requests", "Requests", 1}
}

func (q quantity) priced() string {
	return trimmed(new(big.Rat).SetFrac64(q.count, q.block), 6)
}

// unitPrice is the price of a block, so exact that the quantity times it gives the
// cost to the millionth of a dollar: the specification asks that they match.
func unitPrice(micro, count, block int64) string {
	p := new(big.Rat).SetFrac64(micro, million)
	p.Mul(p, new(big.Rat).SetFrac64(block, count))
	return trimmed(p, 18)
}

// trimmed writes a number with at most some decimals, without zeros at the end.
func trimmed(r *big.Rat, decimals int) string {
	s := r.FloatString(decimals)
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}

// tagsOf are the dimensions that FOCUS has no columns for, under Writ's prefix, as
// the specification wants tags that a provider defines.
func tagsOf(r *Row) (string, error) {
	tags := map[string]string{}
	for _, d := range []Dimension{ByIdentity, ByOwner, BySponsor, ByTeam, ByEnvironment, ByEntitlement, ByModel, ByOperation, ByTier} {
		if v := r.Of(d); v != "" {
			tags["writ/"+string(d)] = v
		}
	}
	b, err := json.Marshal(tags)
	return string(b), err
}
