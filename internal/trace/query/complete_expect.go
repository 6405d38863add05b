package query

import (
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

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

// typedService is a condition that names one service: the span's, or the root's.
type typedService struct {
	root bool
	name string
}

// noteService keeps a comparison that narrows what can stand elsewhere in the query.
func (p *parser) noteService(c store.Compare) {
	f, isField := c.X.(store.Field)
	lit, isLiteral := c.Y.(store.Literal)
	if !isField || !isLiteral || c.Op != store.Eq || lit.Value.Kind != span.ValueString {
		return
	}
	root := f.Intrinsic == store.RootService
	if root || isServiceName(f) && f.Scope != store.ScopeParent {
		p.services = append(p.services, typedService{root, lit.Value.Str})
	}
}

// isServiceName reports whether f reads the name of a service from an attribute.
func isServiceName(f store.Field) bool {
	switch f.Scope {
	case store.ScopeAny, store.ScopeResource, store.ScopeParent:
		return f.Intrinsic == store.NotIntrinsic && f.Name == "service.name"
	}
	return false
}

// typedServices are the services that what stands at the cursor is met together with,
// of the span and of the root, "" where none is named: from the conditions before the
// cursor, which p has read, and those behind it, where they are complete.
func typedServices(p *parser, c *Completion) (service, root string) {
	found := p.services
	rest := &parser{lexer: lexer{text: "{ true " + p.text[c.To:], cursor: -1}}
	if p.box {
		rest.text, rest.box = "error "+p.text[c.To:], true
	}
	if _, err := rest.parse(); err == nil {
		found = append(found, rest.services...)
	}
	for _, s := range found {
		if s.root {
			root = s.name
		} else {
			service = s.name
		}
	}
	return service, root
}
