package api

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/weft-dev/weft/internal/server/api/layout"
	"github.com/weft-dev/weft/internal/server/api/tree"
	"github.com/weft-dev/weft/internal/trace/ingest/jaegerjson"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// readTrace loads the trace the path names.
func (s *server) readTrace(r *http.Request, text string) (*span.Batch, error) {
	id, err := traceID(text)
	if err != nil {
		return nil, err
	}
	b, err := s.Reader.Trace(r.Context(), s.tenant(r), id)
	if err != nil {
		return nil, fmt.Errorf("trace %s: %w", id, err)
	}
	return b, nil
}

// GetTrace answers a whole trace in one of three forms.
func (s *server) GetTrace(w http.ResponseWriter, r *http.Request, id TraceID, p GetTraceParams) {
	form := p.Format
	if form == "" {
		form = GetTraceParamsFormatJson
		if accepts(r, "application/x-protobuf") || accepts(r, "application/protobuf") {
			form = GetTraceParamsFormatProtobuf
		}
	}
	if !form.Valid() {
		s.fail(w, r, badRequest("format: want json, protobuf or jaeger", ""))
		return
	}
	b, err := s.readTrace(r, id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Add("Vary", "Accept")
	name := b.Spans[0].TraceID.String()
	var body []byte
	switch form {
	case GetTraceParamsFormatProtobuf:
		w.Header().Set("Content-Type", "application/x-protobuf")
		name += ".otlp.pb"
		body = otlp.AppendTracesData(nil, b)
	case GetTraceParamsFormatJaeger:
		w.Header().Set("Content-Type", "application/json")
		name += ".jaeger.json"
		body = jaegerjson.AppendTraces(nil, b)
	default:
		w.Header().Set("Content-Type", "application/json")
		name += ".otlp.json"
		body = otlp.AppendJSON(nil, b)
	}
	if p.Download {
		w.Header().Set("Content-Disposition", `attachment; filename="trace-`+name+`"`)
	}
	_, _ = w.Write(body) // the client is gone; there is nobody to tell
}

// GetLayout answers the columns of a trace.
func (s *server) GetLayout(w http.ResponseWriter, r *http.Request, id TraceID, p GetLayoutParams) {
	var o layout.Options
	if p.Root != "" {
		root, err := span.ParseSpanID(p.Root)
		if err != nil {
			s.fail(w, r, fmt.Errorf("root: %w", err))
			return
		}
		o.Root = root
	}
	b, err := s.readTrace(r, id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body, err := layout.Append(nil, tree.Build(b), o)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", layout.ContentType)
	_, _ = w.Write(body)
}

// GetCard answers what a support person needs.
func (s *server) GetCard(w http.ResponseWriter, r *http.Request, id TraceID) {
	b, err := s.readTrace(r, id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	card := newCard(tree.Build(b))
	since, note, err := s.Keeps.Kept(r.Context(), s.tenant(r), b.Spans[0].TraceID)
	switch {
	case err == nil:
		card.Kept = Kept{SinceUnixNano: nano(since.UnixNano()), Note: note}
	case !errors.Is(err, store.ErrNotFound):
		s.fail(w, r, fmt.Errorf("card of trace %s: %w", id, err))
		return
	}
	s.writeJSON(w, card)
}

// DeleteTrace deletes a trace. One that is not there is 404, so that a mistyped id does
// not look like success.
func (s *server) DeleteTrace(w http.ResponseWriter, r *http.Request, text TraceID, p DeleteTraceParams) {
	id, err := traceID(text)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	now := r.URL.Query().Has("now")
	switch p.Now {
	case "", "1", "true":
	case "0", "false":
		now = false
	default:
		s.fail(w, r, badRequest("now: want true or false", ""))
		return
	}
	if _, err := s.readTrace(r, text); err != nil {
		s.fail(w, r, err)
		return
	}
	tenant := s.tenant(r)
	if err := s.Keeper.Delete(r.Context(), tenant, id, now); err != nil {
		s.fail(w, r, fmt.Errorf("delete trace %s: %w", id, err))
		return
	}
	if err := s.Keeps.Release(r.Context(), tenant, id); err != nil {
		s.fail(w, r, fmt.Errorf("release deleted trace %s: %w", id, err))
		return
	}
	s.Log.InfoContext(r.Context(), "trace deleted", "trace_id", id.String(), "tenant", tenant, "now", now)
	w.WriteHeader(http.StatusNoContent)
}

// maxNote is the longest note in bytes; the API promises 1,000 characters.
const maxNote = 4000

// KeepTrace marks a trace as kept. It has to exist, or the mark would wait for nothing.
func (s *server) KeepTrace(w http.ResponseWriter, r *http.Request, text TraceID) {
	id, err := traceID(text)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var body KeepTraceJSONBody
	if r.ContentLength != 0 {
		if err := readJSON(r, &body); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	if len(body.Note) > maxNote {
		s.fail(w, r, badRequest("note: longer than 1,000 characters", ""))
		return
	}
	if _, err := s.readTrace(r, text); err != nil {
		s.fail(w, r, err)
		return
	}
	since, err := s.Keeps.Keep(r.Context(), s.tenant(r), id, body.Note)
	if err != nil {
		s.fail(w, r, fmt.Errorf("keep trace %s: %w", id, err))
		return
	}
	s.writeJSON(w, Kept{SinceUnixNano: nano(since.UnixNano()), Note: body.Note})
}

// ReleaseTrace lets a trace age again.
func (s *server) ReleaseTrace(w http.ResponseWriter, r *http.Request, text TraceID) {
	id, err := traceID(text)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if err := s.Keeps.Release(r.Context(), s.tenant(r), id); err != nil {
		s.fail(w, r, fmt.Errorf("release trace %s: %w", id, err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
