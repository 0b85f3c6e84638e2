package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Texts are always the same, and as long as they are said to be.
func TestTextsAreMadeUpTheSameWay(t *testing.T) {
	for _, s := range append(append([]textSort{}, textSorts...), hostile...) {
		a, b := s.text(1, smallText), s.text(1, smallText)
		if !bytes.Equal(a, b) || !utf8.Valid(a) || len(a) < smallText-3 || len(a) > smallText {
			t.Errorf("%s: %d bytes, the same again: %v", s.name, len(a), bytes.Equal(a, b))
		}
	}
	if bytes.Equal(textSorts[0].text(1, smallText), textSorts[0].text(2, smallText)) {
		t.Error("two texts of a sort are one")
	}
}

// The cards of tickets are such that a classifier has to find them.
func TestTicketsHoldCards(t *testing.T) {
	_, found, _ := identifiers(textSorts[1].text(1, 64<<10))
	cards := 0
	for _, f := range found {
		if f.Entity == "CREDIT_DEBIT_CARD_NUMBER" && f.Counts() {
			cards++
		}
	}
	if cards < 20 {
		t.Errorf("%d cards are found", cards)
	}
}

// What stands beside Writ looks for something.
func TestThePatternsFindIdentifiers(t *testing.T) {
	if n := compilePatterns().scan(textSorts[1].text(1, 8<<10)); n < 50 {
		t.Errorf("%d matches in a ticket", n)
	}
}

func TestCostsAreOfOneScan(t *testing.T) {
	scans := 0
	took, err := repeated(func([]byte) error { scans++; return nil })([]byte("x"), time.Millisecond)
	if err != nil || scans < 2 || took > time.Millisecond {
		t.Errorf("%d scans of %v each, %v", scans, took, err)
	}
}

func TestTheTableOfClassifying(t *testing.T) {
	row := func(name string, size int, costs ...float64) readText {
		r := readText{Name: name, Bytes: size}
		for i, reader := range []string{readIdentifiers, readNames, readSecrets, readEverything, readPatterns, readGitleaks} {
			r.Readers = append(r.Readers, readCost{Reader: reader, Median: costs[i]})
		}
		return r
	}
	small := row("prose", smallText, 1, 2, 3, 10, 800, 150)
	small.P50, small.P99 = 40, 90
	c := &classifying{
		Rounds: 3, Notes: []string{"gitleaks on RE2 is not measured: no network."},
		Texts: []readText{small, row("prose", largeText, 2, 3, 4, 20, 900, 160)}, Hostile: []readText{row("digits", hostileText, 3, 3, 3, 120, 900, 10)},
		Streams: []readStream{{"prose", 5, 12, 40, 64}},
	}
	text := c.table()
	wants(t, text,
		"| prose | 2 | 1.0 | 2.0 | 3.0 | 10.0 | 800 | 80.0 | 150 | 15.0 | – | – |",
		"| digits | 64 | 3.0 | 3.0 | 3.0 | 120.0 | 900 | 7.5 | 10 | 0.1 | – | – |",
		"| prose | 40 | 90 |", "| prose | 5.0 | 12 | 40 | 64 |",
		"| identifiers, the dearest text | ≤ 5 µs/KiB | 2.0 | reached |",
		"| 1 MiB, the dearest text | ≤ 25 ms | 20.5 | reached |",
		"| hostile text, the dearest | ≤ 100 µs/KiB | 120.0 | not reached |", "no network")
	if strings.Contains(text, "NaN") {
		t.Error(text)
	}
}
