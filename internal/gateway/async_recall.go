package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/journal"
	"github.com/writ-project/writ/internal/store"
)

// RecallInvocations puts invocations that the log knows and the store does not
// back into the store: after a crash between the two, or when an older copy of
// the database was restored. It reads what was written since it last ran and
// returns how many invocations that log names. It runs before anything is served.
func RecallInvocations(ctx context.Context, log *journal.Journal, shard string, db *store.DB, now time.Time) (int, error) {
	from, err := db.InvocationsRead(ctx, shard)
	if err != nil {
		return 0, err
	}
	upto, named := log.Head().Size, 0
	if from > upto {
		from = 0 // the mark is another log's
	}
	err = log.Scan(ctx, from, func(index uint64, entry []byte) error {
		if !namesInvocation(entry) {
			return nil
		}
		row, err := recalled(log, index, entry)
		if err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
		if row.Started.Before(now.Add(-store.InvocationRetention)) {
			return nil
		}
		row.Record.Shard = shard
		named++
		if err := db.RememberInvocation(ctx, row); !errors.Is(err, store.ErrTaken) {
			return err
		}
		return nil // a row that says otherwise is not believed when it is read
	})
	if err != nil {
		return named, fmt.Errorf("recalling asynchronous invocations: %w", err)
	}
	return named, db.MarkInvocationsRead(ctx, shard, upto)
}

// namesInvocation recognises an outcome with an invocation by its canonical
// form, which spares parsing a log full of calls.
func namesInvocation(entry []byte) bool {
	return bytes.HasPrefix(entry, []byte(`{"v":1,"kind":"outcome"`)) && bytes.Contains(entry, []byte(`"async":{"invocation":"arn:`))
}

// recalled is the row of an invocation, from its outcome and the intent before.
func recalled(log *journal.Journal, index uint64, entry []byte) (store.Invocation, error) {
	outcome, err := auditlog.ParseRecord(entry)
	if err != nil {
		return store.Invocation{}, err
	}
	if outcome.Outcome == nil || outcome.Outcome.Async == nil {
		return store.Invocation{}, errors.New("it names no invocation")
	}
	entry, err = log.Entry(outcome.Outcome.Intent)
	if err != nil {
		return store.Invocation{}, err
	}
	intent, err := auditlog.ParseRecord(entry)
	if err != nil {
		return store.Invocation{}, err
	}
	a := outcome.Outcome.Async
	ref, err := bedrock.ParseInvocation(a.Invocation)
	if err != nil {
		return store.Invocation{}, err
	}
	if intent.Kind != auditlog.KindIntent || intent.Right == nil {
		return store.Invocation{}, errors.New("its intent is none")
	}
	return store.Invocation{
		Invocation: bedrock.Invocation{
			ARN: a.Invocation, ModelARN: a.ModelARN, Token: a.Token, Status: bedrock.InProgress, Started: intent.Time.Time,
			Output: bedrock.Output{URI: a.Output, KMSKey: a.OutputKey, BucketOwner: a.OutputOwner},
		},
		Identity: intent.Who.Identity, Grants: intent.Right.Grants, Model: intent.Call.ModelRequested,
		Region: ref.Region, Account: ref.Account, Record: store.Ref{Index: index},
	}, nil
}
