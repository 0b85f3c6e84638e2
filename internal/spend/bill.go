package spend

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Charge is one line of a bill for the use of Bedrock.
type Charge struct {
	Day       string // in UTC
	Account   string // that used it
	Region    string
	Model     string // as the bill names it, such as Claude4.6Sonnet; empty: it does not
	Usage     string // the bill's usage type
	Principal string // ARN of who called; empty: the bill does not say
	Kind      tokenKind
	Tokens    int64 // of Kind; 0 where the line counts something else
	// ListNano is at list price, and BilledNano what is asked for, in billionths of a
	// US dollar. The first is the second where the bill has no list price.
	ListNano, BilledNano int64
}

// tokenKind is what kind of token a line is for; empty: something else.
type tokenKind string

const (
	inputTokens  tokenKind = "input"
	outputTokens tokenKind = "output"
	cacheReads   tokenKind = "cache_read"
	cacheWrites  tokenKind = "cache_write"
)

// columns are where a bill keeps what is wanted, by its own names, lower case with
// underscores; the first that it has counts. The names are those of AWS's Cost and
// Usage Report 2.0 and its predecessor (AWS Data Exports user guide, table
// dictionary) and of FOCUS 1.0 to 1.2 with AWS's own columns.
var columns = map[string][]string{
	"start":     {"line_item_usage_start_date", "chargeperiodstart"},
	"end":       {"line_item_usage_end_date", "chargeperiodend"},
	"account":   {"line_item_usage_account_id", "subaccountid"},
	"region":    {"product_region_code", "product_region", "regionid"},
	"usage":     {"line_item_usage_type", "x_usagetype", "skumeter"},
	"type":      {"line_item_line_item_type", "chargecategory"},
	"service":   {"line_item_product_code", "servicename"},
	"product":   {"product_product_name", "product_servicename", "product"},
	"amount":    {"line_item_usage_amount", "consumedquantity"},
	"unit":      {"pricing_unit", "consumedunit"},
	"billed":    {"line_item_unblended_cost", "billedcost"},
	"list":      {"pricing_public_on_demand_cost", "listcost"},
	"currency":  {"line_item_currency_code", "billingcurrency"},
	"principal": {"line_item_iam_principal"},
}

// required are the columns without which there is nothing to compare.
var required = []string{"start", "account", "type", "service", "billed"}

// usages are the kinds of line that are for use, and not a tax, a credit or a fee.
var usages = map[string]bool{"Usage": true, "DiscountedUsage": true, "SavingsPlanCoveredUsage": true}

// ReadBill reads a billing export in CSV. Lines for other services, and those that
// are no usage, are passed over; lines for Bedrock that cannot be read go to skip.
func ReadBill(r io.Reader, visit func(Charge) error, skip func(line int64, reason string)) error {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	heading, err := in.Read()
	if err != nil {
		return fmt.Errorf("reading the heading of the bill: %w", err)
	}
	at, err := locate(heading)
	if err != nil {
		return err
	}
	for {
		fields, err := in.Read()
		var bad *csv.ParseError
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			skip(int64(bad.Line), "it is no line of CSV with as many fields as the heading")
			continue
		case err != nil:
			return err
		}
		b := billLine{at, fields}
		if !b.wanted() {
			continue
		}
		n, _ := in.FieldPos(0)
		c, err := b.charge()
		if err != nil {
			skip(int64(n), err.Error())
			continue
		}
		if err := visit(c); err != nil {
			return err
		}
	}
}

// locate finds the wanted columns in a heading.
func locate(heading []string) (map[string]int, error) {
	have := map[string]int{}
	for i, name := range heading {
		have[columnName(name)] = i
	}
	at := map[string]int{}
	for what, names := range columns {
		for _, n := range names {
			if i, ok := have[n]; ok {
				at[what] = i
				break
			}
		}
	}
	for _, what := range required {
		if _, ok := at[what]; !ok {
			return nil, fmt.Errorf("the bill has no column for the %s: want one of %s", what, strings.Join(columns[what], ", "))
		}
	}
	return at, nil
}

var inner = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// columnName is a column's name in the form of CUR 2.0: lineItem/UsageType is
// line_item_usage_type. FOCUS's names are but in lower case.
func columnName(s string) string {
	s = strings.TrimPrefix(strings.TrimSpace(s), "\ufeff")
	if group, name, ok := strings.Cut(s, "/"); ok {
		s = inner.ReplaceAllString(group, "${1}_${2}") + "_" + inner.ReplaceAllString(name, "${1}_${2}")
	}
	return strings.ToLower(s)
}

// billLine is one line under a located heading.
type billLine struct {
	at     map[string]int
	fields []string
}

func (b billLine) get(what string) string {
	if i, ok := b.at[what]; ok && i < len(b.fields) {
		return strings.TrimSpace(b.fields[i])
	}
	return ""
}

// wanted reports whether a line is for the use of Bedrock. Models of other
// providers are products of their own, called editions of Bedrock.
func (b billLine) wanted() bool {
	service := b.get("service")
	return usages[b.get("type")] &&
		(strings.HasPrefix(service, "AmazonBedrock") || strings.Contains(service, "Bedrock") || strings.Contains(b.get("product"), "Amazon Bedrock"))
}

func (b billLine) charge() (Charge, error) {
	start, err := parseTime(b.get("start"))
	if err != nil {
		return Charge{}, errors.New("its beginning is no time")
	}
	if end, err := parseTime(b.get("end")); err == nil && end.Sub(start) > 25*time.Hour {
		return Charge{}, errors.New("it is for more than a day: export the bill by the hour or the day")
	}
	if c := b.get("currency"); c != "" && c != "USD" {
		return Charge{}, errors.New("it is not in US dollars")
	}
	out := Charge{Day: start.Format(time.DateOnly), Account: b.get("account"), Region: b.get("region"), Usage: b.get("usage"), Principal: b.get("principal")}
	if out.BilledNano, err = parseNano(b.get("billed")); err != nil {
		return Charge{}, errors.New("its cost is no number")
	}
	out.ListNano = out.BilledNano
	if text := b.get("list"); text != "" {
		if out.ListNano, err = parseNano(text); err != nil {
			return Charge{}, errors.New("its list cost is no number")
		}
	}
	out.Model, out.Kind = readUsage(out.Usage)
	if out.Model == "" {
		out.Model = edition(b.get("product"))
	}
	if out.Kind != "" {
		out.Tokens = tokens(b.get("amount"), b.get("unit"))
	}
	return out, nil
}

var number = regexp.MustCompile(`^[+-]?([0-9]{1,18}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,2})?$`)

// parseNano reads a number of US dollars as billionths, the nearest.
func parseNano(s string) (int64, error) { return scaled(s, 1_000_000_000) }

// scaled reads a decimal number times a factor, rounded to the nearest.
func scaled(s string, by int64) (int64, error) {
	if !number.MatchString(s) {
		return 0, errors.New("no number")
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, errors.New("no number")
	}
	r.Mul(r, new(big.Rat).SetInt64(by))
	half := big.NewRat(1, 2)
	if r.Sign() < 0 {
		half.Neg(half)
	}
	r.Add(r, half)
	n := new(big.Int).Quo(r.Num(), r.Denom())
	if !n.IsInt64() {
		return 0, errors.New("too large a number")
	}
	return n.Int64(), nil
}

// usageForm is how usage types name a model and a kind of token: with a region
// before, and what tells cross-region or tiered use behind (Bedrock user guide,
// cost and usage report data).
var usageForm = regexp.MustCompile(`^(?:[A-Z]{3,4}\d?-)?(.*?)-?(cache-read-input-token-count|cache-write-input-token-count|input-tokens?|output-tokens?|CacheReadInputTokenCount|CacheWriteInputTokenCount|InputTokenCount|OutputTokenCount)\b`)

var kinds = map[string]tokenKind{
	"cache-read-input-token-count": cacheReads, "cachereadinputtokencount": cacheReads,
	"cache-write-input-token-count": cacheWrites, "cachewriteinputtokencount": cacheWrites,
	"input-token": inputTokens, "input-tokens": inputTokens, "inputtokencount": inputTokens,
	"output-token": outputTokens, "output-tokens": outputTokens, "outputtokencount": outputTokens,
}

// readUsage takes a usage type apart: USE1-Claude4.6Sonnet-input-tokens.
func readUsage(s string) (model string, kind tokenKind) {
	m := usageForm.FindStringSubmatch(strings.ReplaceAll(s, "_", "-"))
	if m == nil {
		return "", ""
	}
	model = strings.TrimSuffix(m[1], "-mantle")
	if strings.HasPrefix(model, "MP:") { // a product of the marketplace: its own name says which
		model = ""
	}
	return model, kinds[strings.ToLower(m[2])]
}

// edition is the model of a product such as "Claude 3.5 Sonnet (Amazon Bedrock
// Edition)", by itself or in the map of attributes that CUR 2.0 has; else empty.
func edition(product string) string {
	if strings.HasPrefix(product, "{") {
		var attributes map[string]string
		if json.Unmarshal([]byte(product), &attributes) != nil {
			return ""
		}
		product = attributes["product_name"]
	}
	if name, _, ok := strings.Cut(product, "(Amazon Bedrock Edition)"); ok {
		return strings.TrimSpace(name)
	}
	return ""
}

var tokenUnit = regexp.MustCompile(`(?i)^(1000000|1000|1m|1k|k|m|million|thousand)?\s*(input|output)?\s*tokens?$`)

// tokens is how many an amount of a unit is; 0 when the unit is not one of tokens.
func tokens(amount, unit string) int64 {
	m := tokenUnit.FindStringSubmatch(strings.TrimSpace(unit))
	if m == nil {
		return 0
	}
	by := map[string]int64{"": 1, "1000": 1e3, "1k": 1e3, "k": 1e3, "thousand": 1e3, "1000000": 1e6, "1m": 1e6, "m": 1e6, "million": 1e6}
	n, err := scaled(amount, by[strings.ToLower(m[1])])
	if err != nil {
		return 0
	}
	return n
}
