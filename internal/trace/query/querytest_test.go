package query_test

import (
	"testing"
	"time"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/query/querytest"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
)

// TestQueriesOnStore runs the language's files against the embedded store: with the spans
// in its head, and in parts.
func TestQueriesOnStore(t *testing.T) {
	for _, flushed := range []bool{false, true} {
		querytest.Run(t, func(t *testing.T, spans *span.Batch) store.Reader {
			s, err := colstore.Open(colstore.Config{FS: vfs.NewMem(), Dir: "store"})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
			if err := s.Apply(t.Context(), store.Record{Tenant: "default", Arrival: time.Now(), Batch: spans, Bytes: 100}); err != nil {
				t.Fatal(err)
			}
			if flushed {
				if err := s.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return s
		}, nil)
	}
}
