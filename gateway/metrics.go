package gateway

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/weir-project/weir"
)

// metrics are the gateway's figures, in a registry of its own.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	firstToken prometheus.Histogram
	tokens     *prometheus.CounterVec
	charges    prometheus.Counter
	attempts   *prometheus.CounterVec
	unsettled  prometheus.Counter
}

func newMetrics(g *Gateway) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_gateway_requests_total", Help: "Requests by path and HTTP status; 499 is a client that went away.",
		}, []string{"path", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "weir_gateway_request_duration_seconds", Help: "From the arrival of a request to the end of its answer.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 20),
		}, []string{"path"}),
		firstToken: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weir_gateway_time_to_first_token_seconds", Help: "From the arrival of a request to its first token.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 18),
		}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_gateway_tokens_total", Help: "Tokens charged, by kind.",
		}, []string{"kind"}),
		charges: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_gateway_charged_usd_total", Help: "Dollars charged by receipts.",
		}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weir_gateway_attempts_total", Help: "Calls to nodes by how they ended; none is a failure before the first content.",
		}, []string{"end"}),
		unsettled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "weir_gateway_unresolved_holds_total", Help: "Holds that could be neither settled nor released and were left to expire.",
		}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.firstToken, m.tokens, m.charges, m.attempts, m.unsettled,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_gateway_requests_in_flight", Help: "Completions being answered.",
		}, func() float64 { return float64(len(g.running)) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "weir_gateway_open_holds", Help: "Holds taken and not yet resolved.",
		}, func() float64 { return float64(len(g.unsettled)) }),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) answered(path string, code int, took time.Duration) {
	m.requests.WithLabelValues(path, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(path).Observe(took.Seconds())
}

func (m *metrics) attempted(o *outcome) {
	end := string(o.end)
	if end == "" {
		end = "none"
	}
	m.attempts.WithLabelValues(end).Inc()
}

func (m *metrics) charged(u weir.Usage, n weir.Nano) {
	m.tokens.WithLabelValues("input").Add(float64(u.Input))
	m.tokens.WithLabelValues("cached").Add(float64(u.Cached))
	m.tokens.WithLabelValues("output").Add(float64(u.Output))
	m.charges.Add(float64(n) / float64(weir.USD))
}
