package centre

import (
	"fmt"
	"sync"
	"testing"

	"github.com/weir-project/weir/market"
	"github.com/weir-project/weir/market/journal"
)

// BenchmarkCentre is a request's two durable steps, hold and settle, by many callers at once,
// with verification of both signatures, fsync and, in one variant, the read model beside it.
func BenchmarkCentre(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		for _, model := range []bool{false, true} {
			b.Run(fmt.Sprintf("callers=%d/model=%t", callers, model), func(b *testing.B) {
				c := mustOpen(b, Config{Dir: b.TempDir(), WithoutReadModel: !model})
				if err := setUp(b.Context(), c); err != nil {
					b.Fatal(err)
				}
				settles := make([]market.Command, b.N)
				for i := range settles {
					var err error
					if settles[i], err = settleCommand(fmt.Sprint(i), 7); err != nil {
						b.Fatal(err)
					}
				}
				work := make(chan int)
				var wg sync.WaitGroup
				b.ResetTimer()
				for range callers {
					wg.Go(func() {
						for i := range work {
							if _, err := c.Do(b.Context(), holdCommand(fmt.Sprint(i))); err != nil {
								b.Error(err)
							}
							if _, err := c.Do(b.Context(), settles[i]); err != nil {
								b.Error(err)
							}
						}
					})
				}
				for i := range b.N {
					work <- i
				}
				close(work)
				wg.Wait()
				b.StopTimer()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "settles/s")
				mustClose(b, c)
			})
		}
	}
}

// BenchmarkRecover is the replay of a settled request: two commands of the journal.
func BenchmarkRecover(b *testing.B) {
	dir := b.TempDir()
	c := mustOpen(b, Config{Dir: dir, WithoutReadModel: true})
	if err := setUp(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	const n = 1000
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { mustSettle(b, c, fmt.Sprint(i), 7) })
	}
	wg.Wait()
	mustClose(b, c)
	for b.Loop() {
		x := market.New()
		if _, err := journal.Read(journalDir(dir), func(seq uint64, payload []byte) error {
			_, err := recoverRecord(x, seq, payload)
			return err
		}); err != nil || x.Seq() != 8+2*n {
			b.Fatal(x.Seq(), err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/request")
}
