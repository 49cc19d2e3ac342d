package entropy

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestWait(t *testing.T) {
	var told atomic.Int32
	tell := func(string) { told.Add(1) }
	if err := Wait(t.Context(), time.Minute, tell); err != nil || told.Load() != 0 {
		t.Errorf("this machine has them: %v, told %d times", err, told.Load())
	}
	block := make(chan struct{})
	defer close(block)
	never := func(flags int) bool {
		if flags != unix.GRND_NONBLOCK {
			<-block
		}
		return false
	}
	if err := wait(t.Context(), time.Millisecond, tell, never); !errors.Is(err, errNone) || !strings.Contains(err.Error(), "virtio-rng") || told.Load() != 1 {
		t.Errorf("none: %v, told %d times", err, told.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := wait(ctx, time.Hour, tell, never); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	var asked atomic.Int32
	late := func(flags int) bool { return flags == 0 && asked.Add(1) == 3 }
	if err := wait(t.Context(), time.Hour, tell, late); err != nil || asked.Load() != 3 {
		t.Errorf("late: %v after %d questions", err, asked.Load())
	}
}
