package colstore

// hashIndex finds numbers by hashes of keys, which its owner holds and compares. It is a table
// of eight bytes a slot and without pointers, a third to two thirds full; numbers whose slot
// is taken go into the next that is free.
type hashIndex struct {
	slots []uint64 // the low half of the hash, the number plus one; zero is free
	used  int
}

func newHashIndex() hashIndex { return hashIndex{slots: make([]uint64, 64)} }

// clear empties the index and keeps its memory.
func (x *hashIndex) clear() {
	clear(x.slots)
	x.used = 0
}

// first is where numbers with the hash begin.
func (x *hashIndex) first(hash uint64) int { return int(uint32(hash)) & (len(x.slots) - 1) }

// next is the first number from slot at on that may have the hash, and where to go on behind
// it; if there is none, the free slot at which one is to be put.
func (x *hashIndex) next(hash uint64, at int) (n int32, behind int, ok bool) {
	for mask := len(x.slots) - 1; ; at++ {
		switch s := x.slots[at&mask]; {
		case s == 0:
			return 0, at & mask, false
		case uint32(s>>32) == uint32(hash):
			return int32(uint32(s) - 1), at + 1, true
		}
	}
}

// put puts a number into a free slot that next returned. Slots are others afterwards.
func (x *hashIndex) put(at int, hash uint64, n int32) {
	x.slots[at] = hash<<32 | uint64(uint32(n)+1)
	if x.used++; x.used*3 < len(x.slots)*2 {
		return
	}
	old := x.slots
	x.slots = make([]uint64, 2*len(old))
	for _, s := range old {
		if s != 0 {
			x.slots[x.free(s>>32)] = s
		}
	}
}

// free is the slot at which a number with the hash is to be put, whatever others have it.
func (x *hashIndex) free(hash uint64) int {
	mask := len(x.slots) - 1
	at := x.first(hash)
	for x.slots[at] != 0 {
		at = (at + 1) & mask
	}
	return at
}
