package part

// workspace is the memory of a writer that the next writer uses again: a compressor has 4 MB
// and more, and the columns of a group grow to some 10.
type workspace struct {
	level   int
	zstd    *compressor
	numbers [firstAttr][]uint64 // of the fixed columns
	bytes   [firstAttr][]byte

	buf, header, body, column, zipped []byte // of fileWriter
}

// workspaceOf lends a workspace; a nil cache makes a new one.
func (c *Cache) workspaceOf(level int) (*workspace, error) {
	if c != nil {
		if w, ok := c.spaces.Get().(*workspace); ok && w.level == level {
			return w, nil
		}
	}
	zstd, err := newCompressor(level)
	return &workspace{level: level, zstd: zstd}, err
}

// giveBack takes back what was lent, and what has grown of it.
func (c *Cache) giveBack(w *workspace, f *fileWriter) {
	if c == nil {
		return
	}
	w.buf, w.header, w.body, w.column, w.zipped = f.buf[:0], f.header[:0], f.body[:0], f.column[:0], f.zipped[:0]
	c.spaces.Put(w)
}

// lend gives the fixed columns the memory of an earlier group.
func (w *workspace) lend(col []columnBuild) {
	for i := range w.numbers {
		col[i].numbers, col[i].bytes = w.numbers[i][:0], w.bytes[i][:0]
	}
}

// takeBack takes it back; the columns must not be used any more.
func (w *workspace) takeBack(col []columnBuild) {
	for i := range w.numbers {
		w.numbers[i], w.bytes[i] = col[i].numbers, col[i].bytes
	}
}
