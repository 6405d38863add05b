package arena

// mapped is n zero bytes of the collector's heap, which it does not look into.
func mapped(n int) []byte { return make([]byte, n) }

// guard cannot make memory of the heap unreadable; it spoils it.
func guard(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}

func unmap([]byte) {}
