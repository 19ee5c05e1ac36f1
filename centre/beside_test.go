package centre

import (
	"testing"

	"github.com/weir-project/weir"
	"github.com/weir-project/weir/market"
)

// A check beside a busy centre finds what is wrong, not what has just changed.
func TestCheckBesideABusyCentre(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, Config{Dir: dir})
	defer mustClose(t, c)
	if err := setUp(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			cmd := market.Command{ID: idOf("busy %d", n), Deposit: &market.Deposit{Tenant: "acme", Amount: weir.USD, Rail: "manual"}}
			if _, err := c.Do(t.Context(), cmd); err != nil {
				t.Errorf("deposit %d: %v", n, err)
				return
			}
		}
	}()
	for range 10 {
		r, err := Check(t.Context(), dir)
		if err != nil || !r.Clean() {
			t.Errorf("%v, %.3v", err, r.Problems)
			break
		}
	}
	close(stop)
	<-stopped
}
