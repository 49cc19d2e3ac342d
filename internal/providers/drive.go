package providers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/internal/run"
)

// devicePeriod is how often a device is looked for.
const devicePeriod = 200 * time.Millisecond

// forever is the wait of a drive that is always attached: losing a config is worse than
// a boot that hangs and says why.
const forever = time.Duration(0)

// drive is a file on a file system with a label.
type drive struct {
	// labels of the file system, in order of preference. They are told apart by case,
	// as udev does; FAT keeps capitals only.
	labels []string
	// files on it, in order of preference. The first that pick takes is the config.
	files []string
	// pick judges the content of a file; nil takes what has any byte.
	pick func([]byte) bool
	// wait is how long the device is waited for while udev has nothing to do: it may be
	// behind what udev works on, for minutes on a slow machine. After that it counts as
	// having no config. Zero is for ever.
	wait time.Duration
	// must makes it an error if device or file are not there.
	must bool
	// beside reads what NoCloud volumes have beside the config, too.
	beside bool
}

// The labels of config drives and of NoCloud volumes: cloud-init's documentation of
// both.
var (
	configLabels = []string{"config-2", "CONFIG-2"}
	cidataLabels = []string{"cidata", "CIDATA"}
)

func configDrive(file string) *drive {
	return &drive{labels: configLabels, files: []string{file}}
}

func noCloudDrive(wait time.Duration, files ...string) *drive {
	return &drive{labels: cidataLabels, files: files, wait: wait, beside: files[0] == "/"+userData}
}

func (d *drive) places() []string {
	return []string{fmt.Sprintf("file system labelled %s, %s", d.labels[0], strings.Join(d.files, ", "))}
}

func (*drive) needsNet() bool { return false }

// device returns the block device; "" if there is none.
func (d *drive) device(env *Env) string {
	for _, l := range d.labels {
		name := filepath.Join(env.Paths.ByLabel, escapeLabel(l))
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return ""
}

func (d *drive) isThere(env *Env) bool { return d.device(env) != "" }

func (d *drive) read(ctx context.Context, env *Env) (Config, error) {
	what := "the " + d.places()[0]
	device, idle := "", time.Duration(0)
	err := env.poll(ctx, what, devicePeriod, func() (bool, error) {
		if device = d.device(env); device == "" && d.wait != forever {
			if _, err := os.Stat(env.Paths.UdevQueue); err != nil {
				idle += devicePeriod
			}
		}
		return device != "" || idle > d.wait, nil
	})
	switch {
	case err != nil:
		return Config{}, fmt.Errorf("wait for %s: %w", what, err)
	case device == "" && d.must:
		return Config{}, fmt.Errorf("%s did not appear within %v", what, d.wait)
	case device == "":
		return Config{}, fmt.Errorf("%s did not appear within %v: %w", what, d.wait, ErrNoConfig)
	}
	c := Config{}
	err = env.mounted(ctx, device, "auto", func(dir string) (err error) {
		c, err = d.readFiles(device, dir)
		return err
	})
	return c, err
}

// readFiles reads the config from the mounted file system.
func (d *drive) readFiles(device, dir string) (Config, error) {
	root, err := os.OpenRoot(dir) // links on the medium must not lead out of it
	if err != nil {
		return Config{}, err
	}
	defer root.Close() //nolint:errcheck // nothing was written
	read := func(name string) (data []byte, where string, err error) {
		where = device + ":" + name
		f, err := root.Open(strings.TrimPrefix(filepath.Clean("/"+name), "/"))
		if err == nil {
			data, err = readLimited(f)
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			err = fmt.Errorf("read %s: %w", where, causeOf(err))
		}
		return data, where, err
	}
	missing := 0
	for _, name := range d.files {
		data, where, err := read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing++
			continue
		case err != nil:
			return Config{}, err
		case len(data) == 0 && len(d.files) > 1 || d.pick != nil && !d.pick(data):
			continue
		}
		c, err := Unpack(data, where)
		if err == nil && d.beside {
			err = c.addBeside(func(name string) (Config, error) {
				data, where, err := read("/" + name)
				if err != nil {
					return Config{}, err
				}
				return Unpack(data, where)
			})
		}
		return c, err
	}
	names := strings.Join(d.files, ", ")
	switch {
	case d.must:
		return Config{}, fmt.Errorf("%s has no file %s", device, names)
	case missing == len(d.files):
		return Config{}, fmt.Errorf("%s has %w: there is no file %s", device, ErrNoConfig, names)
	}
	return Config{}, fmt.Errorf("%s has %w in %s", device, ErrNoConfig, names)
}

// mounted mounts a device where only this process looks, reading only, for the time of
// a call.
func (e *Env) mounted(ctx context.Context, device, format string, do func(dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "ignition-configdrive-")
	if err != nil {
		return fmt.Errorf("make mount point: %w", err)
	}
	defer func() { err = errors.Join(err, os.Remove(dir)) }()
	mount := run.Command{Name: "mount", Args: []string{"-o", "ro,nodev,nosuid,noexec", "-t", format, device, dir}}
	if _, err := e.Run.Run(ctx, mount); err != nil {
		return fmt.Errorf("mount %s: %w", device, said(err))
	}
	defer func() { err = errors.Join(err, e.unmount(dir)) }()
	return do(dir)
}

// unmount tries three times: something that looks at new mounts may hold it for a
// moment.
func (e *Env) unmount(dir string) error {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second) // also after a cancelled read
	defer stop()
	tries := 0
	return e.poll(ctx, "unmounting "+dir, time.Second, func() (bool, error) {
		_, err := e.Run.Run(ctx, run.Command{Name: "umount", Args: []string{dir}})
		if tries++; err != nil && tries < 3 {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("unmount %s: %w", dir, said(err))
		}
		return true, nil
	})
}

// said adds what a program has said to its error.
func said(err error) error {
	var e *run.Error
	if errors.As(err, &e) && e.Said() != "" {
		return fmt.Errorf("%w (%s)", err, e.Said())
	}
	return err
}

// escapeLabel writes a label as udev names its link: everything but letters, digits and
// some signs as \x and two digits (systemd, src/basic/utf8 and udev's encode_string).
func escapeLabel(label string) string {
	var b strings.Builder
	for i := range len(label) {
		c := label[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("#+-.:=@_", c) >= 0 || c >= 0x80 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, `\x%02x`, c)
	}
	return b.String()
}
