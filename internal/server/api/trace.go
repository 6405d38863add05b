package api

import (
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

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
		return nil, err // it names the trace
	}
	return b, nil
}

// answerTrace reads a trace and answers what f makes of it. The place at the gate is
// given back before a slow client is waited for.
func (s *server) answerTrace(w http.ResponseWriter, r *http.Request, id TraceID, f func(*span.Batch) ([]byte, error)) {
	body, err := s.encodeTrace(r, id, f)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	_, _ = w.Write(body) // the client is gone; there is nobody to tell
}

func (s *server) encodeTrace(r *http.Request, id TraceID, f func(*span.Batch) ([]byte, error)) ([]byte, error) {
	if err := s.traces.enter(r.Context()); err != nil {
		return nil, err
	}
	defer s.traces.leave()
	b, err := s.readTrace(r, id)
	if err != nil {
		return nil, err
	}
	return f(b)
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
	s.answerTrace(w, r, id, func(b *span.Batch) ([]byte, error) {
		w.Header().Add("Vary", "Accept")
		var body []byte
		name, contentType := b.Spans[0].TraceID.String(), "application/json"
		switch form {
		case GetTraceParamsFormatProtobuf:
			name, contentType = name+".otlp.pb", "application/x-protobuf"
			body = otlp.AppendTracesData(nil, b)
		case GetTraceParamsFormatJaeger:
			name += ".jaeger.json"
			body = jaegerjson.AppendTraces(nil, b)
		default:
			name += ".otlp.json"
			body = otlp.AppendJSON(nil, b)
		}
		w.Header().Set("Content-Type", contentType)
		if p.Download {
			w.Header().Set("Content-Disposition", `attachment; filename="trace-`+name+`"`)
		}
		return body, nil
	})
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
	s.answerTrace(w, r, id, func(b *span.Batch) ([]byte, error) {
		w.Header().Set("Content-Type", layout.ContentType)
		return layout.Append(nil, tree.Build(b), o)
	})
}

// GetCard answers what a support person needs.
func (s *server) GetCard(w http.ResponseWriter, r *http.Request, id TraceID) {
	s.answerTrace(w, r, id, func(b *span.Batch) ([]byte, error) {
		card := newCard(tree.Build(b))
		since, note, err := s.Keeps.Kept(r.Context(), s.tenant(r), b.Spans[0].TraceID)
		switch {
		case err == nil:
			card.Kept = Kept{SinceUnixNano: nano(since.UnixNano()), Note: note}
		case !errors.Is(err, store.ErrNotFound):
			return nil, fmt.Errorf("card of trace %s: %w", id, err)
		}
		return marshal(w, card)
	})
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

// maxNote is the longest note in characters.
const maxNote = 1000

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
	if utf8.RuneCountInString(body.Note) > maxNote {
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
