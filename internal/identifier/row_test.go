package identifier

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

const groupedCard = "6011 0009 9013 9424" // Discover, a test number of payment processors

// TestNothingHidesACard: a card number is found beside other numbers, in any
// separators and on several lines.
func TestNothingHidesACard(t *testing.T) {
	dense := strings.ReplaceAll(groupedCard, " ", "")
	for text, want := range map[string][]string{
		groupedCard + " " + groupedCard:                      {groupedCard, groupedCard},
		"7731 " + groupedCard:                                {groupedCard},
		groupedCard + " 7731":                                {groupedCard},
		dense + " 4242424242424242":                          {dense, "4242424242424242"},
		groupedCard + " 4242424242424242":                    {groupedCard, "4242424242424242"},
		"7731-6011-0009-9013-9424-7731":                      {"6011-0009-9013-9424"},
		"6011_0009_9013_9424":                                {"6011_0009_9013_9424"},
		"6011/0009/9013/9424":                                {"6011/0009/9013/9424"},
		"6011\n0009\n9013\n9424":                             {"6011\n0009\n9013\n9424"},
		"6011 0009\n9013 9424":                               {"6011 0009\n9013 9424"},
		"(6011-0009-9013-9424)":                              {"6011-0009-9013-9424"},
		dense + ".":                                          {dense},
		"card:" + dense + ";":                                {dense},
		"|" + dense + "|4242424242424242|":                   {dense, "4242424242424242"},
		"| " + groupedCard + " | 4242 4242 4242 4242 |":      {groupedCard, "4242 4242 4242 4242"},
		"a," + groupedCard + ",4242 4242 4242 4242,b":        {groupedCard, "4242 4242 4242 4242"},
		"my card 60110 00990 139424":                         {"60110 00990 139424"},
		"the card is 60 1100 09901 394 24":                   {"60 1100 09901 394 24"},
		"7 7 " + strings.Join(strings.Split(dense, ""), " "): {strings.Join(strings.Split(dense, ""), " ")},
		strings.Join(strings.Split(dense, ""), "\n"):         {strings.Join(strings.Split(dense, ""), "\n")},
		strings.Repeat("1111 7777 ", 20) + groupedCard + strings.Repeat(" 1111 7777", 20): {groupedCard},
		"1\n2\n3\n4\n5\n" + strings.Join(strings.Split(dense, ""), " ") + "\n7\n":         {strings.Join(strings.Split(dense, ""), " ")},
		"6 0 1 1 0 0 0 9\n9 0 1 3 9 4 2 4":                                                {"6 0 1 1 0 0 0 9\n9 0 1 3 9 4 2 4"},
		strings.Repeat("4\n1\n", 30):                                                      {},
		"a" + dense + "b":                                                                 {},
		"| 6011 | 0009 | 9013 | 9424 |":                                                   {},
		"6011,0009,9013,9424":                                                             {},
		"1999\n6011\n0009\n9013\n9424\n2001":                                              {},
		"2019 2020 2021 2022 2023 2024":                                                   {},
		"60 1100 09901 394 24":                                                            {},
		"3000 4000 5000 6000 7000 8000 9000":                                              {},
	} {
		got := []string{}
		for _, f := range scan(text) {
			if f.Counts() && f.Entity == dataclass.CardNumber {
				got = append(got, text[f.Start:f.End])
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

// TestOtherNumbersInRowsAreFound: a number whose own form is plain does not
// vanish because another stands beside it.
func TestOtherNumbersInRowsAreFound(t *testing.T) {
	for text, want := range map[string][]string{
		"219-09-9999 219-09-9998": {"219-09-9999", "219-09-9998"},
		"7731 219-09-9999 5678":   {"219-09-9999"},
		"219 09 9999 219 09 9998": {"219 09 9999", "219 09 9998"},
		"12 219 09 9998":          {},
	} {
		got := []string{}
		for _, f := range scan(text) {
			if f.Counts() && f.Entity == dataclass.SSN {
				got = append(got, text[f.Start:f.End])
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

// TestACardIsFoundAnywhereInARow: whatever groups of four digits stand before
// and behind it, some card number is found in the row.
func TestACardIsFoundAnywhereInARow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		group := rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("%04d", rapid.IntRange(0, 9999).Draw(t, "n")) })
		row := slices.Concat(rapid.SliceOfN(group, 0, 40).Draw(t, "before"), strings.Fields(groupedCard), rapid.SliceOfN(group, 0, 40).Draw(t, "behind"))
		text := strings.Join(row, rapid.SampledFrom([]string{" ", "-", "_"}).Draw(t, "separator"))
		if !slices.ContainsFunc(scan(text), func(f dataclass.Finding) bool { return f.Counts() && f.Class() == dataclass.PaymentCard }) {
			t.Fatalf("no card in %q", text)
		}
	})
}
