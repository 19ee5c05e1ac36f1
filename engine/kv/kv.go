// Package kv stores what attention remembers: one row of values per token and layer, in
// pages of 32 tokens.
//
// A Cache belongs to one sequence. What a row holds is the architecture's affair: keys and
// values side by side for grouped-query attention, the normed latent and the roped shared
// key for multi-head latent attention (MLA). The package allocates, bounds and truncates;
// it computes nothing. Pages are the unit in which prefixes will be shared and moved.
package kv

import (
	"fmt"

	"github.com/weir-project/weir/internal/fault"
)

// PageTokens is the number of tokens in a page.
const PageTokens = 32

// Type is how a value is stored.
type Type uint8

// The storage types.
const (
	F16 Type = iota // IEEE half precision, the default
	F32             // exact: for parity tests
)

// String is the type's name on the command line.
func (t Type) String() string {
	if t == F32 {
		return "f32"
	}
	return "f16"
}

// ParseType reads a name that String prints.
func ParseType(s string) (Type, error) {
	switch s {
	case "f16", "":
		return F16, nil
	case "f32":
		return F32, nil
	}
	return F16, fault.New(fault.Invalid, "cache type %q: want f16 or f32", s)
}

// Bytes is the size of one value.
func (t Type) Bytes() int {
	if t == F32 {
		return 4
	}
	return 2
}

// Geometry is the shape of a cache.
type Geometry struct {
	Layers int
	Width  int // values per token and layer
	Type   Type
}

// BytesPerToken is what one token costs over all layers.
func (g Geometry) BytesPerToken() int { return g.Layers * g.Width * g.Type.Bytes() }

// Page holds PageTokens rows of Width values; exactly one of the slices is set.
type Page struct {
	F32 []float32
	F16 []uint16
}

// Cache is the memory of one sequence. It is not safe for concurrent use, except that rows
// may be read while nobody writes.
type Cache struct {
	geometry Geometry
	max      int      // tokens
	length   int      // tokens written
	pages    [][]Page // [layer][page]
}

// New returns an empty cache for at most max tokens. Memory is taken page by page as the
// sequence grows.
func New(g Geometry, max int) (*Cache, error) {
	if g.Layers <= 0 || g.Width <= 0 || max <= 0 {
		return nil, fault.New(fault.Invalid, "cache of %d layers × %d values × %d tokens: want positive numbers", g.Layers, g.Width, max)
	}
	c := &Cache{geometry: g, max: max, pages: make([][]Page, g.Layers)}
	for i := range c.pages {
		c.pages[i] = make([]Page, 0, (max+PageTokens-1)/PageTokens)
	}
	return c, nil
}

// Geometry is the shape that New was given.
func (c *Cache) Geometry() Geometry { return c.geometry }

// Len is the number of tokens held.
func (c *Cache) Len() int { return c.length }

// Max is the number of tokens that fit.
func (c *Cache) Max() int { return c.max }

// Grow makes room for n tokens in all, and counts them as held.
func (c *Cache) Grow(n int) error {
	if n > c.max {
		return fault.New(fault.Invalid, "sequence of %d tokens: the context holds %d", n, c.max)
	}
	for l := range c.pages {
		for len(c.pages[l])*PageTokens < n {
			c.pages[l] = append(c.pages[l], c.newPage())
		}
	}
	c.length = max(c.length, n)
	return nil
}

func (c *Cache) newPage() Page {
	n := PageTokens * c.geometry.Width
	if c.geometry.Type == F32 {
		return Page{F32: make([]float32, n)}
	}
	return Page{F16: make([]uint16, n)}
}

// Truncate forgets all but the first n tokens. The pages stay for the next Grow.
func (c *Cache) Truncate(n int) {
	if n < 0 || n > c.length {
		panic(fmt.Sprintf("kv: truncate to %d of %d tokens", n, c.length))
	}
	c.length = n
}

// Page is page i of a layer: tokens i*PageTokens and following.
func (c *Cache) Page(layer, i int) Page { return c.pages[layer][i] }
