// Package vm tests the engine on disks. A kernel of its own is needed for that: the one
// that runs the tests may know neither partitions, nor RAID, nor device-mapper, and its
// disks are nobody's toys. TestDisks starts User Mode Linux with this test program in it;
// there, the same test runs the cases on loop devices and reports to the host.
package vm

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

// kernel is User Mode Linux, as Debian's package user-mode-linux has it.
const kernel = "linux.uml"

// kernels is how many run side by side: one uses one processor.
const kernels = 2

// bootLimit ends a machine that hangs.
const bootLimit = 10 * time.Minute

//go:embed guest.sh
var guestScript []byte

// Variables by which the kernel tells the test program that it is in the guest.
const (
	dirEnv      = "vm_dir"
	ignitionEnv = "vm_ignition"
	shardEnv    = "vm_shard"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

// TestDisks runs every case of the table cases in a virtual machine.
func TestDisks(t *testing.T) {
	if os.Getenv(ignitionEnv) != "" {
		runCases(t)
		return
	}
	if testing.Short() {
		t.Skip("starts virtual machines")
	}
	needKernel(t)
	ignition := programs.Path(t, "ignition")
	machines := make([]machine, kernels)
	done := make(chan int)
	for i := range machines {
		machines[i] = machine{dir: t.TempDir(), shard: i}
		go func() { machines[i].run(t.Context(), ignition); done <- i }()
	}
	for range machines {
		machines[<-done].report(t)
	}
}

// needKernel skips without the programs that everything here needs; in CI that fails.
func needKernel(t *testing.T) {
	t.Helper()
	for _, name := range []string{kernel, "udevadm", "losetup", "sfdisk", "mdadm", "cryptsetup", "clevis-luks-bind", "jose", "/usr/libexec/tangd", "mkfs.xfs", "mkfs.btrfs", "mkfs.fat", "xorriso", "mcopy"} {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: scripts/test-deps.sh installs it", name)
		}
		t.Skipf("%s is missing: scripts/test-deps.sh installs it", name)
	}
}

// machine is one virtual machine.
type machine struct {
	dir   string
	shard int
	said  []byte // by the kernel
	err   error
}

// run starts the machine and waits until it switches itself off.
func (m *machine) run(ctx context.Context, ignition string) {
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	program, err := os.Executable()
	if err != nil {
		m.err = err
		return
	}
	script := filepath.Join(m.dir, "guest.sh")
	m.err = errors.Join(
		os.WriteFile(script, guestScript, 0o755),
		os.WriteFile(filepath.Join(m.dir, "run"), []byte(selected()), 0o600),
	)
	if m.err != nil {
		return
	}
	cmd := exec.CommandContext(ctx, kernel,
		"root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "mem=1500M", "quiet", "panic=-1",
		"con=null", "con0=null,fd:1", "con1=null", "ssl=null", "init="+script,
		dirEnv+"="+m.dir, "vm_test="+program, ignitionEnv+"="+ignition, fmt.Sprintf("%s=%d", shardEnv, m.shard))
	// its memory is a file, deleted while in use
	cmd.Env = append(os.Environ(), "TMPDIR="+m.dir)
	cmd.Dir = m.dir
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	m.err = cmd.Run()
	m.said = said.Bytes()
}

// selected is what -test.run asked for.
func selected() string {
	for _, a := range os.Args {
		if v, ok := strings.CutPrefix(a, "-test.run="); ok && v != "" {
			return v
		}
	}
	return "."
}

// result is a line that a test ends with.
var result = regexp.MustCompile(`^    --- (PASS|FAIL|SKIP): TestDisks/(\S+)`)

// report tells the tests of the host what happened in the guest.
func (m *machine) report(t *testing.T) {
	t.Helper()
	log, _ := os.ReadFile(filepath.Join(m.dir, "log"))
	status, _ := os.ReadFile(filepath.Join(m.dir, "status"))
	var failed, seen []string
	for line := range strings.Lines(string(log)) {
		found := result.FindStringSubmatch(line)
		if found == nil || slices.Contains(seen, found[2]) {
			continue
		}
		seen = append(seen, found[2])
		t.Run(found[2], func(t *testing.T) {
			switch found[1] {
			case "FAIL":
				failed = append(failed, found[2])
				t.Error("failed in the guest; its log is below")
			case "SKIP":
				if os.Getenv("CI") != "" {
					t.Error("skipped in the guest; its log is below")
				}
				t.Skip("skipped in the guest")
			}
		})
	}
	if testing.Verbose() {
		t.Logf("guest %d:\n%s", m.shard, log)
	}
	if strings.TrimSpace(string(status)) != "0" || len(failed) > 0 {
		console, _ := os.ReadFile(filepath.Join(m.dir, "console"))
		t.Errorf("guest %d: status %q, kernel %v\n%s\n%s\n%s", m.shard, status, m.err, m.said, console, log)
	}
}
