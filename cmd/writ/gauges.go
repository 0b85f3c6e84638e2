package main

import (
	"time"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/metrics"
)

// gauge adds what is read when it is asked for.
func (s *server) gauge(m *metrics.Meters) {
	m.Gauge("writ_ready", "1 when calls may be let through.", func() float64 { return one(s.gateway.Ready() == nil) })
	m.Gauge("writ_draining", "1 while the server is stopping.", func() float64 { return one(s.gateway.Draining()) })
	m.Gauge("writ_observe_mode", "1 while OBSERVE MODE lets calls through that no right covers.", func() float64 {
		return one(s.kernel.observe.Current(time.Now()) != nil)
	})
	const open = "Calls between admission and settlement, by kind of answer."
	m.Gauge("writ_open_calls", open, func() float64 { n, _ := s.gateway.OpenBy(); return float64(n) }, "kind", "stream")
	m.Gauge("writ_open_calls", open, func() float64 { _, n := s.gateway.OpenBy(); return float64(n) }, "kind", "whole")
	m.Gauge("writ_inflight_bytes", "Bytes of request bodies held.", func() float64 { return float64(s.gateway.InFlight()) })
	m.Gauge("writ_connections", "Open connections of the gateway's port.", func() float64 { return float64(s.bounded.Open()) })
	m.Count("writ_connections_refused_total", "Connections that there was no room for.", func() float64 { return float64(s.bounded.Closed()) })
	const suspects = "Sources, and sessions, on record for having failed, up to 4096 of each."
	m.Gauge("writ_suspects", suspects, func() float64 { n, _ := s.gateway.Suspects(); return float64(n) }, "kind", "source")
	m.Gauge("writ_suspects", suspects, func() float64 { _, n := s.gateway.Suspects(); return float64(n) }, "kind", "session")
	m.Gauge("writ_snapshot_age_seconds", "How long ago the state was last read.", func() float64 { return s.state.Age(time.Now()).Seconds() })
	m.Gauge("writ_snapshot_revision", "The state's revision.", func() float64 {
		if now := s.state.Current(); now != nil {
			return float64(now.Revision)
		}
		return 0
	})
	m.Gauge("writ_validation_next_expiry_seconds", "How long until the next validation ends that a model needs; -1 when none will.", func() float64 {
		if now := s.state.Current(); now != nil {
			if end := governance.NextValidationEnd(now, time.Now()); !end.IsZero() {
				return time.Until(end).Seconds()
			}
		}
		return -1
	})
	m.Gauge("writ_lease_left_seconds", "For how long this replica may decide unless it renews its lease.", func() float64 { return s.state.LeaseLeft(time.Now()).Seconds() })
	m.Gauge("writ_requests_waiting", "Requests and reviews that nobody has closed yet; -1 when the store cannot be asked.", s.requestsWaiting)
	m.Gauge("writ_notifications_dead", "Notifications that were given up; -1 when the store cannot be asked.", s.deadLetters)
	m.Gauge("writ_snapshot_failing", "1 while the state cannot be read, or not be believed.", func() float64 { return one(s.state.Err() != nil) })
	m.Gauge("writ_reservations_open", "Calls that something is set aside for.", func() float64 { return float64(s.money.Stats().Open) })
	m.Gauge("writ_budget_accounts", "Accounts of budgets that this replica keeps.", func() float64 { return float64(s.money.Stats().Accounts) })
	m.Gauge("writ_budget_accounts_frozen", "Of which frozen: what they cover is refused until somebody unfreezes them.", func() float64 { return float64(s.money.Stats().Frozen) })
	m.Count("writ_budget_leases_total", "Times that the store was asked for a share of budgets.", func() float64 { return float64(s.money.Stats().Leases) })
	m.Count("writ_budget_lease_errors_total", "Of which the store could not be asked.", func() float64 { return float64(s.money.Stats().Failures) })
	m.Gauge("writ_log_records", "Records in this process's audit log.", func() float64 { return float64(s.kernel.journal.Head().Size) })
	m.Gauge("writ_log_failed", "1 once the audit log has stopped: no call is let through.", func() float64 { return one(s.kernel.journal.Err() != nil) })
	m.Gauge("writ_cert_expiry_seconds", "When the port's certificate expires, in seconds since 1970.", func() float64 {
		if c := s.presented(); c != nil {
			return float64(c.NotAfter.Unix())
		}
		return 0
	})
}

func one(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
