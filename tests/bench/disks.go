package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/tests/uml"
	"github.com/kindling-boot/kindling/tests/whole"
)

//go:embed disks.sh
var disksScript string

// disksLimit ends a virtual machine that hangs.
const disksLimit = 20 * time.Minute

// disksRounds is how often each engine provisions the machine.
const disksRounds = 3

// disks: a whole machine beside Debian's package, in one virtual machine: both wait for
// devices through systemd and udev, and start the same programs.
func (b *bench) disks() error {
	const (
		what  = "disks, mount and files, whole machine : Debian's package, wall"
		large = "files, 5,500 entries, virtual machine : Debian's package, wall"
	)
	for name, file := range map[string]string{"Debian package ignition": debianIgnition, "User Mode Linux": uml.Kernel} {
		if _, err := exec.LookPath(file); err != nil {
			b.skip(what, "no "+name)
			b.skip(large, "no "+name)
			return nil //nolint:nilerr // the row is optional
		}
	}
	if reason := b.missing("ignition"); reason != "" {
		b.skip(what, reason)
		return nil
	}
	dir := b.path("machine")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if _, err := whole.Disks(dir); err != nil {
		return err
	}
	err := errors.Join(
		copyFile(filepath.Join(dir, "ours"), b.program("ignition")),
		copyFile(filepath.Join(dir, "theirs"), debianIgnition),
		copyFile(filepath.Join(dir, "large.ign"), b.config),
		// the newest spec that the package knows
		os.WriteFile(filepath.Join(dir, "whole.ign"), []byte(whole.Config("3.3.0", [2]string{"/dev/loop0", "/dev/loop1"})), 0o600),
	)
	if err != nil {
		return err
	}
	m := uml.Machine{Dir: dir, Script: disksScript, Systemd: true, Args: []string{fmt.Sprintf("rounds=%d", disksRounds), "systemd.default_timeout_start_sec=20"}, Limit: disksLimit}
	err = m.Run(context.Background())
	if m.Read("status") != fmt.Sprint(disksRounds) {
		err = errors.Join(err, errors.New("not all of its work is done"))
		return fmt.Errorf("virtual machine: %w\n%s", err, m.Log())
	}
	took, err := stageTimes(m.Read("times"))
	if err != nil {
		return err
	}
	for _, s := range []string{"disks", "mount", "files"} {
		b.ratio("  stage "+s+" of it : Debian's package, wall", took("ours", "whole", s), took("theirs", "whole", s), 0)
	}
	b.ratio(what, took("ours", "whole", "disks", "mount", "files"), took("theirs", "whole", "disks", "mount", "files"), 0.6)
	b.ratio(large, took("ours", "large", "files"), took("theirs", "large", "files"), 0.35)
	return nil
}

// stageTimes reads what the script has measured. The function gives the median of the
// rounds of stages together.
func stageTimes(text string) (func(engine, config string, stages ...string) time.Duration, error) {
	all := map[[3]string][]time.Duration{}
	for line := range strings.Lines(text) {
		var engine, config, stage string
		var microseconds int64
		if _, err := fmt.Sscan(line, &engine, &config, &stage, &microseconds); err != nil {
			return nil, fmt.Errorf("times of the virtual machine: %q: %w", line, err)
		}
		key := [3]string{engine, config, stage}
		all[key] = append(all[key], time.Duration(microseconds)*time.Microsecond)
	}
	return func(engine, config string, stages ...string) time.Duration {
		var sums []time.Duration
		for _, s := range stages {
			for i, d := range all[[3]string{engine, config, s}] {
				if i == len(sums) {
					sums = append(sums, 0)
				}
				sums[i] += d
			}
		}
		slices.Sort(sums)
		return sums[len(sums)/2]
	}, nil
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}
