package main

import (
	"github.com/prometheus/client_golang/prometheus"
)

// linkMetrics are the link's counters for /metrics, and the engine's of codes
// that were lost.
type linkMetrics struct {
	a                                         *agent
	sessions, rewinds, dropped, late, refused *prometheus.Desc
	questions                                 *prometheus.Desc
	scans                                     *prometheus.Desc
}

func newLinkMetrics(a *agent) *linkMetrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("tilld_link_"+name, help, labels, nil)
	}
	return &linkMetrics{
		a:         a,
		sessions:  desc("sessions_total", "Sessions with the broker that came up since the start."),
		rewinds:   desc("rewinds_total", "Times the pump went back to the last ack for want of progress."),
		dropped:   desc("dropped_total", "Messages from the broker that found no room."),
		late:      desc("late_answers_total", "Answers to questions that no longer waited."),
		refused:   desc("refused_total", "Messages refused, by reason.", "reason"),
		questions: desc("questions_total", "Questions to the cloud, by what became of them: answered, refused, unanswered.", "type", "result"),
		scans:     prometheus.NewDesc("tilld_scans_lost_total", "Times that codes of a scanner were not taken because too many came.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *linkMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.sessions, m.rewinds, m.dropped, m.late, m.refused, m.questions, m.scans} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *linkMetrics) Collect(out chan<- prometheus.Metric) {
	c := m.a.link.Counters()
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	count(m.sessions, c.Sessions)
	count(m.rewinds, c.Rewinds)
	count(m.dropped, c.Dropped)
	count(m.late, c.Late)
	count(m.scans, m.a.till.LostScans())
	for reason, n := range c.Refused {
		count(m.refused, n, reason)
	}
	for kind, by := range c.Fates {
		for result, n := range by {
			count(m.questions, uint64(n), kind, result)
		}
	}
}
