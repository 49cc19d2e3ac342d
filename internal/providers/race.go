package providers

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How long sources wait for each other. The order of a race is that of its list, and
// these make it hold when the preferred one is slower:
// a drive is there when udev has seen it, which happened before the first stage, or
// soon after; a service may need until the network is up.
const (
	driveGrace     = 2 * time.Second
	emptyPatience  = 10 * time.Second
	presencePeriod = 50 * time.Millisecond
)

// race asks several sources at once. The first of the list that has a config wins,
// whichever answers first:
//
//   - A config of a later source counts when no earlier source can have one: each has
//     answered, or is a drive that was not there two seconds after the start.
//   - "No config" counts when all have said so, or are drives that are not there, or
//     have said nothing for ten seconds since.
//   - A failure counts when nobody has an answer.
type race []place

// mayAppear is a source that can tell whether it is there.
type mayAppear interface {
	isThere(env *Env) bool
}

func (r race) places() []string {
	var all []string
	for _, s := range r {
		all = append(all, s.places()...)
	}
	return all
}

func (r race) needsNet() bool { return slices.ContainsFunc(r, place.needsNet) }

// answer is what became of one source.
type answer struct {
	index  int
	config Config
	err    error
	done   bool
}

func (r race) read(ctx context.Context, env *Env) (Config, error) {
	ctx, stop := context.WithCancel(ctx)
	incoming := make(chan answer, len(r))
	open := len(r)
	defer func() { // a drive must be unmounted before the program ends
		stop()
		for ; open > 0; open-- {
			<-incoming
		}
	}()
	for i, s := range r {
		go func() {
			c, err := s.read(ctx, env)
			incoming <- answer{index: i, config: c, err: err, done: true}
		}()
	}
	answers := make([]answer, len(r))
	start := time.Now()
	var firstEmpty time.Time
	look := time.NewTicker(presencePeriod)
	defer look.Stop()
	for {
		select {
		case a := <-incoming:
			open--
			answers[a.index] = a
			if a.err != nil {
				env.note("%v", a.err)
			}
			if errors.Is(a.err, ErrNoConfig) && firstEmpty.IsZero() {
				firstEmpty = time.Now()
			}
		case <-look.C:
		case <-ctx.Done():
			return Config{}, fmt.Errorf("wait for %s: %w", strings.Join(r.places(), ", "), context.Cause(ctx))
		}
		patient := firstEmpty.IsZero() || time.Since(firstEmpty) < emptyPatience
		if c, over, err := r.verdict(env, answers, time.Since(start) >= driveGrace, patient); over {
			return c, err
		}
	}
}

// verdict decides what the answers so far mean; over is false while that is open.
// late is true once drives had time to appear, patient until sources that say nothing
// are given up.
func (r race) verdict(env *Env, answers []answer, late, patient bool) (c Config, over bool, err error) {
	open := false  // an earlier source may still have a config
	empty := false // a source was reached
	var failures []error
	for i, s := range r {
		a := answers[i]
		switch {
		case a.done && a.err == nil && !open:
			return a.config, true, nil
		case a.done && errors.Is(a.err, ErrNoConfig):
			empty = true
			err = together(err, a.err)
		case a.done && a.err != nil:
			failures = append(failures, a.err)
		case !a.done && (!late || isThere(s, env)):
			open = true
		}
	}
	allDone := !slices.ContainsFunc(answers, func(a answer) bool { return !a.done })
	switch {
	case slices.ContainsFunc(answers, func(a answer) bool { return a.done && a.err == nil }):
		return c, false, nil // a config is there, and an earlier source is waited for
	case empty && (!open || !patient):
		for _, f := range failures {
			env.warn("%v; another source was reached and has no config", f)
		}
		return c, true, err
	case allDone:
		return c, true, together(failures...)
	}
	return c, false, nil
}

// together makes one error, on one line, of several.
func together(errs ...error) (all error) {
	for _, e := range errs {
		switch {
		case all == nil:
			all = e
		case e != nil:
			all = fmt.Errorf("%w; %w", all, e)
		}
	}
	return all
}

func isThere(s place, env *Env) bool {
	a, can := s.(mayAppear)
	return !can || a.isThere(env)
}

// sequence asks one source after the other: the next is asked when the one before has
// no config or fails. What it fails with is a warning unless it is the last.
type sequence []place

func (q sequence) places() []string { return race(q).places() }

func (q sequence) needsNet() bool { return race(q).needsNet() }

func (q sequence) read(ctx context.Context, env *Env) (c Config, err error) {
	empty := error(nil)
	for i, s := range q {
		c, err = s.read(ctx, env)
		if err == nil || ctx.Err() != nil {
			return c, err
		}
		if errors.Is(err, ErrNoConfig) {
			empty = err
			env.note("%v", err)
		} else if i < len(q)-1 {
			env.warn("%v; the next source is asked", err)
		}
	}
	if empty != nil && !errors.Is(err, ErrNoConfig) {
		env.warn("%v", err)
		err = empty
	}
	return c, err
}
