// Package pack keeps spans in memory in a quarter of what a span.Batch takes, for the head
// of a store: the larger a head, the fewer times a span is written.
//
// A row is 32 bytes of ids and start, then what differs from other spans of its form: the
// end, the parent, the values of the attributes. A form is what spans say alike: scope, name,
// kind, status, flags, the keys of attributes and the kinds of their values. A text that came
// before is a number. What is rare (events, links, trace state, ...) follows, if the form has it.
//
// Rows are found by number and read one by one or all together, into a span.Batch that is
// used again (Reader). Nothing is lost: a span that is read equals the one that was packed.
//
// Rows and texts lie in an arena (see package arena): what is read must not be used after it
// is released, unless its texts were copied.
package pack
