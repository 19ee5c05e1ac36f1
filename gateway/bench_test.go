package gateway

import (
	"net/http"
	"testing"
	"time"
)

// The benches run gateway, client and node in one process, so they bound the gateway's share
// from above.
func BenchmarkWhole(b *testing.B) { benchmark(b, "", 1) }

func BenchmarkStream64(b *testing.B) { benchmark(b, `,"stream":true`, 64) }

func benchmark(b *testing.B, extra string, tokens int) {
	w := newWorld(b, nil)
	texts := make([]string, tokens)
	for i := range texts {
		texts[i] = "word "
	}
	n := w.node("a", 0, says(texts...))
	beat := w.beat("a")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for beat.Seq = 2; ; beat.Seq++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Second):
				w.view.Beat(beat, w.now())
			}
		}
	}()
	b.ReportAllocs()
	for b.Loop() {
		if a := w.chat(extra); a.status != http.StatusOK || a.err != nil {
			b.Fatalf("answer %d %s %v", a.status, a.body, a.err)
		}
		n.mu.Lock()
		n.calls = n.calls[:0]
		clear(n.running)
		n.mu.Unlock()
	}
}
