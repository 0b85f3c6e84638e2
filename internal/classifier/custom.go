package classifier

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wasilibs/go-re2"
	"github.com/wasilibs/go-re2/experimental"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/plaintext"
)

// maxPatternMemory bounds, in bytes, what RE2 may use for one pattern and for
// what it learns about it while matching. A pattern that does not get by with it
// fails, and what it fails on is unscanned.
const maxPatternMemory = 8 << 20

// ownLabel is a label of the organisation's, ready to be looked for.
type ownLabel struct {
	class     dataclass.Class
	level     dataclass.Level
	regulated bool
	patterns  []pattern
	digest    [sha256.Size]byte
}

// pattern is one expression twice over: the set says within bounded memory
// whether it matches, the expression says where.
type pattern struct {
	there func(text []byte) (bool, error)
	where *re2.Regexp
	kind  string // words or pattern
}

func compile(l dataclass.CustomLabel) (ownLabel, error) {
	if err := l.Validate(); err != nil {
		return ownLabel{}, fmt.Errorf("label %s: %w", l.ID, err)
	}
	text, err := json.Marshal(&l)
	if err != nil {
		return ownLabel{}, err
	}
	own := ownLabel{class: l.Class(), level: l.Sensitivity(), regulated: l.Regulated, digest: sha256.Sum256(append([]byte(l.ID+"\x00"), text...))}
	sources := slices.Clone(l.Patterns)
	if len(l.Words) > 0 {
		sources = append(sources, anyWord(l.Words))
	}
	for i, source := range sources {
		kind := "pattern"
		if i == len(l.Patterns) {
			kind = "words"
		}
		p, err := compilePattern(source, kind, l.CaseSensitive)
		if err != nil {
			return ownLabel{}, fmt.Errorf("label %s: %s %d does not compile", l.ID, kind, i+1) // RE2's message would repeat it
		}
		own.patterns = append(own.patterns, p)
	}
	return own, nil
}

func compilePattern(source, kind string, caseSensitive bool) (pattern, error) {
	if !caseSensitive {
		source = "(?i)" + source
	}
	set, err := experimental.CompileSetWithOptions([]string{source}, experimental.CompileOptions{MaxMem: maxPatternMemory})
	if err != nil {
		return pattern{}, err
	}
	where, err := re2.Compile(source)
	there := func(text []byte) (bool, error) {
		hits, err := set.FindAllWithError(text, 1) // the plain call takes a failure for no match
		return len(hits) > 0, err
	}
	return pattern{there: there, where: where, kind: kind}, err
}

// anyWord is an expression for whole words. RE2 knows boundaries of ASCII
// words only: where a word ends in another letter none is asked for, so that
// rather too much is found.
func anyWord(words []string) string {
	var b strings.Builder
	b.WriteString("(?:")
	for i, w := range words {
		if i > 0 {
			b.WriteByte('|')
		}
		w = cmp.Or(string(plaintext.Normalise([]byte(w)).Text), w)
		boundary(&b, w[0])
		b.WriteString(strings.Join(quoted(strings.Fields(w)), `\s+`))
		boundary(&b, w[len(w)-1])
	}
	b.WriteByte(')')
	return b.String()
}

func boundary(b *strings.Builder, edge byte) {
	if edge == '_' || '0' <= edge && edge <= '9' || 'A' <= edge && edge <= 'Z' || 'a' <= edge && edge <= 'z' {
		b.WriteString(`\b`)
	}
}

func quoted(words []string) []string {
	for i, w := range words {
		words[i] = re2.QuoteMeta(w)
	}
	return words
}

// ownLabel is the organisation's label that a class is; nil for a built-in one.
func (c *Classifier) ownLabel(class dataclass.Class) *ownLabel {
	for i := range c.own {
		if c.own[i].class == class {
			return &c.own[i]
		}
	}
	return nil
}

// ownFindings looks for the organisation's labels.
func (c *Classifier) ownFindings(t *dataclass.Text, b *dataclass.Budget) (found []dataclass.Finding, err error) {
	for i := range c.own {
		for j := range c.own[i].patterns {
			if !b.Spend(&b.Patterns, len(t.Bytes)) {
				return found, err
			}
			more, failed := c.own[i].patterns[j].find(t.Bytes, c.own[i].class, b)
			found, err = append(found, more...), errors.Join(err, failed)
		}
	}
	return found, err
}

// mostMatches bounds the findings of one pattern in one text.
const mostMatches = 64

func (p *pattern) find(text []byte, class dataclass.Class, b *dataclass.Budget) ([]dataclass.Finding, error) {
	if there, err := p.there(text); err != nil || !there {
		return nil, err
	}
	spans := p.where.FindAllIndex(text, mostMatches)
	if len(spans) == 0 {
		spans = [][]int{{0, len(text)}} // it is there, wherever
	}
	var found []dataclass.Finding
	for _, at := range spans {
		if b.Spend(&b.Findings, 1) {
			found = append(found, dataclass.Finding{
				Entity: dataclass.Custom, Start: at[0], End: at[1], Score: dataclass.VeryLikely, Detector: "label", Check: p.kind, Rule: string(class),
			})
		}
	}
	return found, nil
}
