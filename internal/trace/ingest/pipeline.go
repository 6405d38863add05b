package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-dev/weft/internal/base/clock"
	"github.com/weft-dev/weft/internal/trace/ingest/log"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/span/otlp"
	"github.com/weft-dev/weft/internal/trace/store"
)

// Config is what a Pipeline works with.
type Config struct {
	// Log makes requests durable. It stays the caller's, who closes it after the Pipeline.
	Log log.Log
	// Store makes them visible. It stays the caller's.
	Store store.Writer
	// Limits bound what requests may cost.
	Limits Limits
	// Clock is the source of arrival times. Default: the machine's.
	Clock clock.Clock
	// Logger hears of what an operator has to know. Default: slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() (Config, error) {
	if c.Clock == nil {
		c.Clock = clock.Real{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	var err error
	c.Limits, err = c.Limits.withDefaults()
	if c.Log == nil || c.Store == nil {
		err = errors.Join(err, errors.New("log or store is missing"))
	}
	return c, err
}

// Pipeline takes requests in. Replay makes it ready; until then requests are refused.
type Pipeline struct {
	cfg      Config
	memory   memory
	meters   meters
	decoders chan struct{} // a token for each decoder at work
	seen     *window
	counters counters
	refused  refusedList
	buffers  buffers
	trim     trimmer

	ready     atomic.Bool
	storeDown atomic.Bool // the store refuses what the log has
	logDown   atomic.Bool // the log takes nothing until it is opened again

	mu     sync.Mutex
	closed bool
	under  sync.WaitGroup // requests under way; added to under mu while not closed

	// life ends when Close stops waiting for the requests under way.
	life context.Context
	end  context.CancelFunc
}

// New makes a pipeline. Call Replay next, and Close in the end.
func New(cfg Config) (*Pipeline, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("make ingest pipeline: %w", err)
	}
	p := &Pipeline{
		cfg:      cfg,
		memory:   memory{limit: cfg.Limits.InFlightBytes, tenants: map[string]int64{}},
		meters:   meters{rate: cfg.Limits.Rate, clock: cfg.Clock},
		decoders: make(chan struct{}, cfg.Limits.Decoders),
		seen:     newWindow(),
	}
	p.life, p.end = context.WithCancel(context.Background())
	p.trim.start(p)
	return p, nil
}

// Request is what a receiver got from a sender.
type Request struct {
	Tenant string
	// Body is an ExportTraceServiceRequest, decompressed. It is given away: nobody may
	// write to it again.
	Body []byte
	Lent bool // Body is in a buffer of Pipeline.Buffer, which goes back
	JSON bool // Body is OTLP/JSON, else protobuf
	// Memory is what the receiver reserved for Body; Submit takes it over, also when it
	// fails. Nil: Submit reserves by itself.
	Memory *Reservation
}

// Result is what became of a request that was taken.
type Result struct {
	Spans     int      // stored
	Rejected  int      // left out
	Reasons   []string // the first few different reasons why
	Duplicate bool     // it had been taken before; the other fields are empty
}

// Limits is the limits with their defaults.
func (p *Pipeline) Limits() Limits { return p.cfg.Limits }

// Reserve starts the memory of one request of a tenant. The caller gives it to Submit, or
// releases it.
func (p *Pipeline) Reserve(tenant string) *Reservation {
	return &Reservation{m: &p.memory, tenant: tenant}
}

// Admit is nil while the tenant may send, else the *Refusal of its next request. Receivers
// ask before they read a body; Submit asks by itself.
func (p *Pipeline) Admit(tenant string) error { return p.meters.check(tenant) }

// Buffer is b in a buffer for the body of a request, with room for n bytes at least. b, if
// it is in such a buffer, must not be used any more. The memory is the caller's to reserve.
func (p *Pipeline) Buffer(b []byte, n int64) []byte {
	out := append(p.buffers.body(n), b...)
	p.buffers.giveBody(b)
	return out
}

// Submit takes a request: it returns when the spans are durable and visible. Its errors
// are *Refusal.
func (p *Pipeline) Submit(ctx context.Context, req Request) (Result, error) {
	mem := req.Memory
	if mem == nil {
		mem = p.Reserve(req.Tenant)
		if err := mem.Grow(int64(len(req.Body))); err != nil {
			return Result{}, err
		}
	}
	if err := p.enter(); err != nil {
		mem.Release()
		return Result{}, err
	}
	digest := digestOf(req.Tenant, req.Body)
	for {
		f, mine, accepted := p.seen.begin(digest, p.cfg.Clock.Now())
		if accepted {
			mem.Release()
			p.under.Done()
			return p.duplicate(req.Tenant), nil
		}
		if mine {
			go p.fly(f, digest, req, mem)
			return p.wait(ctx, f)
		}
		// The first of its kind is under way. If it fails, this one goes by itself.
		_, err := p.wait(ctx, f)
		if err == nil {
			mem.Release()
			p.under.Done()
			return p.duplicate(req.Tenant), nil
		}
		select {
		case <-f.done:
		default: // we gave up, it did not
			mem.Release()
			p.under.Done()
			return Result{}, err
		}
	}
}

// enter counts a request as under way, or says why none is taken.
func (p *Pipeline) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.unhealthy(); err != nil {
		return err
	}
	p.under.Add(1)
	return nil
}

// Health is nil while requests are taken, else the *Refusal that each would get.
func (p *Pipeline) Health() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unhealthy()
}

func (p *Pipeline) unhealthy() error {
	switch {
	case p.closed:
		return &Refusal{Reason: Closing, Detail: "the server is stopping", Retry: retryFull}
	case !p.ready.Load():
		return &Refusal{Reason: Starting, Detail: "the server is starting", Retry: retryMemory}
	case p.logDown.Load():
		return logBroken(nil)
	case p.storeDown.Load():
		return storeDown()
	}
	return nil
}

func logBroken(cause error) *Refusal {
	return &Refusal{
		Reason: LogBroken, Detail: "the ingest log failed to write", Err: cause,
		Hint: "check the disk and restart the server", Retry: retryBroken,
	}
}

func storeDown() *Refusal {
	return &Refusal{Reason: StoreDown, Detail: "the store takes no spans now", Hint: "see the server's log", Retry: retryBroken}
}

func (p *Pipeline) duplicate(tenant string) Result {
	p.counters.update(tenant, func(s *TenantStats) { s.DuplicateRequests++ })
	return Result{Duplicate: true}
}

// wait is the end of a flight, or why its sender should not wait for it any more.
func (p *Pipeline) wait(ctx context.Context, f *flight) (Result, error) {
	select {
	case <-f.done:
		return f.result, f.err
	default:
	}
	select {
	case <-f.done:
		return f.result, f.err
	case <-f.stuck:
		return Result{}, storeDown()
	case <-ctx.Done():
		return Result{}, &Refusal{Reason: Gone, Detail: "the sender did not wait for the answer", Retry: retryMemory, Err: ctx.Err()}
	case <-p.cfg.Clock.After(p.cfg.Limits.Patience):
		return Result{}, &Refusal{
			Reason: StoreBusy, Detail: fmt.Sprintf("not stored after %v; it goes on and may be sent again", p.cfg.Limits.Patience),
			Hint: "the disk or the store is slow", Retry: retryFull,
		}
	}
}

// fly carries a request to its end, whether or not its sender still waits.
func (p *Pipeline) fly(f *flight, digest log.Digest, req Request, mem *Reservation) {
	defer p.under.Done()
	defer mem.Release()
	arrival := p.cfg.Clock.Now()
	res, err := p.process(f, log.Record{Tenant: req.Tenant, Arrival: arrival, Digest: digest}, req, mem)
	if err == nil && req.Lent { // an error may quote it
		p.buffers.giveBody(req.Body)
	}
	p.seen.end(digest, f, arrival, res, err)
}

func (p *Pipeline) process(f *flight, rec log.Record, req Request, mem *Reservation) (Result, error) {
	if err := p.meters.check(req.Tenant); err != nil {
		return Result{}, err
	}
	batch := p.buffers.batch()
	defer p.buffers.giveBatch(batch)
	payload, rej, err := p.admit(batch, req, mem)
	if err != nil {
		return Result{}, err
	}
	p.meters.use(req.Tenant, len(batch.Spans), len(req.Body))
	if len(batch.Spans) > 0 {
		rec.Payload = payload
		if rec.Pos, err = p.cfg.Log.Append(p.life, rec); err != nil {
			p.trim.poke()
			return Result{}, p.appendRefusal(err)
		}
		if err := p.apply(f, rec, batch); err != nil {
			return Result{}, err
		}
		p.trim.poke()
	}
	p.counters.update(req.Tenant, func(s *TenantStats) {
		s.AcceptedSpans += int64(len(batch.Spans))
		s.AcceptedBytes += int64(len(req.Body))
		s.AcceptedRequests++
		s.dropped(rej)
	})
	return Result{Spans: len(batch.Spans), Rejected: rej.Spans, Reasons: rej.Reasons}, nil
}

// admit decodes the request into batch, within limits. payload is what the log has to keep.
func (p *Pipeline) admit(batch *span.Batch, req Request, mem *Reservation) (payload []byte, rej otlp.Rejected, err error) {
	p.decoders <- struct{}{}
	defer func() { <-p.decoders }()
	payload = req.Body
	var early otlp.Rejected
	if req.JSON {
		if payload, early, err = otlp.TranscodeJSON(nil, req.Body, p.cfg.Limits.Spans); err == nil {
			err = mem.Grow(int64(cap(payload)))
		}
	}
	if err == nil {
		rej, err = otlp.DecodeInto(batch, payload, p.cfg.Limits.Spans)
	}
	if err == nil {
		err = mem.Grow(batchBytes(batch))
	}
	if err != nil {
		return nil, otlp.Rejected{}, decodeRefusal(err, req.JSON)
	}
	if rej.Altered() {
		payload = otlp.AppendRequest(nil, batch)
	}
	rej.Spans += early.Spans
	rej.Reasons = append(early.Reasons, rej.Reasons...)
	return payload, rej, nil
}

func decodeRefusal(err error, json bool) error {
	var refusal *Refusal
	var syntax *otlp.SyntaxError
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, otlp.ErrTooLarge):
		return &Refusal{Reason: TooLarge, Detail: err.Error(), Hint: "send smaller batches", Err: err}
	case errors.As(err, &syntax) && json:
		return &Refusal{
			Reason: BadJSON, Detail: syntax.Error(), Err: err,
			Hint: "the body is not the JSON of an OTLP trace request",
		}
	}
	return &Refusal{
		Reason: BadProtobuf, Detail: err.Error(), Err: err,
		Hint: "the body is not the protobuf of an OTLP trace request; if it is JSON, send Content-Type: application/json",
	}
}

func (p *Pipeline) appendRefusal(err error) error {
	switch {
	case errors.Is(err, log.ErrFull):
		return &Refusal{
			Reason: LogFull, Detail: "the ingest log or its disk is full", Err: err,
			Hint: "free disk space, or wait until the store has caught up", Retry: retryFull,
		}
	case errors.Is(err, log.ErrUncertain), errors.Is(err, log.ErrBroken):
		if !p.logDown.Swap(true) {
			p.cfg.Logger.Error("ingest log takes no more spans until restart", "err", err)
		}
		return logBroken(err)
	case errors.Is(err, context.Canceled):
		return &Refusal{Reason: Closing, Detail: "the server is stopping", Retry: retryFull, Err: err}
	}
	return &Refusal{Reason: TooLarge, Detail: "the request is too large for the ingest log", Hint: "send smaller batches", Err: err}
}

// apply makes a durable record visible. The store has to take it sooner or later, because
// it is in the log; until then the pipeline takes no other.
func (p *Pipeline) apply(f *flight, rec log.Record, batch *span.Batch) error {
	sr := store.Record{
		Pos: rec.Pos, Tenant: rec.Tenant, Arrival: rec.Arrival, Digest: rec.Digest,
		Batch: batch, Bytes: len(rec.Payload),
	}
	down := false
	for {
		err := p.cfg.Store.Apply(p.life, sr)
		if err == nil {
			if down {
				p.storeDown.Store(false)
				p.cfg.Logger.Info("store takes spans again", "position", rec.Pos)
			}
			return nil
		}
		if p.life.Err() != nil {
			return &Refusal{Reason: Closing, Detail: "the server is stopping", Retry: retryFull, Err: err}
		}
		if !down {
			down = true
			p.storeDown.Store(true)
			close(f.stuck)
			p.cfg.Logger.Error("store refuses spans that the log has; trying again", "position", rec.Pos, "err", err)
		}
		select {
		case <-p.cfg.Clock.After(applyAgain):
		case <-p.life.Done():
		}
	}
}

// applyAgain is the pause before the store is offered a record again.
const applyAgain = time.Second

// StoreApplied tells the pipeline that the store's position has advanced, so that the log
// is trimmed soon. Engines that call back when they have written a part are given it.
func (p *Pipeline) StoreApplied(log.Position) { p.trim.poke() }

// NoteRefused counts a refused request and puts it on the list for people. Receivers call
// it for every request they answer with an error; Time is filled in if it is zero.
func (p *Pipeline) NoteRefused(r Refused) {
	if r.Time.IsZero() {
		r.Time = p.cfg.Clock.Now()
	}
	p.counters.update(r.Tenant, func(s *TenantStats) { s.Refused[r.Reason]++ })
	p.refused.add(r)
}

// Refused is the requests refused lately for a tenant or for no tenant that is known,
// newest first, at most 100.
func (p *Pipeline) Refused(tenant string) []Refused { return p.refused.list(tenant) }

// Stats is what was taken and refused since the start, by tenant.
func (p *Pipeline) Stats() []TenantStats { return p.counters.snapshot() }

// InFlight is the bytes of requests in progress.
func (p *Pipeline) InFlight() int64 { return p.memory.used.Load() }

// Close refuses new requests and waits for those under way, until ctx is done. Requests
// that are then still in the log only are read back at the next start.
func (p *Pipeline) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	done := make(chan struct{})
	go func() {
		p.under.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = fmt.Errorf("close ingest pipeline: requests under way: %w", ctx.Err())
	}
	p.end()
	<-done
	return errors.Join(err, p.trim.stop())
}
