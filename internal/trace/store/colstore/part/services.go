package part

import (
	"math/bits"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Most questions are about one service, and the slow or failed spans of one service lie in few
// pages although nearly every page has slow and failed spans. So the outline of a group says
// of each service and page, in a byte, how long its longest span took and whether one failed.

// maxServices is the most services whose pages a group knows.
const maxServices = 256

// servicePages is what is known of the spans of a service, for each page of a group.
type servicePages struct {
	name  string
	pages []pageCode
}

// pageCode is 0 if a page has no span of the service, else 1 + 2 × the code of the longest
// duration + 1 if some span has status error.
type pageCode uint8

// durationCode orders durations: 0 for none, else up to 126, two for each power of two.
func durationCode(d int64) int {
	if d <= 0 {
		return 0
	}
	n := bits.Len64(uint64(d))
	return 2*n + int(d<<1>>(n-1)&1) - 1
}

// and adds one more span.
func (c pageCode) and(s *span.Span) pageCode {
	return c.or(1 + pageCode(2*durationCode(s.Duration())) + errorBit(s.Status == span.StatusError))
}

func errorBit(failed bool) pageCode {
	if failed {
		return 1
	}
	return 0
}

// or is the code of the spans of both.
func (c pageCode) or(o pageCode) pageCode {
	if c == 0 || o == 0 {
		return c + o
	}
	return 1 + max((c-1)>>1, (o-1)>>1)<<1 + ((c-1)|(o-1))&1
}

// newServices sums up what is known of resources, for each page; nil if a search for a service
// could find spans which that does not cover.
func newServices(t *tables, pages [][]pageCode) []servicePages {
	var list []servicePages
	known := map[string]int{}
	for res := range t.resources {
		if !t.resourceUsed[res] {
			continue
		}
		for _, a := range t.resources[res].attrs {
			if a.Key != "service.name" {
				continue
			}
			if a.Value.Kind == span.ValueArray {
				return nil // it may hold any
			}
			if a.Value.Kind != span.ValueString {
				continue
			}
			i, ok := known[a.Value.Str]
			if !ok {
				if i = len(list); i == maxServices {
					return nil
				}
				known[a.Value.Str] = i
				list = append(list, servicePages{a.Value.Str, make([]pageCode, len(pages))})
			}
			for p, codes := range pages {
				if res < len(codes) {
					list[i].pages[p] = list[i].pages[p].or(codes[res])
				}
			}
		}
	}
	return list
}

// appendServices appends count; name and a byte for each page of each.
func appendServices(dst []byte, list []servicePages) []byte {
	dst = appendUvarint(dst, len(list))
	for i := range list {
		dst = appendText(dst, list[i].name)
		for _, c := range list[i].pages {
			dst = append(dst, byte(c))
		}
	}
	return dst
}

func readServices(r *reader, pages int) []servicePages {
	list := make([]servicePages, r.count(1+pages))
	for i := range list {
		list[i].name = r.text()
		b := r.bytes(pages)
		if r.bad != "" {
			return nil
		}
		list[i].pages = make([]pageCode, pages)
		for p := range b {
			list[i].pages[p] = pageCode(b[p])
		}
	}
	return list
}

// serviceFilter is what a Filter asks of the spans of a service.
type serviceFilter struct {
	name   string
	code   int // of the shortest duration
	failed bool
}

// newServiceFilter is nil if the clauses do not ask for one service.
func newServiceFilter(clauses [][]*term) *serviceFilter {
	var out serviceFilter
	found := false
	for _, clause := range clauses {
		if len(clause) != 1 {
			continue
		}
		t := clause[0]
		lit := t.Value.Value
		switch f := t.Field; f.Intrinsic {
		case store.NotIntrinsic:
			if t.text && f.Scope == store.ScopeResource && f.Name == "service.name" {
				out.name, found = lit.Str, true
			}
		case store.Duration:
			if !t.Value.Nil && lit.Kind == span.ValueInt && (t.Op == store.Gt || t.Op == store.Ge) {
				out.code = max(out.code, durationCode(lit.Int()))
			}
		case store.StatusOf:
			out.failed = out.failed || !t.Value.Nil && t.Op == store.Eq && lit == span.Int(int64(span.StatusError))
		}
	}
	if !found {
		return nil
	}
	return &out
}

// in is the codes of the pages of a group, and false if surely none of them matches; nil if
// the group does not know.
func (f *serviceFilter) in(g *Group) ([]pageCode, bool) {
	o, err := g.outline()
	if err != nil || len(o.services) == 0 {
		return nil, true
	}
	for i := range o.services {
		if s := &o.services[i]; s.name == f.name {
			for _, c := range s.pages {
				if f.mayMatch(c) {
					return s.pages, true
				}
			}
			break
		}
	}
	return nil, false
}

func (f *serviceFilter) mayMatch(c pageCode) bool {
	return c > 0 && int(c-1)>>1 >= f.code && (!f.failed || (c-1)&1 == 1)
}
