package part

import (
	"container/list"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Cache holds the schemas and tables of row groups and the directories of pages that were used last, for all parts of a store,
// the decompressor they share, and memory for their writers. Safe for concurrent use.
type Cache struct {
	dec    *zstd.Decoder
	max    int64
	spaces sync.Pool // of *workspace: writers are rare, and their memory is for the collector then

	mu    sync.Mutex
	size  int64                      // Guarded by mu.
	items map[cacheKey]*list.Element // of *cacheItem. Guarded by mu.
	order *list.List                 // the one used last in front. Guarded by mu.
}

type cacheKey struct {
	part   *Part
	group  int
	what   cached
	number int // of the page or column
}

// cached says which table of a group.
type cached uint8

const (
	cachedPages cached = iota
	cachedTables
	cachedSchema // its number in place of the group's
	cachedOutline
	cachedDirectory // of a page
	cachedFilters   // of a column
	cachedPatterns  // of a column
)

type cacheItem struct {
	key   cacheKey
	value any
	size  int64
}

// NewCache makes a cache of about maxBytes.
func NewCache(maxBytes int64) *Cache {
	return &Cache{dec: newDecoder(), max: maxBytes, items: map[cacheKey]*list.Element{}, order: list.New()}
}

// Apart is an empty cache of about maxBytes, for one reader, that shares the decompressor.
func (c *Cache) Apart(maxBytes int64) *Cache {
	return &Cache{dec: c.dec, max: maxBytes, items: map[cacheKey]*list.Element{}, order: list.New()}
}

func (c *Cache) get(k cacheKey) (any, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.items[k]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cacheItem).value, true
}

// put stores what takes size bytes and drops what was not used for longest. Readers keep
// using what they hold; it is immutable.
func (c *Cache) put(k cacheKey, value any, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.items[k]; ok { // two readers loaded it at once
		c.remove(e)
	}
	c.items[k] = c.order.PushFront(&cacheItem{k, value, size})
	c.size += size
	for c.size > c.max && c.order.Len() > 1 {
		c.remove(c.order.Back())
	}
}

// HalfFull reports whether half of the cache is used.
func (c *Cache) HalfFull() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size >= c.max/2
}

// drop forgets all of a part.
func (c *Cache) drop(p *Part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.order.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*cacheItem).key.part == p {
			c.remove(e)
		}
		e = next
	}
}

func (c *Cache) remove(e *list.Element) {
	it := c.order.Remove(e).(*cacheItem)
	delete(c.items, it.key)
	c.size -= it.size
}

// cachedIn is the value under k, loaded if it is not there.
func cachedIn[T any](c *Cache, k cacheKey, load func() (T, int64, error)) (T, error) {
	if v, ok := c.get(k); ok {
		return v.(T), nil
	}
	v, size, err := load()
	if err != nil {
		return v, err
	}
	c.put(k, v, size)
	return v, nil
}
