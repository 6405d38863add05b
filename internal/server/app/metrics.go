package app

import (
	"net/http"
	"runtime/debug"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	dto "github.com/prometheus/client_model/go"

	"github.com/weft-dev/weft/internal/server/auth"
)

// newRegistry collects the metrics of all components.
func (a *App) newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		a.pipeline.Collector(),
	)
	gauge := func(name, help string, f func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "weft_" + name, Help: help}, f))
	}
	gauge("store_spans", "Spans in the store, copies included.", func() float64 {
		c := a.store.Counts()
		return float64(c.PartSpans + c.HeadSpans)
	})
	gauge("store_head_spans", "Spans in memory, not in parts yet.", func() float64 { return float64(a.store.Counts().HeadSpans) })
	gauge("store_parts", "Parts on disk.", func() float64 { return float64(a.store.Counts().Parts) })
	gauge("store_part_bytes", "Bytes of parts on disk.", func() float64 { return float64(a.store.Counts().PartBytes) })
	gauge("store_disk_cap_bytes", "Bytes of parts above which the oldest arrivals go.", func() float64 { return float64(a.diskCap) })
	disk := func(name, help string, f func(diskUse) bool) {
		gauge(name, help, func() float64 {
			if d, err := a.diskUse(); err == nil && f(d) {
				return 1
			}
			return 0
		})
	}
	gauge("disk_free_bytes", "Free bytes of the file system of the data folder; -1: unknown.", func() float64 {
		d, err := a.diskUse()
		if err != nil {
			return -1
		}
		return float64(d.free)
	})
	disk("disk_full", "1 while spans are refused because the disk is full.", diskUse.full)
	disk("disk_low", "1 while the disk would be full before the disk cap makes the oldest arrivals go.", diskUse.low)
	disk("disk_cap_near", "1 while traces take nine tenths of the disk cap or more: the oldest arrivals go above it.", diskUse.nearCap)
	gauge("store_corrupt_blocks", "Blocks that did not read since the start.", func() float64 { return float64(a.store.Counts().CorruptBlocks) })
	gauge("store_healthy", "1 while the store takes writes.", func() float64 {
		if a.store.Healthy() != nil {
			return 0
		}
		return 1
	})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "weft_build_info", Help: "1, with the version as a label.",
		ConstLabels: prometheus.Labels{"version": a.version, "go": goVersion()},
	})
	build.Set(1)
	r.MustRegister(build)
	return r
}

func goVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.GoVersion
	}
	return "unknown"
}

// metrics serves a registry: to a tenant's token without the series of other tenants.
func metrics(r *prometheus.Registry) http.Handler {
	serve := func(g prometheus.Gatherer) http.Handler {
		return promhttp.HandlerFor(g, promhttp.HandlerOpts{EnableOpenMetrics: true})
	}
	whole := serve(r)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		who := auth.From(req.Context())
		if who.Every || !who.Required {
			whole.ServeHTTP(w, req)
			return
		}
		serve(tenantGatherer{r, who.Tenant}).ServeHTTP(w, req)
	})
}

// tenantGatherer leaves out the series with another tenant's label.
type tenantGatherer struct {
	prometheus.Gatherer
	tenant string
}

func (g tenantGatherer) Gather() ([]*dto.MetricFamily, error) {
	families, err := g.Gatherer.Gather()
	for _, f := range families {
		f.Metric = slices.DeleteFunc(f.Metric, func(m *dto.Metric) bool {
			return slices.ContainsFunc(m.Label, func(l *dto.LabelPair) bool {
				return l.GetName() == "tenant" && l.GetValue() != g.tenant
			})
		})
	}
	return slices.DeleteFunc(families, func(f *dto.MetricFamily) bool { return len(f.Metric) == 0 }), err
}
