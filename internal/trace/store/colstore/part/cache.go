package part

// Cache holds the tables of row groups that were used last, for all parts of a store.
// Safe for concurrent use.
type Cache struct{ max int64 }

// NewCache makes a cache of about maxBytes.
func NewCache(maxBytes int64) *Cache { return &Cache{max: maxBytes} }
