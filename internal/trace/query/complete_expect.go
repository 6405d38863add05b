package query

import "github.com/weft-dev/weft/internal/trace/store"

// expectation is what could stand where an unfinished query ends.
type expectation struct {
	what  want
	field store.Field // of wantOperator and wantValue
	word  string      // of wantOrder
}

type want uint8

const (
	wantNothing want = iota
	wantSelector
	wantOperand
	wantOperator
	wantValue
	wantConnective
	wantPipe
	wantOrder
)

// want notes what is expected here, unless something was before.
func (p *parser) want(e expectation) {
	if p.expect.what == wantNothing {
		p.expect = e
	}
}
