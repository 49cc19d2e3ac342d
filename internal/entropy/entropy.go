// Package entropy waits for the random numbers of the kernel: Wait. Who asks for them
// before there are any is held up without a word and without an end: getrandom(2).
package entropy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// errNone says what to do about it as well: nobody can change it on the machine.
var errNone = errors.New("the kernel has gathered no entropy for random numbers: give the machine a source of it (virtio-rng, a TPM), or boot with random.trust_cpu=on")

// again is how long is waited after an answer that says nothing.
const again = 100 * time.Millisecond

// Wait returns when there are random numbers, and fails if there are none within a limit.
// tell is called before it waits.
func Wait(ctx context.Context, limit time.Duration, tell func(text string)) error {
	return wait(ctx, limit, tell, isReady)
}

func wait(ctx context.Context, limit time.Duration, tell func(string), isReady func(flags int) bool) error {
	if isReady(unix.GRND_NONBLOCK) {
		return nil
	}
	tell("waiting for random numbers: the kernel has not gathered enough entropy")
	ready := make(chan struct{})
	go func() { // it may be held up until the program ends
		defer close(ready)
		for ctx.Err() == nil && !isReady(0) { // to be held up makes the kernel gather: linux/drivers/char/random.c
			time.Sleep(again)
		}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ready:
		return context.Cause(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return fmt.Errorf("%w (waited %s)", errNone, limit)
	}
}

// isReady asks the kernel. Anything but "not yet" counts: an old one has other ways.
func isReady(flags int) bool {
	var b [1]byte
	_, err := unix.Getrandom(b[:], flags)
	return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
}
