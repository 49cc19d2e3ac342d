// Package vm tests the engine on disks. A kernel of its own is needed for that (package
// uml): TestDisks starts virtual machines with this test program in them; there, the same
// test runs the cases on loop devices and reports to the host.
package vm

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/tests/uml"
)

// kernels is how many run side by side, at most two: one uses one processor, and
// GOMAXPROCS=1 asks for one.
func kernels() int { return min(2, runtime.GOMAXPROCS(0)) }

// bootLimit ends a machine that hangs.
const bootLimit = 30 * time.Minute

//go:embed guest.sh
var guestScript string

// Variables by which the kernel tells the test program that it is in the guest.
const (
	ignitionEnv = "vm_ignition"
	shardEnv    = "vm_shard" // which machine this is, and of how many: 0/2
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
	uml.Need(t, needed...)
	inMachines(t, nil)
}

// inMachines runs the test that calls it in virtual machines, and reports what they said.
func inMachines(t *testing.T, set func(*machine)) {
	t.Helper()
	ignition := programs.Path(t, "ignition")
	machines := make([]*machine, kernels())
	done := make(chan int)
	for i := range machines {
		m := &machine{Machine: uml.Machine{Dir: t.TempDir(), Limit: bootLimit}, shard: i, test: selected(t)}
		if machines[i] = m; set != nil {
			set(m)
		}
		go func() { m.run(t.Context(), ignition); done <- i }()
	}
	for range machines {
		machines[<-done].report(t)
	}
}

// needed are the programs that the cases use.
var needed = []string{
	"udevadm", "losetup", "sfdisk", "setfiles", "mdadm", "cryptsetup", "clevis-luks-bind", "jose", "/usr/libexec/tangd",
	"mkfs.xfs", "mkfs.btrfs", "mkfs.fat", "xorriso", "mcopy", "dmsetup", "make-bcache", "sgdisk", "parted", "pgrep", "swtpm", "tpm2_getrandom", "clevis-encrypt-tpm2", "kpartx", "lsblk", "curl", "cgpt", "systemd-analyze", "mkfs.ext4",
}

// machine is one virtual machine with the test program in it.
type machine struct {
	uml.Machine
	shard int
	test  string // as -test.run wants it
	err   error
}

// prepare tells the machine what to do.
func (m *machine) prepare(ignition string) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	m.Script = guestScript
	if m.Limit == 0 {
		m.Limit = bootLimit
	}
	m.Args = append(m.Args, "vm_test="+program, ignitionEnv+"="+ignition, fmt.Sprintf("%s=%d/%d", shardEnv, m.shard, kernels()))
	return os.WriteFile(filepath.Join(m.Dir, "run"), []byte(m.test), 0o600)
}

// run starts the machine and waits until it switches itself off.
func (m *machine) run(ctx context.Context, ignition string) {
	if m.err = m.prepare(ignition); m.err == nil {
		m.err = m.Run(ctx)
	}
}

// selected is which cases of a test -test.run asked for.
func selected(t *testing.T) string {
	t.Helper()
	cases := flag.Lookup("test.run").Value.String()
	if _, some, ok := strings.Cut(cases, "/"); ok {
		return "^" + t.Name() + "$/" + some
	}
	return "^" + t.Name() + "$"
}

// result is a line that a test ends with.
var result = regexp.MustCompile(`^    --- (PASS|FAIL|SKIP): [^/]+/(\S+)`)

// report tells the tests of the host what happened in the guest.
func (m *machine) report(t *testing.T) {
	t.Helper()
	log := m.Read("log")
	var failed, seen []string
	for line := range strings.Lines(log) {
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
	if status := m.Read("status"); status != "0" || len(failed) > 0 {
		t.Errorf("guest %d: status %q, kernel %v\n%s\n%s", m.shard, status, m.err, m.Log(), log)
	}
}
