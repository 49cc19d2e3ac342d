package vm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/tests/uml"
	"github.com/kindling-boot/kindling/tests/whole"
)

// Variables of the tests that kill the engine. The first two are for people.
const (
	seedEnv   = "KINDLING_SEED" // repeats a run
	slowEnv   = "KINDLING_SLOW" // asks for all points
	pointsEnv = "vm_points"
	phaseEnv  = "vm_phase"
)

// Points of time at which provisioning is interrupted: those of every run, and those of a
// slow one, which make two hundred.
const (
	kills, slowKills = 8, 100
	cuts, slowCuts   = 6, 104
)

// points returns how many, and the seed.
func points(t *testing.T, some, all int) (n int, seed uint64) {
	t.Helper()
	n, seed = some, rand.Uint64()
	if os.Getenv(slowEnv) != "" {
		n = all
	}
	if text := os.Getenv(seedEnv); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedEnv, err)
		}
	}
	t.Logf("%d points; %s=%d repeats them", n, seedEnv, seed)
	return n, seed
}

// point is a part of the time that undisturbed provisioning takes.
func point(seed uint64, n int) float64 { return rand.New(rand.NewPCG(seed, uint64(n))).Float64() }

// wholeNeeds are the programs that provision and judge a whole machine.
var wholeNeeds = append([]string{"mke2fs", "e2fsck", "xfs_repair", "fsck.fat", "useradd", "systemctl"}, needed...)

// TestKilledProvisioning kills the engine at random points of time. The next run ends as one
// that was never disturbed.
func TestKilledProvisioning(t *testing.T) {
	if os.Getenv(ignitionEnv) != "" {
		killInGuest(t)
		return
	}
	if testing.Short() {
		t.Skip("starts virtual machines")
	}
	uml.Need(t, wholeNeeds...)
	n, seed := points(t, kills, slowKills)
	inMachines(t, func(m *machine) {
		m.Limit = time.Hour
		m.Args = append(m.Args, seedEnv+"="+strconv.FormatUint(seed, 10), pointsEnv+"="+strconv.Itoa(n))
	})
}

// killInGuest kills the engine at the points that are the turn of this machine.
func killInGuest(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv(pointsEnv))
	if err != nil {
		t.Fatal(err)
	}
	_, seed := points(t, 0, 0)
	shard, err := strconv.Atoi(os.Getenv(shardEnv))
	if err != nil {
		t.Fatal(err)
	}
	w := newWhole(t)
	start := time.Now()
	if r := w.provision(); r.exit != 0 {
		t.Fatalf("status %d:\n%s", r.exit, r.said)
	}
	takes := time.Since(start)
	want := w.describe()
	w.away()
	t.Logf("undisturbed provisioning takes %v", takes)
	for i := shard; i < n; i += kernels {
		at := point(seed, i)
		t.Run(fmt.Sprintf("killed %d at %.1f%%", i, 100*at), func(t *testing.T) {
			w := newWhole(t)
			var stop context.CancelFunc
			w.ctx, stop = context.WithTimeout(t.Context(), time.Duration(at*float64(takes)))
			defer stop()
			said := w.provision().said
			w.ctx = nil
			if r := w.provision(); r.exit != 0 {
				t.Fatalf("the next run ends with %d:\n%s\nthe killed one said:\n%s", r.exit, r.said, said)
			}
			if d := differences(want, w.describe()); d != nil {
				t.Errorf("the next run ends elsewhere:\n%s\nthe killed one said:\n%s", strings.Join(d, "\n"), said)
			}
		})
	}
}

// newWhole attaches two new disks.
func newWhole(t *testing.T) *wholeMachine {
	t.Helper()
	w := &wholeMachine{guest: &guest{T: t, dir: t.TempDir(), root: t.TempDir()}}
	files, err := whole.Disks(w.dir)
	w.check(err)
	for i, f := range files {
		w.disks[i] = strings.TrimSpace(w.do("losetup", "-f", "--show", "-P", f))
	}
	t.Cleanup(w.away)
	w.do("udevadm", "settle")
	w.begin()
	return w
}

// TestPowerCuts takes the power from a machine at random points of time. When it is back,
// the next boot ends as one that was never disturbed.
func TestPowerCuts(t *testing.T) {
	if os.Getenv(ignitionEnv) != "" {
		provisionInGuest(t)
		return
	}
	if testing.Short() {
		t.Skip("starts virtual machines")
	}
	uml.Need(t, wholeNeeds...)
	n, seed := points(t, cuts, slowCuts)
	ignition := programs.Path(t, "ignition")
	first := newPowerCut(t, ignition)
	start := first.start("all")
	first.waitFor("begun")
	begun := time.Since(start)
	if err := first.machine.Wait(); err != nil || first.machine.Read("status") != "0" {
		t.Fatalf("undisturbed: %v\n%s\n%s", err, first.machine.Log(), first.machine.Read("log"))
	}
	want := strings.Split(first.machine.Read("result"), "\n")
	takes, err := time.ParseDuration(first.machine.Read("takes"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the machine is up after %v, undisturbed provisioning takes %v", begun, takes)
	turns := make(chan int)
	var wg sync.WaitGroup
	for range kernels {
		wg.Go(func() {
			for i := range turns {
				at := point(seed, i)
				t.Run(fmt.Sprintf("cut %d at %.1f%%", i, 100*at), func(t *testing.T) {
					cutPower(t, ignition, time.Duration(at*float64(takes)), want)
				})
			}
		})
	}
	for i := range n {
		turns <- i
	}
	close(turns)
	wg.Wait()
}

// cutPower is one point.
func cutPower(t *testing.T, ignition string, after time.Duration, want []string) {
	p := newPowerCut(t, ignition)
	p.start("begin")
	p.waitFor("begun")
	time.Sleep(after)
	if err := p.machine.CutPower(); err != nil {
		t.Fatal(err)
	}
	_ = p.machine.Wait() // it was killed
	before := p.machine.Read("stage") + "\n" + p.machine.Read("log")
	p.start("all")
	if err := p.machine.Wait(); err != nil || p.machine.Read("status") != "0" {
		t.Fatalf("the next boot: %v\n%s\n%s\nthe one before:\n%s", err, p.machine.Log(), p.machine.Read("log"), before)
	}
	if d := differences(want, strings.Split(p.machine.Read("result"), "\n")); d != nil {
		t.Errorf("the next boot ends elsewhere:\n%s\n%s\nthe one before:\n%s", strings.Join(d, "\n"), p.machine.Read("log"), before)
	}
}

// powerCut is a machine that boots more than once.
type powerCut struct {
	t        *testing.T
	ignition string
	disks    [2]string
	machine  *machine
}

func newPowerCut(t *testing.T, ignition string) *powerCut {
	t.Helper()
	p := &powerCut{t: t, ignition: ignition}
	var err error
	if p.disks, err = whole.Disks(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return p
}

// start boots the machine.
func (p *powerCut) start(phase string) time.Time {
	p.t.Helper()
	p.machine = &machine{Machine: uml.Machine{Dir: p.t.TempDir()}, test: "^TestPowerCuts$"}
	p.machine.Args = []string{phaseEnv + "=" + phase, "ubd0=" + p.disks[0], "ubd1=" + p.disks[1]}
	now := time.Now()
	if err := p.machine.prepare(p.ignition); err != nil {
		p.t.Fatal(err)
	}
	if err := p.machine.Start(context.WithoutCancel(p.t.Context())); err != nil {
		p.t.Fatal(err)
	}
	return now
}

// waitFor waits until the machine has made a file.
func (p *powerCut) waitFor(name string) {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(p.machine.Dir, name)); err == nil {
			return
		}
		if time.Now().After(end) {
			_ = p.machine.CutPower()
			_ = p.machine.Wait()
			p.t.Fatalf("the machine does not come up:\n%s\n%s", p.machine.Log(), p.machine.Read("log"))
		}
	}
}

// provisionInGuest provisions the machine that it runs in.
func provisionInGuest(t *testing.T) {
	out := "/run/out"
	w := &wholeMachine{guest: &guest{T: t, dir: t.TempDir(), root: t.TempDir(), progress: filepath.Join(out, "stage")}, disks: [2]string{"/dev/ubda", "/dev/ubdb"}}
	w.begin()
	w.check(os.WriteFile(filepath.Join(out, "begun"), nil, 0o600))
	start := time.Now()
	if r := w.provision(); r.exit != 0 {
		t.Fatalf("status %d:\n%s", r.exit, r.said)
	}
	takes := time.Since(start)
	if os.Getenv(phaseEnv) == "begin" {
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
