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

	"github.com/kindling-boot/kindling/config/types"
)

// readLimited reads a config that may be endless.
func readLimited(r io.Reader) ([]byte, error) { return readAtMost(r, maxConfig) }

// readAtMost reads everything, or refuses it.
func readAtMost(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		return nil, errTooLarge
	}
	return data, err
}

// trimSpace removes what editors and services put around a value.
func trimSpace(data []byte) []byte { return bytes.TrimSpace(data) }

// errTimeout says that the time for fetching is over.
func errTimeout(env *Env) error { return fmt.Errorf("not fetched within %v", env.timeout()) }

// nowhere is a platform without configs.
type nowhere struct{}

func (nowhere) places() []string { return nil }
func (nowhere) needsNet() bool   { return false }

func (nowhere) read(context.Context, *Env) (Config, error) {
	return Config{}, fmt.Errorf("the platform itself has %w", ErrNoConfig)
}

// envFile is the platform file: a file that the environment names.
type envFile struct{}

// configFileEnv names the file; without it, it is config.ign in the working directory.
const configFileEnv = "IGNITION_CONFIG_FILE"

func (envFile) places() []string {
	return []string{"the file that " + configFileEnv + " names, or config.ign"}
}
func (envFile) needsNet() bool { return false }

func (envFile) read(context.Context, *Env) (Config, error) {
	name := os.Getenv(configFileEnv)
	if name == "" {
		name = "config.ign"
	}
	data, err := readFile(name)
	if err != nil {
		return Config{}, err
	}
	return Unpack(data, name)
}

// isNoCloudConfig reports whether user data is something else than the cloud-config
// that Proxmox VE puts there itself.
func isNoCloudConfig(data []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(data, byteOrderMark), []byte("\n"))
	return !bytes.Equal(bytes.TrimRight(line, " \t\r"), []byte("#cloud-config"))
}

// bootFIFO is the file in which the host of a BlueField card leaves data for its boot:
// the driver mlxbf-bootctl.
type bootFIFO struct{}

const bootFIFOFile = "bus/platform/devices/MLNXBF04:00/bootfifo"

func (bootFIFO) places() []string { return []string{"/sys/" + bootFIFOFile} }
func (bootFIFO) needsNet() bool   { return false }

func (bootFIFO) read(ctx context.Context, env *Env) (Config, error) {
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

// targetFile is a file for the target that only root may read.
func targetFile(name string, data []byte) types.File {
	source := "data:;base64," + toBase64(data)
	overwrite, mode := true, 0o600
	return types.File{
		Node:     types.Node{Path: name, Overwrite: &overwrite},
		Contents: types.Resource{Source: &source},
		Mode:     &mode,
	}
}

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
