package gateway

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/weir-project/weir"
)

// limitedKeysMax bounds how many keys have a limiter at once.
const limitedKeysMax = 10_000

// limits holds each key to its rate of requests.
type limits struct {
	rate  rate.Limit
	burst int

	mu   sync.Mutex // guards the field below
	keys map[weir.KeyID]*rate.Limiter
}

func newLimits(r rate.Limit, burst int) *limits {
	return &limits{rate: r, burst: burst, keys: map[weir.KeyID]*rate.Limiter{}}
}

// wait is how long a key must wait before its next request; 0 lets this one pass.
func (l *limits) wait(key weir.KeyID, now time.Time) time.Duration {
	if l.rate <= 0 {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keys[key]
	if !ok {
		if len(l.keys) >= limitedKeysMax {
			l.forget(now)
		}
		k = rate.NewLimiter(l.rate, l.burst)
		l.keys[key] = k
	}
	r := k.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// forget drops the limiters that are full again, since a new one says the same; where that is
// not enough, some key is forgiven.
func (l *limits) forget(now time.Time) {
	for key, k := range l.keys {
		if k.TokensAt(now) >= float64(l.burst) {
			delete(l.keys, key)
		}
	}
	for key := range l.keys {
		if len(l.keys) < limitedKeysMax {
			return
		}
		delete(l.keys, key)
	}
}
