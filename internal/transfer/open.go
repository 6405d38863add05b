package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxItem bounds one line or message of an input, decompressed.
const maxItem = 1 << 30

// input is an opened file: decompressed on the fly, with the compressed position for the
// progress bar.
type input struct {
	*bufio.Reader
	counted *counter
	size    int64 // compressed bytes, 0 if not known
	closers []func() error
}

type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// open opens a file, or standard input for "-".
func open(name string) (*input, error) {
	in := &input{}
	var file io.Reader = os.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		in.closers = append(in.closers, f.Close)
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			in.size = info.Size()
		}
		file = f
	}
	in.counted = &counter{Reader: file}
	raw := bufio.NewReaderSize(in.counted, 1<<20)
	magic, err := raw.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, in.close())
	}
	var plain io.Reader = raw
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open %s as gzip: %w", name, err), in.close())
		}
		in.closers = append(in.closers, z.Close)
		plain = z
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(raw)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open %s as zstd: %w", name, err), in.close())
		}
		in.closers = append(in.closers, func() error { z.Close(); return nil })
		plain = z
	}
	in.Reader = bufio.NewReaderSize(plain, 1<<20)
	return in, nil
}

func (in *input) close() error {
	var errs []error
	for i := len(in.closers) - 1; i >= 0; i-- {
		errs = append(errs, in.closers[i]())
	}
	return errors.Join(errs...)
}
