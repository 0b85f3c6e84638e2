package report

import (
	"bufio"
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// rightTable holds rights in 48 bytes each: a matrix of 5,000 principals and
// every model has millions, made of few different words.
type rightTable struct {
	words []string
	index map[string]uint32
	rows  []rightRow
}

// rightRow is one right: indices of words in the order rights are sorted by,
// then the hops.
type rightRow [12]uint32

const (
	wordAccount = iota
	wordPrincipal
	wordKind
	wordTarget
	wordAction
	wordRegion
	wordDecision
	wordCondition
	wordFrom
	wordUntil
	wordUsed
	rightHops
)

func (t *rightTable) word(s string) uint32 {
	if i, ok := t.index[s]; ok {
		return i
	}
	if t.index == nil {
		t.index = make(map[string]uint32)
	}
	s = strings.Clone(s) // it may be a slice of a whole input file
	i := uint32(len(t.words))
	t.index[s] = i
	t.words = append(t.words, s)
	return i
}

func (t *rightTable) add(r Right) {
	t.rows = append(t.rows, rightRow{
		t.word(r.Account), t.word(r.Principal), t.word(r.Kind), t.word(r.Target), t.word(r.Action), t.word(r.Region),
		t.word(r.Decision), t.word(r.Condition), t.word(r.From), t.word(r.Until), t.word(r.Used), uint32(max(0, r.Hops)),
	})
}

func (t *rightTable) right(row rightRow) Right {
	w := func(i int) string { return t.words[row[i]] }
	return Right{
		Account: w(wordAccount), Principal: w(wordPrincipal), Kind: w(wordKind), Target: w(wordTarget), Action: w(wordAction), Region: w(wordRegion),
		Decision: w(wordDecision), Condition: w(wordCondition), From: w(wordFrom), Until: w(wordUntil), Used: w(wordUsed), Hops: int(row[rightHops]),
	}
}

// sort renumbers the words in their own order, so that rows compare as numbers.
func (t *rightTable) sort() {
	order := make([]uint32, len(t.words))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Compare(t.words[a], t.words[b]) })
	sorted, now := make([]string, len(order)), make([]uint32, len(order))
	for to, from := range order {
		sorted[to], now[from] = t.words[from], uint32(to)
	}
	t.words, t.index = sorted, nil
	for i := range t.rows {
		for field := range rightHops {
			t.rows[i][field] = now[t.rows[i][field]]
		}
	}
	slices.SortFunc(t.rows, func(a, b rightRow) int { return slices.Compare(a[:], b[:]) })
}

// decisions counts the rights by decision.
func (t *rightTable) decisions() map[string]int {
	n := make(map[string]int)
	for _, row := range t.rows {
		n[t.words[row[wordDecision]]]++
	}
	return n
}

// rightMembers are the members of a right as JSON, in the order of Right.
var rightMembers = []struct {
	name     string
	word     int
	optional bool
}{
	{"account", wordAccount, false}, {"principal", wordPrincipal, false}, {"kind", wordKind, false}, {"action", wordAction, false},
	{"target", wordTarget, false}, {"region", wordRegion, true}, {"decision", wordDecision, false}, {"condition", wordCondition, true},
	{"from", wordFrom, true}, {"until", wordUntil, true}, {"hops", rightHops, false}, {"used", wordUsed, true},
}

// write writes every right as encoding/json would, but encodes each word once:
// there are millions of rights.
func (t *rightTable) write(out *bufio.Writer) {
	quoted := make([][]byte, len(t.words))
	for i, w := range t.words {
		quoted[i] = plainJSON(asJSON(w))
	}
	var line []byte
	for i, row := range t.rows {
		line = line[:0]
		if i > 0 {
			line = append(line, ',')
		}
		line = append(line, "\n{"...)
		for _, m := range rightMembers {
			if m.optional && t.words[row[m.word]] == "" {
				continue
			}
			line = append(append(append(line, '"'), m.name...), `":`...)
			if m.word == rightHops {
				line = strconv.AppendUint(line, uint64(row[rightHops]), 10)
			} else {
				line = append(line, quoted[row[m.word]]...)
			}
			line = append(line, ',')
		}
		line[len(line)-1] = '}'
		out.Write(line)
	}
}
