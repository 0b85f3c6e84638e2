package identity

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestReadCSVReadsWhatASpreadsheetWrites(t *testing.T) {
	got, err := ReadCSV(strings.NewReader("\ufeffname,kind,environment,purposes,sponsor,shared,maxSession,principals\r\n" +
		"billing-bot,workload,prod,invoices; reports,farah@example.com,true,15m,arn:aws:iam::111122223333:role/billing\r\n" +
		"\"summaries\",agent,dev,,,,,\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Row{
		{Line: 2, Name: "billing-bot", Identity: Identity{
			Kind: Workload, Environment: "prod", Purposes: []string{"invoices", "reports"}, Sponsor: "farah@example.com", Shared: true,
			MaxSession: Duration(15 * time.Minute), Principals: []string{"arn:aws:iam::111122223333:role/billing"},
		}},
		{Line: 3, Name: "summaries", Identity: Identity{Kind: Agent, Environment: "dev"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadCSVSaysWhereItIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want []string
	}{
		"nothing":            {"", []string{"line 1", "empty"}},
		"no name":            {"kind\nagent\n", []string{"line 1", "name is required"}},
		"an unknown column":  {"name,epoch\na,7\n", []string{"line 1", `"epoch" is unknown`}},
		"a state":            {"name,state\na,governed\n", []string{`"state" is unknown`}},
		"a column twice":     {"name,team,team\na,b,c\n", []string{`"team" is there twice`}},
		"two errors":         {"name,shared\na,maybe\nb,true\nc,no\n", []string{"line 2", "line 4", "true or false"}},
		"a missing cell":     {"name,team\na\nb,=1\n", []string{"line 2", "line 3", "formula"}},
		"a formula":          {"name,sponsor\na,=HYPERLINK(\"x\")\n", []string{"bare"}},
		"a hidden formula":   {"name,sponsor\na,\" @SUM(1)\"\n", []string{"line 2", "formula"}},
		"a name twice":       {"name\na\nb\na\n", []string{"line 4", "line 2 has it too"}},
		"an open quote":      {"name\n\"a\n", []string{"quote"}},
		"a control sign":     {"name,team\na,b\x1b[31m\n", []string{"line 2", "plain text"}},
		"no UTF-8":           {"name,team\na,\xff\n", []string{"line 2", "UTF-8"}},
		"an empty list item": {"name,tags\na,x;;y\n", []string{"line 2", "semicolons"}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := ReadCSV(strings.NewReader(c.in))
			if err == nil {
				t.Fatalf("read as %+v", rows)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v\ndoes not say %q", err, want)
				}
			}
		})
	}
}

// cellText is text that a row may hold; lists have semicolons between.
var cellText = rapid.StringMatching(`[a-z0-9 "',=+@é.-]{0,12}`).Filter(func(s string) bool { return strings.TrimSpace(s) == s && !formula(s) })

func TestRowsComeBackFromCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []Row
		for n := range rapid.IntRange(0, 5).Draw(t, "rows") {
			rows = append(rows, Row{Line: n + 2, Name: "row-" + string(rune('a'+n)), Identity: Identity{
				Team: cellText.Draw(t, "team"), Sponsor: cellText.Draw(t, "sponsor"), Shared: rapid.Bool().Draw(t, "shared"),
				Tags: rapid.SliceOfN(rapid.StringMatching(`[a-z]{1,5}`), 1, 3).Draw(t, "tags"),
			}})
		}
		var b bytes.Buffer
		if err := WriteCSV(&b, rows); err != nil {
			t.Fatal(err)
		}
		got, err := ReadCSV(&b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(rows, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNoCellThatIsWrittenRuns(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCSV(&b, []Row{{Name: "=1+1", Identity: Identity{Team: "@x", Sponsor: "-2", Owner: "+3", Tags: []string{"=4"}}}}); err != nil {
		t.Fatal(err)
	}
	_, line, _ := strings.Cut(strings.TrimSpace(b.String()), "\r\n")
	for cell := range strings.SplitSeq(line, ",") {
		if formula(cell) {
			t.Errorf("cell %q would run", cell)
		}
	}
	if n := strings.Count(line, "'"); n != 5 {
		t.Errorf("%d cells are guarded, want 5: %s", n, line)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add([]byte("name,kind\na,agent\n"))
	f.Add([]byte("name\n\"\n"))
	f.Add([]byte("name,tags\na,x;y\nb\n,\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := ReadCSV(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := WriteCSV(&out, rows); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCSV(&out); err != nil {
			t.Errorf("what was read and written cannot be read again: %v\n%s", err, out.Bytes())
		}
	})
}
