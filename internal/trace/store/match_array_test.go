package store

import "testing"

// FuzzElements shows that no encoding, however broken, stops or breaks the walk.
func FuzzElements(f *testing.F) {
	f.Add("\x0a\x02\x18\x01\x0a\x05\x0a\x03two")
	f.Add("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")
	f.Add("\x12\x00\x0d1234")
	f.Fuzz(func(t *testing.T, enc string) {
		for rest := enc; rest != ""; {
			before := len(rest)
			v, left, ok := nextElement(rest)
			if len(left) >= before {
				t.Fatalf("the walk over %q stands still at %q", enc, rest)
			}
			if ok && len(v.Str) > before {
				t.Fatalf("element %q is longer than its array %q", v.Str, enc)
			}
			rest = left
		}
	})
}
