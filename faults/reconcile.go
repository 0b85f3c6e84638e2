package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/journal"
)

// ledger is what an installation's log says of the calls of a row.
type ledger struct {
	intents  map[int64][]intent            // by serial number
	outcomes map[uint64][]auditlog.Outcome // by the index of the intent
}

type intent struct {
	index uint64
	id    string
	bytes int64 // of the request's body
}

// readLedger reads the log from an index on, as it is on disk now.
func readLedger(ctx context.Context, dir string, from uint64) (*ledger, error) {
	r, err := journal.OpenReader(dir)
	if err != nil {
		return nil, err
	}
	l := &ledger{intents: make(map[int64][]intent), outcomes: make(map[uint64][]auditlog.Outcome)}
	return l, r.Scan(ctx, from, func(index uint64, entry []byte) error {
		rec, err := auditlog.ParseRecord(entry)
		if err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
		switch {
		case rec.Kind == auditlog.KindIntent && rec.Request != nil:
			n := rec.Request.MaxTokens
			l.intents[n] = append(l.intents[n], intent{index, rec.ID, rec.Request.Bytes})
		case rec.Kind == auditlog.KindOutcome:
			l.outcomes[rec.Outcome.Intent] = append(l.outcomes[rec.Outcome.Intent], *rec.Outcome)
		}
		return nil
	})
}

func logSize(dir string) (uint64, error) {
	r, err := journal.OpenReader(dir)
	if err != nil {
		return 0, err
	}
	return r.Head().Size, nil
}

// unknown counts intents without an outcome.
func (l *ledger) unknown() int {
	n := 0
	for _, all := range l.intents {
		for _, i := range all {
			if len(l.outcomes[i.index]) == 0 {
				n++
			}
		}
	}
	return n
}

// counts are what a row came to.
type counts struct {
	Sent       int            `json:"sent"`
	Whole      int            `json:"whole"`      // answered 200, to the proper end
	Broken     int            `json:"broken"`     // answered 200, and told or shown that it broke off
	Refused    map[string]int `json:"refused"`    // by the error's name
	Unanswered int            `json:"unanswered"` // no answer: refused connection, reset, gave up
	Forbidden  int            `json:"forbidden"`  // of those sent, calls that must never be allowed
	Intents    int            `json:"intents"`
	Arrived    int            `json:"arrived"`
	Outcomes   int            `json:"outcomes"`
	Unknown    int            `json:"unknown"` // intents without an outcome
}

// reconcile holds three books against one another: what callers saw, what
// reached the upstream, and what the log says. It returns what is wrong.
func reconcile(answers []answer, up *standIn, l *ledger, mayBeUnknown bool) (counts, []string) {
	c := counts{Sent: len(answers), Refused: make(map[string]int)}
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, a := range answers {
		c.count(a)
		arrived, intents := up.times(a.serial), l.intents[a.serial]
		c.Arrived += arrived
		c.Intents += len(intents)
		if a.kind != may && (a.status == 200 || arrived > 0 || len(intents) > 0) {
			bad("WRONGLY ALLOWED: call %d, which is forbidden (kind %d): status %d, %d arrivals, %d intents", a.serial, a.kind, a.status, arrived, len(intents))
		}
		if arrived > 0 && len(intents) == 0 {
			bad("LOST: call %d reached the upstream without an intent", a.serial)
		}
		if arrived > 1 || len(intents) > 1 {
			bad("TWICE: call %d has %d arrivals, %d intents", a.serial, arrived, len(intents))
		}
		if a.status == 200 && !l.has(a) {
			bad("LOST: call %d was answered 200, and record %q is not its intent (decision %s)", a.serial, a.record, a.decision)
		}
		for _, i := range intents {
			c.Outcomes += len(l.outcomes[i.index])
			wrong = append(wrong, l.judge(a, i, mayBeUnknown)...)
		}
	}
	c.Unknown = c.Intents - c.Outcomes
	if n := up.foreign.Load(); n > 0 {
		bad("FOREIGN: %d requests reached the upstream under other credentials than Writ's", n)
	}
	return c, wrong
}

func (c *counts) count(a answer) {
	if a.kind != may {
		c.Forbidden++
	}
	switch {
	case a.whole && a.status == 200:
		c.Whole++
	case a.status == 200:
		c.Broken++
	case a.status != 0:
		c.Refused[a.name]++
	default:
		c.Unanswered++
	}
}

// has reports whether the log holds the intent of an answer, where the answer
// says it is.
func (l *ledger) has(a answer) bool {
	index, ok := a.index()
	return ok && slices.ContainsFunc(l.intents[a.serial], func(i intent) bool {
		return i.index == index && i.id == a.decision && i.bytes == int64(len(a.body()))
	})
}

// judge compares an intent's outcome with what the caller saw.
func (l *ledger) judge(a answer, i intent, mayBeUnknown bool) (wrong []string) {
	switch all := l.outcomes[i.index]; {
	case len(all) == 0 && !mayBeUnknown:
		wrong = append(wrong, fmt.Sprintf("LOST: intent %d of call %d has no outcome", i.index, a.serial))
	case len(all) > 1:
		wrong = append(wrong, fmt.Sprintf("TWICE: intent %d of call %d has %d outcomes", i.index, a.serial, len(all)))
	case len(all) == 1 && a.whole && a.status == 200 && (all[0].Ended != "complete" || all[0].Status != 200):
		wrong = append(wrong, fmt.Sprintf("WRONG: call %d was answered whole, and its outcome says %s, status %d", a.serial, all[0].Ended, all[0].Status))
	case len(all) == 1 && a.status >= 500 && all[0].Ended == "complete" && all[0].Status == 200:
		wrong = append(wrong, fmt.Sprintf("WRONG: call %d was refused with %d, and its outcome says complete", a.serial, a.status))
	}
	return wrong
}
