package providers

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/resource"
)

// Kernel arguments.
const (
	argURL       = "ignition.config.url"
	argDevice    = "ignition.config.device"
	argPath      = "ignition.config.path"
	argPlatform  = "ignition.platform.id"
	argFirstBoot = "ignition.firstboot"
	argReport    = "ignition.report.url"
)

// urlArguments name the URL of a config: also as older systems and Flatcar write it.
// The first that is set counts.
func urlArguments() []string { return []string{argURL, "flatcar.config.url", "coreos.config.url"} }

// deviceWait is how long the device of ignition.config.device is waited for.
const deviceWait = 30 * time.Second

// maxCommandLine is far more than a kernel takes: COMMAND_LINE_SIZE is at most 64 KiB.
const maxCommandLine = 1 << 20

// CommandLine is the provider of all platforms: kernel arguments that name a config.
// ErrNotHere says that there are none.
func CommandLine(ctx context.Context, env *Env) (Config, error) {
	args, err := readArguments(env)
	if err != nil {
		return Config{}, err
	}
	warnTypos(env, args)
	for _, name := range urlArguments() {
		if v := args.last(name); v != "" {
			if args.last(argDevice) != "" || args.last(argPath) != "" {
				env.warn("kernel argument %s is used; %s and %s are ignored", name, argDevice, argPath)
			}
			return fromURL(ctx, env, name, v)
		}
	}
	device, path := args.last(argDevice), args.last(argPath)
	switch {
	case device == "" && path == "":
		return Config{}, fmt.Errorf("the kernel arguments name no config: %w", ErrNotHere)
	case device == "" || path == "":
		return Config{}, fmt.Errorf("kernel arguments %s (the label of a file system) and %s (a file on it) must be given together", argDevice, argPath)
	case strings.ContainsRune(device, '/') || device == "." || device == "..":
		return Config{}, fmt.Errorf("kernel argument %s: %q is not the label of a file system", argDevice, device)
	}
	d := &drive{labels: []string{device}, files: []string{path}, wait: deviceWait, must: true}
	c, err := d.read(ctx, env)
	if err != nil {
		return c, fmt.Errorf("kernel argument %s: %w", argDevice, err)
	}
	return c, nil
}

// Argument returns the value of a kernel argument, the last if there are several; "" if
// it is not given.
func Argument(env *Env, name string) (string, error) {
	args, err := readArguments(env)
	if err != nil {
		return "", err
	}
	return args.last(name), nil
}

// ReportArgument returns where the kernel arguments want a report of the boot to be sent;
// "" if nowhere.
func ReportArgument(env *Env) (string, error) { return Argument(env, argReport) }

// PlatformArgument returns the platform that the kernel arguments name; "" if none.
func PlatformArgument(env *Env) (string, error) { return Argument(env, argPlatform) }

// fromURL gets the config of a URL.
func fromURL(ctx context.Context, env *Env, argument, text string) (Config, error) {
	fail := func(err error) (Config, error) {
		return Config{}, fmt.Errorf("kernel argument %s: %w", argument, err)
	}
	u, err := url.Parse(text)
	if err != nil {
		return fail(errors.New("its value is not a URL")) // the value may hold a password
	}
	if u.Scheme == "" {
		return fail(fmt.Errorf("%q is not a URL: it begins with no scheme such as http://", resource.Show(text)))
	}
	if u.Scheme != "file" { // before the network is started for nothing
		asReference := config.New(types.Config{}, nil)
		asReference.Ignition.Config.Replace.Source = &text
		if bad := config.Check(asReference); bad.HasErrors() {
			return fail(fmt.Errorf("%s: %s", resource.Show(text), bad[0].Message))
		}
	}
	ctx, stop := context.WithTimeoutCause(ctx, env.timeout(), errTimeout(env))
	defer stop()
	r, err := env.Client.Open(ctx, types.Resource{Source: &text})
	if err != nil {
		return fail(err)
	}
	data, err := readLimited(r)
	if errors.Is(err, source.ErrTooLarge) { // the only one that does not name the resource
		err = fmt.Errorf("fetch %s: %w", resource.Show(text), err)
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return fail(err)
	}
	c, err := Unpack(data, resource.Show(text))
	if err != nil {
		return fail(err)
	}
	return c, nil
}

// arguments are the words of the kernel's command line.
type arguments []string

func readArguments(env *Env) (arguments, error) {
	f, err := os.Open(env.Paths.CommandLine)
	if err != nil {
		return nil, fmt.Errorf("read kernel arguments: %w", err)
	}
	data, err := readAtMost(f, maxCommandLine)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read kernel arguments: %w", err)
	}
	return strings.Fields(string(data)), nil
}

// last returns the value of the last occurrence that has one.
func (a arguments) last(name string) string {
	for i := len(a) - 1; i >= 0; i-- {
		// the kernel keeps the quotes that a boot loader needs
		n, v, _ := strings.Cut(strings.Trim(a[i], `"`), "=")
		if v = strings.Trim(v, `"'`); n == name && v != "" {
			return v
		}
	}
	return ""
}

// warnTypos names arguments that look like those of this program and are none.
func warnTypos(env *Env, args arguments) {
	known := append(urlArguments(), argDevice, argPath, argPlatform, argFirstBoot, argReport)
	for _, word := range args {
		name, _, _ := strings.Cut(word, "=")
		if !strings.HasPrefix(name, "ignition.") || slices.Contains(known, name) {
			continue
		}
		hint := ""
		if near := schema.Nearest(name, known); near != "" {
			hint = "; did you mean " + near + "?"
		}
		env.warn("kernel argument %s is not known%s", name, hint)
	}
}
