package classifier

import (
	"sort"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identifier"
	"github.com/writ-project/writ/internal/plaintext"
	"github.com/writ-project/writ/internal/secret"
)

// seam is how much of a text on each side of a boundary is joined to look for
// entities that are split over it: longer than any identifier, and as long as
// most secrets.
const seam = 256

// piece is a part's bytes in a run that was joined.
type piece struct {
	part, from int // where the bytes are: part, and offset in it
	at, end    int // where they are in the joined text
}

// runs looks for entities that are split over parts which go on from one
// another. What was found in the parts by themselves is in order of the parts.
func (w *work) runs(parts []Part) {
	r := crossings{work: w, gone: make([]bool, len(w.found))}
	for _, chain := range chains(parts) {
		r.run(parts, chain)
	}
	if len(r.found) == 0 {
		return
	}
	kept := w.found[:0]
	for i := range w.found {
		if !r.gone[i] {
			kept = append(kept, w.found[i])
		}
	}
	w.found = append(kept, r.found...)
}

// crossings are what lies in more than one part.
type crossings struct {
	*work
	found []Found
	gone  []bool // of the findings in one part: they are pieces of these
}

// chains lists the parts of each run, in order.
func chains(parts []Part) [][]int {
	var out [][]int
	ending := make(map[int]int) // a chain by its last part
	for i := range parts {
		if !parts[i].Runs || parts[i].After < 0 || parts[i].After >= i {
			continue
		}
		n, ok := ending[parts[i].After]
		if !ok {
			n = len(out)
			out = append(out, []int{parts[i].After})
		}
		delete(ending, parts[i].After)
		out[n] = append(out[n], i)
		ending[i] = n
	}
	return out
}

// run joins parts that go on from one another, of long ones only the ends, and
// keeps what crosses from one to the next.
func (w *crossings) run(parts []Part, chain []int) {
	var joined []byte
	var pieces []piece
	add := func(i, from, to int) {
		pieces = append(pieces, piece{i, from, len(joined), len(joined) + to - from})
		joined = append(joined, parts[i].Text[from:to]...)
	}
	for _, i := range chain {
		switch n := len(parts[i].Text); {
		case parts[i].Unread != "" || parts[i].File:
			joined = append(joined, '\n')
		case n <= 2*seam:
			add(i, 0, n)
		default:
			add(i, 0, seam)
			joined = append(joined, '\n') // nothing crosses what is left out
			add(i, n-seam, n)
		}
	}
	found, err := w.tools.crossing(joined, w.budget)
	if err != nil {
		w.unread = append(w.unread, "detector_failed")
	}
	for _, f := range found {
		w.crossed(f, pieces, parts)
	}
}

// crossing finds in a joined text what may be split.
func (t *tools) crossing(joined []byte, b *dataclass.Budget) (found []dataclass.Finding, err error) {
	defer failed(&err)
	view := plaintext.Normalise(joined)
	text := dataclass.Text{Bytes: view.Text}
	found = identifier.Scan(t.found[:0], &text, b)
	found, err = secret.Scan(found, &text, b)
	t.found = found
	found = t.settled(found)
	for i := range found {
		found[i].Start, found[i].End = view.Original(found[i].Start, found[i].End)
	}
	return found, err
}

// crossed adds a finding of a joined text if it lies in more than one part.
func (w *crossings) crossed(f dataclass.Finding, pieces []piece, parts []Part) {
	first := sort.Search(len(pieces), func(i int) bool { return pieces[i].end > f.Start })
	last := sort.Search(len(pieces), func(i int) bool { return pieces[i].end >= f.End })
	if last >= len(pieces) || pieces[first].part == pieces[last].part {
		return
	}
	p := &pieces[first]
	out := Found{Finding: f, Part: p.part, Exact: !parts[p.part].Fixed}
	out.Start, out.End = p.from+f.Start-p.at, p.from+p.end-p.at
	for _, q := range pieces[first+1 : last+1] {
		if end := min(f.End, q.end); end > q.at {
			out.Rest = append(out.Rest, Span{q.part, q.from, q.from + end - q.at})
			out.Exact = out.Exact && !parts[q.part].Fixed
		}
	}
	if len(out.Rest) > 0 && !w.covered(&out) {
		w.found = append(w.found, out)
	}
}

// covered reports whether something surer was found in a part by itself where a
// crossing finding is: then the texts only seemed to go on. Otherwise what was
// found there is a piece of it.
func (w *crossings) covered(x *Found) bool {
	var pieces []int
	for _, span := range append([]Span{{x.Part, x.Start, x.End}}, x.Rest...) {
		alone := w.work.found
		at := sort.Search(len(alone), func(i int) bool { return alone[i].Part >= span.Part })
		for ; at < len(alone) && alone[at].Part == span.Part; at++ {
			f := &alone[at]
			if w.gone[at] || passage(&f.Finding) || f.Start >= span.End || span.Start >= f.End {
				continue
			}
			if f.Counts() && f.Score >= x.Score {
				return true
			}
			pieces = append(pieces, at)
		}
	}
	for _, at := range pieces {
		w.gone[at] = true
	}
	return false
}
