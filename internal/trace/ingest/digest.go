package ingest

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// digestOf names a request: 32 bits of its tenant, 96 of its bytes. The tenant has bits of
// its own so that no tenant can make a request that passes for another's.
func digestOf(tenant string, body []byte) log.Digest {
	var d log.Digest
	h := xxh3.Hash128(body)
	binary.LittleEndian.PutUint32(d[0:], uint32(xxh3.HashString(tenant)))
	binary.LittleEndian.PutUint32(d[4:], uint32(h.Hi))
	binary.LittleEndian.PutUint64(d[8:], h.Lo)
	return d
}

// dedupWindow is how long an accepted request is remembered.
const dedupWindow = 15 * time.Minute

// bucketSpan is the step in which old digests are forgotten.
const bucketSpan = 5 * time.Minute

// maxDigests bounds the memory of the window at about 100 MB. A copy that is not
// recognised here is stored, and its spans are recognised by the store.
const maxDigests = 2 << 20

// window remembers the digests of accepted requests, and the requests under way.
type window struct {
	mu       sync.Mutex
	accepted []bucket // newest last
	count    int
	under    map[log.Digest]*flight
}

// bucket holds arrivals in [start, start+bucketSpan), as seconds after start, rounded up.
type bucket struct {
	start time.Time
	at    map[log.Digest]uint16
}

// flight is a request under way.
type flight struct {
	done   chan struct{} // closed when it is over, after result and err are set
	stuck  chan struct{} // closed when the store refuses what the log has
	result Result
	err    error
}

func newWindow() *window { return &window{under: map[log.Digest]*flight{}} }

// begin looks a request up: accepted before, under way (then the flight of the first), or
// new (then a flight of its own, mine).
func (w *window) begin(d log.Digest, now time.Time) (f *flight, mine, accepted bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(now)
	for _, b := range w.accepted {
		if at, ok := b.at[d]; ok && now.Sub(b.start.Add(time.Duration(at)*time.Second)) < dedupWindow {
			return nil, false, true
		}
	}
	if f := w.under[d]; f != nil {
		return f, false, false
	}
	f = &flight{done: make(chan struct{}), stuck: make(chan struct{})}
	w.under[d] = f
	return f, true, false
}

// end ends a flight of begin.
func (w *window) end(d log.Digest, f *flight, arrival time.Time, res Result, err error) {
	f.result, f.err = res, err
	w.mu.Lock()
	delete(w.under, d)
	if err == nil {
		w.add(d, arrival)
	}
	w.mu.Unlock()
	close(f.done)
}

// remember adds a request accepted before the start.
func (w *window) remember(d log.Digest, arrival, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d != (log.Digest{}) && now.Sub(arrival) < dedupWindow {
		w.add(d, arrival)
	}
}

func (w *window) add(d log.Digest, arrival time.Time) {
	start := arrival.Truncate(bucketSpan)
	i := len(w.accepted)
	for i > 0 && w.accepted[i-1].start.After(start) {
		i--
	}
	if i == 0 || !w.accepted[i-1].start.Equal(start) {
		w.accepted = append(w.accepted, bucket{})
		copy(w.accepted[i+1:], w.accepted[i:])
		w.accepted[i] = bucket{start, map[log.Digest]uint16{}}
		i++
	}
	b := w.accepted[i-1]
	if _, ok := b.at[d]; !ok {
		w.count++
	}
	b.at[d] = uint16((arrival.Sub(start) + time.Second - 1) / time.Second)
}

func (w *window) forget(now time.Time) {
	for len(w.accepted) > 0 {
		b := w.accepted[0]
		if now.Sub(b.start.Add(bucketSpan)) < dedupWindow && w.count <= maxDigests {
			return
		}
		w.count -= len(b.at)
		w.accepted = w.accepted[1:]
	}
}
