package vm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/uml"
	"github.com/kindling-boot/kindling/tests/whole"
)

// Variables of the tests that interrupt provisioning, for people, who can so make a long
// count in pieces: each point depends on the seed and its number only.
const (
	seedEnv   = "KINDLING_SEED"   // repeats a run
	slowEnv   = "KINDLING_SLOW"   // asks for all points
	pointsEnv = "KINDLING_POINTS" // asks for some: the first and the one after the last, as in 40-80
	phaseEnv  = "vm_phase"
)

// Points of time at which provisioning is interrupted: those of every run, and those of a
// slow one, which make two hundred.
const (
	kills, slowKills = 8, 100
	cuts, slowCuts   = 6, 104
)

// points are those that a run is to try, by number, and the seed.
type points struct {
	from, to int
	seed     uint64
}

// choosePoints returns what the variables ask for: some points if they say nothing.
func choosePoints(t *testing.T, some, all int) points {
	t.Helper()
	p := points{to: some, seed: rand.Uint64()}
	if os.Getenv(slowEnv) != "" {
		p.to = all
	}
	if text := os.Getenv(pointsEnv); text != "" {
		if _, err := fmt.Sscanf(text, "%d-%d", &p.from, &p.to); err != nil {
			t.Fatalf("%s: %v", pointsEnv, err)
		}
	}
	if text := os.Getenv(seedEnv); text != "" {
		var err error
		if p.seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedEnv, err)
		}
	}
	t.Logf("%s repeats them", strings.Join(p.variables(), " "))
	return p
}

// variables are what asks for the points again.
func (p points) variables() []string {
	return []string{fmt.Sprintf("%s=%d-%d", pointsEnv, p.from, p.to), fmt.Sprintf("%s=%d", seedEnv, p.seed)}
}

// at is a part of the time that undisturbed provisioning takes.
func (p points) at(n int) float64 { return rand.New(rand.NewPCG(p.seed, uint64(n))).Float64() }

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
	p := choosePoints(t, kills, slowKills)
	inMachines(t, func(m *machine) {
		m.Limit = time.Hour
		m.Args = append(m.Args, p.variables()...)
	})
}

// killInGuest kills the engine at the points that are the turn of this machine.
func killInGuest(t *testing.T) {
	p := choosePoints(t, 0, 0)
	shard, shards := turn(t)
	w := newWhole(t)
	start := time.Now()
	if r := w.provision(); r.exit != 0 {
		t.Fatalf("status %d:\n%s", r.exit, r.said)
	}
	takes := time.Since(start)
	want := w.describe()
	w.away()
	t.Logf("undisturbed provisioning takes %v", takes)
	for i := p.from + shard; i < p.to; i += shards {
		at := p.at(i)
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
