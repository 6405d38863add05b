package part

import (
	"sync"

	"github.com/weft-dev/weft/internal/trace/span"
)

type ownKey struct {
	own owner
	key string
}

// slotsByKey is a schema's slots by the key of their attribute. They are put in order when they
// are first asked for: most schemas are read for a trace.
type slotsByKey struct {
	once sync.Once
	list map[string][]uint32
}

func (s *schema) slotsOf(key string) []uint32 {
	s.byKey.once.Do(func() {
		s.byKey.list = make(map[string][]uint32, len(s.keys))
		for id := range s.slots {
			k := s.slots[id].Key
			s.byKey.list[k] = append(s.byKey.list[k], uint32(id))
		}
	})
	return s.byKey.list[key]
}

// usedSlots is which slots the spans of a group, or their events or links, have: of each a bit
// for each owner.
func (t *tables) usedSlots() []uint8 {
	t.usedOnce.Do(func() {
		t.used = make([]uint8, len(t.slots))
		for i := range t.shapes {
			if t.shapeCount[i] == 0 {
				continue
			}
			s := &t.shapes[i]
			for _, id := range s.slots {
				t.used[id] |= 1 << s.own
			}
		}
	})
	return t.used
}

// anyConstant reports whether one of the attributes whose values are stored with shapes satisfies holds.
func (t *tables) anyConstant(k ownKey, holds func(span.Value) bool) bool {
	used := t.usedSlots()
	for _, id := range t.slotsOf(k.key) {
		if used[id]&(1<<k.own) != 0 && t.slots[id].col == 0 && holds(t.slots[id].Value) {
			return true
		}
	}
	return false
}

// anyName reports whether one of the names that are stored with shapes satisfies holds.
func (t *tables) anyName(own owner, holds func(span.Value) bool) bool {
	for i := range t.shapes {
		s := &t.shapes[i]
		if t.shapeCount[i] > 0 && s.own == own && s.mask&hasName == 0 && holds(span.String(s.name)) {
			return true
		}
	}
	return false
}

// eachConstant yields the attributes whose values are stored with shapes, once for each owner.
func (t *tables) eachConstant(yield func(owner, *span.Attr)) {
	for id, owners := range t.usedSlots() {
		for own := range numOwners {
			if owners&(1<<own) != 0 && t.slots[id].col == 0 {
				yield(own, &t.slots[id].Attr)
			}
		}
	}
}
