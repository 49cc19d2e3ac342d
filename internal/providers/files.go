package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kindling-boot/kindling/config/source"
)

// readLimited reads a config that may be endless.
func readLimited(r io.Reader) ([]byte, error) { return readAtMost(r, maxConfig()) }

// readAtMost reads everything, or refuses it.
func readAtMost(r io.Reader, limit int) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(data) > limit {
		return nil, tooLarge(limit)
	}
	return data, err
}

// readFile reads a file of the running system.
func readFile(name string) ([]byte, error) {
	f, err := source.Open(name, nil, int64(maxConfig()))
	if err != nil {
		return nil, err
	}
	return f.Data, nil
}

// causeOf is an error without the operation and the path, which the caller names.
func causeOf(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// trimSpace removes what editors and services put around a value.
func trimSpace(data []byte) []byte { return bytes.TrimSpace(data) }

// errTimeout says that the time for fetching is over.
func errTimeout(env *Env) error { return fmt.Errorf("not fetched within %v", env.timeout()) }

// waitForFile waits until a file is there.
func waitForFile(ctx context.Context, env *Env, name string, limit time.Duration) error {
	ctx, stop := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s did not appear within %v", name, limit))
	defer stop()
	return env.poll(ctx, name, devicePeriod, func() (bool, error) {
		_, err := os.Stat(name)
		return err == nil, nil
	})
}

// glob lists files by a pattern below a directory, sorted.
func glob(dir, pattern string) []string {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil {
		return nil // the patterns are constants
	}
	return found
}
