package report

import (
	"cmp"
	"encoding/binary"
	"slices"
)

// matrix is the rights as a table: rows are principals with equal rights,
// columns what a right is to, cells are shared.
type matrix struct {
	Columns []matrixColumn `json:"columns"`
	Cells   []matrixCell   `json:"cells"`
	Rows    []matrixRow    `json:"rows"`
}

type matrixColumn struct {
	Target string `json:"target"`
	Action string `json:"action"`
	Region string `json:"region,omitempty"`
}

type matrixCell struct {
	Decision  string `json:"decision"`
	Condition string `json:"condition,omitempty"`
	From      string `json:"from,omitempty"`
	Until     string `json:"until,omitempty"`
	Hops      int    `json:"hops,omitempty"`
	Used      string `json:"used,omitempty"`
}

// matrixRow is one or more principals: Who holds ARN, account and kind of each,
// Rights pairs of column and cell. What is not granted has no pair.
type matrixRow struct {
	Who    [][3]string `json:"who"`
	Rights []uint32    `json:"rights"`
}

// notGranted is the decision that a table shows as an empty cell.
const notGranted = "implicit_deny"

// matrix builds the table. The rights are sorted, so that the rows of one
// principal stand together.
func (t *rightTable) matrix() matrix {
	m := matrix{Columns: []matrixColumn{}, Cells: []matrixCell{}, Rows: []matrixRow{}}
	columns, cells, rows := make(map[rightRow]uint32), make(map[rightRow]uint32), make(map[string]int)
	for start := 0; start < len(t.rows); {
		end := start
		var rights []uint32
		for ; end < len(t.rows) && samePrincipal(t.rows[start], t.rows[end]); end++ {
			row := t.rows[end]
			if t.words[row[wordDecision]] != notGranted {
				rights = append(rights, m.column(columns, row, t), m.cell(cells, row, t))
			}
		}
		who := t.right(t.rows[start])
		m.row(rows, [3]string{who.Principal, who.Account, who.Kind}, rights)
		start = end
	}
	slices.SortStableFunc(m.Rows, func(a, b matrixRow) int { return cmp.Compare(len(b.Rights), len(a.Rights)) })
	return m
}

func samePrincipal(a, b rightRow) bool {
	return slices.Equal(a[:wordKind+1], b[:wordKind+1])
}

func (m *matrix) column(known map[rightRow]uint32, row rightRow, t *rightTable) uint32 {
	var key rightRow
	copy(key[wordTarget:wordRegion+1], row[wordTarget:wordRegion+1])
	i, ok := known[key]
	if !ok {
		i = uint32(len(m.Columns))
		known[key] = i
		r := t.right(row)
		m.Columns = append(m.Columns, matrixColumn{r.Target, r.Action, r.Region})
	}
	return i
}

func (m *matrix) cell(known map[rightRow]uint32, row rightRow, t *rightTable) uint32 {
	var key rightRow
	copy(key[wordDecision:], row[wordDecision:])
	i, ok := known[key]
	if !ok {
		i = uint32(len(m.Cells))
		known[key] = i
		r := t.right(row)
		m.Cells = append(m.Cells, matrixCell{r.Decision, r.Condition, r.From, r.Until, r.Hops, r.Used})
	}
	return i
}

func (m *matrix) row(known map[string]int, who [3]string, rights []uint32) {
	key := make([]byte, 0, 4*len(rights))
	for _, n := range rights {
		key = binary.BigEndian.AppendUint32(key, n)
	}
	i, ok := known[string(key)]
	if !ok {
		i = len(m.Rows)
		known[string(key)] = i
		m.Rows = append(m.Rows, matrixRow{Rights: append([]uint32{}, rights...)})
	}
	m.Rows[i].Who = append(m.Rows[i].Who, who)
}

// reach is how many principals get to one target, each counted once by the most
// it has there.
type reach struct {
	Target                             string
	Allowed, Conditional, Undetermined int
	Percent                            int // of the widest, for a bar
}

// Sum is everybody who gets there or might.
func (r reach) Sum() int { return r.Allowed + r.Conditional + r.Undetermined }

// mostReach is how many targets an overview names.
const mostReach = 10

// strengths order what a principal has on a target.
var strengths = map[string]int{"undetermined": 1, "conditional": 2, "allowed": 3}

// reach lists the targets that most principals reach. The rights are sorted, so
// that those of one principal to one target stand together.
func (t *rightTable) reach() []reach {
	byTarget := make(map[uint32]*reach)
	for start := 0; start < len(t.rows); {
		end, most := start, 0
		for ; end < len(t.rows) && slices.Equal(t.rows[start][:wordTarget+1], t.rows[end][:wordTarget+1]); end++ {
			most = max(most, strengths[t.words[t.rows[end][wordDecision]]])
		}
		target := t.rows[start][wordTarget]
		start = end
		if most == 0 {
			continue
		}
		r := byTarget[target]
		if r == nil {
			r = &reach{Target: t.words[target]}
			byTarget[target] = r
		}
		*[]*int{nil, &r.Undetermined, &r.Conditional, &r.Allowed}[most]++
	}
	var all []reach
	for _, r := range byTarget {
		all = append(all, *r)
	}
	slices.SortFunc(all, func(a, b reach) int {
		return cmp.Or(cmp.Compare(b.Sum(), a.Sum()), cmp.Compare(b.Allowed, a.Allowed), cmp.Compare(a.Target, b.Target))
	})
	all = all[:min(len(all), mostReach)]
	for i := range all {
		all[i].Percent = 100 * all[i].Sum() / all[0].Sum()
	}
	return all
}
