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

	"golang.org/x/sys/unix"
)

// ovfDisc is the disc that Azure attaches while a machine is provisioned: ovf-env.xml
// marks it, CustomData.bin is the config.
type ovfDisc struct {
	// formats of the disc, as mount knows them.
	formats []string
}

// The files of the disc.
const (
	ovfMark       = "ovf-env.xml"
	ovfCustomData = "CustomData.bin"
)

// discPeriod is how often discs are looked for.
const discPeriod = time.Second

func (d *ovfDisc) places() []string {
	return []string{"disc (" + strings.Join(d.formats, ", ") + ") with " + ovfMark + ", " + ovfCustomData}
}

func (*ovfDisc) needsNet() bool { return false }

// read looks at all drives again and again: a disc that is not ready yet may be soon.
func (d *ovfDisc) read(ctx context.Context, env *Env) (c Config, err error) {
	what := "the " + d.places()[0]
	reported := map[string]bool{}
	err = env.poll(ctx, what, discPeriod, func() (bool, error) {
		for _, device := range glob(env.Paths.Dev, "sr[0-9]*") {
			found, looked, err := d.look(ctx, env, device)
			switch {
			case errors.Is(looked, ErrNoConfig):
				return false, looked
			case err != nil && !reported[device]:
				env.note("%s: %v", device, err)
				reported[device] = true
			case found.Data != nil:
				c = found
				return true, nil
			}
		}
		return false, nil
	})
	return c, err
}

// look reads one disc. The error looked is that of a disc with the mark, err that of one
// that is none.
func (d *ovfDisc) look(ctx context.Context, env *Env, device string) (c Config, looked, err error) {
	if err := discReady(device); err != nil {
		return c, nil, err
	}
	err = env.mounted(ctx, device, strings.Join(d.formats, ","), func(dir string) error {
		if _, err := os.Stat(filepath.Join(dir, ovfMark)); err != nil {
			return fmt.Errorf("it has no %s", ovfMark)
		}
		where := device + ":/" + ovfCustomData
		data, err := readFile(filepath.Join(dir, ovfCustomData))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			looked = fmt.Errorf("%s has %w: there is no file %s", device, ErrNoConfig, ovfCustomData)
			return nil
		case err != nil:
			return err
		}
		c, looked = Unpack(data, where)
		if errors.Is(looked, ErrNoConfig) {
			return nil
		}
		return looked
	})
	return c, looked, err
}

// From linux/cdrom.h.
const (
	cdromDriveStatus = 0x5326
	cdromDiscOK      = 4
)

// discReady asks the drive whether there is a disc: mounting would hang or close the
// tray otherwise. Where the question is unknown, mounting finds out.
func discReady(device string) error {
	fd, err := unix.Open(device, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open drive: %w", err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	status, err := unix.IoctlRetInt(fd, cdromDriveStatus)
	switch {
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EINVAL):
		return nil
	case err != nil:
		return fmt.Errorf("ask drive for its status: %w", err)
	case status != cdromDiscOK:
		return fmt.Errorf("the disc is not ready (status %d)", status)
	}
	return nil
}
