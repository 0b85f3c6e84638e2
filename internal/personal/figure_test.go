package personal_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/dataclass"
)

func TestFiguresThatAreNotPublicCount(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"Our Q3 revenue forecast is $4.2 million.", []string{"$4.2 million"}},
		{"Strictly confidential: EBITDA guidance of €12,500,000 for the board", []string{"€12,500,000"}},
		{"her base salary is 85,000 EUR", nil},
		{"his salary is 85,000 EUR", []string{"85,000 EUR"}},
		{"Internal forecast: gross margin 41%", []string{"41%"}},
		{"Nasza prognoza przychodów to 3 mln", []string{"3 mln"}},
		{"unser Umsatz lag bei 7 Mio", []string{"7 Mio"}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, counted(tt.text, dataclass.FinancialFigure)); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
	}
}

func TestPublicAmountsDoNotCount(t *testing.T) {
	for _, text := range []string{
		"The company reported revenue of $3.1 billion in 2020.", "Our meeting is at 10 and costs $5.", "What is a good profit margin? 20%?", "our budget has 12 chapters",
	} {
		if got := counted(text, dataclass.FinancialFigure); got != nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}
