package arena

import (
	"strings"
	"testing"
	"unsafe"
)

func TestPieces(t *testing.T) {
	type pair struct {
		text string
		n    int
	}
	p := NewPool(4 * ChunkBytes)
	a := p.New()
	var texts []string
	var lists [][]pair
	for i := range 3000 { // of odd sizes, some larger than a chunk
		size := i * 7 % 400
		if i%1000 == 999 {
			size = ChunkBytes + 5*i
		}
		texts = append(texts, a.Text(strings.Repeat(string(rune('a'+i%26)), size)))
		l := Slice[pair](a, i%13)
		for k := range l {
			if l[k] != (pair{}) {
				t.Fatalf("list %d: element %d is not zero", i, k)
			}
			l[k] = pair{texts[i], i + k}
		}
		lists = append(lists, l)
	}
	if outside := "outside"; a.Owns(outside) || a.Owns(outside[:0]) || !a.Owns("") {
		t.Error("what lies elsewhere is said to lie in the arena, or nothing not to")
	}
	for i, text := range texts {
		if !a.Owns(text) {
			t.Fatalf("text %d lies elsewhere", i)
		}
		if want := strings.Repeat(string(rune('a'+i%26)), len(text)); text != want {
			t.Fatalf("text %d has changed", i)
		}
		for k, e := range lists[i] {
			if e.n != i+k || unsafe.StringData(e.text) != unsafe.StringData(text) {
				t.Fatalf("list %d: element %d has changed", i, k)
			}
			if uintptr(unsafe.Pointer(&lists[i][k]))%align != 0 {
				t.Fatalf("list %d: element %d is not aligned", i, k)
			}
		}
	}
	if a.Text("") != "" || Slice[pair](a, 0) != nil {
		t.Error("nothing takes memory")
	}
}

func TestPool(t *testing.T) {
	p := NewPool(3 * ChunkBytes)
	f := func(wantLent, wantKept int) {
		t.Helper()
		if lent, kept := p.Bytes(); lent != wantLent*ChunkBytes || kept != wantKept*ChunkBytes {
			t.Errorf("lent %d, kept %d; want %d, %d chunks", lent, kept, wantLent, wantKept)
		}
	}
	a, b := p.New(), p.New()
	a.Text(strings.Repeat("a", ChunkBytes-1))
	b.Text("b")
	f(2, 0)
	Slice[uint64](b, ChunkBytes/4) // two chunks in one
	f(4, 0)
	a.Release()
	f(3, 1)
	if a.Used() != 0 {
		t.Errorf("a released arena has handed out %d bytes", a.Used())
	}
	for i, n := range Slice[uint64](a, 1000) {
		if n != 0 {
			t.Fatalf("number %d of memory used before is %#x", i, n)
		}
	}
	f(4, 0)
	a.Release()
	b.Release()
	f(0, 2) // the chunk of two would be more than the pool keeps
	p.Trim()
	f(0, 0)
}
