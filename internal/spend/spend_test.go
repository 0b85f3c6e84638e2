package spend

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAReportShowsWhatIsNotAttributed(t *testing.T) {
	rows := []Row{
		{Keys: Keys{Identity: "a", Team: "red", Model: "m"}, Totals: Totals{Requests: 2, Input: 10, CostMicroUSD: 100}},
		{Keys: Keys{Identity: "b", Team: "red", Model: "m"}, Totals: Totals{Requests: 1, Input: 10, CostMicroUSD: 300, EstimatedMicroUSD: 300, Estimated: 1}},
		{Keys: Keys{Identity: "c", Model: "n"}, Totals: Totals{Requests: 4, Input: 10, Unpriced: 4}},
	}
	got := NewReport(rows, []Dimension{ByTeam})
	want := Report{
		By: []Dimension{ByTeam},
		Rows: []Row{
			{Keys: Keys{Team: "red"}, Totals: Totals{Requests: 3, Input: 20, CostMicroUSD: 400, EstimatedMicroUSD: 300, Estimated: 1}, Share: 1},
			{Totals: Totals{Requests: 4, Input: 10, Unpriced: 4}},
		},
		Total:        Totals{Requests: 7, Input: 30, CostMicroUSD: 400, EstimatedMicroUSD: 300, Estimated: 1, Unpriced: 4},
		Unattributed: Unattributed{Unpriced: 4, Keyless: Totals{Requests: 4, Input: 10, Unpriced: 4}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheRowsOfAReportAddUpToItsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOf(rapid.Custom(drawRow)).Draw(t, "rows")
		by := rapid.SliceOfNDistinct(rapid.SampledFrom(Dimensions), 1, 4, rapid.ID[Dimension]).Draw(t, "by")
		r := NewReport(rows, by)
		var all, shown Totals
		share := 0.0
		for i := range rows {
			all.add(&rows[i].Totals)
		}
		for i := range r.Rows {
			shown.add(&r.Rows[i].Totals)
			share += r.Rows[i].Share
		}
		if all != r.Total || shown != r.Total {
			t.Fatalf("rows %+v, shown %+v, total %+v", all, shown, r.Total)
		}
		if len(rows) > 0 && math.Abs(share-1) > 1e-4*float64(len(rows)) {
			t.Fatalf("the shares add up to %v", share)
		}
	})
}

func TestSumsDoNotWrapAround(t *testing.T) {
	a := Totals{CostMicroUSD: math.MaxInt64 - 1}
	a.add(&Totals{CostMicroUSD: 5})
	if a.CostMicroUSD != math.MaxInt64 || add(math.MinInt64, -1) != math.MinInt64 {
		t.Errorf("%d", a.CostMicroUSD)
	}
}

func TestMoneyIsWrittenToTheMillionth(t *testing.T) {
	for micro, want := range map[int64]string{0: "0.000000", 1: "0.000001", -1: "-0.000001", 12_500_000: "12.500000", math.MinInt64: "-9223372036854.775808"} {
		if got := USD(micro); got != want {
			t.Errorf("%d: %s, want %s", micro, got, want)
		}
	}
}

func TestDimensionsAreKnownAndNamedOnce(t *testing.T) {
	if got, err := ParseDimensions("team, model"); err != nil || len(got) != 2 || got[1] != ByModel {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"", "colour", "team,team", "team,"} {
		if got, err := ParseDimensions(bad); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

func FuzzParseDimensions(f *testing.F) {
	f.Add("team,model")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseDimensions(s)
		if err == nil && (len(got) == 0 || len(got) > len(Dimensions)) {
			t.Errorf("%q: %v", s, got)
		}
		for _, d := range got {
			var k Keys
			*k.at(d) = "x"
			if k.Of(d) != "x" {
				t.Errorf("%s is no key", d)
			}
		}
	})
}

func TestAPeriodIsTheMonthSoFarUnlessItIsSaid(t *testing.T) {
	now := time.Date(2026, 11, 26, 23, 30, 0, 0, time.FixedZone("", -3600)) // the 27th in UTC
	for _, c := range []struct{ in, want Period }{
		{Period{}, Period{"2026-11-01", "2026-11-27"}},
		{Period{From: "2026-10-05"}, Period{"2026-10-05", "2026-11-27"}},
		{Period{To: "2026-10-05"}, Period{"", "2026-10-05"}},
	} {
		if got := c.in.OrMonth(now); got != c.want {
			t.Errorf("%v: %v", c.in, got)
		}
	}
	for _, bad := range []Period{{From: "1.11."}, {To: "2026-02-30"}, {From: "2026-11-02", To: "2026-11-01"}} {
		if bad.Validate() == nil {
			t.Errorf("%v is valid", bad)
		}
	}
	p := Period{"2026-11-01", "2026-11-02"}
	last := time.Date(2026, 11, 2, 23, 59, 59, 0, time.UTC)
	if p.Validate() != nil || !p.Holds(last) || p.Holds(last.Add(time.Second)) || p.Holds(last.AddDate(0, 0, -2)) {
		t.Error("the days of a period are not both in it, or others are")
	}
}
