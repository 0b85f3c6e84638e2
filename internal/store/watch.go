package store

import (
	"context"
	"sync"
	"time"
)

const (
	// pollEvery is how often a watch looks by itself: the whole delay where no
	// word comes from other processes, and the bound where word is lost.
	pollEvery = 250 * time.Millisecond
	// listenAgain is the pause before a broken listener is set up anew.
	listenAgain = time.Second
)

// Watch returns a channel that receives when the store may have changed: after
// a commit of this process at once, after another's on notification where the
// engine has it, and within 250 ms in any case. It receives once to begin
// with. Signals that are not taken are merged; a signal says to look, not that
// there is something. The channel is closed when ctx ends or the store closes.
func (db *DB) Watch(ctx context.Context) <-chan struct{} {
	out := make(chan struct{}, 1)
	out <- struct{}{}
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(db.done, cancel)
	heard := func() {
		select {
		case out <- struct{}{}:
		default:
		}
	}
	forget := db.watch.add(heard)
	var listening sync.WaitGroup
	listening.Go(func() { db.listen(ctx, heard) })
	db.tasks.Go(func() {
		db.poll(ctx, heard)
		cancel()
		unhook()
		forget()
		listening.Wait()
		close(out)
	})
	return out
}

// poll looks at the revision until ctx ends. A failure to look is a reason to
// look: the reader of the channel finds the error for itself.
func (db *DB) poll(ctx context.Context, heard func()) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last int64 = -1
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if rev, err := db.Revision(ctx); err != nil || rev != last {
			last = rev
			heard()
		}
	}
}

// listen keeps a listener up until ctx ends; polling covers its gaps.
func (db *DB) listen(ctx context.Context, heard func()) {
	for {
		if db.dialect.listen(ctx, heard) == nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(listenAgain):
		}
	}
}

// notifier tells the watches of this process of its own commits.
type notifier struct {
	mu   sync.Mutex
	next int
	told map[int]func() // guarded by mu
}

func (n *notifier) add(f func()) (forget func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.told == nil {
		n.told = make(map[int]func())
	}
	id := n.next
	n.next++
	n.told[id] = f
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.told, id)
	}
}

func (n *notifier) signal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, f := range n.told {
		f()
	}
}
