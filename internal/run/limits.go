package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrHangs is the cause of the error when a tool was ended because it took longer than it
// may.
var ErrHangs = errors.New("it hangs, and was ended")

// limitEnv is the variable with a duration, such as 2h30m, that replaces all limits.
const limitEnv = "IGNITION_TOOL_TIMEOUT"

// WholeDevice is the limit of what may write all of a large disk: 16 TB at 200 MB/s.
const WholeDevice = 24 * time.Hour

// otherLimit is that of tools without a row, such as the helpers of distributions.
const otherLimit = 10 * time.Minute

// limits are how long tools may take. They are far above what the slowest machines need,
// since ending a tool that works does more harm than waiting for one that does not.
var limits = map[string]time.Duration{
	// they may discard what is on the device before: minutes for thin volumes and old SSDs
	"mkfs.ext4": time.Hour, "mkfs.xfs": time.Hour, "mkfs.btrfs": time.Hour,
	// a few sectors, behind what the disk still has to write
	"mkfs.fat": 15 * time.Minute, "mkswap": 15 * time.Minute, "wipefs": 5 * time.Minute, "kpartx": 5 * time.Minute,
	// Argon2 for each key slot, more than 10 s where there is little memory
	"cryptsetup": 15 * time.Minute,
	// a TPM needs seconds for a key; a server answers, or its connection fails after 2 minutes
	"clevis": 10 * time.Minute,
	// udevd ends workers after 3 minutes: udev.conf(5), event_timeout
	"udevadm": 5 * time.Minute,
	// journals of large file systems are replayed
	"mount": 30 * time.Minute, "umount": 10 * time.Minute,
	// homes are moved and removed
	"usermod": time.Hour, "userdel": time.Hour,
	// all of a directory that has no label
	"setfiles": time.Hour,
	"modprobe": 2 * time.Minute,
}

// LimitOf returns how long a call may take.
func LimitOf(c Command) (time.Duration, error) {
	if text := os.Getenv(limitEnv); text != "" {
		limit, err := time.ParseDuration(text)
		if err == nil && limit <= 0 {
			err = errors.New("it must be positive")
		}
		if err != nil {
			return 0, fmt.Errorf("read the variable %s, %q: %w", limitEnv, text, err)
		}
		return limit, nil
	}
	if c.Limit > 0 {
		return c.Limit, nil
	}
	if limit, ok := limits[c.Name]; ok {
		return limit, nil
	}
	return otherLimit, nil
}

// within ends the context when a call has taken as long as it may.
func within(ctx context.Context, c Command) (context.Context, context.CancelFunc, error) {
	limit, err := LimitOf(c)
	if err != nil {
		return ctx, nil, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("after %v %w", limit, ErrHangs))
	return ctx, cancel, nil
}
