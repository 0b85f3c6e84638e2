package main

import (
	"fmt"
	"net/url"
	"strconv"

	"github.com/writ-project/writ/internal/api"
)

// query makes parameters of names and values, without those that are empty.
func query(pairs ...string) url.Values {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// switches adds those parameters that are on.
func switches(q url.Values, on map[string]bool) {
	for name, set := range on {
		if set {
			q.Set(name, "true")
		}
	}
}

// every reads a list page by page, up to a limit; 0 is all of it.
func every[T any](limit int, q url.Values, page func(url.Values) (api.List[T], error)) ([]T, error) {
	var all []T
	q.Set("limit", strconv.Itoa(pageSize(limit)))
	for {
		got, err := page(q)
		if err != nil {
			return all, err
		}
		all = append(all, got.Items...)
		if limit > 0 && len(all) >= limit {
			return all[:limit], nil
		}
		if got.Next == "" {
			return all, nil
		}
		if got.Next == q.Get("after") {
			return all, fmt.Errorf("the list does not go on after %q", got.Next)
		}
		q.Set("after", got.Next)
	}
}

func pageSize(limit int) int {
	if limit > 0 {
		return min(limit, 500)
	}
	return 500
}

func printEach[T any](all []T) error {
	for _, v := range all {
		if err := printJSON(v); err != nil {
			return err
		}
	}
	return nil
}
