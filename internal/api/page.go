package api

import (
	"net/http"
	"net/url"

	"github.com/writ-project/writ/internal/governance"
)

// List is a page of a list.
type List[T any] struct {
	Items []T `json:"items"`
	// Next is the value of the parameter after that gives the following page;
	// absent at the end.
	Next string `json:"next,omitempty"`
}

// Sizes of a page.
const (
	defaultPage = 50
	maxPage     = 500
)

var paging = []param{
	{name: "limit", kind: "integer", text: "How many items, at most 500. Default 50."},
	{name: "after", text: "The page before's next."},
}

// limit is the size of the page asked for.
func (c *call) limit() int {
	n := int(min(c.number("limit"), maxPage))
	if n == 0 {
		return defaultPage
	}
	return n
}

func listOf[T any](page governance.Page[T], err error) (List[T], error) {
	return List[T]{notNil(page.Items), page.Next}, err
}

// notNil makes an empty list of none: answers hold [] and not null.
func notNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// queryOf reads the query strictly: what cannot be decoded is refused, not dropped.
func queryOf(r *http.Request) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, bad("the query cannot be read")
	}
	return q, nil
}
