// Package metrics counts what the gateway does, for Prometheus. Labels are of
// low cardinality: operations, results and kinds from closed lists, never
// identities, models or anything a caller chose; what is on no list is "other".
// Who did what is in the audit log.
package metrics

import (
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/gateway"
)

// Meters are the process's metrics.
type Meters struct {
	registry *prometheus.Registry

	requests, preauth, upstreamErrors, minted, content  *prometheus.CounterVec
	total                                               *prometheus.HistogramVec
	added, upstream, decision, classified, flush, batch prometheus.Histogram
	unrecorded                                          prometheus.Counter
	tokens, cost                                        *prometheus.CounterVec
	over                                                prometheus.Histogram
}

// Buckets in seconds: of a whole call, a model's time included, and of Writ's
// own parts.
var (
	callBuckets = prometheus.ExponentialBuckets(0.001, 4, 10)
	ownBuckets  = prometheus.ExponentialBuckets(0.00005, 2, 14)
)

// New makes the metrics; version is the program's.
func New(version string) *Meters {
	m := &Meters{
		registry:       prometheus.NewRegistry(),
		requests:       counters("writ_requests_total", "Requests finished, by operation, result and class of HTTP status.", "operation", "result", "status"),
		preauth:        counters("writ_preauth_refusals_total", "Refusals of callers who had proved nothing, by reason.", "reason"),
		upstreamErrors: counters("writ_upstream_errors_total", "Calls that Bedrock failed, by how.", "type"),
		minted:         counters("writ_sessions_minted_total", "Sessions minted, by the kind of proof.", "proof"),
		content:        counters("writ_content_total", "Prompts and answers that were found to hold data of a class, by kind, class and the call's result.", "kind", "class", "result"),
		unrecorded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "writ_outcomes_unrecorded_total", Help: "Calls whose outcome could not be recorded: listed as unknown.",
		}),
		tokens: counters("writ_tokens_total", "Tokens that calls used, as Bedrock reports them, by kind.", "kind"),
		cost:   counters("writ_cost_usd_total", "List price of what calls used, in US dollars; estimated: of what was reserved for calls of which nobody said what they used.", "source"),
		over:   histogram("writ_reserved_input_ratio", "Input tokens reserved for a call, of those that it used.", prometheus.ExponentialBuckets(1, 1.5, 16)),
		total: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "writ_request_seconds", Help: "From the first byte in to the last byte out, by operation.", Buckets: callBuckets,
		}, []string{"operation"}),
		added:      histogram("writ_added_seconds", "Writ's own part of a forwarded call: from the first byte in until the call leaves for Bedrock.", ownBuckets),
		upstream:   histogram("writ_upstream_seconds", "From the call's leaving until the head of Bedrock's answer.", callBuckets),
		decision:   histogram("writ_decision_seconds", "Of which the decision over every leg took so long.", prometheus.ExponentialBuckets(0.000001, 2, 14)),
		classified: histogram("writ_classify_seconds", "Of which reading and classifying the prompt took so long.", prometheus.ExponentialBuckets(0.000001, 2, 18)),
		flush:      histogram("writ_log_flush_seconds", "One flush of the audit log, fsync included.", ownBuckets),
		batch:      histogram("writ_log_flush_entries", "Records that one flush made durable.", prometheus.ExponentialBuckets(1, 2, 12)),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "writ_build_info", Help: "Always 1."}, []string{"version", "goversion"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(m.requests, m.preauth, m.upstreamErrors, m.minted, m.content, m.unrecorded, m.tokens, m.cost, m.over, m.total, m.added, m.upstream, m.decision, m.classified, m.flush, m.batch, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
}

// Gauge adds a figure that is read when it is asked for. Labels come in pairs
// and are constants of the program.
func (m *Meters) Gauge(name, help string, read func() float64, labels ...string) {
	opts := prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: prometheus.Labels{}}
	for i := 0; i+1 < len(labels); i += 2 {
		opts.ConstLabels[labels[i]] = labels[i+1]
	}
	m.registry.MustRegister(prometheus.NewGaugeFunc(opts, read))
}

// Count adds a figure that only grows and is read when it is asked for.
func (m *Meters) Count(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// found counts the classes of a prompt or an answer.
func (m *Meters) found(kind, result string, l *dataclass.Label) {
	for _, c := range l.Classes {
		m.content.WithLabelValues(kind, classOf(c), result).Inc()
	}
	if len(l.Unscanned) > 0 {
		m.content.WithLabelValues(kind, unscanned, result).Inc()
	}
}

// Observe counts a finished exchange.
func (m *Meters) Observe(o gateway.Observation) {
	op, result := known(operations, o.Operation), known(results, o.Result)
	m.requests.WithLabelValues(op, result, class(o.Status)).Inc()
	m.total.WithLabelValues(op).Observe(o.Total.Seconds())
	if o.Preauth {
		m.preauth.WithLabelValues(result).Inc()
	}
	if o.UpstreamError != "" {
		m.upstreamErrors.WithLabelValues(known(upstreamTypes, o.UpstreamError)).Inc()
	}
	if o.Unrecorded {
		m.unrecorded.Inc()
	}
	m.spent(&o)
	m.found("prompt", result, &o.Prompt)
	m.found("answer", result, &o.Answer)
	for _, part := range [...]struct {
		h prometheus.Histogram
		d time.Duration
	}{{m.added, o.Added}, {m.upstream, o.Upstream}, {m.decision, o.Decision}, {m.classified, o.Classified}} {
		if part.d > 0 {
			part.h.Observe(part.d.Seconds())
		}
	}
}

// spent counts what a call used and cost.
func (m *Meters) spent(o *gateway.Observation) {
	for _, part := range [...]struct {
		kind string
		n    int64
	}{{"input", o.Used.Input}, {"output", o.Used.Output}, {"cache_read", o.Used.CacheRead}, {"cache_write", o.Used.CacheWrite + o.Used.CacheWriteHour}} {
		if part.n > 0 {
			m.tokens.WithLabelValues(part.kind).Add(float64(part.n))
		}
	}
	source := "reported"
	if o.Estimated {
		source = "estimated"
	}
	if o.CostMicroUSD > 0 {
		m.cost.WithLabelValues(source).Add(float64(o.CostMicroUSD) / 1e6)
	}
	if o.Over > 0 {
		m.over.Observe(o.Over)
	}
}

// Minted counts a session by what it was minted for.
func (m *Meters) Minted(proof string) { m.minted.WithLabelValues(known(proofs, proof)).Inc() }

// Flushed measures one flush of the audit log.
func (m *Meters) Flushed(took time.Duration, entries int) {
	m.flush.Observe(took.Seconds())
	m.batch.Observe(float64(entries))
}

// Handler serves the exposition format.
func (m *Meters) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
