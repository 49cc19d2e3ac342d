package providers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// bootFIFO is the file in which the host of a BlueField card leaves data for its boot:
// the driver mlxbf-bootctl.
type bootFIFO struct{}

const bootFIFOFile = "bus/platform/devices/MLNXBF04:00/bootfifo"

func (*bootFIFO) places() []string { return []string{"/sys/" + bootFIFOFile} }
func (*bootFIFO) needsNet() bool   { return false }

func (*bootFIFO) read(ctx context.Context, env *Env) (Config, error) {
	name := env.sys(bootFIFOFile)
	if err := env.module(ctx, "mlxbf_bootctl", bootFIFOFile); err != nil {
		return Config{}, err
	}
	data, err := readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, fmt.Errorf("%s is not there: %w", name, ErrNoConfig)
	}
	if err != nil {
		return Config{}, err
	}
	return Unpack(trimNUL(data), name)
}
