package ingest

import "github.com/prometheus/client_golang/prometheus"

// Collector shows the pipeline's counters to Prometheus.
func (p *Pipeline) Collector() prometheus.Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("weft_ingest_"+name, help, labels, nil)
	}
	return &collector{
		p:          p,
		spans:      desc("spans_total", "Spans accepted.", "tenant"),
		requests:   desc("requests_total", "Requests accepted.", "tenant"),
		bytes:      desc("bytes_total", "Bytes of accepted requests, decompressed.", "tenant"),
		duplicates: desc("duplicate_requests_total", "Requests acknowledged again and not stored again.", "tenant"),
		dropped:    desc("dropped_total", "Spans, or parts of spans, left out of accepted requests.", "tenant", "reason"),
		refused:    desc("refused_requests_total", "Requests refused.", "tenant", "reason"),
		inFlight:   desc("in_flight_bytes", "Bytes of requests in progress."),
		logBytes:   desc("log_bytes", "Bytes the ingest log holds on disk."),
		logLast:    desc("log_position", "Position of the newest record of the ingest log."),
		applied:    desc("applied_position", "Position up to which the store is durable by itself."),
	}
}

type collector struct {
	p                                    *Pipeline
	spans, requests, bytes, duplicates   *prometheus.Desc
	dropped, refused                     *prometheus.Desc
	inFlight, logBytes, logLast, applied *prometheus.Desc
}

// Describe lists the metrics.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.spans, c.requests, c.bytes, c.duplicates, c.dropped, c.refused, c.inFlight, c.logBytes, c.logLast, c.applied,
	} {
		ch <- d
	}
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, v int64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	for _, s := range c.p.Stats() {
		count(c.spans, s.AcceptedSpans, s.Tenant)
		count(c.requests, s.AcceptedRequests, s.Tenant)
		count(c.bytes, s.AcceptedBytes, s.Tenant)
		count(c.duplicates, s.DuplicateRequests, s.Tenant)
		for reason, n := range s.Dropped {
			count(c.dropped, n, s.Tenant, reason)
		}
		for reason, n := range s.Refused {
			count(c.refused, n, s.Tenant, string(reason))
		}
	}
	gauge(c.inFlight, float64(c.p.InFlight()))
	gauge(c.logBytes, float64(c.p.cfg.Log.Size()))
	gauge(c.logLast, float64(c.p.cfg.Log.Last()))
	gauge(c.applied, float64(c.p.cfg.Store.Applied()))
}
