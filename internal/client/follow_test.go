package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/client"
)

// A stream that breaks, and a server that is still starting, cost no row and repeat none:
// the client comes back with the last id. What is refused then is an error at once.
func TestFollow(t *testing.T) {
	streams := []string{
		"id: 1\n: following\n\n",
		"id: 2\nevent: span\ndata: {\"trace_id\":\"a\",\"span_id\":\"1\"}\n\nid: 3\nevent: span\ndata: {\"trace_id\":\"a\",\"span_id\":\"2\"}\n\nid: 4\nevent: span\nda",
		"503",
		"event: span\ndata: {\"trace_id\":\"a\",\"span_id\":\"2\"}\n\nid: 5\nevent: span\ndata: {\"trace_id\":\"a\",\"span_id\":\"3\"}\n\nevent: lost\ndata: {\"spans\":1}\n\n",
		"401",
	}
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Header.Get("Last-Event-ID"))
		switch s := streams[len(asked)-1]; s {
		case "503":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "401":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			fmt.Fprint(w, s)
		}
	}))
	defer server.Close()
	var got []string
	var last error
	for e, err := range client.New(server.URL, "").Follow(t.Context(), "/", nil) {
		if err != nil {
			last = err
			continue
		}
		got = append(got, strings.TrimSpace(e.Name+" "+e.ID+" "+e.Data))
	}
	want := `opened
broken  the server ended the stream
resumed
span 2 {"trace_id":"a","span_id":"1"}
span 3 {"trace_id":"a","span_id":"2"}
broken  the server ended the stream
resumed
span 5 {"trace_id":"a","span_id":"3"}
lost 5 {"spans":1}
broken  the server ended the stream`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if ids := strings.Join(asked, " "); ids != " 1 3 3 5" {
		t.Errorf("asked from %q", ids)
	}
	var api *client.APIError
	if !errors.As(last, &api) || api.Status != http.StatusUnauthorized {
		t.Errorf("it ended with %v", last)
	}
}

// A server that was never there is an error at once, and so is one that refuses.
func TestFollowNobody(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	f := func(want any) {
		t.Helper()
		n := 0
		for _, err := range client.New(server.URL, "").Follow(t.Context(), "/", nil) {
			n++
			if !errors.As(err, want) {
				t.Errorf("error %v, want %T", err, want)
			}
		}
		if n != 1 {
			t.Errorf("%d events", n)
		}
	}
	f(new(*client.APIError))
	server.Close()
	f(new(*client.DialError))
}
