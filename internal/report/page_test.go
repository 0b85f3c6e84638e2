package report

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestThePageAllowsItsOwnScriptOnly(t *testing.T) {
	page := rendered(t, "report.html", testFindings())
	scripts := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(page, -1)
	if len(scripts) != 1 {
		t.Fatalf("%d scripts", len(scripts))
	}
	sum := sha256.Sum256([]byte(scripts[0][1]))
	hash := strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;")
	want := `content="default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-` + hash + `'; base-uri 'none'; form-action 'none'"`
	if !strings.Contains(page, want) {
		t.Errorf("the policy is not %s", want)
	}
}

func TestThePageReferencesNothingOutside(t *testing.T) {
	page := rendered(t, "report.html", testFindings())
	for _, found := range regexp.MustCompile(`(?i)\b(src|srcset|poster|action|data)=|@import|url\(|<(link|iframe|object|embed|img|base)\b`).FindAllString(page, -1) {
		t.Errorf("the page has %s", found)
	}
}

// TestTheDataOfThePageCannotEndItsElement, whatever names hold, and is JSON.
func TestTheDataOfThePageCannotEndItsElement(t *testing.T) {
	page := rendered(t, "report.html", testFindings())
	_, rest, _ := strings.Cut(page, `<script type="application/json" id="data">`)
	data, _, _ := strings.Cut(rest, "</script>")
	if strings.ContainsAny(data, "<>&") {
		t.Error("markup in the data")
	}
	var d pageData
	if err := json.Unmarshal([]byte(data), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Findings) != 7 || len(d.Matrix.Rows) != 4 || len(d.Matrix.Columns) != 4 {
		t.Errorf("%d findings, %d rows, %d columns", len(d.Findings), len(d.Matrix.Rows), len(d.Matrix.Columns))
	}
}

// TestColoursMeetAA: text at 4.5 to 1 (WCAG 2.2, 1.4.3) and the edges of
// controls at 3 to 1 (1.4.11), on every ground, light and dark.
func TestColoursMeetAA(t *testing.T) {
	colours := make(map[string][2]float64)
	for _, m := range regexp.MustCompile(`--([a-z]+): light-dark\(#(\w{6}), #(\w{6})\)`).FindAllStringSubmatch(pageStyle, -1) {
		colours[m[1]] = [2]float64{luminance(t, m[2]), luminance(t, m[3])}
	}
	least := map[string]float64{"edge": 3}
	for _, text := range []string{"ink", "soft", "accent", "mark", "critical", "high", "medium", "low", "info"} {
		least[text] = 4.5
	}
	for name, want := range least {
		for _, ground := range []string{"paper", "panel", "raise"} {
			for theme := range 2 {
				a, b := colours[name][theme], colours[ground][theme]
				if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < want {
					t.Errorf("%s on %s: %.2f to 1, want %.1f", name, ground, got, want)
				}
			}
		}
	}
}

// luminance is a colour's relative luminance (WCAG 2.2, definitions).
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}

// TestTheMatrixHoldsEveryRight: unfolding rows, columns and cells gives back
// the rights, but for those not granted.
func TestTheMatrixHoldsEveryRight(t *testing.T) {
	var table rightTable
	want := make(map[Right]bool)
	for _, r := range testRights() {
		table.add(r)
		if r.Decision != notGranted {
			want[r] = true
		}
	}
	table.sort()
	m := table.matrix()
	for _, row := range m.Rows {
		for _, who := range row.Who {
			for i := 0; i < len(row.Rights); i += 2 {
				c, x := m.Columns[row.Rights[i]], m.Cells[row.Rights[i+1]]
				r := Right{Account: who[1], Principal: who[0], Kind: who[2], Action: c.Action, Target: c.Target, Region: c.Region,
					Decision: x.Decision, Condition: x.Condition, From: x.From, Until: x.Until, Hops: x.Hops, Used: x.Used}
				if !want[r] {
					t.Errorf("twice, or from nowhere: %+v", r)
				}
				delete(want, r)
			}
		}
	}
	for r := range want {
		t.Errorf("lost: %+v", r)
	}
}

func TestReachCountsAPrincipalOnceByTheMostItHas(t *testing.T) {
	var table rightTable
	for _, r := range []Right{
		{Principal: "a", Target: "m", Action: "x", Decision: "conditional"}, {Principal: "a", Target: "m", Action: "y", Decision: "allowed"},
		{Principal: "b", Target: "m", Decision: "undetermined"}, {Principal: "c", Target: "m", Decision: "implicit_deny"},
		{Principal: "c", Target: "n", Decision: "explicit_deny"}, {Principal: "c", Target: "o", Decision: "conditional"},
	} {
		table.add(r)
	}
	table.sort()
	got := table.reach()
	want := []reach{{"m", 1, 0, 1, 100}, {"o", 0, 1, 0, 50}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%+v, want %+v", got, want)
	}
}
