package part

import (
	"slices"

	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// tallyAsk decides the filter of an aggregate for rows whose class does not tell: once for
// each class and codes of the fields that lie in dictionaries.
type tallyAsk struct {
	t       *tables
	fields  []*tallyField // of the filter, that some class has in a dictionary
	pairs   []pairSet     // of the codes of each field with the number before, a class at first
	matches []verdict     // by the last number
}

// newTallyAsk looks for the fields of the filter in the tables.
func newTallyAsk(fields []store.Field, t *tables) *tallyAsk {
	a := &tallyAsk{t: t}
	for _, f := range fields {
		isAttr := f.Intrinsic == store.NotIntrinsic && (f.Scope == store.ScopeAny || f.Scope == store.ScopeSpan)
		if !isAttr && f.Intrinsic != store.SpanName && f.Intrinsic != store.StatusMessage {
			continue
		}
		if in := newTallyField(f, t, false); slices.ContainsFunc(in.columns, func(c tallyColumn) bool { return c.info.hasDict() }) {
			a.fields = append(a.fields, in)
		}
	}
	a.pairs = make([]pairSet, len(a.fields))
	return a
}

// tells reports whether a class and codes tell all values of a field.
func (a *tallyAsk) tells(f store.Field, class int, s *shape) bool {
	if a.t.toldByClass(f, s) {
		return true
	}
	i := slices.IndexFunc(a.fields, func(in *tallyField) bool { return in.Field == f })
	if i < 0 {
		return false
	}
	if f.Intrinsic == store.NotIntrinsic {
		times := 0
		for _, id := range s.slots {
			if a.t.slots[id].Key == f.Name {
				times++
			}
		}
		if times > 1 {
			return false // the filter asks about each of them
		}
	}
	for k := range a.fields[i].columns {
		if c := &a.fields[i].columns[k]; c.uses[class] != 0 {
			return c.info.hasDict()
		}
	}
	return false
}

// askCodes decides for the rows whose class leaves it to codes.
func (t *Tally) askCodes() bool {
	pg, plan := &t.page, t.plan
	a := plan.ask
	pg.asked = sized(pg.asked, len(pg.ids))
	for i, class := range pg.classes {
		pg.asked[i] = uint32(class)
	}
	for k, f := range a.fields {
		if !pg.plausible(f) {
			return false
		}
		t.takeCodes(f)
		if pg.err != nil {
			return false
		}
		for i, id := range pg.ids {
			if id == codesTell {
				pg.asked[i] = a.pairs[k].id(pg.asked[i], pg.codes[i])
			}
		}
	}
	last := &a.pairs[len(a.pairs)-1]
	for len(a.matches) < last.len() {
		a.matches = append(a.matches, notAsked)
	}
	for i, id := range pg.ids {
		if id != codesTell {
			continue
		}
		v := &a.matches[pg.asked[i]]
		if *v == notAsked {
			*v = t.askOnce(int(pg.classes[i]), pg.asked[i])
		}
		if pg.ids[i] = leftOut; *v == mayMatch {
			pg.ids[i] = plan.flat[pg.classes[i]]
		}
	}
	return true
}

// askOnce asks the matcher about a class and the codes that a number stands for.
func (t *Tally) askOnce(class int, number uint32) verdict {
	plan := t.plan
	c := &plan.t.classes[class-1]
	sh := &plan.t.shapes[c.shape]
	t.takeSample(plan.t, c)
	s := &t.sample.Spans[0]
	for k := len(plan.ask.fields) - 1; k >= 0; k-- {
		f := plan.ask.fields[k]
		before, code := plan.ask.pairs[k].of(number)
		number = before
		if plan.t.toldByClass(f.Field, sh) {
			continue
		}
		switch v := f.values[code]; f.Intrinsic {
		case store.SpanName:
			s.Name = v.Str
		case store.StatusMessage:
			s.StatusMessage = v.Str
		default:
			attrs := t.sample.Attrs[s.Attrs.From:s.Attrs.To]
			at := slices.IndexFunc(attrs, func(a span.Attr) bool { return a.Key == f.Name })
			attrs[at].Value = v
		}
	}
	if t.matcher.Match(&t.sample, 0, nil) {
		return mayMatch
	}
	return cannotMatch
}
