package meter

import (
	"time"

	"github.com/writ-project/writ/internal/store"
)

// cut reports what was settled, and gives back what is not needed; news is false
// when the store knows all of it.
func (a *account) cut(why purpose) (e store.LeaseEntry, news bool) {
	spare := a.spare(why)
	news = a.spent != 0 || spare != 0 || a.freezeNews || a.unsure || a.touched || a.reserved != a.toldOf || a.limitFell
	if !news {
		return e, false
	}
	a.granted -= a.spent + spare
	e = store.LeaseEntry{Account: a.leased, Settled: a.spent, Keep: max(0, a.granted), Reserved: a.reserved}
	if a.freezeNews {
		e.Freeze, a.freezeNews = a.frozen, false
	}
	a.spent, a.toldOf = 0, a.reserved
	a.fellTold = a.limitFell
	return e, true
}

// spare is how much of what is free goes back.
func (a *account) spare(why purpose) int64 {
	free := max(0, a.free())
	switch {
	case why == leaving || a.limitFell || a.frozen != "":
		return free
	case why != ticking:
		return 0
	case !a.touched:
		return free // so that no other replica waits for what nobody uses
	}
	keep := free
	if drawn := a.base - a.low; free > 2*max(drawn*2, a.target/2) {
		keep = max(drawn*2, a.target/2)
	}
	if keep = min(keep, a.share()); keep < a.largest {
		keep = 0 // of no use here; to another replica it may be
	}
	return free - keep
}

// share is what one replica may hold on to when several want the account.
func (a *account) share() int64 {
	if a.last.Others == 0 {
		return largestAmount
	}
	return max(0, a.leased.Limit-a.last.Settled-a.last.Reserved-a.spent) / int64(a.last.Others+1)
}

// topUp asks for so much that the next callers need not ask, as far as the ones
// since the last tick tell.
func (a *account) topUp(why purpose) (store.LeaseAsk, bool) {
	free := max(0, a.free())
	if why != ticking || !a.touched || a.frozen != "" || free >= a.target/2 || a.largest == 0 {
		return store.LeaseAsk{}, false
	}
	return store.LeaseAsk{Account: a.leased, Want: a.target - free, Need: max(0, a.largest-free)}, true
}

// tick sizes the slice by what was drawn from it since the last one.
func (a *account) tick(why purpose) {
	if why == ticking {
		a.target = max(2*(a.base-a.low), a.target/2)
		a.touched, a.largest = false, 0
	}
	a.base = a.free()
	a.low = a.base
}

// apply takes over how the account stands, and what came of asking for more.
func (a *account) apply(got store.Leased, w *want) {
	gain := got.Slice - a.granted
	a.granted, a.last, a.unsure = got.Slice, got, false
	a.base += gain
	if !a.freezeNews {
		a.frozen = got.Frozen
	}
	if a.fellTold && got.Limit <= a.leased.Limit {
		a.limitFell = false
	}
	a.fellTold = false
	switch {
	case gain > 0:
		a.dryNeed = 0
	case w != nil:
		a.dryNeed, a.dryAt = w.least, time.Now()
	}
}
