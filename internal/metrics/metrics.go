// Package metrics counts what the gateway does, for Prometheus. Labels are of
// low cardinality: operations, results and statuses, never identities, models
// or anything a caller chose. Who did what is in the audit log.
package metrics

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/writ-project/writ/internal/gateway"
)

// Meters are the process's metrics.
type Meters struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	total    *prometheus.HistogramVec
	added    prometheus.Histogram
}

// New makes the metrics.
func New() *Meters {
	m := &Meters{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "writ_requests_total", Help: "Requests finished, by operation, result and HTTP status.",
		}, []string{"operation", "result", "status"}),
		total: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "writ_request_seconds", Help: "From the first byte in to the last byte out, by operation.",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
		}, []string{"operation"}),
		added: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "writ_added_seconds", Help: "Writ's own part of a forwarded call: from the first byte in until the call leaves for Bedrock.",
			Buckets: prometheus.ExponentialBuckets(0.00005, 2, 14),
		}),
	}
	m.registry.MustRegister(m.requests, m.total, m.added, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a figure that is read when it is asked for.
func (m *Meters) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Observe counts a finished exchange.
func (m *Meters) Observe(o gateway.Observation) {
	m.requests.WithLabelValues(o.Operation, o.Result, strconv.Itoa(o.Status)).Inc()
	m.total.WithLabelValues(o.Operation).Observe(o.Total.Seconds())
	if o.Added > 0 {
		m.added.Observe(o.Added.Seconds())
	}
}

// Handler serves the exposition format.
func (m *Meters) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
