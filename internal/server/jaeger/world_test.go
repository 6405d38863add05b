package jaeger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"iter"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/api/spantext"
	"github.com/weft-dev/weft/internal/server/jaeger"
	"github.com/weft-dev/weft/internal/trace/ingest"
	"github.com/weft-dev/weft/internal/trace/ingest/log/file"
	"github.com/weft-dev/weft/internal/trace/ingest/otlpgrpc"
	"github.com/weft-dev/weft/internal/trace/query"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
	"github.com/weft-dev/weft/internal/trace/store/colstore"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// searches is the real engine in the words of the API.
type searches struct{ *query.Engine }

func (q searches) Search(ctx context.Context, sq store.Query) iter.Seq2[store.Summary, error] {
	return q.Run(ctx, sq)
}

// world is the faces over the real log, pipeline, store and engine, on real listeners.
type world struct {
	*testing.T
	pipeline *ingest.Pipeline
	keeps    *marks
	scopes   []api.AccessScope
	url      string
	conn     *grpc.ClientConn
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, keeps: &marks{notes: map[string]string{}}, scopes: []api.AccessScope{"admin"}}
	fs := vfs.NewMem()
	log, err := file.Open(file.Config{FS: fs, Dir: "/log"})
	if err != nil {
		t.Fatal(err)
	}
	st, err := colstore.Open(colstore.Config{FS: fs, Dir: "/store"})
	if err != nil {
		t.Fatal(err)
	}
	if w.pipeline, err = ingest.New(ingest.Config{Log: log, Store: st}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.pipeline.Replay(t.Context()); err != nil {
		t.Fatal(err)
	}
	engine, err := query.New(query.Config{Reader: st})
	if err != nil {
		t.Fatal(err)
	}
	cfg := jaeger.Config{
		Reader: st, Queries: searches{engine}, Keeps: w.keeps, Access: w, Clock: fixedClock{},
		Tenant: func(ctx context.Context) (string, error) {
			md, _ := metadata.FromIncomingContext(ctx)
			switch as := md.Get("test-tenant"); {
			case len(as) == 0:
				return "default", nil
			case as[0] == "nobody":
				return "", api.ErrUnauthorized
			default:
				return as[0], nil
			}
		},
	}
	web := httptest.NewServer(jaeger.New(cfg))
	receiver := otlpgrpc.New(w.pipeline)
	srv := grpc.NewServer(receiver.Options()...)
	receiver.Register(srv)
	jaeger.RegisterGRPC(srv, cfg)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = srv.Serve(l) })
	if w.conn, err = grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	w.url = web.URL + jaeger.BasePath
	t.Cleanup(func() {
		_ = w.conn.Close()
		srv.Stop()
		serving.Wait()
		web.Close()
		if err := w.pipeline.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// send stores hand-written traces through the pipeline.
func (w *world) send(tenant, text string) { w.sendBatch(tenant, spantext.Parse(text)) }

func (w *world) sendBatch(tenant string, b *span.Batch) {
	w.Helper()
	if _, err := w.pipeline.Submit(w.Context(), ingest.Request{Tenant: tenant, Body: otlp.AppendRequest(nil, b)}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) get(path string) (int, []byte) { return w.do(http.MethodGet, path, "") }

func (w *world) do(method, path, body string) (int, []byte) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); got != "application/json" {
		w.Errorf("%s: Content-Type %q", path, got)
	}
	return resp.StatusCode, out
}

func (w *world) golden(name string, body []byte) {
	w.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, body, "", "  "); err != nil {
		w.Fatalf("%s: %v: %s", name, err, body)
	}
	got.WriteByte('\n')
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			w.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimSpace(got.Bytes()), bytes.TrimSpace(want)) {
		w.Errorf("%s: got\n%s\nwant\n%s", name, got.Bytes(), want)
	}
}

// Identify makes the world the API's access; only this method is used here.
func (w *world) Identify(context.Context) api.Identity {
	return api.Identity{Tenant: "default", Scopes: w.scopes}
}

func (w *world) SignIn(http.ResponseWriter, *http.Request, string) (api.Identity, error) {
	return api.Identity{}, api.ErrForbidden
}
func (w *world) SignOut(http.ResponseWriter, *http.Request) error    { return api.ErrForbidden }
func (w *world) Tokens(context.Context, string) ([]api.Token, error) { return nil, api.ErrForbidden }
func (w *world) DeleteToken(context.Context, string, string) error   { return api.ErrForbidden }
func (w *world) CreateToken(context.Context, api.NewToken, time.Time) (api.CreatedToken, error) {
	return api.CreatedToken{}, api.ErrForbidden
}

func (w *world) Audit(context.Context, string, int64, int) ([]api.AuditEntry, int64, error) {
	return nil, 0, api.ErrForbidden
}

// marks are kept traces.
type marks struct {
	mu    sync.Mutex
	notes map[string]string
}

func (m *marks) Keep(_ context.Context, tenant string, id span.TraceID, note string) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notes[tenant+"/"+id.String()] = note
	return time.Time{}, nil
}
func (m *marks) Release(context.Context, string, span.TraceID) error { return nil }
func (m *marks) Kept(context.Context, string, span.TraceID) (time.Time, string, error) {
	return time.Time{}, "", store.ErrNotFound
}

// fixedClock is ten seconds after the traces of spantext.
type fixedClock struct{}

func (fixedClock) Now() time.Time                       { return spantext.Epoch.Add(10 * time.Second) }
func (fixedClock) After(time.Duration) <-chan time.Time { return nil }
