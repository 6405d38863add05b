package main

import (
	"os"
	"sync"
	"time"
)

// partWatch adds up what a server writes into a folder of files that never change once
// whole: it looks at the folder again and again and keeps the largest size of every file
// it has seen. A file that lives less than the interval may be missed.
type partWatch struct {
	dir  string
	stop chan struct{}
	once sync.Once // closes stop
	done sync.WaitGroup
	seen map[string]int64 // owned by the goroutine until done
	err  error            // as seen
}

const watchInterval = 200 * time.Millisecond

func watchParts(dir string) *partWatch {
	w := &partWatch{dir: dir, stop: make(chan struct{}), seen: map[string]int64{}}
	w.done.Go(func() {
		for w.err == nil {
			w.look()
			select {
			case <-w.stop:
				return
			case <-time.After(watchInterval):
			}
		}
	})
	return w
}

func (w *partWatch) look() {
	w.err = eachFile(w.dir, func(path string) error {
		info, err := os.Stat(path)
		if err == nil {
			w.seen[path] = max(w.seen[path], info.Size())
		}
		return err
	})
}

// end stops the watch and returns the bytes of all files there were and of those there are.
// It may be called again.
func (w *partWatch) end() (written, left int64, err error) {
	w.once.Do(func() { close(w.stop) })
	w.done.Wait()
	if w.err == nil {
		w.look()
	}
	if w.err != nil {
		return 0, 0, w.err
	}
	for _, n := range w.seen {
		written += n
	}
	left, err = folderBytes(w.dir)
	return written, left, err
}
