package ingest

import (
	"slices"
	"sync"
	"time"
	"unicode/utf8"
)

// Refused describes a request that was refused, for people who look for their spans.
type Refused struct {
	Time        time.Time // of the newest
	Tenant      string    // "" where it is not known: shown to everyone who may read
	Protocol    string    // otlp/http, otlp/grpc, …
	Remote      string    // address of the sender
	Path        string    // or gRPC method
	ContentType string
	UserAgent   string
	Bytes       int64 // as sent, if known
	Status      int   // HTTP status, or gRPC code where the protocol is gRPC
	Reason      Reason
	Detail      string
	Hint        string
	Count       int64 // equal requests in a row are one entry
}

// refusedKept is the number of entries kept for each tenant that has any.
const refusedKept = 100

// refusedTenants bounds the memory; the tenant refused longest ago goes first.
const refusedTenants = 1000

// refusedText bounds what a sender can make us keep in one field.
const refusedText = 500

// refusedList keeps the last refused requests of each tenant, so that one noisy tenant
// does not push out another's.
type refusedList struct {
	mu      sync.Mutex
	tenants map[string][]Refused // newest last
}

func (l *refusedList) add(r Refused) {
	for _, s := range []*string{&r.Remote, &r.Path, &r.ContentType, &r.UserAgent, &r.Detail, &r.Hint} {
		*s = cut(*s)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tenants == nil {
		l.tenants = map[string][]Refused{}
	}
	list := l.tenants[r.Tenant]
	if n := len(list); n > 0 && list[n-1].same(&r) {
		r.Count = list[n-1].Count + 1
		list[n-1] = r
		return
	}
	r.Count = 1
	if len(list) == refusedKept {
		list = slices.Delete(list, 0, 1)
	}
	l.tenants[r.Tenant] = append(list, r)
	if len(l.tenants) > refusedTenants {
		l.dropOldest()
	}
}

func (l *refusedList) dropOldest() {
	var oldest string
	var at time.Time
	for tenant, list := range l.tenants {
		if t := list[len(list)-1].Time; at.IsZero() || t.Before(at) {
			oldest, at = tenant, t
		}
	}
	delete(l.tenants, oldest)
}

// same reports whether o repeats r: the same sender doing the same thing. Ports differ by
// connection, so the address does not count.
func (r *Refused) same(o *Refused) bool {
	return r.Protocol == o.Protocol && r.Path == o.Path && r.ContentType == o.ContentType &&
		r.UserAgent == o.UserAgent && r.Status == o.Status && r.Reason == o.Reason && r.Detail == o.Detail
}

// list is the entries of a tenant and those of none, newest first.
func (l *refusedList) list(tenant string) []Refused {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Clone(l.tenants[tenant])
	if tenant != "" {
		out = append(out, l.tenants[""]...)
	}
	slices.SortStableFunc(out, func(a, b Refused) int { return b.Time.Compare(a.Time) })
	return out[:min(len(out), refusedKept)]
}

// cut shortens text to refusedText bytes, at the start of a rune.
func cut(s string) string {
	if len(s) <= refusedText {
		return s
	}
	n := refusedText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
