package part

// bitWriter appends numbers of any width, the lowest bit first.
type bitWriter struct {
	b    []byte
	acc  uint64
	used uint // bits of acc
}

// put appends the lowest n bits of v; the others must be 0.
func (w *bitWriter) put(v uint64, n uint) {
	if n > 32 {
		w.put(v&(1<<32-1), 32)
		v, n = v>>32, n-32
	}
	w.acc |= v << w.used
	w.used += n
	for w.used >= 8 {
		w.b = append(w.b, byte(w.acc))
		w.acc >>= 8
		w.used -= 8
	}
}

// finish fills up the last byte.
func (w *bitWriter) finish() {
	if w.used > 0 {
		w.b = append(w.b, byte(w.acc))
		w.acc, w.used = 0, 0
	}
}

// bitReader is the inverse of bitWriter. Behind the end it turns bad.
type bitReader struct {
	b   []byte
	at  int
	acc uint64
	has uint // bits of acc
	bad bool
}

func (r *bitReader) get(n uint) uint64 {
	if n > 32 {
		low := r.get(32)
		return low | r.get(n-32)<<32
	}
	for r.has < n {
		if r.at >= len(r.b) {
			r.bad = true
			return 0
		}
		r.acc |= uint64(r.b[r.at]) << r.has
		r.at++
		r.has += 8
	}
	v := r.acc & (1<<n - 1)
	r.acc >>= n
	r.has -= n
	return v
}

// end makes the reader bad unless all bytes were taken.
func (r *bitReader) end() {
	if r.at < len(r.b) || r.acc != 0 {
		r.bad = true
	}
}

// skip moves over n bits.
func (r *bitReader) skip(n uint) {
	if n <= r.has {
		r.acc >>= n
		r.has -= n
		return
	}
	n -= r.has
	r.acc, r.has = 0, 0
	if whole := int(n / 8); whole <= len(r.b)-r.at {
		r.at += whole
		r.get(n % 8)
		return
	}
	r.bad = true
}
