package colstore

import (
	"runtime"

	"github.com/weft-dev/weft/internal/trace/store/colstore/part"
)

// warm reads the outlines of all groups and the tables of the newest, as far as half of the
// cache holds them, so that the first searches after a start, or after merges, need not. It is
// background work: it reads what nobody asked for, and what does not read is told to who asks.
func (s *Store) warm() {
	v := s.acquire()
	defer s.release(v)
	s.warmGroups(v, (*part.Group).WarmOutline)
	s.warmGroups(v, (*part.Group).Warm)
}

func (s *Store) warmGroups(v *view, warm func(*part.Group)) {
	for i := len(v.parts) - 1; i >= 0; i-- {
		groups := v.parts[i].Groups()
		for k := len(groups) - 1; k >= 0; k-- {
			select {
			case <-s.stop:
				return
			default:
			}
			if s.cache.HalfFull() {
				return
			}
			warm(groups[k])
			runtime.Gosched()
		}
	}
}
