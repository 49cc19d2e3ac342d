package resource

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// policy is when to try again. There is one for all schemes.
type policy struct {
	// first wait, doubled each time up to the longest.
	first, longest time.Duration
	// longestAsked is the longest wait that a server may ask for by Retry-After.
	longestAsked time.Duration
}

// defaultPolicy has the waits of the reference; each is shortened by up to a half, so
// that machines which start together do not come back together.
var defaultPolicy = policy{first: 200 * time.Millisecond, longest: 5 * time.Second, longestAsked: 5 * time.Minute}

// stallLimit is how long nothing may arrive in the middle of a transfer.
const stallLimit = 60 * time.Second

// attempts is the course of one resource. It is used by one goroutine.
type attempts struct {
	shared *shared
	name   string // of the resource, for people
	began  time.Time
	wait   time.Duration // before the next attempt, without jitter
	count  int
	// same counts failures of the kind last in a row.
	same int
	last verdict
	// waits tells that the resource is among those that are waited for.
	waits bool
}

func (s *shared) attempts(name string) *attempts {
	return &attempts{shared: s, name: name, began: time.Now(), wait: s.policy.first}
}

// failed decides what follows a failure: nil after the time to wait when there is to be
// another attempt, else the error for the caller.
func (a *attempts) failed(ctx context.Context, err error) error {
	a.count++
	if ctx.Err() != nil {
		return a.ended(ctx)
	}
	v := judge(err)
	if v.tries == a.last.tries && v.layer == a.last.layer {
		a.same++
	} else {
		a.same = 1
	}
	a.last = v
	if v.tries != forEver && a.same >= v.tries {
		return a.giveUp(v.err)
	}
	pause := a.wait - rand.N(a.wait/2) //nolint:gosec // spreads requests, keeps no secret
	a.wait = min(2*a.wait, a.shared.policy.longest)
	if v.after > 0 {
		pause = max(pause, min(v.after, a.shared.policy.longestAsked))
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause {
		return a.giveUp(fmt.Errorf("%w: %w", errTotal, v.err))
	}
	a.shared.waiting.note(a, v)
	a.waits = true
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return a.ended(ctx)
	}
}

// errTotal reports that the time for all attempts together is over.
var errTotal = errors.New("the time limit for it is over")

// ended words the end of the context. When the time is over, whoever set the limit, the
// last failure says why.
func (a *attempts) ended(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) && a.last.err != nil {
		cause = fmt.Errorf("%w: %w", cause, a.last.err)
	}
	return a.giveUp(cause)
}

// giveUp names the resource, the layer and the effort.
func (a *attempts) giveUp(err error) error {
	a.done()
	if a.count <= 1 {
		return fmt.Errorf("fetch %s: %w", a.name, err)
	}
	return fmt.Errorf("fetch %s: %d attempts in %s: %w", a.name, a.count, time.Since(a.began).Round(100*time.Millisecond), err)
}

// progress notes that something new has arrived.
func (a *attempts) progress() {
	a.same, a.wait, a.last = 0, a.shared.policy.first, verdict{}
	a.done()
}

// done takes the resource off the list of those that are waited for.
func (a *attempts) done() {
	if a.waits {
		a.shared.waiting.forget(a)
		a.waits = false
	}
}

// limited adds the time limit for one resource to a context.
func limited(ctx context.Context, total time.Duration) (context.Context, context.CancelFunc) {
	if total <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, total, errTotal)
}
