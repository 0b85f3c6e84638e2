package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/internal/store/storetest"
)

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

func invocation(identity string, n int) store.Invocation {
	return store.Invocation{
		Invocation: bedrock.Invocation{
			ARN:      fmt.Sprintf("arn:aws:bedrock:us-east-1:111122223333:async-invoke/%012d", n),
			ModelARN: "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-reel-v1:1", Token: "abc",
			Status: bedrock.InProgress, Output: bedrock.Output{URI: "s3://results/'; DROP TABLE async_invocations; --/"}, Started: noon.Add(time.Duration(n) * time.Second),
		},
		Identity: identity, Grants: []string{"g"}, Model: "amazon.nova-reel-v1:1", Region: "us-east-1", Account: "111122223333",
		Record: store.Ref{Shard: "0", Index: uint64(n)},
	}
}

func TestS3_InvocationsAreTheirIdentitysOwn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		mine := invocation("a", 1)
		for range 2 { // an idempotent start answers the same invocation again
			if err := db.RememberInvocation(ctx, mine); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.RememberInvocation(ctx, invocation("b", 1)); !errors.Is(err, store.ErrTaken) {
			t.Errorf("another's invocation was taken over: %v", err)
		}
		got, err := db.Invocation(ctx, "a", mine.ARN)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(mine, got); d != "" {
			t.Error(d)
		}
		if _, err := db.Invocation(ctx, "b", mine.ARN); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another's invocation: %v", err)
		}
		if err := db.UpdateInvocation(ctx, "b", bedrock.Invocation{ARN: mine.ARN, Status: bedrock.Failed}); err != nil {
			t.Fatal(err)
		}
		done := bedrock.Invocation{ARN: mine.ARN, Status: bedrock.Completed, Modified: noon.Add(time.Minute), Ended: noon.Add(time.Minute)}
		for _, u := range []bedrock.Invocation{done, {ARN: mine.ARN, Status: bedrock.InProgress}} {
			if err := db.UpdateInvocation(ctx, "a", u); err != nil {
				t.Fatal(err)
			}
		}
		got, err = db.Invocation(ctx, "a", mine.ARN)
		if err != nil || got.Status != bedrock.Completed || !got.Ended.Equal(done.Ended) || !got.Modified.Equal(done.Modified) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestInvocationsAreListedByPages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for n := range 5 {
			i := invocation("a", n)
			if n == 3 {
				i.Started = noon.Add(2 * time.Second) // at the same time as the one before
			}
			for _, i := range []store.Invocation{i, invocation("b", 100+n)} {
				if err := db.RememberInvocation(ctx, i); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := db.UpdateInvocation(ctx, "a", bedrock.Invocation{ARN: invocation("a", 4).ARN, Status: bedrock.Completed}); err != nil {
			t.Fatal(err)
		}
		all := store.InvocationQuery{Identity: "a", Region: "us-east-1", Limit: 2}
		for name, c := range map[string]struct {
			change func(*store.InvocationQuery)
			want   []uint64
		}{
			"newest first": {func(*store.InvocationQuery) {}, []uint64{4, 3, 2, 1, 0}},
			"oldest first": {func(q *store.InvocationQuery) { q.Ascending = true }, []uint64{0, 1, 2, 3, 4}},
			"status":       {func(q *store.InvocationQuery) { q.Status = bedrock.Completed }, []uint64{4}},
			"between":      {func(q *store.InvocationQuery) { q.After, q.Before = noon, noon.Add(4*time.Second) }, []uint64{3, 2, 1}},
			"other region": {func(q *store.InvocationQuery) { q.Region = "us-west-2" }, nil},
		} {
			q := all
			c.change(&q)
			var got []uint64
			for {
				page, err := db.Invocations(ctx, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, i := range page {
					got = append(got, i.Record.Index)
					q.From, q.FromARN = i.Started, i.ARN
				}
				if len(page) < q.Limit {
					break
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
	})
}

func TestInvocationsInProgressAreAskedAboutInTurn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for n := range 3 {
			if err := db.RememberInvocation(ctx, invocation("a", n)); err != nil {
				t.Fatal(err)
			}
		}
		first, last := invocation("a", 0), invocation("a", 2)
		for _, u := range []bedrock.Invocation{{ARN: first.ARN, Status: bedrock.InProgress}, {ARN: last.ARN, Status: bedrock.Failed}} {
			if err := db.UpdateInvocation(ctx, "a", u); err != nil {
				t.Fatal(err)
			}
		}
		got, err := db.UncheckedInvocations(ctx, "a", "us-east-1", time.Now().Add(time.Minute), 10)
		if err != nil || len(got) != 2 || got[0].Record.Index != 1 || got[1].Record.Index != 0 {
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err = db.UncheckedInvocations(ctx, "a", "us-east-1", time.Now().Add(-time.Minute), 10); err != nil || len(got) != 1 {
			t.Errorf("asked a moment ago, and again: %+v, %v", got, err)
		}
		if err := db.ForgetInvocations(ctx, noon.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Invocation(ctx, "a", first.ARN); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("kept beyond the retention: %v", err)
		}
		for _, upto := range []uint64{0, 7, 9} {
			if got, err := db.InvocationsRead(ctx, "0"); err != nil || upto != 0 && got >= upto {
				t.Errorf("read up to %d, %v", got, err)
			}
			if err := db.MarkInvocationsRead(ctx, "0", upto); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := db.InvocationsRead(ctx, "0"); err != nil || got != 9 {
			t.Errorf("read up to %d, %v", got, err)
		}
	})
}
