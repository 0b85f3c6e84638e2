// Package spend says what was spent, by whom and on what: reports over the spend
// that the store has added up, their export in the form that FinOps tools read
// (FOCUS), and a comparison of Writ's own record with what AWS says, in its model
// invocation logs or its bill.
//
// Costs are at list price, from Writ's price table, in millionths of a US dollar.
// What has no price is counted and shown beside them, never as nothing. The room
// trusts the store and the audit log for what Writ did; what AWS delivered is read
// strictly, and a line that cannot be read is reported with its place, not dropped.
package spend

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// Dimension is what spend is told by.
type Dimension string

// The dimensions.
const (
	ByDay         Dimension = "day" // in UTC, as 2026-11-26
	ByIdentity    Dimension = "identity"
	ByOwner       Dimension = "owner"   // of the identity
	BySponsor     Dimension = "sponsor" // of the identity
	ByTeam        Dimension = "team"
	ByEnvironment Dimension = "environment"
	ByEntitlement Dimension = "entitlement"
	ByModel       Dimension = "model"
	ByProfile     Dimension = "profile" // inference profile that it was called through
	ByRegion      Dimension = "region"
	ByAccount     Dimension = "account" // AWS account
	ByOperation   Dimension = "operation"
	ByTier        Dimension = "tier" // service tier
)

// Dimensions lists them in the order in which rows show them.
var Dimensions = []Dimension{
	ByDay, ByIdentity, ByOwner, BySponsor, ByTeam, ByEnvironment, ByEntitlement, ByModel, ByProfile, ByRegion, ByAccount, ByOperation, ByTier,
}

// ParseDimensions reads a list such as "identity,model": each once, at least one.
func ParseDimensions(text string) ([]Dimension, error) {
	var out []Dimension
	for name := range strings.SplitSeq(text, ",") {
		d := Dimension(strings.TrimSpace(name))
		switch {
		case !slices.Contains(Dimensions, d):
			return nil, fmt.Errorf("%.40q is nothing that spend is told by: want some of %s", name, names(Dimensions))
		case slices.Contains(out, d):
			return nil, fmt.Errorf("%s is named twice", d)
		}
		out = append(out, d)
	}
	return out, nil
}

func names(list []Dimension) string {
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = string(d)
	}
	return strings.Join(out, ", ")
}

// Keys says what a row is about, in each dimension that it is told by; the others
// are empty, and so is one that the calls had nothing in.
type Keys struct {
	Day         string `json:"day,omitempty"` // in UTC, as 2026-11-26
	Identity    string `json:"identity,omitempty"`
	Owner       string `json:"owner,omitempty"`   // of the identity, when it called
	Sponsor     string `json:"sponsor,omitempty"` // of the identity, when it called
	Team        string `json:"team,omitempty"`
	Environment string `json:"environment,omitempty"`
	Entitlement string `json:"entitlement,omitempty"`
	Model       string `json:"model,omitempty"`
	Profile     string `json:"profile,omitempty"`
	Region      string `json:"region,omitempty"`
	Account     string `json:"account,omitempty"`
	Operation   string `json:"operation,omitempty"`
	Tier        string `json:"tier,omitempty"`
}

// Of is the key in a dimension.
func (k *Keys) Of(d Dimension) string {
	if p := k.at(d); p != nil {
		return *p
	}
	return ""
}

func (k *Keys) at(d Dimension) *string {
	return map[Dimension]*string{
		ByDay: &k.Day, ByIdentity: &k.Identity, ByOwner: &k.Owner, BySponsor: &k.Sponsor, ByTeam: &k.Team,
		ByEnvironment: &k.Environment, ByEntitlement: &k.Entitlement, ByModel: &k.Model, ByProfile: &k.Profile,
		ByRegion: &k.Region, ByAccount: &k.Account, ByOperation: &k.Operation, ByTier: &k.Tier,
	}[d]
}

// only keeps the keys in some dimensions.
func (k *Keys) only(by []Dimension) Keys {
	var out Keys
	for _, d := range by {
		*out.at(d) = k.Of(d)
	}
	return out
}

// Totals is what some calls used. Tokens are as Bedrock counts them: input without
// what was read from, or written to, the prompt cache.
type Totals struct {
	Requests       int64 `json:"requests"`
	Input          int64 `json:"input"`
	Output         int64 `json:"output"`
	CacheRead      int64 `json:"cacheRead,omitempty"`
	CacheWrite     int64 `json:"cacheWrite,omitempty"`     // for five minutes
	CacheWriteHour int64 `json:"cacheWriteHour,omitempty"` // for an hour
	GuardrailUnits int64 `json:"guardrailUnits,omitempty"`
	// CostMicroUSD is at list price, in millionths of a US dollar, of the requests
	// that have a price.
	CostMicroUSD int64 `json:"costMicroUsd"`
	// EstimatedMicroUSD is the part of the cost that is what was reserved, because
	// nobody said what was used.
	EstimatedMicroUSD int64 `json:"estimatedMicroUsd,omitempty"`
	// Estimated counts the requests that EstimatedMicroUSD is of.
	Estimated int64 `json:"estimated,omitempty"`
	// Unpriced counts the requests without a price: what they cost is not known.
	Unpriced int64 `json:"unpriced,omitempty"`
}

// Tokens are all tokens, of whichever kind.
func (t *Totals) Tokens() int64 {
	return add(add(add(t.Input, t.Output), add(t.CacheRead, t.CacheWrite)), t.CacheWriteHour)
}

func (t *Totals) add(o *Totals) {
	for _, p := range [][2]*int64{
		{&t.Requests, &o.Requests}, {&t.Input, &o.Input}, {&t.Output, &o.Output}, {&t.CacheRead, &o.CacheRead},
		{&t.CacheWrite, &o.CacheWrite}, {&t.CacheWriteHour, &o.CacheWriteHour}, {&t.GuardrailUnits, &o.GuardrailUnits},
		{&t.CostMicroUSD, &o.CostMicroUSD}, {&t.EstimatedMicroUSD, &o.EstimatedMicroUSD},
		{&t.Estimated, &o.Estimated}, {&t.Unpriced, &o.Unpriced},
	} {
		*p[0] = add(*p[0], *p[1])
	}
}

// add stops at the largest number: a sum that wraps around would look small.
func add(a, b int64) int64 {
	if a > 0 && b > math.MaxInt64-a {
		return math.MaxInt64
	}
	if a < 0 && b < math.MinInt64-a {
		return math.MinInt64
	}
	return a + b
}

// Row is what calls with the same keys used.
type Row struct {
	Keys
	Totals
	// Share is the row's part of the whole cost, from 0 to 1; of the requests where
	// nothing has a cost.
	Share float64 `json:"share"`
}

// Unattributed is what a report cannot say whose it is, or what it cost.
type Unattributed struct {
	// Unpriced counts the requests whose cost is not known.
	Unpriced int64 `json:"unpriced"`
	// Keyless is what calls used that have nothing in a dimension asked for, such as
	// an identity without a team.
	Keyless Totals `json:"keyless"`
	// Beyond is what AWS says was used and Writ has no record of, from a
	// reconciliation; absent when none was given: then it is not known.
	Beyond *Beyond `json:"beyond,omitempty"`
}

// Report is what was spent in a time.
type Report struct {
	From         string       `json:"from"` // the first day, in UTC
	To           string       `json:"to"`   // the last day
	By           []Dimension  `json:"by"`
	Rows         []Row        `json:"rows"`  // by day where told by day, then the dearest first
	Total        Totals       `json:"total"` // of all rows, also of those on other pages
	Unattributed Unattributed `json:"unattributed"`
}

// NewReport adds up rows by the given dimensions; From and To are the caller's.
func NewReport(rows []Row, by []Dimension) Report {
	out := Report{By: by, Rows: []Row{}}
	at := map[Keys]int{}
	for _, r := range rows {
		k := r.only(by)
		i, ok := at[k]
		if !ok {
			i = len(out.Rows)
			at[k], out.Rows = i, append(out.Rows, Row{Keys: k})
		}
		out.Rows[i].add(&r.Totals)
		out.Total.add(&r.Totals)
		if slices.ContainsFunc(by, func(d Dimension) bool { return lacks(&k, d) }) {
			out.Unattributed.Keyless.add(&r.Totals)
		}
	}
	out.Unattributed.Unpriced = out.Total.Unpriced
	for i := range out.Rows {
		out.Rows[i].Share = share(&out.Rows[i].Totals, &out.Total)
	}
	slices.SortFunc(out.Rows, compareRows)
	return out
}

// lacks reports whether a call should have a key and has none: one through no
// profile, or in no tier of its own, is complete without.
func lacks(k *Keys, d Dimension) bool {
	return k.Of(d) == "" && d != ByProfile && d != ByTier
}

func share(part, whole *Totals) float64 {
	switch {
	case whole.CostMicroUSD > 0:
		return round4(float64(part.CostMicroUSD) / float64(whole.CostMicroUSD))
	case whole.Requests > 0:
		return round4(float64(part.Requests) / float64(whole.Requests))
	}
	return 0
}

func round4(f float64) float64 { return math.Round(f*1e4) / 1e4 }

func compareRows(a, b Row) int {
	if c := cmp.Or(strings.Compare(a.Day, b.Day), cmp.Compare(b.CostMicroUSD, a.CostMicroUSD), cmp.Compare(b.Requests, a.Requests)); c != 0 {
		return c
	}
	for _, d := range Dimensions {
		if c := strings.Compare(a.Of(d), b.Of(d)); c != 0 {
			return c
		}
	}
	return 0
}

// USD writes millionths of a US dollar as a decimal, such as 12.500000.
func USD(micro int64) string {
	sign, u := "", uint64(micro)
	if micro < 0 {
		sign, u = "-", -u
	}
	return fmt.Sprintf("%s%d.%06d", sign, u/1e6, u%1e6)
}

// baseModel is what the catalogue lists a model by that a call named by its id, an
// ARN or a profile; what it does not list stays as it is.
func baseModel(cat *bedrock.Catalogue, name string) string {
	if m, _ := cat.Find(name); m.ID != "" {
		return m.ID
	}
	return name
}
