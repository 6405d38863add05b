package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/weft-dev/weft/internal/client"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
)

// ExportResult is what an export wrote.
type ExportResult struct {
	Traces, Spans int64
	Partial       string // why the search was cut, "" if it was not
}

// Export writes every trace of a search, whole. query has the parameters of
// /api/v1/search; format is "otlp" (JSON lines) or "parquet".
func Export(ctx context.Context, c *client.Client, query url.Values, format string, out io.Writer, progress func(ExportResult)) (ExportResult, error) {
	var res ExportResult
	var w writer
	switch format {
	case "otlp":
		w = &lineWriter{w: bufio.NewWriterSize(out, 1<<20)}
	case "parquet":
		w = newParquetWriter(out)
	default:
		return res, fmt.Errorf("export: unknown format %q: use %s", format, strings.Join(Formats(), " or "))
	}
	query.Set("limit", "200")
	for {
		var ids []span.TraceID
		end, err := c.Search(ctx, query, func(row client.TraceRow) error {
			id, err := span.ParseTraceID(row.TraceID)
			ids = append(ids, id)
			return err
		})
		if err != nil {
			return res, err
		}
		if err := exportPage(ctx, c, ids, w, &res); err != nil {
			return res, err
		}
		if progress != nil {
			progress(res)
		}
		res.Partial = end.Partial
		if end.NextPage == "" {
			return res, w.close()
		}
		query.Set("page", end.NextPage)
	}
}

// exportPage reads the traces side by side and writes them in order.
func exportPage(ctx context.Context, c *client.Client, ids []span.TraceID, w writer, res *ExportResult) error {
	batches := make([]*span.Batch, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(inFlight)
	for i, id := range ids {
		g.Go(func() error {
			b, err := c.Trace(ctx, id)
			var api *client.APIError
			if errors.As(err, &api) && api.Status == http.StatusNotFound {
				return nil // retention or a delete was faster
			}
			batches[i] = b
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, b := range batches {
		if b == nil {
			continue
		}
		if err := w.write(b); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		res.Traces++
		res.Spans += int64(len(b.Spans))
	}
	return nil
}

// writer is an output format.
type writer interface {
	write(*span.Batch) error
	close() error
}

// lineWriter writes OTLP JSON, one trace a line.
type lineWriter struct {
	w   *bufio.Writer
	buf []byte
}

func (l *lineWriter) write(b *span.Batch) error {
	l.buf = append(otlp.AppendJSON(l.buf[:0], b), '\n')
	_, err := l.w.Write(l.buf)
	return err
}

func (l *lineWriter) close() error { return l.w.Flush() }

// Formats is what Export writes.
func Formats() []string { return []string{"otlp", "parquet"} }

// FormatOf guesses a format by a file's name.
func FormatOf(name string) string {
	if strings.HasSuffix(name, ".parquet") {
		return "parquet"
	}
	return "otlp"
}
