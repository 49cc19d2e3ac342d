// Package uml starts virtual machines of User Mode Linux for tests that need a kernel of
// their own: the one that runs the tests may know neither partitions, nor RAID, nor
// device-mapper, and its disks and network are nobody's toys. A [Machine] sees the files of
// the host, read-only, and leaves its results in a directory.
package uml

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Kernel is User Mode Linux, as Debian's package user-mode-linux has it.
const Kernel = "linux.uml"

// memory of a machine. It is a file, so only what is used costs something.
const memory = "mem=1500M"

//go:embed guest.sh
var guestScript []byte

// Machine is a virtual machine. It is started once.
type Machine struct {
	// Dir of the host is /run/out in the machine; the script has variables for what it is told.
	Dir string
	// Script runs in the machine when it is up: shell, with the functions of guest.sh.
	Script string
	// Args are further arguments of the kernel: NAME=VALUE are variables of the script.
	Args []string
	// Systemd makes systemd the first process of the machine, and the script a service.
	Systemd bool
	// Limit ends a machine that hangs.
	Limit time.Duration

	cmd  *exec.Cmd
	said bytes.Buffer
	stop context.CancelFunc
}

// Start starts the machine. Wait must follow.
func (m *Machine) Start(ctx context.Context) error {
	script := filepath.Join(m.Dir, "guest.sh")
	err := errors.Join(
		os.WriteFile(script, guestScript, 0o755),
		os.WriteFile(filepath.Join(m.Dir, "main"), []byte(m.Script), 0o600),
	)
	if err != nil {
		return fmt.Errorf("prepare virtual machine: %w", err)
	}
	ctx, m.stop = context.WithTimeout(ctx, m.Limit)
	if m.Systemd {
		m.Args = append(m.Args, "uml_systemd=1")
	}
	m.cmd = exec.CommandContext(ctx, Kernel, append([]string{
		"root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", memory, "quiet", "panic=-1",
		"con=null", "con0=null,fd:1", "con1=null", "ssl=null", "init=" + script, "uml_dir=" + m.Dir,
	}, m.Args...)...)
	m.cmd.Env = append(os.Environ(), "TMPDIR="+memoryDir(m.Dir))
	m.cmd.Dir = m.Dir
	m.cmd.Stdout, m.cmd.Stderr = &m.said, &m.said
	// each program of the machine is a process of the host; they end with the test, also if
	// somebody kills it
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	m.cmd.Cancel = m.CutPower
	m.cmd.WaitDelay = 10 * time.Second
	if err := m.cmd.Start(); err != nil {
		m.stop()
		return fmt.Errorf("start virtual machine: %w", err)
	}
	return nil
}

// CutPower ends the machine at once: what its kernel has not yet written to its disks is
// lost.
func (m *Machine) CutPower() error { return syscall.Kill(-m.cmd.Process.Pid, syscall.SIGKILL) }

// Pause does something while the machine stands still: what it has written is what a loss
// of power would leave, and nothing more is written. The machine must have been started.
func (m *Machine) Pause(do func() error) (err error) {
	deadline := time.Now().Add(10 * time.Second)
	for {
		// the programs of the machine are traced by its kernel, which would take the signal
		// for one of theirs; they do nothing without it
		running, all := kernelProcesses(m.cmd.Process.Pid)
		for _, pid := range all {
			_ = syscall.Kill(pid, syscall.SIGSTOP) // it may have ended
			defer func() { _ = syscall.Kill(pid, syscall.SIGCONT) }()
		}
		if len(all) > 0 && running == 0 {
			return do()
		}
		if time.Now().After(deadline) {
			return errors.New("the virtual machine does not stand still")
		}
		time.Sleep(time.Millisecond)
	}
}

// kernelProcesses are those of a group that nobody traces, and how many of them are not
// stopped: proc(5), /proc/PID/stat and /proc/PID/status.
func kernelProcesses(group int) (running int, all []int) {
	names, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, name := range names {
		stat, err := os.ReadFile(name)
		end := bytes.LastIndexByte(stat, ')')
		if err != nil || end < 0 {
			continue
		}
		var state string
		var parent, of int
		if _, err := fmt.Sscan(string(stat[end+1:]), &state, &parent, &of); err != nil || of != group || state == "Z" {
			continue
		}
		status, err := os.ReadFile(filepath.Join(filepath.Dir(name), "status"))
		if err != nil || !bytes.Contains(status, []byte("\nTracerPid:\t0\n")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(name))); err == nil {
			all = append(all, pid)
			if state != "T" {
				running++
			}
		}
	}
	return running, all
}

// Wait waits until the machine has switched itself off, or has lost its power, which is an
// error.
func (m *Machine) Wait() error {
	defer m.stop()
	err := m.cmd.Wait()
	_ = m.CutPower() // whatever it has left behind
	return err
}

// Run starts the machine and waits for its end.
func (m *Machine) Run(ctx context.Context) error {
	if err := m.Start(ctx); err != nil {
		return err
	}
	return m.Wait()
}

// Read returns a file that the machine has left, without blanks around it; empty if there
// is none.
func (m *Machine) Read(name string) string {
	data, err := os.ReadFile(filepath.Join(m.Dir, name))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(data))
}

// Log is what was said: by the kernel, and by the scripts.
func (m *Machine) Log() string { return m.said.String() + "\n" + m.Read("console") }

// memoryDir is where the file with a machine's memory goes, deleted while it is in use: in
// the host's memory, if there is a place for that.
func memoryDir(otherwise string) string {
	const shm = "/dev/shm"
	var fs unix.Statfs_t
	if err := unix.Statfs(shm, &fs); err != nil || fs.Type != unix.TMPFS_MAGIC {
		return otherwise
	}
	return shm
}
