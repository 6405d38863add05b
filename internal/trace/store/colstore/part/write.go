package part

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"path"
	"runtime"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
)

// Options say how a part is written and what it records. Zero sizes take their default.
type Options struct {
	// GroupSpans is the spans of a row group, default 65,536: dictionaries are shared by
	// a group, and a writer holds one in memory.
	GroupSpans int
	// PageSpans is the spans of a page, default 2,048, at most 65,536: what is read and
	// decoded to get at one trace.
	PageSpans int
	// Level is the zstd level, 1 (fastest, the default) to 4 (best).
	Level int
	// Cache lends the writer memory that earlier ones made. Default: none does.
	Cache *Cache

	MinArrival, MaxArrival time.Time         // of the requests whose spans the part holds
	Positions              [][2]log.Position // log positions held, as closed intervals
	Digests                []ArrivedDigest

	// Vary makes the writer choose encodings and limits at random, for tests. Default nil.
	Vary *rand.Rand
	// plain leaves out compression, so that a test can see and change the bytes.
	plain bool
}

// The format's bounds on what a page may hold, so that a reader can refuse more.
const (
	maxPageSpans = 1 << 16
	// maxPageSlots is the attributes, events and links of a page together. A span with more
	// has a page of its own, in which each takes a byte at least.
	maxPageSlots = 1 << 18
	// maxPageWeight is the text of a page, unless it is one span.
	maxPageWeight = 4 << 20
)

// Write makes dir a part of the traces, which must come in order of tenant, start of the
// trace's first span, and trace id; an error in the sequence ends it. When Write returns
// without error every file and dir itself are synced, the parent of dir is not. On an
// error the folder is left as it is, for the caller to remove.
//
// Memory: one row group, and 16 bytes for each trace.
func Write(ctx context.Context, fs vfs.FS, dir string, opt Options, traces iter.Seq2[Trace, error]) (Meta, error) {
	if opt.GroupSpans <= 0 {
		opt.GroupSpans = 1 << 16
	}
	if opt.PageSpans <= 0 {
		opt.PageSpans = 2048
	}
	opt.PageSpans = min(opt.PageSpans, opt.GroupSpans, maxPageSpans)
	if opt.Level == 0 {
		opt.Level = 1
	}
	space, err := opt.Cache.workspaceOf(opt.Level)
	if err != nil {
		return Meta{}, fmt.Errorf("write part: %w", err)
	}
	if err := fs.MkdirAll(dir); err != nil {
		return Meta{}, fmt.Errorf("write part: %w", err)
	}
	f, err := fs.Create(path.Join(dir, fileName))
	if err != nil {
		return Meta{}, fmt.Errorf("write part: %w", err)
	}
	w := &writer{ctx: ctx, opt: opt, space: space, out: &fileWriter{
		f: f, zstd: space.zstd, plain: opt.plain,
		buf: space.buf, header: space.header, body: space.body, column: space.column, zipped: space.zipped,
	}}
	err = w.run(traces)
	opt.Cache.giveBack(space, w.out)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = fs.SyncDir(dir)
	}
	if err != nil {
		return Meta{}, fmt.Errorf("write part %s: %w", dir, err)
	}
	return w.foot.Meta, nil
}

// writer turns a sequence of traces into a file.
type writer struct {
	ctx   context.Context
	opt   Options
	space *workspace
	out   *fileWriter
	foot  footer

	group  *groupBuilder  // nil between tenants
	schema *schemaBuilder // of the groups of a tenant; nil when it was written
	// Of the page at hand.
	pageSlots, pageWeight int
	pages                 int // finished, in the whole part
	index                 []indexEntry

	last      Trace // tenant, id and first span of the trace before, to check the order
	lastStart int64
}

func (w *writer) run(traces iter.Seq2[Trace, error]) error {
	w.out.write(fileHeader())
	for t, err := range traces {
		if err != nil {
			return err
		}
		if err := w.ctx.Err(); err != nil {
			return err
		}
		if err := w.trace(t); err != nil {
			return err
		}
		if w.foot.Traces%64 == 0 {
			runtime.Gosched()
		}
	}
	if err := w.closeTenant(); err != nil {
		return err
	}
	return w.finish()
}

func (w *writer) trace(t Trace) error {
	if err := w.checkOrder(t); err != nil {
		return err
	}
	if w.schema != nil && w.schema.tenant != t.Tenant {
		if err := w.closeTenant(); err != nil {
			return err
		}
	}
	slots, weight := weigh(t.Spans)
	fits := len(t.Spans) <= w.opt.PageSpans && slots <= maxPageSlots && weight <= maxPageWeight
	if !fits || !w.roomFor(len(t.Spans), slots, weight) {
		if err := w.closePage(); err != nil {
			return err
		}
	}
	entry := indexEntry{hash: indexHash(t.Tenant, t.ID), page: uint32(w.pages), pages: 1}
	if fits {
		w.add(t, t.Spans, slots, weight, false, false)
	} else {
		n, err := w.split(t)
		if err != nil {
			return err
		}
		entry.pages = uint32(n)
	}
	w.index = append(w.index, entry)
	tn := &w.foot.Tenants[len(w.foot.Tenants)-1]
	tn.Traces++
	tn.Spans += int64(len(t.Spans))
	w.foot.Traces++
	w.foot.Spans += int64(len(t.Spans))
	return nil
}

// checkOrder finds traces out of order, which would be lost to those who look for them.
func (w *writer) checkOrder(t Trace) error {
	if len(t.Spans) == 0 {
		return fmt.Errorf("trace %s has no spans", t.ID)
	}
	start := t.Spans[0].Span().Start
	for _, r := range t.Spans[1:] {
		start = min(start, r.Span().Start)
	}
	first := len(w.foot.Tenants) == 0
	order := cmp.Or(strings.Compare(w.last.Tenant, t.Tenant), cmp.Compare(w.lastStart, start), bytes.Compare(w.last.ID[:], t.ID[:]))
	if !first && order >= 0 {
		return fmt.Errorf("trace %s of tenant %q comes behind trace %s of tenant %q", t.ID, t.Tenant, w.last.ID, w.last.Tenant)
	}
	if first || w.last.Tenant != t.Tenant {
		w.foot.Tenants = append(w.foot.Tenants, TenantMeta{Tenant: t.Tenant})
	}
	w.last, w.lastStart = Trace{Tenant: t.Tenant, ID: t.ID}, start
	return nil
}

// weigh is the attributes, events and links and the bytes of text, about, of some spans.
func weigh(spans []Ref) (slots, weight int) {
	for _, r := range spans {
		b, s := r.Batch, r.Span()
		slots += spanSlots(b, s)
		weight += 64 + len(s.StatusMessage) + len(s.TraceState) + len(s.Unknown)
		weight += attrWeight(b.AttrsOf(s.Attrs))
		for _, e := range b.EventsOf(s) {
			weight += 16 + len(e.Unknown) + attrWeight(b.AttrsOf(e.Attrs))
		}
		for _, l := range b.LinksOf(s) {
			weight += 32 + len(l.TraceState) + len(l.Unknown) + attrWeight(b.AttrsOf(l.Attrs))
		}
	}
	return slots, weight
}

// spanSlots is the attributes, events and links of a span.
func spanSlots(b *span.Batch, s *span.Span) int {
	n := s.Attrs.Len() + s.Events.Len() + s.Links.Len()
	for _, e := range b.EventsOf(s) {
		n += e.Attrs.Len()
	}
	for _, l := range b.LinksOf(s) {
		n += l.Attrs.Len()
	}
	return n
}

func attrWeight(attrs []span.Attr) int {
	n := 4 * len(attrs)
	for i := range attrs {
		n += len(attrs[i].Value.Str)
	}
	return n
}

// roomFor reports whether the page at hand has room for more.
func (w *writer) roomFor(spans, slots, weight int) bool {
	return w.group == nil ||
		w.group.page.Spans+spans <= w.opt.PageSpans && w.pageSlots+slots <= maxPageSlots &&
			w.pageWeight+weight <= maxPageWeight && w.group.rows+spans <= w.opt.GroupSpans
}

// split gives a large trace pages of its own and returns how many.
func (w *writer) split(t Trace) (pages int, err error) {
	for at := 0; at < len(t.Spans); pages++ {
		n, slots, weight := 0, 0, 0
		for at+n < len(t.Spans) && n < w.opt.PageSpans {
			s, v := weigh(t.Spans[at+n : at+n+1])
			if n > 0 && (slots+s > maxPageSlots || weight+v > maxPageWeight) {
				break
			}
			n, slots, weight = n+1, slots+s, weight+v
		}
		w.add(t, t.Spans[at:at+n], slots, weight, at > 0, at+n < len(t.Spans))
		at += n
		if err := w.closePage(); err != nil {
			return 0, err
		}
	}
	return pages, nil
}

// add puts spans of one trace into the page at hand.
func (w *writer) add(t Trace, spans []Ref, slots, weight int, continued, continues bool) {
	if w.group == nil {
		if w.schema == nil {
			w.schema = newSchemaBuilder(t.Tenant, w.opt.Vary)
		}
		w.group = newGroupBuilder(w.schema)
		w.space.lend(w.group.col)
	}
	g := w.group
	g.add(t.ID, spans, continued, continues)
	g.weight += weight
	w.pageSlots += slots
	w.pageWeight += weight
}

func (w *writer) closePage() error {
	g := w.group
	if g == nil || g.page.Spans == 0 {
		return nil
	}
	g.closePage()
	w.pages++
	w.pageSlots, w.pageWeight = 0, 0
	if g.full(w.opt.GroupSpans - w.opt.PageSpans + 1) {
		return w.closeGroup()
	}
	return nil
}

func (w *writer) closeGroup() error {
	g := w.group
	if g == nil {
		return nil
	}
	if g.page.Spans > 0 {
		if err := w.closePage(); err != nil || w.group == nil {
			return err
		}
	}
	w.group = nil
	m, err := g.writeGroup(w.ctx, w.out)
	m.schema = len(w.foot.schemas)
	w.space.takeBack(g.col)
	w.schema.closeGroup()
	if err != nil {
		return err
	}
	if len(w.foot.groups) == 0 || m.stats.MinStart < w.foot.MinStart {
		w.foot.MinStart = m.stats.MinStart
	}
	if len(w.foot.groups) == 0 || m.stats.MaxStart > w.foot.MaxStart {
		w.foot.MaxStart = m.stats.MaxStart
	}
	w.foot.groups = append(w.foot.groups, m)
	if w.schema.full() {
		return w.closeSchema()
	}
	return nil
}

func (w *writer) closeTenant() error {
	if err := w.closeGroup(); err != nil {
		return err
	}
	return w.closeSchema()
}

// closeSchema writes what the last groups have in common.
func (w *writer) closeSchema() error {
	s := w.schema
	if s == nil {
		return nil
	}
	w.schema = nil
	b, err := s.append(nil)
	if err != nil {
		return err
	}
	var refs schemaRefs
	refs[0] = w.out.block(b, true)
	if s.groups > copiedFrom { // a damaged block costs as many groups at most
		refs[1] = w.out.block(b, true)
	}
	w.foot.schemas = append(w.foot.schemas, refs)
	return w.out.err
}

// finish writes what follows the groups.
func (w *writer) finish() error {
	f := &w.foot
	f.Version = Version
	f.MinArrival, f.MaxArrival, f.Positions = w.opt.MinArrival, w.opt.MaxArrival, w.opt.Positions
	f.digests = w.out.block(appendDigests(nil, w.opt.Digests), false)
	f.index = writeIndex(w.out, w.index)
	w.out.write(trailer(w.out.block(f.append(nil), true)))
	w.out.flush()
	f.Bytes = w.out.off
	return w.out.err
}
