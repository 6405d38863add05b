// Package query is the query language: TraceQL's selectors, and the shorthand of the
// search box, over any trace store.
//
//	text → lex → parse (types checked, positions known) → Plan → Engine.Search → store.Reader
//
// Parse reads TraceQL:
//
//	{ resource.service.name = "payment" && (status = error || duration > 1.5s) } | order by duration
//
// ParseBox reads the same without braces, joined by spaces, with bare words as values:
//
//	service=payment status=error customer=37
//
// Both give a Query, whose String is canonical TraceQL: Parse(q.String()) is q. && binds
// tighter than ||. Attribute names end at a space or one of {}()=~!<>&|^, and quotes; others
// are quoted: span."a b". Every error of the text is a *SyntaxError with a position and,
// where one helps, a hint.
//
// Complete says what may stand at a position of an unfinished text; Engine joins that with
// the names in the store, runs queries within limits per query and per tenant, and makes
// page tokens. The package keeps no data and touches no disk; an Engine is safe for
// concurrent use.
package query
