package api

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/server/api/stack"
	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/span"
)

const (
	cardFacts   = 24  // inputs, outputs shown
	cardText    = 500 // characters of a value
	cardFrames  = 12
	cardRelated = 16
)

// newCard says what a support person needs to know about a trace that has at least one
// span.
func newCard(t *tree.Tree) Card {
	c := cardMaker{t: t, b: t.Batch}
	c.root = c.rootRow()
	card := Card{
		TraceId:        c.b.Spans[0].TraceID.String(),
		Root:           c.ref(c.root),
		StartUnixNano:  nano(t.Start),
		DurationNs:     nano(t.End - t.Start),
		Spans:          len(c.b.Spans),
		MissingParents: t.Missing,
		Services:       c.services(),
		Caller:         c.caller(),
		Related:        c.related(),
	}
	failed := tree.None
	for _, s := range card.Services {
		card.Errors += s.Errors
	}
	if card.Errors > 0 {
		failed = failure(t)
		card.Failure = c.failure(failed, card.Errors)
	}
	card.Inputs = c.facts(failed, inputKeys)
	card.Outputs = c.facts(failed, outputKeys)
	card.Text = cardPlain(&card)
	return card
}

type cardMaker struct {
	t    *tree.Tree
	b    *span.Batch
	root int32
}

// rootRow is the span without parent that starts first, else the earliest span, as in
// store.Summary.
func (c *cardMaker) rootRow() int32 {
	best, parentless := tree.None, false
	for r, row := range c.t.Rows {
		s := c.t.SpanOf(int32(r))
		if s == nil {
			continue
		}
		none := s.Parent.IsZero()
		if best == tree.None || none && !parentless || none == parentless && row.Start < c.t.Rows[best].Start {
			best, parentless = int32(r), none
		}
	}
	return best
}

func (c *cardMaker) ref(r int32) SpanRef {
	row := c.t.Rows[r]
	ref := SpanRef{SpanId: row.SpanID.String()}
	if s := c.t.SpanOf(r); s != nil {
		ref.Service, ref.Name = text(c.b.Service(s)), text(s.Name)
	}
	return ref
}

func (c *cardMaker) services() []CardService {
	out := []CardService{}
	at := map[string]int{}
	seen := map[[2]string]bool{}
	for r := range c.t.Rows {
		s := c.t.SpanOf(int32(r))
		if s == nil {
			continue
		}
		name := text(c.b.Service(s))
		i, ok := at[name]
		if !ok {
			i = len(out)
			at[name] = i
			out = append(out, CardService{Name: name, Versions: []string{}})
		}
		out[i].Spans++
		if s.Status == span.StatusError {
			out[i].Errors++
		}
		if v, ok := c.b.Get(c.b.ResourceOf(s).Attrs, "service.version"); ok {
			version := valueText(v)
			if key := [2]string{name, version}; version != "" && !seen[key] {
				seen[key] = true
				out[i].Versions = append(out[i].Versions, version)
			}
		}
	}
	return out
}

// failure finds the row to blame: see Failure in openapi.yaml. The trace has a failed
// span.
func failure(t *tree.Tree) int32 {
	bad := func(r int32) bool {
		s := t.SpanOf(r)
		return s != nil && s.Status == span.StatusError
	}
	depth := int32(-1)
	var top []int32
	for r, row := range t.Rows {
		if !bad(int32(r)) {
			continue
		}
		if depth == -1 || row.Depth < depth {
			depth, top = row.Depth, top[:0]
		}
		if row.Depth == depth {
			top = append(top, int32(r))
		}
	}
	at := decisive(t, top)
	for {
		var kids []int32
		for k := range t.Children(at) {
			if bad(k) {
				kids = append(kids, k)
			}
		}
		if len(kids) == 0 {
			return at
		}
		at = decisive(t, kids)
	}
}

// decisive is, of failed siblings, the one that ended last, or the one that ended first of
// those that overlap it.
func decisive(t *tree.Tree, rows []int32) int32 {
	byEnd := func(x, y int32) int { return cmp.Compare(t.Rows[x].End, t.Rows[y].End) }
	last := slices.MaxFunc(rows, byEnd)
	beside := slices.DeleteFunc(slices.Clone(rows), func(r int32) bool {
		return r != last && t.Rows[r].End <= t.Rows[last].Start
	})
	return slices.MinFunc(beside, byEnd)
}

func (c *cardMaker) failure(r int32, failed int) Failure {
	row := c.t.Rows[r]
	f := Failure{
		Span: c.ref(r), Path: []SpanRef{}, Frames: []Frame{},
		OffsetNs: nano(row.Start - c.t.Start), DurationNs: nano(row.End - row.Start),
		Others: failed,
	}
	path := c.t.Path(r)
	var exc Exception
	var found bool
	for _, p := range path {
		f.Path = append(f.Path, c.ref(p))
		s := c.t.SpanOf(p)
		if s == nil || s.Status != span.StatusError {
			continue
		}
		f.Others--
		// What the span itself says is best; its failed callers may say it instead.
		if e, ok := exceptionOf(c.b, s); ok {
			exc, found = e, true
		}
	}
	s := c.t.SpanOf(r)
	if found {
		f.Type, f.Message = exc.Type, exc.Message
		frames := stack.Parse(exc.Stacktrace)
		f.FramesTotal = len(frames)
		f.Frames = apiFrames(stack.Top(frames, cardFrames))
	}
	if f.Type == "" {
		f.Type = c.first(s, "error.type")
	}
	f.Message = cmp.Or(f.Message, text(s.StatusMessage), c.first(s, "error.message", "grpc.error_message"))
	if f.Message == "" {
		f.Message = c.httpStatus(s)
		if strings.HasPrefix(f.Message, f.Type+" ") {
			f.Type = "" // error.type is the status code, which the message begins with
		}
	}
	f.Message = cutText(f.Message, cardText)
	f.Attempt, f.Attempts = c.attempts(r)
	return f
}

// httpStatus is the status of an HTTP answer in words, as in 402 Payment Required.
func (c *cardMaker) httpStatus(s *span.Span) string {
	code := c.first(s, "http.response.status_code", "http.status_code")
	n, err := strconv.Atoi(code)
	if words := http.StatusText(n); err == nil && words != "" {
		return code + " " + words
	}
	return ""
}

// attempts counts the siblings of the same service and name that ran one after the other.
func (c *cardMaker) attempts(r int32) (n, of int) {
	parent := c.t.Rows[r].Parent
	if parent == tree.None {
		return 1, 1
	}
	self := c.ref(r)
	end := c.t.Rows[parent].Start - 1
	for k := range c.t.Children(parent) {
		s := c.t.SpanOf(k)
		if s == nil || s.Name != self.Name || c.b.Service(s) != self.Service {
			continue
		}
		if c.t.Rows[k].Start < end {
			return 1, 1 // side by side: no retries
		}
		end = c.t.Rows[k].End
		of++
		if k == r {
			n = of
		}
	}
	if n == 0 {
		return 1, 1 // bytes that are not UTF-8 made the names differ
	}
	return n, of
}

// first is the text of the first of the keys that s has.
func (c *cardMaker) first(s *span.Span, keys ...string) string {
	for _, k := range keys {
		if v, ok := c.b.Get(s.Attrs, k); ok {
			if t := valueText(v); t != "" {
				return cutText(t, cardText)
			}
		}
	}
	return ""
}

// facts are the attributes of the root and of the failed span whose key fits.
func (c *cardMaker) facts(failed int32, fits func(string) bool) []CardFact {
	out := []CardFact{}
	seen := map[[2]string]bool{}
	rows := []int32{c.root}
	if failed != tree.None && failed != c.root {
		rows = append(rows, failed)
	}
	for _, r := range rows {
		s := c.t.SpanOf(r)
		for _, a := range c.b.AttrsOf(s.Attrs) {
			if len(out) == cardFacts {
				return out
			}
			if !fits(a.Key) {
				continue
			}
			v := valueText(a.Value)
			if k := [2]string{a.Key, v}; v != "" && !seen[k] {
				seen[k] = true
				out = append(out, CardFact{Key: text(a.Key), Value: cutText(v, cardText), SpanId: s.SpanID.String()})
			}
		}
	}
	return out
}

// caller reads what the root says about who called it. The address is the caller's only
// where the root is the called side.
func (c *cardMaker) caller() Caller {
	s := c.t.SpanOf(c.root)
	out := Caller{
		Service:   c.first(s, "caller.service"),
		Version:   c.first(s, "caller.version", "client.version"),
		UserAgent: c.first(s, "user_agent.original", "http.user_agent"),
	}
	if s.Kind == span.KindServer {
		out.Address = c.first(s, "client.address", "http.client_ip", "network.peer.address", "net.sock.peer.addr", "net.peer.ip")
	}
	return out
}

func apiFrames(frames []stack.Frame) []Frame {
	out := make([]Frame, 0, len(frames))
	for _, f := range frames {
		out = append(out, Frame{
			Text: cutText(text(f.Text), cardText), Function: text(f.Function), File: text(f.File), Line: f.Line, Yours: f.Yours,
		})
	}
	return out
}

// exceptionOf is the span's last exception event, else its own exception attributes.
func exceptionOf(b *span.Batch, s *span.Span) (Exception, bool) {
	for _, e := range slices.Backward(b.EventsOf(s)) {
		if e.Name == "exception" {
			return exceptionIn(b, e.Attrs)
		}
	}
	return exceptionIn(b, s.Attrs)
}

func exceptionIn(b *span.Batch, r span.Range) (e Exception, ok bool) {
	for _, a := range b.AttrsOf(r) {
		switch a.Key {
		case "exception.type":
			e.Type = valueText(a.Value)
		case "exception.message":
			e.Message = valueText(a.Value)
		case "exception.stacktrace":
			e.Stacktrace = valueText(a.Value)
		case "exception.escaped":
			e.Escaped = valueText(a.Value) == "true"
			continue
		default:
			continue
		}
		ok = true
	}
	return e, ok
}

// text is s with U+FFFD for bytes that are not UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
