package query

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/weft-dev/weft/internal/trace/store"
)

// Expect is what the grammar allows at the cursor.
type Expect string

// What can be expected.
const (
	ExpectSelector   Expect = "selector"   // an opening brace
	ExpectField      Expect = "key"        // a field, a constant, an opening parenthesis
	ExpectOperator   Expect = "operator"   // behind a field
	ExpectValue      Expect = "value"      // behind an operator; Field says of what
	ExpectConnective Expect = "connective" // behind a condition: && || or the end
	ExpectPipe       Expect = "end"        // behind the selector
)

// Suggestion is one way to go on.
type Suggestion struct {
	Text   string // to show
	Insert string // to put in place of From to To
	Kind   string // key, intrinsic, operator, value, connective, bracket
	Detail string
	Count  int64 // spans with it, about; 0: not counted
}

// Completion is what may stand at the cursor.
type Completion struct {
	From, To int    // bytes of the text a suggestion replaces
	Expect   Expect // "" where the text before the cursor is wrong
	Field    store.Field
	// Prefix is what is typed of the word at the cursor, without quotes and scope; Scope
	// says which scope was typed, Scoped whether one was.
	Prefix string
	Scope  store.Scope
	Scoped bool
	Box    bool // the text is the box's shorthand
	// Service and RootService are what the other conditions ask of the span's service and
	// of the root's, "" where they do not name one.
	Service, RootService string
	// Suggestions are those of the grammar; Engine.Complete adds what is stored.
	Suggestions []Suggestion
	Error       *SyntaxError // of the whole text, nil if it is a query

	lead int // so many suggestions stay before what is stored
}

// Complete says what may stand at byte pos of text, an unfinished query in TraceQL or the
// box's shorthand.
func Complete(text string, pos int) Completion {
	pos = max(0, min(pos, len(text)))
	box := isBox(text)
	p := &parser{lexer: lexer{text: text, cursor: pos, box: box}}
	_, failed := p.parse()
	c := Completion{From: pos, To: pos, Box: box}
	if p.partial.end > p.partial.pos {
		c.From, c.To = p.partial.pos, p.partial.end
	}
	typed := text[c.From:pos]
	c.Prefix = strings.Trim(typed, "\"`")
	if _, err := ParseBox(text); err != nil {
		errors.As(err, &c.Error)
	}
	if !p.stopped && failed != nil {
		return c // wrong before the cursor
	}
	c.Service, c.RootService = typedServices(p, &c)
	switch e := p.expect; e.what {
	case wantSelector:
		c.Expect = ExpectSelector
		c.suggest("bracket", "a query on one span", "{ ")
	case wantOperand:
		c.Expect = ExpectField
		c.operands(typed)
	case wantOperator:
		c.Expect, c.Field = ExpectOperator, e.field
		c.operators()
	case wantValue:
		c.Expect, c.Field = ExpectValue, e.field
		c.values()
	case wantConnective:
		c.Expect = ExpectConnective
		c.suggest("connective", "and", "&&")
		c.suggest("connective", "or", "||")
		if !box {
			c.suggest("bracket", "the end of the conditions", "}")
		}
	case wantPipe:
		c.Expect = ExpectPipe
		c.suggest("connective", "longest traces first", "| order by duration")
	case wantOrder:
		c.Expect = ExpectPipe
		rest := "order by duration"
		c.suggest("connective", "longest traces first", rest[strings.Index(rest, e.word):])
	}
	return c
}

// suggest adds words that begin with the prefix.
func (c *Completion) suggest(kind, detail string, words ...string) {
	for _, w := range words {
		if hasPrefixFold(w, c.Prefix) {
			c.Suggestions = append(c.Suggestions, Suggestion{Text: w, Insert: w, Kind: kind, Detail: detail})
		}
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// operands suggests intrinsics and scopes.
func (c *Completion) operands(typed string) {
	serviceKey := Format(boxNames["service"])
	if scope, name, ok := strings.Cut(typed, "."); ok {
		s, known := scopeNamed(scope)
		if scope == "" || known {
			c.Scope, c.Scoped, c.Prefix = s, true, strings.Trim(name, "\"`")
			if s == store.ScopeResource && hasPrefixFold("service.name", c.Prefix) {
				c.suggestService(serviceKey)
			}
			return
		}
	}
	switch {
	case c.Box && hasPrefixFold("service", c.Prefix):
		c.suggestService("service")
	case !c.Box && (hasPrefixFold("service.name", c.Prefix) || hasPrefixFold(serviceKey, c.Prefix)):
		c.suggestService(serviceKey)
	}
	for _, in := range intrinsics {
		if in.about != "" {
			c.suggest("intrinsic", in.about, in.name)
		}
	}
	for _, s := range scopeNames[store.ScopeSpan:] {
		c.suggest("key", "an attribute", s+".")
	}
}

// suggestService suggests the field that is asked for most, before all that begins like it.
func (c *Completion) suggestService(key string) {
	c.Suggestions = append(c.Suggestions, Suggestion{Text: key, Insert: key, Kind: "key", Detail: "name of the service"})
	c.lead = len(c.Suggestions)
}

// operators suggests those that make sense for the field.
func (c *Completion) operators() {
	kind := kindOf(c.Field)
	for op, s := range operators {
		switch {
		case op <= int(store.Ne),
			kind == anything,
			kind == text && op >= int(store.Match),
			(kind == number || kind == text) && op < int(store.Match):
			c.suggest("operator", operatorDetails[op], s)
		}
	}
}

// operatorDetails by store.CompareOp. Never changed.
var operatorDetails = [...]string{
	store.Eq: "equals", store.Ne: "is there and differs", store.Lt: "less than", store.Le: "at most",
	store.Gt: "greater than", store.Ge: "at least", store.Match: "matches the regular expression; (?s) across lines", store.NoMatch: "does not match",
}

// values suggests what a field of a known type can be.
func (c *Completion) values() {
	switch kindOf(c.Field) {
	case statusWord:
		c.suggest("value", "", "error", "ok", "unset")
	case kindWord:
		c.suggest("value", "", kindWords[1:]...)
	case number:
		if in := c.Field.Intrinsic; in == store.Duration || in == store.TraceDuration || in == store.EventTimeSinceStart {
			c.suggest("value", "", "10ms", "100ms", "1s", "10s")
		}
	}
}

// insertText is how a stored value is written at the cursor.
func (c *Completion) insertText(value string) string {
	if c.Box && isBare(value) {
		return value
	}
	return strconv.Quote(value)
}

// isBare reports whether the box reads value back as it is, without quotes.
func isBare(value string) bool {
	if value == "" || value == "nil" || strings.ContainsAny(value, "\"`'()&|{} \t\n") {
		return false
	}
	l := lexer{text: value, cursor: -1, box: true}
	t := l.bare(0)
	return t.end == len(value) && !slices.Contains([]string{"=", "!", "~", "<", ">"}, value[:1])
}

// insertField is how a stored key is written at the cursor.
func (c *Completion) insertField(f store.Field) string {
	if c.Box && !c.Scoped && isPlainName(f.Name) && f.Name[0] != '.' {
		_, taken := intrinsicNamed(f.Name)
		_, short := boxNames[f.Name]
		scope, _, dotted := strings.Cut(f.Name, ".")
		if _, scoped := scopeNamed(scope); !taken && !short && !(dotted && scoped) {
			return f.Name
		}
	}
	return Format(f)
}
