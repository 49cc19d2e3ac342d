// Package booted boots the systemd of a tree in namespaces of its own, as systemd-nspawn
// does: its units run as they would on a machine, and see a kernel, a network, processes and
// cgroups that are nobody else's. It takes seconds, where a virtual machine takes minutes.
//
// The kernel is that of the host. The tree is changed by what runs in it.
package booted

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

//go:embed boot.sh
var script []byte

// Machine is a system that runs. It ends with the test.
type Machine struct {
	t    *testing.T
	init int // the process of systemd
	said *bytes.Buffer
}

// Need skips a test that boots trees where that is not possible; in CI that fails.
func Need(t *testing.T, names ...string) {
	t.Helper()
	programs.Need(t, append([]string{"root", "ip", "unshare", "nsenter", "pivot_root"}, names...)...)
}

// Start boots the tree in a network namespace: one that ip(8) made. Without a name it has
// one with nothing in it.
func Start(t *testing.T, root, space string) *Machine {
	t.Helper()
	at := filepath.Join(t.TempDir(), "boot.sh")
	must(t, os.WriteFile(at, script, 0o700))
	name := "kindling-" + strconv.Itoa(os.Getpid()) + "-" + filepath.Base(filepath.Dir(at)) + "-" + filepath.Base(filepath.Dir(filepath.Dir(at)))
	args := []string{"unshare", "--mount", "sh", "-e", at, "prepare", root, name}
	if space != "" {
		args = append([]string{"ip", "netns", "exec", space}, args...)
	} else {
		args = append(args[:1], append([]string{"--net"}, args[1:]...)...)
	}
	said := &bytes.Buffer{}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = 10 * time.Second
	// all end with the test, also if somebody kills it
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	m := &Machine{t: t, said: said}
	t.Cleanup(func() {
		if m.init != 0 {
			_ = syscall.Kill(m.init, syscall.SIGKILL)
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		clean := exec.Command("unshare", "--mount", "sh", "-e", at, "clean", root, name)
		if out, err := clean.CombinedOutput(); err != nil {
			t.Errorf("remove cgroups: %v\n%s", err, out)
		}
	})
	m.await(2*time.Minute, "the start of systemd", func() bool {
		m.init = initOf(cmd.Process.Pid)
		return m.init != 0
	})
	return m
}

// initOf finds the first process of the machine: the descendant that is systemd.
func initOf(pid int) int {
	for range 4 {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.TrimSpace(string(text)) == "systemd" {
			return pid
		}
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			return 0
		}
		fields := strings.Fields(string(children))
		if len(fields) == 0 {
			return 0
		}
		if pid, err = strconv.Atoi(fields[0]); err != nil {
			return 0
		}
	}
	return 0
}

// await waits for a condition.
func (m *Machine) await(limit time.Duration, what string, condition func() bool) {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), limit)
	defer cancel()
	for !condition() {
		select {
		case <-ctx.Done():
			m.t.Fatalf("wait for %s: %v\n%s\n%s", what, ctx.Err(), m.Journal(), m.said)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Run runs a command in the machine.
func (m *Machine) Run(args ...string) (string, error) {
	cmd := exec.Command("nsenter", append([]string{
		"--target", strconv.Itoa(m.init), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd", "env", "-i",
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
	}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// AwaitBoot waits until all units of the boot were started, or have failed, and returns what
// failed.
func (m *Machine) AwaitBoot(limit time.Duration) (failed []string) {
	m.t.Helper()
	m.await(limit, "the end of the boot", func() bool {
		state, _ := m.Run("systemctl", "is-system-running")
		return strings.HasPrefix(state, "running") || strings.HasPrefix(state, "degraded")
	})
	out, _ := m.Run("systemctl", "--failed", "--plain", "--no-legend")
	for line := range strings.Lines(out) {
		failed = append(failed, strings.Fields(line)[0])
	}
	return failed
}

// Journal is what units have said.
func (m *Machine) Journal() string {
	if m.init == 0 {
		return ""
	}
	out, _ := m.Run("journalctl", "--boot", "--no-pager", "--output=short-monotonic", "--lines=200")
	return out
}

// PowerOff ends the machine as an administrator would.
func (m *Machine) PowerOff() {
	m.t.Helper()
	if out, err := m.Run("systemctl", "poweroff"); err != nil {
		m.t.Fatalf("switch the machine off: %v\n%s", err, out)
	}
	m.await(2*time.Minute, "the end of systemd", func() bool { return syscall.Kill(m.init, 0) != nil })
	m.init = 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
