package ingest

import (
	"time"

	"github.com/weft-dev/weft/internal/trace/ingest/log"
)

// trimmer lets the log forget what the store holds, in a goroutine of its own: after
// requests, and now and then for a store that writes while none arrive.
type trimmer struct {
	wake chan struct{}
	done chan struct{}
	err  error // of the last trim; read after done is closed
}

// trimEvery bounds how long an idle log stays long.
const trimEvery = 10 * time.Second

func (t *trimmer) start(p *Pipeline) {
	t.wake, t.done = make(chan struct{}, 1), make(chan struct{})
	go t.run(p)
}

// poke asks for a look at the store's position.
func (t *trimmer) poke() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

func (t *trimmer) run(p *Pipeline) {
	defer close(t.done)
	var trimmed log.Position
	for timer := p.cfg.Clock.After(trimEvery); ; {
		select {
		case <-p.life.Done():
			return
		case <-timer:
			timer = p.cfg.Clock.After(trimEvery)
		case <-t.wake:
		}
		to := p.cfg.Store.Applied()
		if to == trimmed {
			continue
		}
		if t.err = p.cfg.Log.Trim(to); t.err != nil {
			p.cfg.Logger.Error("ingest log is not trimmed", "to", to, "err", t.err)
			continue
		}
		trimmed = to
	}
}

// stop waits for the end, after the pipeline's life has ended.
func (t *trimmer) stop() error {
	<-t.done
	return t.err
}
