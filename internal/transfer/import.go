package transfer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/weft-dev/weft/internal/client"
	"github.com/weft-dev/weft/internal/trace/ingest/jaegerjson"
	"github.com/weft-dev/weft/internal/trace/ingest/zipkinjson"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

const (
	batchSpans = 4000
	batchBytes = 4 << 20
	inFlight   = 4
)

// Progress of a transfer.
type Progress struct {
	Done, Total int64 // compressed bytes of the input; Total is 0 if not known
	Spans       int64
}

// ImportResult is what an import did.
type ImportResult struct {
	Spans    int64 // acknowledged in this run
	Rejected int64
	Reason   string // the first reason of a rejection
	Resumed  int64  // items skipped because an earlier run did them
	Saved    bool   // a next run goes on behind what is in
	// First and Last start of the imported spans, of earlier runs too, Unix nanoseconds;
	// First > Last if there were none.
	First, Last int64
	Format      string
}

// Import sends the spans of a file to the server. progress may be nil. Unless fresh is
// set, it goes on behind what an earlier run of the same file sent to the same server.
func Import(ctx context.Context, c *client.Client, name string, fresh bool, progress func(Progress)) (ImportResult, error) {
	res := ImportResult{First: math.MaxInt64, Last: math.MinInt64}
	in, err := open(name)
	if err != nil {
		return res, err
	}
	defer func() { _ = in.close() }()
	items, err := sniff(in)
	if err != nil {
		return res, fmt.Errorf("import %s: %w", name, err)
	}
	res.Format = items.format()
	pos := positionOf(c.Base(), name)
	skip := int64(0)
	if !fresh {
		before := pos.load()
		skip = before.Items
		if skip > 0 && before.First <= before.Last {
			res.First, res.Last = before.First, before.Last
		}
	}
	done := int64(0)
	for ended := error(nil); ended == nil; {
		var batches []*span.Batch
		for len(batches) < inFlight && ended == nil {
			var some []*span.Batch
			var n int64
			some, n, ended = collect(items, &skip, &res)
			done += n
			batches = append(batches, some...)
		}
		// What stands before a broken item is sent all the same.
		if err := sendAll(ctx, c, batches, &res); err != nil {
			return res, fmt.Errorf("import %s: %w", name, err)
		}
		if err := pos.save(positionFile{done, res.First, res.Last}); err != nil {
			return res, err
		}
		res.Saved = done > 0 && pos.file != ""
		if progress != nil {
			progress(Progress{in.counted.n, in.size, res.Spans})
		}
		if ended != nil && !errors.Is(ended, io.EOF) {
			return res, fmt.Errorf("import %s: %s: %w", name, items.place(done+1), ended)
		}
	}
	res.Saved = false
	return res, pos.clear()
}

// collect reads items until they make a batch, or several where one item is large. n is
// how many it read whole, skipped ones included; io.EOF comes with the last batch.
func collect(items items, skip *int64, res *ImportResult) (batches []*span.Batch, n int64, err error) {
	w, size := new(span.Builder), 0
	flush := func() {
		if w.Len() > 0 {
			batches = append(batches, w.Batch())
		}
		w, size = new(span.Builder), 0
	}
	defer flush()
	for w.Len() < batchSpans && size < batchBytes && len(batches) == 0 {
		raw, err := items.next()
		if err != nil {
			return batches, n, err
		}
		if *skip > 0 {
			*skip--
			n++
			res.Resumed++
			continue
		}
		one, rejected, err := items.decode(raw)
		if err != nil {
			return batches, n, err
		}
		n++
		res.Rejected += int64(rejected.Spans)
		if res.Reason == "" && len(rejected.Reasons) > 0 {
			res.Reason = rejected.Reasons[0]
		}
		for i := range one.Spans {
			if w.Len() >= batchSpans || size >= batchBytes {
				flush()
			}
			res.First, res.Last = min(res.First, one.Spans[i].Start), max(res.Last, one.Spans[i].Start)
			w.Append(one, i)
			size += len(raw) / len(one.Spans)
		}
	}
	return batches, n, nil
}

func sendAll(ctx context.Context, c *client.Client, batches []*span.Batch, res *ImportResult) error {
	type answer struct {
		rejected int64
		reason   string
	}
	answers := make([]answer, len(batches))
	g, ctx := errgroup.WithContext(ctx)
	for i, b := range batches {
		g.Go(func() error {
			var err error
			answers[i].rejected, answers[i].reason, err = c.Send(ctx, otlp.AppendRequest(nil, b))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, a := range answers {
		res.Spans += int64(len(batches[i].Spans)) - a.rejected
		res.Rejected += a.rejected
		if res.Reason == "" {
			res.Reason = a.reason
		}
	}
	return nil
}

// items are the units of an input that are decoded, and resumed, one by one.
type items interface {
	format() string
	next() ([]byte, error)
	decode([]byte) (*span.Batch, otlp.Rejected, error)
	// place says where the item is that next or decode had trouble with, the nth.
	place(n int64) string
}

// sniff tells the format by the first bytes.
func sniff(in *input) (items, error) {
	head, err := in.Peek(1 << 10)
	if len(head) == 0 && errors.Is(err, io.EOF) {
		return nil, errors.New("the input is empty")
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	text := bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, errors.New("the input is empty")
	}
	switch {
	case beginsJSON(text):
		if _, err := in.Discard(len(head) - len(text)); err != nil {
			return nil, err
		}
		lines := &lineCounter{Reader: in}
		return &jsonItems{d: json.NewDecoder(lines), lines: lines}, nil
	case head[0] == 0x0a: // field 1 of TracesData, length-delimited
		return &protoItems{in: in}, nil
	}
	return &delimitedItems{in: in}, nil
}

// beginsJSON tells JSON from protobuf, whose first bytes, a tag and lengths, may be a line
// end and brackets as well: it goes on with a name, which has no control characters.
func beginsJSON(text []byte) bool {
	open := false
	for i, c := range text {
		switch c {
		case ' ', '\n', '\r', '\t':
		case '{', '[':
			open = true
		case '"':
			return open && i+1 < len(text) && text[i+1] >= ' '
		case '}', ']':
			return open
		default:
			return false
		}
	}
	return false
}

// jsonItems are JSON values one after the other: OTLP lines, a Jaeger or a Zipkin file.
type jsonItems struct {
	d     *json.Decoder
	lines *lineCounter
	line  int64 // where the item that was asked for last is, or its fault
}

// lineCounter knows the lines of what was read through it.
type lineCounter struct {
	io.Reader
	first int64   // lines that were passed
	read  int64   // bytes
	ends  []int64 // where line ends are that were not passed yet
}

func (l *lineCounter) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	for i, c := range p[:n] {
		if c == '\n' {
			l.ends = append(l.ends, l.read+int64(i))
		}
	}
	l.read += int64(n)
	return n, err
}

// at is the line of a byte, the first is 1. Later calls ask for later bytes.
func (l *lineCounter) at(offset int64) int64 {
	passed := 0
	for passed < len(l.ends) && l.ends[passed] < offset {
		passed++
	}
	l.first += int64(passed)
	l.ends = l.ends[passed:]
	return l.first + 1
}

func (*jsonItems) format() string { return "JSON" }

func (j *jsonItems) next() ([]byte, error) {
	var raw json.RawMessage
	err := j.d.Decode(&raw)
	var broken *json.SyntaxError
	switch {
	case errors.As(err, &broken):
		j.line = j.lines.at(broken.Offset - 1)
		return nil, err
	case err != nil:
		j.line = j.lines.at(j.lines.read - 1)
		return nil, err
	}
	j.line = j.lines.at(j.d.InputOffset() - int64(len(raw)))
	return raw, nil
}

func (j *jsonItems) place(int64) string { return fmt.Sprintf("line %d", j.line) }

func (j *jsonItems) decode(raw []byte) (*span.Batch, otlp.Rejected, error) {
	if raw[0] == '[' {
		return zipkinjson.Decode(raw)
	}
	var keys struct {
		Data          json.RawMessage `json:"data"`
		ResourceSpans json.RawMessage `json:"resourceSpans"`
		Snake         json.RawMessage `json:"resource_spans"`
	}
	if err := json.Unmarshal(raw, &keys); err != nil {
		return nil, otlp.Rejected{}, err
	}
	switch {
	case keys.ResourceSpans != nil || keys.Snake != nil:
		return otlp.DecodeJSON(raw, otlp.Limits{})
	case keys.Data != nil:
		return jaegerjson.Decode(raw)
	}
	return nil, otlp.Rejected{}, errors.New(`not a known format: expected "resourceSpans" (OTLP), "data" (Jaeger) or an array of spans (Zipkin)`)
}

// protoItems is one TracesData message: the whole file, cut at its resources.
type protoItems struct{ in *input }

func (*protoItems) format() string { return "OTLP protobuf" }

func (p *protoItems) next() ([]byte, error) {
	tag, err := p.in.ReadByte()
	if err != nil {
		return nil, err
	}
	if tag != 0x0a {
		return nil, fmt.Errorf("not OTLP protobuf: unexpected field tag %#x", tag)
	}
	body, err := readSized(p.in)
	if err != nil {
		return nil, err
	}
	item := binary.AppendUvarint([]byte{0x0a}, uint64(len(body)))
	return append(item, body...), nil
}

func (*protoItems) place(n int64) string { return fmt.Sprintf("resource %d of the message", n) }

func (*protoItems) decode(raw []byte) (*span.Batch, otlp.Rejected, error) {
	return otlp.Decode(raw, otlp.Limits{})
}

// delimitedItems are OTLP requests with their length, a varint, before each.
type delimitedItems struct{ in *input }

func (*delimitedItems) format() string          { return "OTLP protobuf, length-delimited" }
func (*delimitedItems) place(n int64) string    { return fmt.Sprintf("message %d", n) }
func (d *delimitedItems) next() ([]byte, error) { return readSized(d.in) }
func (*delimitedItems) decode(raw []byte) (*span.Batch, otlp.Rejected, error) {
	return otlp.Decode(raw, otlp.Limits{})
}

func readSized(in *input) ([]byte, error) {
	n, err := binary.ReadUvarint(in)
	if err != nil {
		return nil, err
	}
	if n > maxItem {
		return nil, fmt.Errorf("a message of %d bytes is over the limit of %d; is this OTLP?", n, maxItem)
	}
	var body bytes.Buffer
	if _, err := io.CopyN(&body, in, int64(n)); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return body.Bytes(), nil
}

// position remembers how far an import got, in the user's cache folder.
type position struct{ file string }

// positionOf names the position of a file as it is now, for a server. Standard input has none.
func positionOf(server, name string) position {
	info, err := os.Stat(name)
	dir, derr := os.UserCacheDir()
	abs, aerr := filepath.Abs(name)
	if err != nil || derr != nil || aerr != nil || name == "-" {
		return position{}
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d\n%s", server, abs, info.Size(), info.ModTime().Format(time.RFC3339Nano)))
	return position{filepath.Join(dir, "weft", "import-"+hex.EncodeToString(sum[:8])+".json")}
}

type positionFile struct {
	Items int64 `json:"items_done"`
	First int64 `json:"first_unix_nano"`
	Last  int64 `json:"last_unix_nano"`
}

// load is the zero value where there is no position, or none that can be read: beginning
// again does no harm.
func (p position) load() positionFile {
	var f positionFile
	text, err := os.ReadFile(p.file)
	if p.file == "" || err != nil || json.Unmarshal(text, &f) != nil {
		return positionFile{}
	}
	return f
}

func (p position) save(f positionFile) error {
	if p.file == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(p.file), 0o700); err != nil {
		return err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(p.file+".new", p.file)
}

func (p position) clear() error {
	if p.file == "" {
		return nil
	}
	if err := os.Remove(p.file); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
