package part

import "github.com/weft-dev/weft/internal/trace/store"

// Columns is a set of span fields to decode. The zero value is trace ids and starts.
type Columns struct{ all bool }

// All is every column: spans come back as they were written.
func All() Columns { return Columns{all: true} }

// ColumnsOf is what it takes to evaluate predicates over the fields; fields that need the
// whole trace take nothing.
func ColumnsOf(fields []store.Field) Columns { return Columns{} }
