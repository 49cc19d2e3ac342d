package vm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/tests/uml"
	"github.com/kindling-boot/kindling/tests/whole"
)

// cutsOfOne is at how many points one provisioning is interrupted, at most.
const cutsOfOne = 8

// What a machine of TestPowerCuts is for.
const (
	phaseMeasure = "measure" // provisions, and says what an undisturbed machine is
	phaseBegin   = "begin"   // provisions until the power goes
	phaseNext    = "next"    // boots with what was left, once for each point
)

// TestPowerCuts takes the power from a machine at random points of time. When it is back,
// the next boot ends as one that was never disturbed. To have many points, the machine
// stands still at each while its disks are copied: they are what a loss of power would
// leave. At the last point the power is cut.
func TestPowerCuts(t *testing.T) {
	if os.Getenv(ignitionEnv) != "" {
		powerInGuest(t)
		return
	}
	if testing.Short() {
		t.Skip("starts virtual machines")
	}
	uml.Need(t, wholeNeeds...)
	p := choosePoints(t, cuts, slowCuts)
	c := powerCuts{T: t, ignition: programs.Path(t, "ignition")}
	c.measure()
	var numbers []int
	for i := p.from; i < p.to; i++ {
		numbers = append(numbers, i)
	}
	side := kernels()
	turns := make(chan []int)
	var wg sync.WaitGroup
	for range side {
		wg.Go(func() {
			for some := range turns {
				c.cut(p, some)
			}
		})
	}
	for some := range slices.Chunk(numbers, max(1, min(cutsOfOne, (len(numbers)+side-1)/side))) {
		turns <- some
	}
	close(turns)
	wg.Wait()
}

// powerCuts is the test on the host.
type powerCuts struct {
	*testing.T
	ignition string
	takes    time.Duration
	want     []string
}

// machine boots one with a directory for its results.
func (c *powerCuts) machine(dir, phase string, args ...string) *machine {
	m := &machine{Machine: uml.Machine{Dir: dir, Limit: time.Hour}, test: "^TestPowerCuts$"}
	m.Args = append(args, phaseEnv+"="+phase)
	err := m.prepare(c.ignition)
	if err == nil {
		err = m.Start(context.WithoutCancel(c.Context()))
	}
	if err != nil {
		c.Error(err)
		return nil
	}
	return m
}

// measure provisions without a disturbance.
func (c *powerCuts) measure() {
	disks, err := whole.Disks(c.TempDir())
	if err != nil {
		c.Fatal(err)
	}
	m := c.machine(c.TempDir(), phaseMeasure, "ubd0="+disks[0], "ubd1="+disks[1])
	if m == nil {
		c.FailNow()
	}
	if err := m.Wait(); err != nil || m.Read("status") != "0" {
		c.Fatalf("undisturbed: %v\n%s\n%s", err, m.Log(), m.Read("log"))
	}
	c.want = strings.Split(m.Read("result"), "\n")
	if c.takes, err = time.ParseDuration(m.Read("takes")); err != nil {
		c.Fatal(err)
	}
	c.Logf("undisturbed provisioning takes %v", c.takes)
}

// cut interrupts one provisioning at some points, and boots again after each.
func (c *powerCuts) cut(p points, numbers []int) {
	numbers = slices.Clone(numbers)
	slices.SortFunc(numbers, func(a, b int) int {
		if p.at(a) < p.at(b) {
			return -1
		}
		return 1
	})
	left := c.TempDir()
	stages, err := c.interrupt(left, p, numbers)
	if err != nil {
		c.Errorf("the machine of points %v: %v", numbers, err)
		return
	}
	next := c.machine(left, phaseNext)
	if next == nil {
		return
	}
	err = next.Wait()
	log := next.Read("log")
	for i, n := range numbers {
		c.Run(fmt.Sprintf("cut %d at %.1f%%", n, 100*p.at(n)), func(t *testing.T) {
			t.Logf("in stage %s", stages[i])
			result := next.Read(fmt.Sprintf("copy%d/result", i))
			if result == "" {
				t.Fatalf("the next boot: %v\n%s\n%s", err, next.Log(), log)
			}
			if d := differences(c.want, strings.Split(result, "\n")); d != nil {
				t.Errorf("the next boot ends elsewhere:\n%s\n%s", strings.Join(d, "\n"), next.Read(fmt.Sprintf("copy%d/said", i)))
			}
		})
	}
}

// interrupt begins to provision, and leaves the disks of each point in a directory.
func (c *powerCuts) interrupt(left string, p points, numbers []int) (stages []string, err error) {
	dir := c.TempDir()
	disks, err := whole.Disks(dir)
	if err != nil {
		return nil, err
	}
	m := c.machine(dir, phaseBegin, "ubd0="+disks[0], "ubd1="+disks[1])
	if m == nil {
		return nil, errors.New("it does not start")
	}
	defer func() {
		_ = m.CutPower()
		_ = m.Wait() // it was killed
	}()
	if err := waitFor(filepath.Join(dir, "begun")); err != nil {
		return nil, fmt.Errorf("%w:\n%s\n%s", err, m.Log(), m.Read("log"))
	}
	start := time.Now()
	for i, n := range numbers {
		to := filepath.Join(left, fmt.Sprintf("copy%d", i))
		if err := os.Mkdir(to, 0o755); err != nil {
			return nil, err
		}
		keep := func() error {
			stages = append(stages, m.Read("stage"))
			said, err := exec.Command("cp", "--sparse=always", disks[0], disks[1], to).CombinedOutput()
			if err != nil {
				return fmt.Errorf("cp: %w: %s", err, said)
			}
			return nil
		}
		time.Sleep(time.Until(start.Add(time.Duration(p.at(n) * float64(c.takes)))))
		stopped := time.Now()
		if i < len(numbers)-1 {
			err = m.Pause(keep)
		} else {
			_ = m.CutPower()
			_ = m.Wait()
			err = keep()
		}
		if err != nil {
			return nil, err
		}
		start = start.Add(time.Since(stopped))
	}
	return stages, nil
}

// waitFor waits until a machine has made a file.
func waitFor(name string) error {
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return nil
		}
		if time.Now().After(end) {
			return errors.New("the machine does not come up")
		}
	}
}

// powerInGuest is what happens in a machine.
func powerInGuest(t *testing.T) {
	const out = "/run/out"
	if os.Getenv(phaseEnv) == phaseNext {
		copies, err := filepath.Glob(filepath.Join(out, "copy*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, dir := range copies {
			t.Run(filepath.Base(dir), func(t *testing.T) { bootAgain(t, dir) })
		}
		return
	}
	w := &wholeMachine{guest: &guest{T: t, dir: t.TempDir(), root: t.TempDir(), progress: filepath.Join(out, "stage")}, disks: [2]string{"/dev/ubda", "/dev/ubdb"}}
	w.begin()
	w.check(os.WriteFile(filepath.Join(out, "begun"), nil, 0o600))
	start := time.Now()
	if r := w.provision(); r.exit != 0 {
		t.Fatalf("status %d:\n%s", r.exit, r.said)
	}
	takes := time.Since(start)
	if os.Getenv(phaseEnv) == phaseBegin {
		time.Sleep(time.Minute) // the power goes
		return
	}
	result := strings.Join(w.describe(), "\n")
	w.away()
	w.check(errors.Join(
		os.WriteFile(filepath.Join(out, "takes"), []byte(takes.String()), 0o600),
		os.WriteFile(filepath.Join(out, "result"), []byte(result), 0o600),
	))
}

// overAndNotNoted is what the engine says when the power went after its last operation and
// before anybody noted that the first boot is over. docs/disks.md says to note it by hand;
// then all is there.
const overAndNotNoted = "LUKS volume vault: a LUKS volume is there, and the config has no key to open it"

// bootAgain does what the next boot does with the disks of a directory.
func bootAgain(t *testing.T, dir string) {
	w := &wholeMachine{guest: &guest{T: t, dir: t.TempDir(), root: t.TempDir()}}
	t.Cleanup(w.away)
	// Rules of udev put the members into their array as soon as they appear. The loop device
	// is read again when losetup closes it: then they go, and appear once more, and what udev
	// does of that comes too late, and takes a member out of the array for good. Disks have
	// no losetup: so they are there before the rules see them.
	w.do("udevadm", "control", "--property=ANACONDA=1") // 64-md-raid-assembly.rules does nothing
	for i := range w.disks {
		here := filepath.Join(w.dir, fmt.Sprintf("disk%d", i))
		w.do("cp", "--sparse=always", filepath.Join(dir, fmt.Sprintf("disk%d", i)), here)
		w.disks[i] = strings.TrimSpace(w.do("losetup", "-f", "--show", "-P", here))
	}
	w.do("udevadm", "settle")
	w.do("udevadm", "control", "--property=ANACONDA=")
	w.do("udevadm", "trigger", "--settle", "--action=add", "--subsystem-match=block")
	w.begin()
	start := time.Now()
	r := w.boot()
	if strings.Contains(r.said, overAndNotNoted) {
		w.do("mount", "/dev/disk/by-partlabel/ROOT", w.root)
		w.check(os.WriteFile(filepath.Join(w.root, provisioned), nil, 0o600))
		w.do("umount", w.root)
		r = w.boot()
	}
	if r.exit != 0 {
		t.Fatalf("status %d:\n%s", r.exit, r.said)
	}
	booted := time.Now()
	result := strings.Join(w.describe(), "\n")
	t.Logf("booting took %v, describing %v", booted.Sub(start), time.Since(booted))
	w.check(errors.Join(
		os.WriteFile(filepath.Join(dir, "said"), []byte(r.said), 0o600),
		os.WriteFile(filepath.Join(dir, "result"), []byte(result), 0o600),
	))
}
