package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/notify"
)

// askPeople is how long the store is asked what status says of the people's road:
// status is wanted most while the store is silent.
const askPeople = time.Second

// people adds what the store knows: replicas, requests that wait, sinks.
func (s *server) people(ctx context.Context, out *api.Status) {
	ctx, cancel := context.WithTimeout(ctx, askPeople)
	defer cancel()
	out.Replica, out.LeaseLeft = s.kernel.replica.Name, s.state.LeaseLeft(time.Now()).Seconds()
	waiting, spread, err := s.kernel.office.Waiting(ctx)
	if err == nil {
		out.Requests, out.Replicas = waiting, spread.Replicas
		out.Sinks, err = s.notify.Sinks(ctx)
	}
	out.PeopleError = textOfError(err)
}

// requestsWaiting and deadLetters are gauges; -1 when the store cannot be asked.
func (s *server) requestsWaiting() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), askPeople)
	defer cancel()
	n, _, err := s.kernel.office.Waiting(ctx)
	if err != nil {
		return -1
	}
	return float64(n)
}

func (s *server) deadLetters() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), askPeople)
	defer cancel()
	sinks, err := s.notify.Sinks(ctx)
	if err != nil {
		return -1
	}
	return float64(dead(sinks))
}

func dead(sinks []notify.SinkView) (n int64) {
	for _, s := range sinks {
		n += s.Dead
	}
	return n
}

// replicasLine says how many decide, and which of them lag.
func replicasLine(s api.Status) string {
	deciding, behind := countReplicas(s.Replicas)
	text := fmt.Sprintf("%q, one of %d that decide; its lease has %.1fs left", s.Replica, deciding, s.LeaseLeft)
	if s.LeaseLeft <= 0 {
		text = fmt.Sprintf("%q: ITS LEASE HAS ENDED, it lets no call through", s.Replica)
	}
	if len(behind) > 0 {
		text += "; behind: " + strings.Join(behind, ", ")
	}
	return text
}

// countReplicas counts those that may decide, and names those of them that do not
// know the newest revision yet.
func countReplicas(all []governance.ReplicaSpread) (deciding int, behind []string) {
	for _, r := range all {
		switch {
		case r.Fenced:
		case r.Knows:
			deciding++
		default:
			deciding++
			behind = append(behind, r.Name)
		}
	}
	return deciding, behind
}

func sinksLine(sinks []notify.SinkView) string {
	if len(sinks) == 0 {
		return "nobody: no sink is configured"
	}
	var waiting int64
	for _, s := range sinks {
		waiting += s.Waiting
	}
	return fmt.Sprintf("%d sinks, %d waiting, %d given up", len(sinks), waiting, dead(sinks))
}

// peopleRows are what status says of the people's road.
func peopleRows(s api.Status) [][]string {
	if s.PeopleError != "" {
		return [][]string{{"replica", s.Replica}, {"requests", "not known: " + s.PeopleError}}
	}
	return [][]string{
		{"replica", replicasLine(s)},
		{"requests", fmt.Sprintf("%d wait for somebody (writ request list, writ review list)", s.Requests)},
		{"told", sinksLine(s.Sinks)},
	}
}

// replicas is whether all that decide know the same.
func (p *patient) replicas(context.Context) []diagnosis {
	switch s := p.status; {
	case p.live == nil:
		return nil // said under readiness
	case s.PeopleError != "":
		return fail("is the database reachable?", "the replicas cannot be listed: %s", s.PeopleError)
	case s.LeaseLeft <= 0:
		return fail("is the database reachable, and its clock steady? docs/revocation.md", "the lease of %q has ended: it lets no call through", s.Replica)
	}
	deciding, behind := countReplicas(p.status.Replicas)
	if len(behind) > 0 {
		return warn("writ revoke waits for them; look again in a second", "%d of %d replicas do not know revision %d yet: %s", len(behind), deciding, p.status.Revision, someOf(behind))
	}
	return ok("%s", replicasLine(p.status))
}

// notifications is whether somebody is told.
func (p *patient) notifications(context.Context) []diagnosis {
	s := p.status
	if p.live == nil || s.PeopleError != "" {
		return nil // said elsewhere
	}
	if n := dead(s.Sinks); n > 0 {
		return warn("writ notify dead lists them with the reason, writ notify retry --all tries again", "%d notifications were given up", n)
	}
	if len(s.Sinks) == 0 {
		return warn("notify.sinks in the configuration; docs/notifications.md", "nobody is told of requests and emergencies: there is no sink")
	}
	return ok("%s", sinksLine(s.Sinks))
}
