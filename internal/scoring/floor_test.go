package scoring_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/scoring"
)

// scored runs the classifier over the example of the documentation.
func scored(t *testing.T) scoring.Result {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "classify-example", "labelled.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := classifier.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	tally := scoring.Tally{Keep: 20}
	for i, line := range bytes.Split(bytes.TrimSpace(text), []byte("\n")) {
		e, err := scoring.ReadExample(line, nil, scoring.Bytes)
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		e.Line = i + 1
		r := c.Text([]byte(e.Text))
		g := scoring.Guess{Classes: r.Label.Classes}
		for _, f := range r.Findings {
			g.Findings = append(g.Findings, f.Finding)
		}
		tally.Add(e, g, 0)
	}
	return tally.Result(0)
}

// validated are the entities that have a check digit or a shape of their own:
// every one of the example is found, and nothing else is taken for one.
var validated = []dataclass.Entity{
	dataclass.CardNumber, dataclass.SSN, dataclass.IBAN, dataclass.Email, dataclass.MACAddress, dataclass.Phone,
	"ES_NIF", "ES_NIE", "PL_PESEL", "DE_TAX_ID", "BR_CPF", "NL_BSN", "UK_NINO", dataclass.HealthID, dataclass.VIN, dataclass.BankRouting,
}

// The least share, over all entities of the example, that is right and that is
// found.
const (
	leastPrecision = 0.95
	leastRecall    = 0.93
)

// TestTheExampleScoresNoLessThanItDid: a change to a detector that loses
// something here has to say so by lowering a floor.
func TestTheExampleScoresNoLessThanItDid(t *testing.T) {
	r := scored(t)
	var all scoring.Count
	by := make(map[dataclass.Entity]scoring.EntityScore)
	for _, e := range r.Entities {
		all.Hits, all.False, all.Missed = all.Hits+e.Hits, all.False+e.False, all.Missed+e.Missed
		by[e.Entity] = e
	}
	for _, e := range validated {
		if s := by[e]; s.N == 0 || s.Recall < 1 || s.Precision < 1 {
			t.Errorf("%s: %+v", e, s.Score)
		}
	}
	if all.Precision() < leastPrecision || all.Recall() < leastRecall {
		t.Errorf("precision %.3f, recall %.3f", all.Precision(), all.Recall())
	}
	if r.Clean == nil || r.Clean.Documents < 12 || r.Clean.Alarms > 0 {
		t.Errorf("of documents that hold nothing: %+v", r.Clean)
	}
	if t.Failed() {
		for _, s := range r.Slips {
			t.Logf("%+v", s)
		}
	}
}
