package store

import (
	"regexp"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Expr is a predicate or value over one span, as TraceQL's selectors have it. Trees are
// immutable. Package query makes them from text; engines push down what they can and
// leave the rest to Matcher, which defines what every node means:
//
//   - A field has zero or more values on a span: none if the attribute is missing, several
//     for a repeated key, an array (its scalar elements), or the events and links of a span.
//     Maps, arrays in arrays and empty values are there but compare with nothing.
//   - A comparison with =, <, <=, >, >=, =~ holds if some value satisfies it. != and !~ hold
//     if there is at least one value of the literal's type and none is equal or matches.
//     Where both sides have several values, every pair is looked at.
//   - Only values of one type compare; integers, doubles and durations are one type, number,
//     and compare exactly. Booleans and bytes know = and != only, =~ and !~ strings only.
//     NaN equals nothing.
//   - `= nil` holds if the attribute is missing, `!= nil` if it is there, with any value.
//   - And, Or and Not are two-valued: a comparison that does not hold is false, and its Not
//     is true. A field alone holds if some value is true.
//   - Arithmetic takes the numbers among its operands' values, each with each, at most
//     MaxArithValues results. A result is an integer where operands and result are; a
//     division by zero has no result.
//
// Compare, Arith and the like may be nested freely; what makes no sense (a string times a
// number) has no value. Package query refuses it with a position.
type Expr interface{ expr() }

// And, Or and Not combine predicates.
type (
	And struct{ X, Y Expr }
	Or  struct{ X, Y Expr }
	Not struct{ X Expr }
)

// Compare applies a comparison operator to two values.
type Compare struct {
	Op   CompareOp
	X, Y Expr
	// Regexp is set for =~ and !~, compiled from Y, anchored at both ends.
	Regexp *regexp.Regexp
}

// Arith applies + - * / % ^ to two numbers, or - to one (Y nil).
type Arith struct {
	Op   byte
	X, Y Expr
}

// Literal is a constant. Status and kind words are ValueInt with their OTLP number.
type Literal struct {
	Value span.Value
	Nil   bool // the literal nil
	// Unit tells how the literal was written, so that it can be printed again.
	Unit LiteralUnit
}

// LiteralUnit is how a literal was written.
type LiteralUnit uint8

// The ways to write a literal beside its plain type.
const (
	UnitNone     LiteralUnit = iota
	UnitDuration             // 10ms; Value is ValueInt nanoseconds
	UnitStatus               // ok, error, unset
	UnitKind                 // server, client, …
)

// Field names an attribute (Intrinsic is NotIntrinsic) or an intrinsic.
type Field struct {
	Scope     Scope
	Name      string
	Intrinsic Intrinsic
}

func (And) expr()     {}
func (Or) expr()      {}
func (Not) expr()     {}
func (Compare) expr() {}
func (Arith) expr()   {}
func (Literal) expr() {}
func (Field) expr()   {}

// CompareOp is a comparison operator.
type CompareOp uint8

// The comparison operators.
const (
	Eq CompareOp = iota
	Ne
	Lt
	Le
	Gt
	Ge
	Match   // =~
	NoMatch // !~
)

// Scope says where an attribute lives.
type Scope uint8

const (
	// ScopeAny is a bare `.key`: the span's attribute, else the resource's.
	ScopeAny Scope = iota
	ScopeSpan
	ScopeResource
	ScopeEvent
	ScopeLink
	ScopeInstrumentation
	// ScopeParent is the span attribute, else the resource attribute, of the parent span;
	// of each, where several spans have the parent's id.
	ScopeParent
)

// Intrinsic names a built-in field of a span or of its trace.
type Intrinsic uint8

// The intrinsics of TraceQL, level 1. Those from TraceDuration on need the whole trace.
const (
	NotIntrinsic        Intrinsic = iota
	SpanName                      // string
	KindOf                        // int, OTLP's number
	StatusOf                      // int, OTLP's number
	StatusMessage                 // string
	Duration                      // int, nanoseconds
	TraceIDOf                     // string, 32 hex digits
	SpanIDOf                      // string, 16 hex digits
	ParentIDOf                    // string, 16 hex digits; no value for a root
	EventName                     // string, one per event
	EventTimeSinceStart           // int, nanoseconds, one per event
	LinkTraceID                   // string, one per link
	LinkSpanID                    // string, one per link
	ScopeName                     // instrumentation:name
	ScopeVersion                  // instrumentation:version
	TraceDuration                 // int, nanoseconds
	RootName                      // string, as Summary.RootName
	RootService                   // string, as Summary.RootService
	ChildCount                    // int, spans that name this one as parent
	NestedSetParent               // int, NestedSetLeft of the parent; -1 without a parent, 0 where it is missing or a cycle was cut
	NestedSetLeft                 // int, from 1 on in depth-first order
	NestedSetRight                // int
)
