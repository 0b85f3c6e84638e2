package meter

import (
	"sync"
	"time"

	"github.com/writ-project/writ/internal/budget"
	"github.com/writ-project/writ/internal/store"
)

const usd = string(budget.USD)

// A miss asks for this many calls' worth at first.
const firstCalls = 8

// dryFor is how long an account that had no room is not asked for again.
const dryFor = 250 * time.Millisecond

// account is this replica's part of an account.
type account struct {
	id string

	mu     sync.Mutex
	leased store.LeaseAccount // as the store is told
	shown  budget.Account     // as a refusal shows it

	granted  int64 // the slice, without what was reported of it
	spent    int64 // of it, settled and not yet reported
	reserved int64 // of it, by open calls

	limitFell  bool   // the limit is below what the slice was granted under: nothing is free
	fellTold   bool   // the report under way says so
	unsure     bool   // the store may have granted more than is known here
	frozen     string // why nothing may be reserved
	freezeNews bool   // the store has not been told
	listed     bool   // in the dirty list
	touched    bool   // asked for since the last tick
	toldOf     int64  // of reserved, what the store was told

	base    int64 // what was free at the last cut, and was granted since
	low     int64 // the least that was free since the last cut
	target  int64 // what should be free
	largest int64 // the most that one call needed since the last tick

	// The store's last word, and when it had less than somebody needed.
	last    store.Leased
	dryNeed int64
	dryAt   time.Time
}

func newAccount(b budget.Account) *account {
	a := &account{id: b.ID}
	a.describe(b)
	return a
}

// describe takes over what the newest line says of the account.
func (a *account) describe(b budget.Account) {
	a.shown = b
	a.leased = store.LeaseAccount{ID: b.ID, Budget: b.Line.Budget, Key: b.Line.Key, Unit: string(b.Line.Unit), Window: string(b.Line.Window),
		Start: b.Start, End: b.End, Limit: b.Line.Limit, Notify: b.Line.Notify}
	if b.Line.Unit == budget.Streams {
		a.leased.Window = ""
	}
}

func (a *account) free() int64 { return a.granted - a.spent - a.reserved }

// dry reports whether the store said a moment ago that there is no room.
func (a *account) dry(need int64) bool {
	return a.dryNeed > 0 && need >= a.dryNeed && time.Since(a.dryAt) < dryFor
}

// take reserves an amount if the slice has it.
func (a *account) take(need int64) bool {
	if a.limitFell || a.free() < need {
		return false
	}
	a.reserved += need
	a.low = min(a.low, a.free())
	return true
}

// left is how much of the account nobody has taken, as far as is known here.
func (a *account) left() int64 {
	elsewhere := max(0, a.last.Out-a.last.Slice)
	return max(0, a.leased.Limit-a.last.Settled-a.spent-a.reserved-elsewhere)
}

// exceeded is the refusal of a call that needs more than there is.
func (a *account) exceeded(need int64, now time.Time) *Exceeded {
	e := &Exceeded{Line: a.shown.Line, Account: a.shown, Need: need, Left: a.left()}
	fits := need <= a.leased.Limit
	if !a.shown.End.IsZero() {
		e.Wait = max(0, a.shown.End.Sub(now))
		e.Soon = fits && e.Wait < soon
	}
	if !e.Soon && fits && need <= a.leased.Limit-a.last.Settled-a.spent {
		e.Wait, e.Soon = time.Second, true // what is reserved, or with other replicas, may come back
	}
	return e
}

// quiet reports whether nothing would be lost if the account were forgotten.
func (a *account) quiet() bool {
	return a.granted == 0 && a.spent == 0 && a.reserved == 0 && a.last.Slice == 0 && !a.touched && !a.freezeNews && !a.unsure
}

// dirtyList holds the accounts that the next cut has to look at.
type dirtyList struct {
	mu   sync.Mutex
	list []*account
}

// note puts an account on the list; the caller holds the account.
func (d *dirtyList) note(a *account) {
	if a.listed {
		return
	}
	a.listed = true
	d.mu.Lock()
	d.list = append(d.list, a)
	d.mu.Unlock()
}
