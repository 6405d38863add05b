package colstore

import "github.com/weft-dev/weft/internal/trace/span"

// pageCache keeps the decoded pages that were read last, for one run that reads many
// traces. Not safe for concurrent use.
type pageCache struct {
	max   int
	pages map[pageKey]*span.Batch
	order []pageKey // oldest first
}

type pageKey struct {
	part *livePart
	page int
}

func newPageCache(n int) *pageCache {
	return &pageCache{max: n, pages: map[pageKey]*span.Batch{}}
}

func (c *pageCache) get(k pageKey, read func() (*span.Batch, error)) (*span.Batch, error) {
	if b, ok := c.pages[k]; ok {
		return b, nil
	}
	b, err := read()
	if err != nil {
		return nil, err
	}
	if len(c.order) >= c.max {
		delete(c.pages, c.order[0])
		c.order = c.order[1:]
	}
	c.pages[k] = b
	c.order = append(c.order, k)
	return b, nil
}
