package status

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tilld/internal/feed"
	"tilld/internal/lang"
)

// metrics are the till's figures for Prometheus, in a registry of their own.
type metrics struct {
	handler  http.Handler
	problems *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	scans    *prometheus.CounterVec
	sales    prometheus.Counter
	prints   *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tilld_http_problems_total", Help: "Error answers of the local API by code."}, []string{"code"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tilld_http_seconds", Help: "Time to answer by operation.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}, []string{"operation"}),
		scans:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tilld_scans_total", Help: "Scans since start by result."}, []string{"result"}),
		sales:  prometheus.NewCounter(prometheus.CounterOpts{Name: "tilld_sales_closed_total", Help: "Sales closed since start."}),
		prints: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tilld_prints_total", Help: "Print jobs since start by outcome."}, []string{"outcome"}),
	}
	for _, r := range []string{"ok", "refused"} {
		m.scans.WithLabelValues(r)
	}
	for _, o := range []string{"confirmed", "sent", "failed", "unknown"} {
		m.prints.WithLabelValues(o)
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(m.problems, m.latency, m.scans, m.sales, m.prints, &snapshot{s: s}, collectors.NewGoCollector())
	reg.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reg.MustRegister(s.o.Metrics...)
	m.handler = promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorLog: quiet{s}, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
	return m
}

// quiet sends trouble while gathering to the till's log.
type quiet struct{ s *Server }

func (q quiet) Println(v ...any) { q.s.log.Warn("metrics", "err", v) }

func serveMetrics(c *call) error {
	c.s.metrics.handler.ServeHTTP(c.w, c.r)
	return nil
}

func (m *metrics) refused(code string) { m.problems.WithLabelValues(code).Inc() }

func (m *metrics) took(operation string, d time.Duration) {
	m.latency.WithLabelValues(operation).Observe(d.Seconds())
}

// follow counts what the feed tells until ctx ends.
func (m *metrics) follow(ctx context.Context, f *feed.Feed) {
	last := f.Last()
	closed := map[string]bool{}
	for {
		items, more, err := f.After(last)
		if err != nil { // fell behind: what was dropped is not counted
			last = f.Last()
			continue
		}
		for _, it := range items {
			m.count(it, closed)
			last = it.ID
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

func (m *metrics) count(it feed.Item, closed map[string]bool) {
	var d struct {
		ID      string          `json:"id"`
		State   string          `json:"state"`
		Outcome string          `json:"outcome"`
		Refused json.RawMessage `json:"refused"`
	}
	if json.Unmarshal(it.Data, &d) != nil {
		return // our own JSON; a field of another shape is none of the counted
	}
	switch it.Name {
	case feed.Scan:
		if len(d.Refused) > 0 && string(d.Refused) != "null" {
			m.scans.WithLabelValues("refused").Inc()
		} else {
			m.scans.WithLabelValues("ok").Inc()
		}
	case feed.Sale:
		if d.State == "closed" && !closed[d.ID] {
			if len(closed) > 4096 {
				clear(closed)
			}
			closed[d.ID] = true
			m.sales.Inc()
		}
	case feed.Print:
		switch d.Outcome {
		case "confirmed", "sent", "failed", "unknown":
			m.prints.WithLabelValues(d.Outcome).Inc()
		}
	}
}

// snapshot turns the till's status into gauges when asked.
type snapshot struct{ s *Server }

var (
	descDepth  = prometheus.NewDesc("tilld_queue_depth", "Events that the cloud has not acked.", nil, nil)
	descOldest = prometheus.NewDesc("tilld_queue_oldest_seconds", "Age of the oldest unacked event.", nil, nil)
	descBytes  = prometheus.NewDesc("tilld_queue_bytes", "Bytes used by the queue.", nil, nil)
	descLimit  = prometheus.NewDesc("tilld_queue_limit_bytes", "Bytes the queue may use.", nil, nil)
	descLast   = prometheus.NewDesc("tilld_queue_last_sequence", "Sequence of the newest event.", nil, nil)
	descAcked  = prometheus.NewDesc("tilld_queue_acked_sequence", "Sequence up to which the cloud has everything.", nil, nil)
	descDead   = prometheus.NewDesc("tilld_queue_dead", "Events that cannot be sent.", nil, nil)
	descLink   = prometheus.NewDesc("tilld_link_up", "1 when the link to the cloud is up.", nil, nil)
	descMall   = prometheus.NewDesc("tilld_mall_up", "1 when the link to the mall is up; absent without a mall.", nil, nil)
	descMallQ  = prometheus.NewDesc("tilld_mall_depth", "Copies that the mall has not acked.", nil, nil)
	descMallO  = prometheus.NewDesc("tilld_mall_oldest_seconds", "Age of the oldest copy that the mall has not acked.", nil, nil)
	descMallB  = prometheus.NewDesc("tilld_mall_bytes", "Bytes of copies that the mall has not acked.", nil, nil)
	descMallA  = prometheus.NewDesc("tilld_mall_acked_sequence", "Sequence up to which the mall has everything.", nil, nil)
	descDevice = prometheus.NewDesc("tilld_device_state", "1 for the state a device is in.", []string{"device", "kind", "state"}, nil)
	descCond   = prometheus.NewDesc("tilld_conditions", "Conditions that are up by severity.", []string{"severity"}, nil)
	descClock  = prometheus.NewDesc("tilld_clock_offset_seconds", "Clock against the cloud's.", nil, nil)
	descReady  = prometheus.NewDesc("tilld_ready", "1 when able to sell.", nil, nil)
	descInfo   = prometheus.NewDesc("tilld_info", "Version and till.", []string{"version", "till"}, nil)
	descWrong  = prometheus.NewDesc("tilld_http_wrong_tokens_total", "Requests with a wrong token.", nil, nil)
	descStream = prometheus.NewDesc("tilld_http_streams", "Open event streams.", nil, nil)
)

func (snapshot) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descDepth, descOldest, descBytes, descLimit, descLast, descAcked, descDead, descLink, descMall, descMallQ, descMallO, descMallB, descMallA,
		descDevice, descCond, descClock, descReady, descInfo, descWrong, descStream,
	} {
		ch <- d
	}
}

func (x *snapshot) Collect(ch chan<- prometheus.Metric) {
	st := x.s.o.Engine.Status(lang.EN)
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descDepth, float64(st.Queue.Depth))
	gauge(descOldest, st.Queue.OldestSeconds)
	gauge(descBytes, float64(st.Queue.Bytes))
	gauge(descLimit, float64(st.Queue.Limit))
	gauge(descLast, float64(st.Queue.LastSeq))
	gauge(descAcked, float64(st.Queue.AckedSeq))
	gauge(descDead, float64(st.Queue.Dead))
	gauge(descLink, bit(st.Link.State == "up"))
	if m := st.Mall; m != nil {
		gauge(descMall, bit(m.State == "up"))
		gauge(descMallQ, float64(m.Depth))
		gauge(descMallO, m.OldestSeconds)
		gauge(descMallB, float64(m.Bytes))
		gauge(descMallA, float64(m.AckedSeq))
	}
	gauge(descClock, float64(st.Clock.OffsetMS)/1000)
	for _, d := range st.Devices {
		gauge(descDevice, 1, d.Name, string(d.Kind), string(d.State))
	}
	count := map[string]int{"info": 0, "warning": 0, "error": 0}
	for _, c := range st.Conditions {
		count[string(c.Severity)]++
	}
	for sev, n := range count {
		gauge(descCond, float64(n), sev)
	}
	ok, _ := x.s.o.Engine.Ready()
	gauge(descReady, bit(ok))
	gauge(descInfo, 1, x.s.o.Version, st.Till.Merchant+"/"+st.Till.Store+"/"+st.Till.Till)
	gauge(descStream, float64(x.s.streams.count()))
	ch <- prometheus.MustNewConstMetric(descWrong, prometheus.CounterValue, float64(x.s.token.wrong.count()))
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
