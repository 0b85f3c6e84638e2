package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// row is one line of the table: one fault.
type row struct {
	group, name string
	how         string // how the fault is made
	// unknown: calls may be left without an outcome, because the process dies
	// or its log cannot be written any more.
	unknown bool
	// ends are the ways in which a permitted call may end while the fault
	// lasts: "200", "broke off", "no answer", or an error's name. Nil: any.
	ends []string
	run  func(context.Context, *trial) error
}

// trial is one performance of a row.
type trial struct {
	*suite
	row
	site    *site
	from    uint64 // the log's size when it began
	answers []answer
	ahead   time.Duration // how far the tracer has moved writ's time
	notes   []string

	recovered time.Duration
	well      bool // a call was answered again
}

// result is a row as it is reported.
type result struct {
	Group     string   `json:"group"`
	Name      string   `json:"name"`
	How       string   `json:"how"`
	Counts    counts   `json:"counts"`
	Notes     []string `json:"notes,omitempty"`
	Wrong     []string `json:"wrong,omitempty"`
	Verified  bool     `json:"verified"`
	Recovered float64  `json:"recovered_ms"`
	Skipped   string   `json:"skipped,omitempty"` // why the fault could not be made here
}

// absent is an error that says that this machine cannot make a fault.
type absent struct{ why string }

func (a *absent) Error() string { return "this machine cannot: " + a.why }

// on has the trial happen on a site, from the log's present end on.
func (t *trial) on(s *site) (err error) {
	t.site = s
	t.from, err = logSize(s.log())
	return err
}

// opens starts a site for this trial alone.
func (t *trial) opens(ctx context.Context, o options) error {
	s, err := t.open(ctx, o)
	if err != nil {
		return err
	}
	return t.on(s)
}

// call makes the load on the site while the fault lasts, and notes the answers.
func (t *trial) call(ctx context.Context, l load) []answer {
	l.gateway, l.keys, l.ahead = t.site.process.gateway, t.site.keys, t.ahead
	out := l.run(ctx)
	t.answers = append(t.answers, out...)
	return out
}

// during is call for the fault itself: permitted calls end as the row says.
func (t *trial) during(ctx context.Context, l load) error {
	return t.judge(t.call(ctx, l))
}

func (t *trial) judge(all []answer) error {
	odd := make(map[string]int)
	for _, a := range all {
		if end := a.end(); a.kind == may && t.ends != nil && !slices.Contains(t.ends, end) {
			odd[end]++
		}
	}
	if len(odd) > 0 {
		return fmt.Errorf("permitted calls ended with %v, want %v", odd, t.ends)
	}
	return nil
}

// end is how a call ended, in one word or a few.
func (a answer) end() string {
	switch {
	case a.status == http.StatusOK && a.whole:
		return "200"
	case a.status == http.StatusOK:
		return "broke off"
	case a.status != 0:
		return a.name
	}
	return "no answer"
}

// recoverWithin is how long a row waits for the first whole answer after its
// fault has ended.
const recoverWithin = 90 * time.Second

// heals waits until a call is answered whole again.
func (t *trial) heals(ctx context.Context) error {
	began := time.Now()
	var last []answer
	for time.Since(began) < recoverWithin && ctx.Err() == nil {
		last = t.call(ctx, load{workers: 1, calls: 1, only: true, patient: 10 * time.Second})
		if len(last) == 1 && last[0].end() == "200" {
			t.recovered, t.well = time.Since(began), true
			return nil
		}
		_ = sleep(ctx, 20*time.Millisecond) // the loop looks at the context itself
	}
	return fmt.Errorf("no call was answered within %v after the fault had ended; the last one: %+v", recoverWithin, last)
}

// stops asks writ to stop, and waits until it has, in good order.
func (t *trial) stops(ctx context.Context) error {
	if err := t.site.process.terminate(); err != nil {
		return err
	}
	return t.site.process.wait(ctx, 40*time.Second)
}

// restarts kills writ and starts it again on the same directory.
func (t *trial) restarts(ctx context.Context) error {
	t.site.process.kill()
	return t.site.start(ctx)
}

func (t *trial) note(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// perform runs a row and reconciles what came of it.
func (s *suite) perform(ctx context.Context, r row) result {
	t := &trial{suite: s, row: r}
	out := result{Group: r.group, Name: r.name, How: r.how}
	err := r.run(ctx, t)
	var no *absent
	if errors.As(err, &no) {
		out.Skipped = no.why
		return out
	}
	if err != nil {
		out.Wrong = append(out.Wrong, err.Error())
	}
	if t.site != nil && t.site.process != nil {
		t.settle(ctx, &out)
	}
	out.Notes = t.notes
	out.Recovered = float64(t.recovered.Microseconds()) / 1000
	if !t.well && err == nil {
		out.Wrong = append(out.Wrong, "the row ended without a call that was answered")
	}
	return out
}

// settle reads the three books once the log has caught up, and verifies it.
func (t *trial) settle(ctx context.Context, out *result) {
	var l *ledger
	patience := 15 * time.Second
	if t.unknown {
		patience = time.Second // for those that are on their way
	}
	for end := time.Now().Add(patience); ; {
		var err error
		if l, err = readLedger(ctx, t.site.log(), t.from); err != nil {
			out.Wrong = append(out.Wrong, "reading the log: "+err.Error())
			return
		}
		if l.unknown() == 0 || time.Now().After(end) {
			break
		}
		_ = sleep(ctx, 20*time.Millisecond)
	}
	var wrong []string
	out.Counts, wrong = reconcile(t.answers, t.site.upstream, l, t.unknown)
	out.Wrong = append(out.Wrong, first(wrong, 10)...)
	if _, err := t.site.verb(ctx, "audit", "verify", t.site.data); err != nil {
		out.Wrong = append(out.Wrong, err.Error())
		return
	}
	out.Verified = true
}

// first cuts a list short.
func first(all []string, n int) []string {
	if len(all) <= n {
		return all
	}
	return append(all[:n:n], fmt.Sprintf("… and %d more", len(all)-n))
}

// refusals are the names of errors with their counts, in order.
func (c counts) refusals() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(c.Refused)) {
		short := strings.TrimSuffix(name, "Exception")
		if short == "" {
			short = "unnamed"
		}
		out = append(out, fmt.Sprintf("%d %s", c.Refused[name], short))
	}
	return strings.Join(out, ", ")
}
