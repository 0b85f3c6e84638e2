package scoring

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/dataclass"
)

var labels = Labels{
	"PERSON": {Entity: dataclass.Name, Class: dataclass.PersonalContact},
	"MAIL":   {Entity: dataclass.Email, Class: dataclass.PersonalContact},
	"CARD":   {Entity: dataclass.CardNumber, Class: dataclass.PaymentCard},
	"SITE":   {Entity: dataclass.URL},
	"CITY":   {},
}

func example(t testing.TB, line string) *Example {
	t.Helper()
	e, err := ReadExample([]byte(line), labels, Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func finding(e dataclass.Entity, start, end int) dataclass.Finding {
	return dataclass.Finding{Entity: e, Start: start, End: end, Score: dataclass.Likely}
}

// TestScoresAreThoseWorkedOutByHand: two documents with five labelled spans, of
// which one is left out and one is of a class that is not personal.
func TestScoresAreThoseWorkedOutByHand(t *testing.T) {
	var tally Tally
	tally.Keep = 5
	ten := strings.Repeat("0123456789", 4)
	one := example(t, `{"id":"one","text":"`+ten+`","spans":[{"start":0,"end":8,"type":"PERSON"},{"start":10,"end":14,"type":"PERSON"},{"start":20,"end":30,"type":"CITY"},{"start":31,"end":35,"type":"SITE"}]}`)
	tally.Add(one, Guess{
		Findings: []dataclass.Finding{
			finding(dataclass.Name, 1, 8),                                           // 7 of 8 characters: a hit
			finding(dataclass.Name, 10, 13),                                         // 3 of 4 is no more than 0.75: a miss, and a false alarm
			finding(dataclass.Name, 20, 30),                                         // on a span that is left out
			finding(dataclass.URL, 31, 35),                                          // a hit
			finding(dataclass.IPAddress, 36, 40),                                    // never labelled in this file
			{Entity: dataclass.Name, Start: 36, End: 40, Score: dataclass.Possible}, // does not count
		},
		Classes: []dataclass.Class{dataclass.OnlineIdentifier, dataclass.PersonalContact},
	}, 10*time.Microsecond)
	two := example(t, `{"id":2,"text":"`+ten+`","spans":[{"start":0,"end":16,"type":"CARD"}]}`)
	two.Line = 7
	tally.Add(two, Guess{Findings: []dataclass.Finding{finding(dataclass.CardNumber, 0, 16), finding(dataclass.CardNumber, 0, 15)}, Classes: []dataclass.Class{dataclass.PaymentCard}}, 30*time.Microsecond)
	tally.Add(example(t, `{"text":"nothing","spans":[]}`), Guess{Classes: []dataclass.Class{dataclass.Credential}}, 20*time.Microsecond)

	got := tally.Result(87 * time.Microsecond)
	want := Result{
		Documents: 3, Bytes: 87,
		Entities: []EntityScore{
			{dataclass.CardNumber, Score{1, Count{1, 1, 0}, 0.5, 1, 0.6667}, 1, 1},
			{dataclass.Name, Score{2, Count{1, 1, 1}, 0.5, 0.5, 0.5}, 1, 1},
			{dataclass.URL, Score{1, Count{1, 0, 0}, 1, 1, 1}, 1, 1},
		},
		Unscored: []Unlabelled{{dataclass.IPAddress, 1}},
		Classes: &ClassScores{3, 0.3333, 1, []ClassScore{
			{dataclass.Credential, Score{0, Count{0, 1, 0}, 0, 1, 0}},
			{dataclass.OnlineIdentifier, Score{0, Count{0, 1, 0}, 0, 1, 0}},
			{dataclass.PaymentCard, Score{1, Count{1, 0, 0}, 1, 1, 1}},
			{dataclass.PersonalContact, Score{1, Count{1, 0, 0}, 1, 1, 1}},
		}},
		Clean: &Clean{1, 1, 1, map[dataclass.Class]int{dataclass.Credential: 1}},
		Slips: []Slip{
			{Class: dataclass.Credential},
			{ID: "one", Class: dataclass.OnlineIdentifier},
			{ID: "2", Line: 7, Entity: dataclass.CardNumber, Start: 0, End: 15},
			{ID: "one", Entity: dataclass.IPAddress, Start: 36, End: 40},
			{ID: "one", Missed: true, Entity: dataclass.Name, Start: 10, End: 14},
			{ID: "one", Entity: dataclass.Name, Start: 10, End: 13},
		},
		Speed: Speed{PerKiB: 1024, P50: 20, P99: 30},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestSlipsCountInTheUnitOfTheFile(t *testing.T) {
	tally := Tally{Keep: 1, Unit: CodePoints}
	tally.Add(example(t, `{"text":"éé Ana","spans":[{"start":5,"end":8,"type":"PERSON"}]}`), Guess{}, 0)
	want := []Slip{{Missed: true, Class: dataclass.PersonalContact}, {Missed: true, Entity: dataclass.Name, Start: 3, End: 6}}
	if d := cmp.Diff(want, tally.Result(0).Slips); d != "" {
		t.Error(d)
	}
}

// TestSecretsAreScoredByDocument: of three secrets one is missed, of two others
// one is called a secret.
func TestSecretsAreScoredByDocument(t *testing.T) {
	var tally Tally
	for _, c := range []struct{ secret, found bool }{{true, true}, {true, true}, {true, false}, {false, false}, {false, true}} {
		g := Guess{}
		if c.found {
			g.Classes = []dataclass.Class{dataclass.Credential}
		}
		tally.Add(example(t, fmt.Sprintf(`{"text":"x","secret":%v}`, c.secret)), g, 0)
	}
	r := tally.Result(0)
	if d := cmp.Diff(&SecretScore{3, 2, 0.6667, 0.5}, r.Secrets); d != "" || r.Classes != nil || r.Clean != nil {
		t.Errorf("%s, classes %v, clean %v", d, r.Classes, r.Clean)
	}
}

// TestACaseIsAboutOneEntity: what else is found in it is neither right nor wrong.
func TestACaseIsAboutOneEntity(t *testing.T) {
	var tally Tally
	there := example(t, `{"text":"0123456789","entity":"CARD","spans":[{"start":0,"end":9,"type":"CARD"}]}`)
	not := example(t, `{"text":"0123456789","entity":"CARD","spans":[]}`)
	card, name := finding(dataclass.CardNumber, 0, 9), finding(dataclass.Name, 0, 9)
	tally.Add(there, Guess{Findings: []dataclass.Finding{card, name}}, 0)
	tally.Add(there, Guess{Findings: []dataclass.Finding{name}}, 0)
	tally.Add(not, Guess{Findings: []dataclass.Finding{name}, Classes: []dataclass.Class{dataclass.Health}}, 0)
	tally.Add(not, Guess{Findings: []dataclass.Finding{card}}, 0)
	tally.Add(example(t, `{"text":"0123456789","entity":"CITY","spans":[]}`), Guess{Findings: []dataclass.Finding{card}}, 0)
	r := tally.Result(0)
	if d := cmp.Diff(&Cases{4, 2, 0.5, map[dataclass.Entity]int{dataclass.CardNumber: 2}}, r.Cases); d != "" {
		t.Error(d)
	}
	if len(r.Unscored) > 0 || r.Clean != nil {
		t.Errorf("unlabelled %v, clean %v", r.Unscored, r.Clean)
	}
}

func genExample(t *rapid.T, n int) *Example {
	e := &Example{Text: strings.Repeat("x", 40*n), Labelled: true}
	for i := range n {
		m := rapid.SampledFrom([]string{"PERSON", "MAIL", "CARD", "SITE"}).Draw(t, "label")
		start := 40*i + rapid.IntRange(0, 10).Draw(t, "start")
		e.Spans = append(e.Spans, Span{start, start + rapid.IntRange(1, 25).Draw(t, "length"), labels[m]})
	}
	return e
}

func perfect(e *Example) (g Guess) {
	for _, s := range e.Spans {
		g.Findings = append(g.Findings, finding(s.Entity, s.Start, s.End))
	}
	g.Classes = slices.Compact(slices.Sorted(slices.Values(classesOf(e))))
	return g
}

func results(e *Example, g Guess) map[dataclass.Entity]EntityScore {
	var tally Tally
	tally.Add(e, g, 0)
	out := make(map[dataclass.Entity]EntityScore)
	for _, s := range tally.Result(0).Entities {
		out[s.Entity] = s
	}
	return out
}

// TestPerfectFindingsScoreOne, and one that is taken away lowers the recall of
// its entity and nothing else.
func TestPerfectFindingsScoreOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genExample(t, rapid.IntRange(1, 8).Draw(t, "spans"))
		g := perfect(e)
		whole := results(e, g)
		for _, s := range whole {
			if s.Precision != 1 || s.Recall != 1 || s.F1 != 1 || s.DocumentRecall != 1 {
				t.Fatalf("%+v", s)
			}
		}
		gone := rapid.IntRange(0, len(g.Findings)-1).Draw(t, "gone")
		lost := g.Findings[gone].Entity
		g.Findings = slices.Delete(g.Findings, gone, gone+1)
		for entity, s := range results(e, g) {
			if s.Precision != 1 && s.Hits > 0 {
				t.Fatalf("precision of %+v fell", s)
			}
			if entity != lost && s.Recall != 1 || entity == lost && s.Missed != 1 {
				t.Fatalf("%s is lost, and %+v", lost, s)
			}
		}
	})
}

// TestAFalseAlarmLowersPrecisionOnly.
func TestAFalseAlarmLowersPrecisionOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := genExample(t, rapid.IntRange(1, 8).Draw(t, "spans"))
		g := perfect(e)
		entity := e.Spans[rapid.IntRange(0, len(e.Spans)-1).Draw(t, "of")].Entity
		g.Findings = append(g.Findings, finding(entity, 40*len(e.Spans)-1, 40*len(e.Spans)))
		for got, s := range results(e, g) {
			if s.Recall != 1 || (got == entity) != (s.Precision < 1) {
				t.Fatalf("%+v, with a false %s", s, entity)
			}
		}
	})
}
