package policy

import (
	"errors"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/writ-project/writ/internal/rights"
)

// filling is a part of a roster that is made at once, and what was found.
type filling struct {
	names  []string
	lists  [][]*rights.Grant // of each name
	counts map[string]int    // by entitlement
	errs   []error
}

// filled makes a roster of whole lists, on every processor: an installation
// starts with a million grants.
func filled(held iter.Seq2[string, []*rights.Grant], deps *stamper, check func(*rights.Grant) error) (*roster, error) {
	all := new([shards]filling)
	for identity, grants := range held {
		f := &all[shardOf(identity)]
		f.names, f.lists = append(f.names, identity), append(f.lists, grants)
	}
	r := &roster{deps: deps, of: map[string]int{}}
	var next atomic.Int32
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < shards; i = int(next.Add(1)) - 1 {
				r.parts[i] = all[i].part(check)
			}
		})
	}
	wait.Wait()
	var errs []error
	for i := range all {
		errs = append(errs, all[i].errs...)
		for entitlement, n := range all[i].counts {
			r.of[entitlement] += n
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return r, errors.Join(errs...)
}

// part makes the part, nil when nothing is in it.
func (f *filling) part(check func(*rights.Grant) error) *part {
	if len(f.names) == 0 {
		return nil
	}
	p := &part{holdings: make(map[string]*holding, len(f.names))}
	f.counts = map[string]int{}
	for i, name := range f.names {
		h := &holding{grants: f.lists[i]}
		for _, g := range h.grants {
			f.counts[g.Entitlement]++
			if err := check(g); err != nil {
				f.errs = append(f.errs, err)
			}
		}
		h.sum = grantsDigest(h.grants)
		p.holdings[name] = h
	}
	p.seal()
	return p
}
