package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/classifier"
)

// searching looks for the text that costs most to read: it changes texts that
// are dear already, a little each time, and keeps what is dearer.
type searching struct {
	c     *classifier.Classifier
	dice  *rand.Rand
	worst []dearText // the dearest first
}

// dearText is what a unit costs that is repeated over searchedText bytes.
type dearText struct {
	unit string
	cost float64 // µs per KiB, the least of some readings
}

const (
	searchedText = 16 << 10
	longestUnit  = 256
	keptUnits    = 40 // dear texts that are changed further
)

// searchPieces are what units are made of: what detectors look for.
var searchPieces = []string{
	"0", "1234", "5105105105105100", "4111 1111 ", "536-22-8147", "-", ".", "@", ":", " ", "\n", "/", "a.b@c.de", "www.", "http://", "10.0.0.1", "::", "aa:bb:",
	"\"", "'", "`", "{", "}", "[", "]", "(", ")", "<", ">", "</a>", "=", ",", ";", "|", "\\u0031", "%31", "&#49;", "QUJD", "deadbeef", "x", "é", "１", "\u200d", "\U000e0031", "Ж", "東",
	"Anna ", "Smith ", "Mr. ", "de la ", "street ", "name: ", "ssn ", "IBAN ", "DE89", "tel. ", "+44 20 ", "born ", "May 1 ", "1 May 1980", "age 3", "AKIA", "ghp_", "sk-", "-----BEGIN ",
	"PRIVATE KEY-----", "password", "api_key = ", "eyJ", "Bearer ", "func ", "if (x) {\n", "```go\n", "SELECT ", "diagnosis", "metformin", "our revenue ", "$1,000", "1Z", "VIN ", "order ",
}

// search reads texts for so long and tells the dearest units it met.
func search(ctx context.Context, d time.Duration, w io.Writer) error {
	c, err := classifier.New(nil)
	if err != nil {
		return err
	}
	s := searching{c: c, dice: rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))}
	for _, p := range searchPieces {
		s.try(p)
	}
	for end := time.Now().Add(d); time.Now().Before(end) && ctx.Err() == nil; {
		s.try(s.changed(s.worst[s.dice.IntN(len(s.worst))].unit))
	}
	for i := range s.worst { // what was measured while something else ran is measured again
		s.worst[i].cost = min(s.worst[i].cost, s.cost(s.worst[i].unit, 25))
	}
	slices.SortFunc(s.worst, dearer)
	for _, t := range s.worst[:min(10, len(s.worst))] {
		fmt.Fprintf(w, "%7.1f µs/KiB  %q\n", t.cost, t.unit)
	}
	return nil
}

func (s *searching) piece() string { return searchPieces[s.dice.IntN(len(searchPieces))] }

// changed is a unit with a piece put in, taken out, or written over.
func (s *searching) changed(unit string) string {
	at := s.dice.IntN(len(unit) + 1)
	to := min(len(unit), at+s.dice.IntN(8))
	switch s.dice.IntN(4) {
	case 0:
		unit = unit[:at] + unit[to:]
	case 1:
		unit = unit[:at] + s.piece() + unit[to:]
	case 2:
		unit += s.worst[s.dice.IntN(len(s.worst))].unit
	default:
		unit = unit[:at] + s.piece() + unit[at:]
	}
	if unit == "" || len(unit) > longestUnit {
		return s.piece()
	}
	return unit
}

func (s *searching) try(unit string) {
	if slices.ContainsFunc(s.worst, func(t dearText) bool { return t.unit == unit }) {
		return
	}
	t := dearText{unit, s.cost(unit, 3)}
	at, _ := slices.BinarySearchFunc(s.worst, t, dearer)
	s.worst = slices.Insert(s.worst, at, t)
	s.worst = s.worst[:min(len(s.worst), keptUnits)]
}

func dearer(a, b dearText) int {
	switch {
	case a.cost > b.cost:
		return -1
	case a.cost < b.cost:
		return 1
	}
	return 0
}

// cost is the least of some readings.
func (s *searching) cost(unit string, readings int) float64 {
	text := []byte(strings.Repeat(unit, searchedText/len(unit)+1)[:searchedText])
	least := time.Duration(1<<63 - 1)
	for range readings {
		began := time.Now()
		s.c.Text(text)
		least = min(least, time.Since(began))
	}
	return float64(least.Nanoseconds()) / 1000 / (searchedText >> 10)
}
