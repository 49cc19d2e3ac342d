package acquire

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// writeFile writes a file of the running system in one step: it is there as a whole,
// with its mode, or not at all.
func writeFile(name string, data []byte, mode os.FileMode) (err error) {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return f.Close()
}

// Flag creates the flag file that makes the initramfs start the network.
func Flag(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("make directory of need-network flag: %w", err)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("create need-network flag: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("create need-network flag: %w", err)
	}
	return nil
}
