package providers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/internal/resource"
)

// noCloud is cloud-init's datasource of that name: a seed named by the serial number of
// the firmware or by a kernel argument (ds=nocloud;s=URL), a directory, or a volume
// labelled cidata. meta-data need not exist; Ignition has no use for it.
type noCloud struct{}

// The files of every kind of seed: the config, and what stands beside it.
const (
	userData      = "user-data"
	NetworkConfig = "network-config"
	VendorData    = "vendor-data"
)

// addBeside adds what stands beside a config for cloud-init, if it is there: an error is
// ErrNoConfig or fs.ErrNotExist if it is not. Other configs have no use for it.
func (c *Config) addBeside(read func(name string) (Config, error)) error {
	switch dialect.Of(c.Data).Kind {
	case dialect.Ignition, dialect.OldIgnition, dialect.JSON, dialect.BrokenJSON, dialect.Butane, dialect.ContainerLinux:
		return nil
	}
	c.Beside = map[string]Config{}
	for _, name := range []string{NetworkConfig, VendorData} {
		other, err := read(name)
		switch {
		case errors.Is(err, ErrNoConfig), errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		default:
			c.Beside[name] = other
		}
	}
	return nil
}

// readSeedDir reads a seed that is a directory.
func readSeedDir(dir string) (Config, error) {
	read := func(name string) (Config, error) {
		name = filepath.Join(dir, name)
		data, err := readFile(name)
		if err != nil {
			return Config{}, err
		}
		return Unpack(data, name)
	}
	c, err := read(userData)
	if err == nil {
		err = c.addBeside(read)
	}
	return c, err
}

func (*noCloud) places() []string {
	return append([]string{
		"seed of SMBIOS serial number or kernel argument ds=nocloud;s=SEED", "/var/lib/cloud/seed/nocloud/" + userData,
	}, noCloudDrive(cidataWait, "/"+userData).places()...)
}

// needsNet is not known before the seed is: read tells.
func (*noCloud) needsNet() bool { return false }

func (*noCloud) read(ctx context.Context, env *Env) (Config, error) {
	seed, from, err := findSeed(env)
	if err != nil {
		return Config{}, err
	}
	if seed != "" {
		c, err := readSeed(ctx, env, seed)
		if err != nil {
			return c, fmt.Errorf("seed of %s: %w", from, err)
		}
		return c, nil
	}
	for _, dir := range []string{"nocloud", "nocloud-net"} {
		c, err := readSeedDir(filepath.Join(env.Paths.Seeds, dir))
		if !errors.Is(err, fs.ErrNotExist) {
			return c, err
		}
	}
	return noCloudDrive(cidataWait, "/"+userData).read(ctx, env)
}

// findSeed returns the seed that the firmware or the kernel arguments name, and which of
// them; "" if none does. A kernel argument is the stronger one.
func findSeed(env *Env) (seed, from string, err error) {
	args, err := readArguments(env)
	if err != nil {
		return "", "", err
	}
	if seed, ok := parseSeed(args.last("ds")); ok && seed != "" {
		return seed, "kernel argument ds", nil
	}
	serial, err := os.ReadFile(env.sys("class/dmi/id/product_serial"))
	if err != nil {
		return "", "", nil // no firmware, no serial number
	}
	if seed, ok := parseSeed(strings.TrimPrefix(strings.TrimSpace(string(serial)), "ds=")); ok && seed != "" {
		return seed, "SMBIOS serial number", nil
	}
	return "", "", nil
}

// parseSeed parses what follows ds=: nocloud or nocloud-net, then fields between
// semicolons.
func parseSeed(text string) (seed string, ok bool) {
	fields := strings.Split(strings.Trim(text, `"'`), ";")
	if fields[0] != "nocloud" && fields[0] != "nocloud-net" {
		return "", false
	}
	for _, f := range fields[1:] {
		if k, v, _ := strings.Cut(f, "="); k == "s" || k == "seedfrom" {
			seed = v
		}
	}
	return seed, true
}

// readSeed gets the config of a seed: a directory or the URL of one.
func readSeed(ctx context.Context, env *Env, seed string) (Config, error) {
	if strings.Contains(seed, "__dmi.") {
		return Config{}, errors.New("placeholders (__dmi.…__) are not supported")
	}
	if dir, ok := strings.CutPrefix(seed, "file://"); ok || strings.HasPrefix(seed, "/") {
		if ok {
			seed = dir
		}
		return readSeedDir(seed)
	}
	u, err := url.Parse(seed)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return Config{}, fmt.Errorf("%q is neither a directory nor a URL (http, https)", resource.Show(seed))
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	read := func(name string) (Config, error) {
		at := *u
		at.Path += name
		s := &service{hosts: []string{at.String()}, patience: max(env.timeout(), time.Second)}
		return s.read(ctx, env)
	}
	c, err := read(userData)
	if err == nil {
		quiet := *env
		quiet.Warn = nil // that something is not there is no news
		env = &quiet
		err = c.addBeside(read)
	}
	return c, err
}
