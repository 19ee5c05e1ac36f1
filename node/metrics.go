package node

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/weir-project/weir/engine"
	"github.com/weir-project/weir/internal/fault"
)

// metrics are what an operator watches, in a registry of the node's own. Labels are models and ways to end, both few.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	refusals *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	ttft     *prometheus.HistogramVec
	rate     *prometheus.HistogramVec
}

func newMetrics(models catalogue) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_node_requests_total", Help: "Requests that ended, by model and how.",
		}, []string{"model", "end"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_node_refusals_total", Help: "Requests refused before they used anything, by kind of fault.",
		}, []string{"kind"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_node_tokens_total", Help: "Tokens by model and kind: input (computed), cached, output.",
		}, []string{"model", "kind"}),
		ttft: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "weir_node_time_to_first_token_seconds", Help: "Time from a request's arrival to its first token.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"model"}),
		rate: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "weir_node_output_tokens_per_second", Help: "Tokens per second of a request after its first token.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 14),
		}, []string{"model"}),
	}
	m.registry.MustRegister(
		m.requests, m.refusals, m.tokens, m.ttft, m.rate,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	for _, g := range models {
		labels := prometheus.Labels{"model": g.card.Name}
		gauge := func(name, help string, f func() float64) {
			m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, f))
		}
		gauge("weir_node_active", "Requests running.", func() float64 { return float64(g.Load().Active) })
		gauge("weir_node_queued", "Requests waiting for a slot.", func() float64 { return float64(g.Load().Queued) })
		gauge("weir_node_slots", "Requests that may run at once.", func() float64 { return float64(g.Load().Slots) })
	}
	return m
}

func (m *metrics) refused(k fault.Kind) { m.refusals.WithLabelValues(k.String()).Inc() }

func (m *metrics) ended(model string, r *engine.Result) {
	m.requests.WithLabelValues(model, string(r.End)).Inc()
	m.tokens.WithLabelValues(model, "input").Add(float64(r.Usage.Input))
	m.tokens.WithLabelValues(model, "cached").Add(float64(r.Usage.Cached))
	m.tokens.WithLabelValues(model, "output").Add(float64(r.Usage.Output))
	if r.Usage.Output > 0 {
		m.ttft.WithLabelValues(model).Observe(r.TTFT.Seconds())
	}
	if decoding := (r.Duration - r.TTFT).Seconds(); r.Usage.Output > 1 && decoding > 0 {
		m.rate.WithLabelValues(model).Observe(float64(r.Usage.Output-1) / decoding)
	}
}
