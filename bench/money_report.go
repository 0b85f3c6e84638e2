package main

import (
	"fmt"
	"strings"
)

// What is to be reached.
const (
	goalAlone   = 2_000  // ns a limit, one worker
	goalCrowded = 10_000 // with 64
	goalLeases  = 0.01   // a request
)

// table is the run in Markdown.
func (m *money) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Commit %s, %s. %s.\n", m.name(), m.date(), m.Machine)
	b.WriteString("A call is reserved and settled once, by 1 worker or 64 at once, against limits on one and the same identity. " +
		"The time is the wall clock's over the calls made, and by the limits that cover each.\n\n" +
		"| what | limits | workers | ns a call | ns a limit | asks of the store, a call |\n|---|---:|---:|---:|---:|---:|\n")
	for _, s := range m.Steps {
		fmt.Fprintf(&b, "| %s | %d | %d | %.0f | %.0f | %.5f |\n", s.What, s.Limits, s.Workers, s.PerCall, s.perLimit(), s.Leases)
	}
	if h := m.Hammer; h != nil {
		fmt.Fprintf(&b, "\nOne budget of 1 USD, %d callers, %d replicas of `writ up` on one PostgreSQL, each caller asking until it was refused three times:\n\n", h.Callers, h.Replicas)
		b.WriteString("| | |\n|---|---:|\n")
		for _, row := range [][2]string{
			{"limit, USD", dollars(h.Limit)},
			{"charged, by the account", dollars(h.Settled)},
			{"charged, by both logs", dollars(h.Logged)},
			{fmt.Sprintf("the most that was charged or set aside, at %d looks", h.Looks), dollars(h.Most)},
			{"calls permitted", fmt.Sprint(h.Permitted)},
			{"refused for good (`AccessDeniedException`)", fmt.Sprint(h.Refused)},
			{"told to wait (`ThrottlingException`)", fmt.Sprint(h.Throttled)},
			{"answered otherwise", fmt.Sprint(h.Other)},
			{"asks of the store, a request", fmt.Sprintf("%.4f", h.leases())},
			{"took", h.Took},
		} {
			fmt.Fprintf(&b, "| %s | %s |\n", row[0], row[1])
		}
	}
	writeGoals(&b, m.goals())
	return b.String()
}

func dollars(micro int64) string { return fmt.Sprintf("%d.%06d", micro/1e6, micro%1e6) }

func (h *hammer) leases() float64 {
	return float64(h.Leases) / float64(max(h.Permitted+h.Refused+h.Throttled+h.Other, 1))
}

func (m *money) goals() (all []goal) {
	for _, s := range m.Steps {
		bound := float64(goalAlone)
		if s.Workers > 1 {
			bound = goalCrowded
		}
		if s.What == stepMeter {
			all = append(all, atMost(fmt.Sprintf("reserve and settle, per limit, %d limits, %d workers", s.Limits, s.Workers), bound, s.perLimit(), nil, "%.0f", " ns"))
		}
	}
	if h := m.Hammer; h != nil {
		all = append(all,
			atMost("charged of a budget of 1 USD, by both logs", hammerLimit, float64(h.Logged), nil, "%.0f", " micro-USD"),
			atMost("charged or set aside at any look", hammerLimit, float64(h.Most), nil, "%.0f", " micro-USD"),
			atMost("asks of the store, of requests", goalLeases, h.leases(), nil, "%.4f", ""))
	}
	return all
}
