package otlp

import (
	"unicode/utf8"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Decode reads an ExportTraceServiceRequest (or a TracesData, which is the same on the
// wire). The Batch aliases buf, which must not be written any more. Errors: *SyntaxError,
// ErrTooLarge. The Batch holds at least what is not in Rejected.
func Decode(buf []byte, lim Limits) (*span.Batch, Rejected, error) {
	b := &span.Batch{}
	rej, err := DecodeInto(b, buf, lim)
	if err != nil {
		return nil, Rejected{}, err
	}
	return b, rej, nil
}

// DecodeInto is Decode into the memory of a batch that nobody needs any more. After an error
// the batch means nothing.
func DecodeInto(b *span.Batch, buf []byte, lim Limits) (Rejected, error) {
	d := decoder{s: alias(buf), lim: lim.withDefaults(), b: b}
	n := count(d.s, &d.lim)
	if n.bytes() > d.lim.BatchBytes {
		return Rejected{}, ErrTooLarge
	}
	n.allocate(b)
	if err := d.request(); err != nil {
		return Rejected{}, err
	}
	return d.rej, nil
}

// Tags of the request, and of ResourceSpans and ScopeSpans, which have like fields.
const (
	tagResourceSpans = 1<<3 | wireLen

	tagOwner     = 1<<3 | wireLen // Resource or InstrumentationScope
	tagMembers   = 2<<3 | wireLen // ScopeSpans or Span
	tagSchemaURL = 3<<3 | wireLen

	tagResourceAttr    = 1<<3 | wireLen
	tagResourceDropped = 2<<3 | wireVarint

	tagScopeName    = 1<<3 | wireLen
	tagScopeVersion = 2<<3 | wireLen
	tagScopeAttr    = 3<<3 | wireLen
	tagScopeDropped = 4<<3 | wireVarint
)

// decoder fills b from s. Sub-messages that may come in several pieces (protobuf merges
// them) are read first and whole, so that the attributes of each owner are one range.
type decoder struct {
	s   string
	lim Limits
	b   *span.Batch
	rej Rejected

	// What concerns the owner of attributes being read: marks found, and what was cut.
	marks span.Marks
	cut   []string
	attrs uint32 // attributes over the limit

	unknown []uint32 // the keys of b.AttrUnknown, ascending
}

func (d *decoder) request() error {
	c := message(d.s, 0, len(d.s))
	for i := 0; c.next(); {
		if c.tag == tagResourceSpans {
			if err := d.resourceSpans(c.from, c.to); err != nil {
				return err.at("resource_spans", i)
			}
			i++
		}
	}
	if c.err != nil {
		return c.err
	}
	return nil
}

func (d *decoder) resourceSpans(from, to int) *SyntaxError {
	undo := d.mark()
	index := len(d.b.Resources)
	var r span.Resource
	var unknown, group raw
	d.begin()
	r.Attrs.From = uint32(len(d.b.Attrs))
	c := message(d.s, from, to)
	for c.next() {
		switch c.tag {
		case tagOwner:
			r.Present = true
			if err := d.resource(&r, &unknown, c.from, c.to); err != nil {
				return err.in("resource")
			}
		case tagSchemaURL:
			r.SchemaURL = d.s[c.from:c.to]
		case tagMembers:
		default:
			group.add(d.s, c.at, c.pos)
		}
	}
	if c.err != nil {
		return c.err
	}
	d.text(&r.SchemaURL, d.lim.AttrValueBytes, "schema_url")
	r.Dropped = add(r.Dropped, d.attrs)
	r.Attrs.To = d.finish(r.Attrs.From)
	r.Unknown, r.GroupUnknown = unknown.text(d.s), group.text(d.s)
	// A cut URL or attribute of a resource that had no Resource message makes one.
	r.Present = r.Present || r.Attrs.Len() > 0
	d.b.Resources = append(d.b.Resources, r)

	spans, marks := len(d.b.Spans), d.marks
	c = message(d.s, from, to)
	for i := 0; c.next(); {
		if c.tag == tagMembers {
			if err := d.scopeSpans(c.from, c.to, uint32(index), marks); err != nil {
				return err.at("scope_spans", i)
			}
			i++
		}
	}
	if len(d.b.Spans) == spans {
		d.undo(undo)
		d.b.Resources = d.b.Resources[:index]
	}
	return nil
}

func (d *decoder) resource(r *span.Resource, unknown *raw, from, to int) *SyntaxError {
	c := message(d.s, from, to)
	for i := 0; c.next(); {
		switch c.tag {
		case tagResourceAttr:
			if err := d.attr(c.from, c.to, r.Attrs.From, d.lim.AttrsPerResource); err != nil {
				return err.at("attributes", i)
			}
			i++
		case tagResourceDropped:
			r.Dropped = uint32(c.num)
		default:
			unknown.add(d.s, c.at, c.pos)
		}
	}
	return c.err
}

func (d *decoder) scopeSpans(from, to int, resource uint32, marks span.Marks) *SyntaxError {
	undo := d.mark()
	index := len(d.b.Scopes)
	s := span.Scope{Resource: resource}
	var unknown, group raw
	d.begin()
	s.Attrs.From = uint32(len(d.b.Attrs))
	c := message(d.s, from, to)
	for c.next() {
		switch c.tag {
		case tagOwner:
			s.Present = true
			if err := d.scope(&s, &unknown, c.from, c.to); err != nil {
				return err.in("scope")
			}
		case tagSchemaURL:
			s.SchemaURL = d.s[c.from:c.to]
		case tagMembers:
		default:
			group.add(d.s, c.at, c.pos)
		}
	}
	if c.err != nil {
		return c.err
	}
	d.text(&s.Name, d.lim.AttrValueBytes, "name")
	d.text(&s.Version, d.lim.AttrValueBytes, "version")
	d.text(&s.SchemaURL, d.lim.AttrValueBytes, "schema_url")
	s.Dropped = add(s.Dropped, d.attrs)
	s.Attrs.To = d.finish(s.Attrs.From)
	s.Unknown, s.GroupUnknown = unknown.text(d.s), group.text(d.s)
	s.Present = s.Present || s.Attrs.Len() > 0
	d.b.Scopes = append(d.b.Scopes, s)

	spans := len(d.b.Spans)
	marks |= d.marks
	c = message(d.s, from, to)
	for i := 0; c.next(); {
		if c.tag == tagMembers {
			if err := d.span(c.from, c.to, uint32(index), marks); err != nil {
				return err.at("spans", i)
			}
			i++
		}
	}
	if len(d.b.Spans) == spans {
		d.undo(undo)
		d.b.Scopes = d.b.Scopes[:index]
	}
	return nil
}

func (d *decoder) scope(s *span.Scope, unknown *raw, from, to int) *SyntaxError {
	c := message(d.s, from, to)
	for i := 0; c.next(); {
		switch c.tag {
		case tagScopeName:
			s.Name = d.s[c.from:c.to]
		case tagScopeVersion:
			s.Version = d.s[c.from:c.to]
		case tagScopeAttr:
			if err := d.attr(c.from, c.to, s.Attrs.From, d.lim.AttrsPerResource); err != nil {
				return err.at("attributes", i)
			}
			i++
		case tagScopeDropped:
			s.Dropped = uint32(c.num)
		default:
			unknown.add(d.s, c.at, c.pos)
		}
	}
	return c.err
}

// begin starts the attributes of an owner; finish ends them with the list of what was cut
// and is where they end.
func (d *decoder) begin() { d.marks, d.cut, d.attrs = 0, d.cut[:0], 0 }

func (d *decoder) finish(from uint32) uint32 {
	d.rej.DroppedAttrs += int(d.attrs)
	if len(d.cut) == 0 {
		return uint32(len(d.b.Attrs))
	}
	d.rej.Truncated += len(d.cut)
	d.marks |= span.MarkTruncated
	var list []byte
	for _, key := range d.cut {
		if len(list)+len(key)+2*containerBytes > d.lim.AttrValueBytes {
			break
		}
		list = appendAny(list, 1, span.String(key))
	}
	v := span.Value{Kind: span.ValueArray, Str: alias(list)}
	// A span that was cut before has its list already; the two become one, so that cutting
	// twice is the same as cutting once.
	if n := len(d.b.Attrs); n > int(from) && d.b.Attrs[n-1].Key == TruncatedKey && d.b.Attrs[n-1].Value.Kind == span.ValueArray {
		v.Str = d.b.Attrs[n-1].Value.Str + v.Str
		d.b.Attrs[n-1].Value = trimValue(v, d.lim.AttrValueBytes, 1)
		return uint32(n)
	}
	d.b.Attrs = append(d.b.Attrs, span.Attr{Key: TruncatedKey, Value: v})
	return uint32(len(d.b.Attrs))
}

// attr appends the KeyValue s[from:to] to the attributes of an owner, which start at
// first; over the limit it is only checked and counted.
func (d *decoder) attr(from, to int, first uint32, limit int) *SyntaxError {
	check := checker{depth: d.lim.Depth}
	a, unknown, err := parseEntry(d.s, from, to, &check)
	if err != nil {
		return err
	}
	n := len(d.b.Attrs) - int(first)
	listed := a.Key == TruncatedKey && a.Value.Kind == span.ValueArray
	if n >= limit && !(listed && n == limit) {
		d.attrs++
		return nil
	}
	if listed {
		d.marks |= span.MarkTruncated
	}
	longKey := len(a.Key) > d.lim.AttrKeyBytes && a.Key != TruncatedKey
	longValue := check.deep || len(a.Value.Str) > d.lim.AttrValueBytes
	if longKey {
		a.Key = cutText(a.Key, d.lim.AttrKeyBytes)
	}
	if longValue {
		a.Value = trimValue(a.Value, d.lim.AttrValueBytes, d.lim.Depth)
	}
	if longKey || longValue {
		d.cut = append(d.cut, a.Key)
		// The mark is about what is kept.
		check.badText = check.badText && (!utf8.ValidString(a.Key) || badText(a.Value))
	}
	if check.badText {
		d.marks |= span.MarkInvalidUTF8
	}
	if unknown != "" {
		if d.b.AttrUnknown == nil {
			d.b.AttrUnknown = map[uint32]string{}
		}
		at := uint32(len(d.b.Attrs))
		d.b.AttrUnknown[at] = unknown
		d.unknown = append(d.unknown, at)
	}
	d.b.Attrs = append(d.b.Attrs, a)
	return nil
}

// text checks a plain field and cuts it at limit; field is its name in the list.
func (d *decoder) text(s *string, limit int, field string) {
	if len(*s) > limit {
		*s = cutText(*s, limit)
		d.cut = append(d.cut, field)
	}
	if !utf8.ValidString(*s) {
		d.marks |= span.MarkInvalidUTF8
	}
}

// arenas is how full the arenas were, to take back what a rejected span put there.
type arenas struct{ attrs, events, links int }

func (d *decoder) mark() arenas {
	return arenas{len(d.b.Attrs), len(d.b.Events), len(d.b.Links)}
}

func (d *decoder) undo(to arenas) {
	for n := len(d.unknown); n > 0 && int(d.unknown[n-1]) >= to.attrs; n-- {
		delete(d.b.AttrUnknown, d.unknown[n-1])
		d.unknown = d.unknown[:n-1]
	}
	d.b.Attrs = d.b.Attrs[:to.attrs]
	d.b.Events = d.b.Events[:to.events]
	d.b.Links = d.b.Links[:to.links]
}

// add is a sum that stays at the highest count instead of starting again at zero.
func add(x, y uint32) uint32 {
	if x+y < x {
		return ^uint32(0)
	}
	return x + y
}
