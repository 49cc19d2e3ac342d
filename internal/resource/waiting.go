package resource

import (
	"fmt"
	"sync"
	"time"
)

// firstReport is how long something is waited for before people are told. Each further
// line comes after twice the time of the one before, up to longestSilence.
const (
	firstReport    = 2 * time.Second
	longestSilence = 5 * time.Minute
)

// waiting tells people what is waited for, in one line for everything at the same time.
type waiting struct {
	warn func(string)

	mu      sync.Mutex
	pending map[*attempts]bool
	next    time.Duration // since the oldest began
}

// note tells that an attempt has failed and will be repeated.
func (w *waiting) note(a *attempts, v verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.pending == nil {
		w.pending = map[*attempts]bool{}
	}
	w.pending[a] = true
	oldest := a
	for other := range w.pending {
		if other.began.Before(oldest.began) {
			oldest = other
		}
	}
	waited := time.Since(oldest.began)
	if waited < w.next {
		return
	}
	w.next = waited + min(waited, longestSilence)
	others := ""
	if n := len(w.pending) - 1; n > 0 {
		others = fmt.Sprintf("; %d more are waited for", n)
	}
	w.warn(fmt.Sprintf("waiting for %s since %s, attempt %d: %s: %v%s",
		a.name, time.Since(a.began).Round(100*time.Millisecond), a.count, v.layer, v.err, others))
}

// forget tells that a resource has come, or was given up.
func (w *waiting) forget(a *attempts) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pending, a)
	if len(w.pending) == 0 {
		w.next = firstReport
	}
}
