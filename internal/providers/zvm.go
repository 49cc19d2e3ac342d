package providers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/kindling-boot/kindling/internal/run"
)

// virtualReader is the card reader of a z/VM guest: the first file of type ign in it is
// the config. The tools are those of s390-tools.
type virtualReader struct{}

// readerDevice is the usual number of the reader.
const readerDevice = "000c"

func (*virtualReader) places() []string {
	return []string{"virtual reader " + readerDevice + ", file of type ign"}
}
func (*virtualReader) needsNet() bool { return false }

func (*virtualReader) read(ctx context.Context, env *Env) (c Config, err error) {
	if err := env.module(ctx, "vmur"); err != nil {
		return c, err
	}
	tool := func(name string, args ...string) (string, error) {
		out, err := env.Run.Run(ctx, run.Command{Name: name, Args: args})
		if err != nil {
			return "", said(err)
		}
		return out, nil
	}
	if _, err := tool("chccwdev", "-e", readerDevice); err != nil {
		if _, err := tool("cio_ignore", "-r", readerDevice); err != nil {
			return c, fmt.Errorf("see reader %s: %w", readerDevice, err)
		}
		if _, err := tool("chccwdev", "-e", readerDevice); err != nil {
			return c, fmt.Errorf("switch reader %s on: %w", readerDevice, err)
		}
	}
	if _, err := tool("udevadm", "settle"); err != nil {
		return c, fmt.Errorf("wait for reader: %w", err)
	}
	list, err := tool("vmur", "li")
	if err != nil {
		return c, fmt.Errorf("list reader: %w", err)
	}
	spool, name, ok := findSpool(list)
	if !ok {
		return c, fmt.Errorf("the virtual reader has %w: there is no file of type ign", ErrNoConfig)
	}
	dir, err := os.MkdirTemp("", "ignition-reader-")
	if err != nil {
		return c, fmt.Errorf("make directory: %w", err)
	}
	to := filepath.Join(dir, "config.ign")
	defer func() { _, _ = os.Remove(to), os.Remove(dir) }() // it is in memory, for root only
	if _, err := tool("vmur", "re", "-f", spool, to); err != nil {
		return c, fmt.Errorf("receive %s from reader: %w", name, err)
	}
	data, err := readFile(to)
	if err != nil {
		return c, err
	}
	return Unpack(trimNUL(data), "virtual reader, file "+name)
}

// findSpool finds the first file of type ign in the list of vmur: number in the second
// column, name and type in the tenth and eleventh.
func findSpool(list string) (spool, name string, ok bool) {
	const number, nameColumn, typeColumn = 1, 9, 10
	for line := range strings.Lines(list) {
		f := strings.Fields(line)
		if len(f) <= number {
			return "", "", false // the list is over
		}
		if len(f) > typeColumn && f[typeColumn] == "ign" {
			return f[number], f[nameColumn] + ".ign", true
		}
	}
	return "", "", false
}
