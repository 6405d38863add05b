package span

import "unsafe"

// MapTexts replaces each text of the batch by what f says, nested values as their encoding.
// The batch must be the caller's alone. An empty one, of which f is not asked, points nowhere
// after it: a slice of a buffer still holds the buffer when it is empty.
func (b *Batch) MapTexts(f func(string) string) {
	all := func(texts ...*string) {
		for _, s := range texts {
			if *s == "" { // as most are
				*s = ""
			} else {
				*s = f(*s)
			}
		}
	}
	for i := range b.Resources {
		r := &b.Resources[i]
		all(&r.SchemaURL, &r.Unknown, &r.GroupUnknown)
	}
	for i := range b.Scopes {
		s := &b.Scopes[i]
		all(&s.Name, &s.Version, &s.SchemaURL, &s.Unknown, &s.GroupUnknown)
	}
	for i := range b.Spans {
		s := &b.Spans[i]
		all(&s.Name, &s.TraceState, &s.StatusMessage, &s.Unknown, &s.StatusUnknown)
	}
	for i := range b.Attrs {
		a := &b.Attrs[i]
		all(&a.Key, &a.Value.Str)
	}
	for i := range b.Events {
		e := &b.Events[i]
		all(&e.Name, &e.Unknown)
	}
	for i := range b.Links {
		l := &b.Links[i]
		all(&l.TraceState, &l.Unknown)
	}
	for i, text := range b.AttrUnknown { // none is empty
		b.AttrUnknown[i] = f(text)
	}
}

// CopyTexts makes the texts of the batch its own, so that it outlives the buffer it was
// decoded from. The batch must be the caller's alone.
func (b *Batch) CopyTexts() {
	var room []byte
	b.MapTexts(func(s string) string {
		if len(s) > cap(room)-len(room) {
			room = make([]byte, 0, max(textRoom, len(s)))
		}
		at := len(room)
		room = append(room, s...)
		return unsafe.String(unsafe.SliceData(room[at:]), len(s))
	})
}

// textRoom is what copied texts are put into, many at once.
const textRoom = 16 << 10
