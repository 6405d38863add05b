package colstore

import "github.com/weft-dev/weft/internal/trace/span"

// pageCache keeps the decoded pages that were read last, for one run that reads many
// traces. Not safe for concurrent use.
type pageCache struct {
	max   int
	pages map[pageKey]*span.Batch
	order []pageKey       // oldest first; some have gone
	uses  map[pageKey]int // how often a page will be asked for, where that is known
	gone  []*span.Batch   // let go of since the caller took them, where uses are known
}

type pageKey struct {
	part *livePart
	page int
}

func newPageCache(n int) *pageCache {
	return &pageCache{max: n, pages: map[pageKey]*span.Batch{}}
}

// expect says that a page will be asked for. Once it has been, as often as was said, it is
// let go of.
func (c *pageCache) expect(k pageKey) {
	if c.uses == nil {
		c.uses = map[pageKey]int{}
	}
	c.uses[k]++
}

func (c *pageCache) get(k pageKey, read func() (*span.Batch, error)) (*span.Batch, error) {
	b, ok := c.pages[k]
	if !ok {
		var err error
		if b, err = read(); err != nil {
			return nil, err
		}
	}
	if c.uses != nil {
		if c.uses[k]--; c.uses[k] == 0 {
			delete(c.pages, k)
			delete(c.uses, k)
			c.gone = append(c.gone, b)
			return b, nil
		}
	}
	if ok {
		return b, nil
	}
	for len(c.pages) >= c.max {
		if old, ok := c.pages[c.order[0]]; ok && c.uses != nil {
			c.gone = append(c.gone, old)
		}
		delete(c.pages, c.order[0])
		c.order = c.order[1:]
	}
	c.pages[k] = b
	c.order = append(c.order, k)
	return b, nil
}
