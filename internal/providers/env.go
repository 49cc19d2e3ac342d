package providers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/kindling-boot/kindling/internal/run"
)

// Paths are the files of the running system that providers look at.
type Paths struct {
	// CommandLine holds the kernel arguments: /proc/cmdline.
	CommandLine string
	// ByLabel and ByID are the directories of udev's links to block devices.
	ByLabel, ByID string
	// UdevQueue is there while udev works on events: libudev, udev_queue_get_udev_is_active.
	UdevQueue string
	// Sys is /sys, Dev is /dev.
	Sys, Dev string
	// Leases is where systemd-networkd keeps what DHCP has given.
	Leases string
	// Seeds is where cloud-init looks for local seeds: /var/lib/cloud/seed.
	Seeds string
}

// commandLineEnv moves the kernel arguments; images for tests use it.
const commandLineEnv = "IGNITION_KERNEL_CMDLINE_PATH"

// SystemPaths are those of the running system.
func SystemPaths() Paths {
	p := Paths{
		CommandLine: os.Getenv(commandLineEnv),
		ByLabel:     "/dev/disk/by-label",
		ByID:        "/dev/disk/by-id",
		UdevQueue:   "/run/udev/queue",
		Sys:         "/sys",
		Dev:         "/dev",
		Leases:      "/run/systemd/netif/leases",
		Seeds:       "/var/lib/cloud/seed",
	}
	if p.CommandLine == "" {
		p.CommandLine = "/proc/cmdline"
	}
	return p
}

// Env is what providers work with. All members but Offline, Note and Warn must be set.
type Env struct {
	Paths  Paths
	Client Client
	Run    run.Runner
	// Timeout limits each question over the network, all attempts together. Zero means
	// two minutes.
	Timeout time.Duration
	// Offline refuses what needs the network with resource.ErrNeedNet.
	Offline bool
	// Note and Warn tell what happens. Note is for whoever looks for a reason, Warn for
	// what people should know. They may be called from several goroutines.
	Note, Warn func(text string)
	// DialVsock connects to a port of the host. Nil means the real one.
	DialVsock func(ctx context.Context, port uint32) (io.ReadWriteCloser, error)
}

// defaultTimeout is that of the flag --fetch-timeout.
const defaultTimeout = 2 * time.Minute

func (e *Env) timeout() time.Duration {
	if e.Timeout > 0 {
		return e.Timeout
	}
	return defaultTimeout
}

func (e *Env) note(format string, args ...any) {
	if e.Note != nil {
		e.Note(fmt.Sprintf(format, args...))
	}
}

func (e *Env) warn(format string, args ...any) {
	if e.Warn != nil {
		e.Warn(fmt.Sprintf(format, args...))
	}
}

// sys returns a path below /sys.
func (e *Env) sys(parts ...string) string {
	return filepath.Join(append([]string{e.Paths.Sys}, parts...)...)
}

// module loads a kernel module unless the path in /sys that it makes is there.
func (e *Env) module(ctx context.Context, name string, made ...string) error {
	if len(made) > 0 {
		if _, err := os.Stat(e.sys(made...)); err == nil {
			return nil
		}
	}
	if _, err := e.Run.Run(ctx, run.Command{Name: "modprobe", Args: []string{name}}); err != nil {
		return fmt.Errorf("load kernel module %s: %w", name, err)
	}
	return nil
}

// poll asks every interval until done says so, and tells, less and less often, what it
// is waiting for. The error is that of done or of the context.
func (e *Env) poll(ctx context.Context, what string, interval time.Duration, done func() (bool, error)) error {
	start := time.Now()
	next := 10 * time.Second
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		if waited := time.Since(start); waited >= next {
			e.warn("still waiting for %s (%v)", what, waited.Round(time.Second))
			next *= 2
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// header makes the header of a request from pairs of names and values.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}
