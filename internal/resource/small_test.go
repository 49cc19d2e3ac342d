package resource

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestEqualContents: of several who want the same, one fetches.
func TestEqualContents(t *testing.T) {
	failure := errors.New("failure")
	for _, c := range []struct {
		name    string
		text    string
		err     error
		fetches int
	}{
		{"a small one", "hello", nil, 1},
		{"an empty one", "", nil, 1},
		{"a large one", strings.Repeat("x", maxSmall+1), nil, 5},
		{"one that fails", "", failure, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var small smallContents
				var mu sync.Mutex
				fetches := 0
				fetch := func() (io.ReadCloser, error) {
					mu.Lock()
					fetches++
					mu.Unlock()
					time.Sleep(time.Second) // of the bubble
					return io.NopCloser(strings.NewReader(c.text)), c.err
				}
				var wg sync.WaitGroup
				for range 5 {
					wg.Go(func() {
						s, err := small.open(t.Context(), "key", fetch)
						if !errors.Is(err, c.err) {
							t.Errorf("error %v", err)
						}
						if err != nil {
							return
						}
						if got, err := io.ReadAll(s); err != nil || string(got) != c.text {
							t.Errorf("%d bytes, %v", len(got), err)
						}
					})
				}
				wg.Wait()
				if fetches != c.fetches {
					t.Errorf("fetched %d times, want %d", fetches, c.fetches)
				}
			})
		})
	}
	t.Run("one that is stopped is fetched by the next", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var small smallContents
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_, err := small.open(ctx, "key", func() (io.ReadCloser, error) { <-ctx.Done(); return nil, ctx.Err() })
				if err == nil {
					t.Error("no error")
				}
			}()
			synctest.Wait()
			time.AfterFunc(time.Second, cancel)
			if _, err := small.open(t.Context(), "key", func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }); err != nil {
				t.Error(err)
			}
		})
	})
}
