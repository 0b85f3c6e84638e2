package authzen

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Sizes of a page of results.
const (
	defaultPage = 100
	maxPage     = 1000
)

// tokenMark is how many bytes of a token tie it to its query.
const tokenMark = 16

// results is the answer of every search.
type results struct {
	Results []found  `json:"results"`
	Page    pageInfo `json:"page"`
}

// found is one result: a subject or resource, or an action.
type found struct {
	Type string `json:"type,omitempty"`
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
}

func (f found) key() string { return f.ID + f.Name }

type pageInfo struct {
	NextToken string `json:"next_token"` // empty at the end
	Count     int    `json:"count"`
}

// cursor is where a page begins and how long it may be.
type cursor struct {
	mark  [tokenMark]byte
	after string
	limit int
}

// cursorOf reads the page that a search asks for. A token belongs to the query
// that it was given for, and is refused with another.
func cursorOf(search string, m *message) (cursor, error) {
	c := cursor{limit: defaultPage}
	sum, err := queryDigest(search, &m.tuple)
	if err != nil {
		return c, err
	}
	copy(c.mark[:], sum[:])
	if m.Page == nil {
		return c, nil
	}
	if n := m.Page.Limit; n != nil {
		if *n < 0 {
			return c, bad("page.limit: want a number that is not negative")
		}
		if *n > 0 {
			c.limit = int(min(*n, maxPage))
		}
	}
	if m.Page.Token == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(m.Page.Token)
	if err != nil || len(raw) <= tokenMark || [tokenMark]byte(raw[:tokenMark]) != c.mark {
		return c, bad("page.token: it is not one that this search has given")
	}
	c.after = string(raw[tokenMark:])
	return c, nil
}

// token is what continues behind a result.
func (c cursor) token(last string) string {
	return base64.RawURLEncoding.EncodeToString(append(slices.Clone(c.mark[:]), last...))
}

// queryDigest pins what is asked, in one spelling.
func queryDigest(search string, t *tuple) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, part := range []any{search, t.Subject, t.Action, t.Resource, t.Context} {
		text, err := json.Marshal(part, json.Deterministic(true))
		if err != nil {
			return sum, bad("the question cannot be read")
		}
		if err := (*jsontext.Value)(&text).Canonicalize(); err != nil {
			return sum, bad("the question cannot be read")
		}
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		h.Write(text)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// gather fills a page from candidates, which come in order; holds says which of
// them are results. One more is looked for, to know whether that was all.
func gather[T any](c cursor, candidates iter.Seq[T], key func(T) string, holds func(T) (found, bool, error)) (results, error) {
	out := results{Results: []found{}}
	for v := range candidates {
		if c.after != "" && key(v) <= c.after {
			continue // on a page before
		}
		f, ok, err := holds(v)
		if err != nil {
			return results{}, err
		}
		if !ok {
			continue
		}
		if len(out.Results) == c.limit {
			out.Page.NextToken = c.token(out.Results[c.limit-1].key())
			break
		}
		out.Results = append(out.Results, f)
	}
	out.Page.Count = len(out.Results)
	return out, nil
}
