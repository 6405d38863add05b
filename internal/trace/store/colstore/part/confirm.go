package part

// Confirm looks for the texts whose filters said maybe, in their columns, and is false if the
// page surely has no match: of a hundred pages without the text a filter passes one, and
// reading a page wants the classes of all its rows, and the tables of its group.
func (s *Scan) Confirm(f *GroupFilter, p Page) bool {
	for _, clause := range f.clauses {
		possible := false
		for i := range clause {
			if possible = s.confirmTerm(&clause[i], p); possible {
				break
			}
		}
		if !possible {
			return false
		}
	}
	return true
}

func (s *Scan) confirmTerm(t *pageTerm, p Page) bool {
	for i := range t.checks {
		c := &t.checks[i]
		if c.mayHave(p.index) && (c.column == nil || s.contains(p, c.column, t.Value.Value.Str)) {
			return true
		}
	}
	return len(t.checks) == 0
}

// contains reports whether a column without a dictionary has the text in a page. What does
// not read may have it: who reads the page is told.
func (s *Scan) contains(p Page, column *filteredColumn, text string) bool {
	raw := &s.raw
	if raw.memory != nil {
		raw.memory.used = 0
	}
	if raw.load(p, p.table[p.index].header) != nil {
		return true
	}
	for i := range raw.columns {
		c := &raw.columns[i]
		if c.id != column.id {
			continue
		}
		stored, err := p.group.part.file.read(raw.memory, p.off+c.off, c.stored)
		if err != nil {
			return true
		}
		b, err := raw.decode(c, stored)
		if err != nil {
			return true
		}
		return s.textIn(p.group, column, c.enc, b, text)
	}
	return false
}

func (s *Scan) textIn(g *Group, column *filteredColumn, enc encoding, b []byte, text string) bool {
	if enc != encPattern {
		c := newCursor(&columnInfo{phys: physText}, enc, b)
		if enc == encConst {
			return c.str == text
		}
		for c.left() > 0 {
			if c.nextText() == text {
				return true
			}
		}
		return c.bad != ""
	}
	table, err := g.patterns(column.id, column.patterns)
	if err != nil {
		return true
	}
	var lines patternCursor
	if lines.open(table, b, s.raw.memory, g.part.cache.dec) != "" {
		return true
	}
	for lines.ids.left() > 0 {
		if lines.next() == text {
			return true
		}
		if lines.bad() != "" {
			return true
		}
	}
	return false
}
