package providers

import (
	"context"
	"fmt"
	"os"
)

// nowhere is a platform without configs.
type nowhere struct{}

func (*nowhere) places() []string { return nil }
func (*nowhere) needsNet() bool   { return false }

func (*nowhere) read(context.Context, *Env) (Config, error) {
	return Config{}, fmt.Errorf("the platform itself has %w", ErrNoConfig)
}

// envFile is the platform file: a file that the environment names.
type envFile struct{}

// configFileEnv names the file; without it, it is config.ign in the working directory.
const configFileEnv = "IGNITION_CONFIG_FILE"

func (*envFile) places() []string {
	return []string{"the file that " + configFileEnv + " names, or config.ign"}
}
func (*envFile) needsNet() bool { return false }

func (*envFile) read(context.Context, *Env) (Config, error) {
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
