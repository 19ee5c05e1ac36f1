package centre

import (
	"context"

	"github.com/weir-project/weir/market"
)

// Head is the number of the latest durable event: whether a reader is up to date.
func (c *Centre) Head(ctx context.Context) (seq uint64, err error) {
	err = c.Read(ctx, func(x *market.Exchange) { seq = x.EventSeq() })
	return seq, err
}
