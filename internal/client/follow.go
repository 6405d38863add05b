package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The names of events the client adds to those of the server.
const (
	// Opened: the server has begun to follow.
	Opened = "opened"
	// Broken: the stream ended and is being opened again; the data is why.
	Broken = "broken"
	// Resumed: the stream is open again, behind the last event.
	Resumed = "resumed"
)

const (
	// firstWait and longestWait bound the time between attempts to open a stream again.
	firstWait, longestWait = 250 * time.Millisecond, 10 * time.Second
	// silence after which a stream counts as broken: four of the server's heartbeats.
	silence = time.Minute
	// remembered rows are not repeated after a break: a minute at the server's full rate,
	// which is how far a resume looks back.
	remembered = 12_000
)

var (
	errEnded  = errors.New("the server ended the stream")
	errSilent = errors.New("the server has been silent for a minute")
)

// Event is one server-sent event, or one of the client's own.
type Event struct{ ID, Name, Data string }

// Follow yields the server-sent events of a path until ctx is done. A stream that breaks
// is opened again behind its last event, and rows that came before are left out. What the
// server refuses, also then, is an error and the end; so is a server that does not answer
// at first.
func (c *Client) Follow(ctx context.Context, path string, query url.Values) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := follower{client: c, path: path, query: query, yield: yield, seen: map[row]bool{}}
		err := f.follow(ctx)
		wait := firstWait
		for err != nil && !f.stopped && ctx.Err() == nil {
			pause, ok := f.again(err, wait)
			if !ok {
				yield(Event{}, err)
				return
			}
			if !f.broken {
				f.broken = true
				if !yield(Event{Name: Broken, Data: err.Error()}, nil) {
					return
				}
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			began := time.Now()
			err = f.follow(ctx)
			wait = min(2*wait, longestWait)
			if time.Since(began) > wait { // it was well for a while
				wait = firstWait
			}
		}
	}
}

// follower is one Follow. Its fields belong to the goroutine that ranges.
type follower struct {
	client *Client
	path   string
	query  url.Values
	yield  func(Event, error) bool

	last    string // id of the last event
	opened  bool   // once
	broken  bool   // and not open again yet
	resumed bool   // once: rows may repeat
	stopped bool   // the caller has enough

	seen  map[row]bool
	order []row // the rows of seen, a ring once it is full
	next  int   // the oldest in order
}

// again says whether and when an attempt after err makes sense.
func (f *follower) again(err error, wait time.Duration) (time.Duration, bool) {
	if !f.opened {
		return 0, false
	}
	pause := wait/2 + rand.N(wait) // many clients lose a server at once
	var api *APIError
	if errors.As(err, &api) {
		switch api.Status {
		case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return max(pause, api.RetryAfter), true
		}
		return 0, false
	}
	return pause, true
}

// follow reads one stream to its end.
func (f *follower) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := http.Header{"Accept": {"text/event-stream"}}
	if f.last != "" {
		header.Set("Last-Event-ID", f.last)
	}
	quiet := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer quiet.Stop()
	resp, err := f.client.Do(ctx, http.MethodGet, f.path, f.query, nil, header)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	defer resp.Body.Close()
	name := Opened
	if f.broken {
		name = Resumed
		f.resumed = true
	}
	f.opened, f.broken = true, false
	if !f.give(Event{Name: name}) {
		return nil
	}
	e := Event{ID: f.last}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		quiet.Reset(silence)
		line := lines.Text()
		if line == "" {
			f.last = e.ID // also without data
			if e.Name == "error" {
				return problem(e.Data)
			}
			if e.Data != "" && !f.repeated(e) && !f.give(e) {
				return nil
			}
			e = Event{ID: e.ID}
			continue
		}
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch field {
		case "id":
			e.ID = value
		case "event":
			e.Name = value
		case "data":
			if e.Data != "" {
				e.Data += "\n"
			}
			e.Data += value
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return errEnded
}

func (f *follower) give(e Event) bool {
	f.stopped = !f.yield(e, nil)
	return !f.stopped
}

// problem is the error that a stream ends with.
func problem(data string) error {
	api := &APIError{}
	if json.Unmarshal([]byte(data), api) != nil {
		api.Detail = data
	}
	return api
}

// row is what makes a row of the tail new to a reader: a trace that has grown is.
type row struct {
	Trace    string `json:"trace_id"`
	Span     string `json:"span_id"`
	Name     string `json:"name"`
	Start    string `json:"start_unix_nano"`
	Duration string `json:"duration_ns"`
	Status   string `json:"status"`
	Ended    bool   `json:"ended"`
	Spans    int    `json:"spans"`
	Errors   int    `json:"errors"`
}

// repeated says whether a row was given before a break, and remembers it.
func (f *follower) repeated(e Event) bool {
	var r row
	if json.Unmarshal([]byte(e.Data), &r) != nil || r.Trace == "" {
		return false
	}
	if f.seen[r] {
		return f.resumed
	}
	f.seen[r] = true
	if len(f.order) < remembered {
		f.order = append(f.order, r)
		return false
	}
	delete(f.seen, f.order[f.next])
	f.order[f.next] = r
	f.next = (f.next + 1) % remembered
	return false
}
