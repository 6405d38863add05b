package store

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Summarize sums up the whole, deduplicated trace b; Matched and Key stay zero. The
// result does not depend on the order of the spans. An empty batch has a zero Summary.
func Summarize(b *span.Batch) Summary {
	if len(b.Spans) == 0 {
		return Summary{}
	}
	out := Summary{TraceID: b.Spans[0].TraceID, Start: b.Spans[0].Start, Spans: len(b.Spans)}
	root, earliest := -1, 0
	for i := range b.Spans {
		s := &b.Spans[i]
		out.Start = min(out.Start, s.Start)
		out.End = max(out.End, s.Start+s.Duration())
		if s.Status == span.StatusError {
			out.Errors++
		}
		if CompareSpans(b, i, b, earliest) < 0 {
			earliest = i
		}
		if s.Parent.IsZero() && (root < 0 || CompareSpans(b, i, b, root) < 0) {
			root = i
		}
	}
	if root < 0 {
		root = earliest
	}
	out.RootName, out.RootService = b.Spans[root].Name, b.Service(&b.Spans[root])
	return out
}

// Dedup is the spans of b ordered by start, then span id, of equal ones only the first.
// b may hold several traces; they come in order of start too. It returns b itself where
// there is nothing to do.
func Dedup(b *span.Batch) *span.Batch {
	order := make([]int, len(b.Spans))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compareIDs(&b.Spans[i], &b.Spans[j]) })
	kept := make([]int, 0, len(order))
	run := 0 // where the run of equal start and ids begins in kept
	for _, i := range order {
		if len(kept) > run && compareIDs(&b.Spans[kept[run]], &b.Spans[i]) != 0 {
			run = len(kept)
		}
		if !slices.ContainsFunc(kept[run:], func(k int) bool { return b.EqualSpan(k, b, i) }) {
			kept = append(kept, i)
		}
	}
	if len(kept) == len(b.Spans) && slices.IsSorted(kept) {
		return b
	}
	var w span.Builder
	for _, i := range kept {
		w.Append(b, i)
	}
	return w.Batch()
}

// Cursor is the position of the row in its query's order.
func (s *Summary) Cursor() Cursor { return Cursor{s.Key, s.TraceID} }

// CursorAfter is what Query.After has to be for the page behind last.
func CursorAfter(last Summary) *Cursor {
	c := last.Cursor()
	return &c
}

// Compare orders rows as every Order does: by key, highest first, then by trace id,
// lowest first. Negative if c comes first.
func (c Cursor) Compare(d Cursor) int {
	if n := cmp.Compare(d.Key, c.Key); n != 0 {
		return n
	}
	return bytes.Compare(c.TraceID[:], d.TraceID[:])
}

// Behind reports whether the row comes behind the cursor; nil is before every row.
func (s *Summary) Behind(c *Cursor) bool { return c == nil || c.Compare(s.Cursor()) < 0 }

func compareIDs(s, t *span.Span) int {
	if n := cmp.Compare(s.Start, t.Start); n != 0 {
		return n
	}
	if n := bytes.Compare(s.SpanID[:], t.SpanID[:]); n != 0 {
		return n
	}
	return bytes.Compare(s.TraceID[:], t.TraceID[:])
}

// CompareSpans orders spans by start and span id, and spans that share both by content,
// so that what depends on "the first" does not depend on the order of arrival.
func CompareSpans(b *span.Batch, i int, o *span.Batch, j int) int {
	s, t := &b.Spans[i], &o.Spans[j]
	if n := compareIDs(s, t); n != 0 || b == o && i == j {
		return n
	}
	if n := cmp.Or(
		cmp.Compare(s.End, t.End),
		bytes.Compare(s.Parent[:], t.Parent[:]),
		cmp.Compare(s.Kind, t.Kind),
		cmp.Compare(s.Status, t.Status),
		strings.Compare(s.Name, t.Name),
		strings.Compare(s.StatusMessage, t.StatusMessage),
		strings.Compare(s.TraceState, t.TraceState),
		cmp.Compare(s.Flags, t.Flags),
	); n != 0 {
		return n
	}
	return cmp.Or(
		compareAttrs(b, s.Attrs, o, t.Attrs),
		compareAttrs(b, b.ResourceOf(s).Attrs, o, o.ResourceOf(t).Attrs),
		strings.Compare(b.Scopes[s.Scope].Name, o.Scopes[t.Scope].Name),
		cmp.Compare(s.Events.Len(), t.Events.Len()),
		cmp.Compare(s.Links.Len(), t.Links.Len()),
	)
}

func compareAttrs(b *span.Batch, r span.Range, o *span.Batch, q span.Range) int {
	return slices.CompareFunc(b.AttrsOf(r), o.AttrsOf(q), func(x, y span.Attr) int {
		return cmp.Or(
			strings.Compare(x.Key, y.Key),
			cmp.Compare(x.Value.Kind, y.Value.Kind),
			cmp.Compare(x.Value.Num, y.Value.Num),
			strings.Compare(x.Value.Str, y.Value.Str),
		)
	})
}
