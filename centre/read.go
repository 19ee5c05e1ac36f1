package centre

import (
	"context"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/internal/fault"
	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/receipt"
)

// Head is the number of the latest durable event: whether a reader is up to date.
func (c *Centre) Head(ctx context.Context) (seq uint64, err error) {
	err = c.Read(ctx, func(x *market.Exchange) { seq = x.EventSeq() })
	return seq, err
}

// Receipt returns a settled receipt from the read model, which may lag a moment behind.
func (c *Centre) Receipt(ctx context.Context, id weir.ID) (receipt.Receipt, error) {
	m := c.Model()
	if m == nil {
		return receipt.Receipt{}, fault.New(fault.Unavailable, "this centre runs without a read model")
	}
	r, err := m.Receipt(ctx, id)
	return r.Document, err
}
