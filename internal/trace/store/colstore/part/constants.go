package part

import "github.com/weft-dev/weft/internal/trace/span"

// constants is what the shapes of a group say by themselves, each value once.
type constants struct {
	names  [numOwners][]string
	values map[ownKey][]span.Value
}

type ownKey struct {
	own owner
	key string
}

// constants gathers them when they are first asked for: most groups are read for a trace.
func (t *tables) constants() *constants {
	t.constOnce.Do(func() {
		t.consts = &constants{values: map[ownKey][]span.Value{}}
		type seen struct {
			ownKey
			v span.Value
		}
		have := map[seen]bool{}
		t.eachConstant(func(own owner, a *span.Attr) {
			k := ownKey{own, a.Key}
			if s := (seen{k, a.Value}); !have[s] {
				have[s] = true
				t.consts.values[k] = append(t.consts.values[k], a.Value)
			}
		})
		clear(have)
		for i := range t.shapes {
			s := &t.shapes[i]
			k := seen{ownKey: ownKey{s.own, s.name}}
			if t.shapeCount[i] > 0 && s.mask&hasName == 0 && !have[k] {
				have[k] = true
				t.consts.names[s.own] = append(t.consts.names[s.own], s.name)
			}
		}
	})
	return t.consts
}

// eachConstant yields the attributes whose values are stored with shapes, once for each owner.
func (t *tables) eachConstant(yield func(owner, *span.Attr)) {
	seen := make([][numOwners]bool, len(t.slots))
	for i := range t.shapes {
		s := &t.shapes[i]
		if t.shapeCount[i] == 0 {
			continue
		}
		for _, id := range s.slots {
			if !seen[id][s.own] && t.slots[id].col == 0 {
				seen[id][s.own] = true
				yield(s.own, &t.slots[id].Attr)
			}
		}
	}
}
