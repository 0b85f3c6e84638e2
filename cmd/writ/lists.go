package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"github.com/writ-project/writ/internal/api"
)

// showOne asks the live server for one thing and prints it.
func showOne[T any](ctx context.Context, d dataFlag, asJSON bool, get func(*api.Client) (T, error), print func(*T) error) error {
	client, _, err := d.needLive(ctx)
	if err != nil {
		return err
	}
	v, err := get(client)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(v)
	}
	return print(&v)
}

// listed asks the live server for many and prints a line of each, under a heading.
func listed[T any](ctx context.Context, d dataFlag, asJSON bool, get func(*api.Client) ([]T, error), heading []string, line func(*T) []string) error {
	client, _, err := d.needLive(ctx)
	if err != nil {
		return err
	}
	all, err := get(client)
	if err != nil {
		return err
	}
	if asJSON {
		return printEach(all)
	}
	rows := [][]string{heading}
	for i := range all {
		rows = append(rows, line(&all[i]))
	}
	return table(os.Stdout, rows...)
}

// filed files a request, prints its id, and says where it stands.
func filed(ctx context.Context, d dataFlag, asJSON bool, in api.SubmitRequest) error {
	client, _, err := d.needLive(ctx)
	if err != nil {
		return err
	}
	r, err := client.Submit(ctx, in)
	if err != nil {
		return err
	}
	if asJSON {
		return printJSON(r)
	}
	fmt.Println(r.ID)
	return sayWhere(r)
}

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
