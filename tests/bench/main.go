// Command bench measures the programs in bin/ against the yardsticks of the project
// and prints one table. Each figure is a ratio to a yardstick that ran in turns with
// it on the same machine; absolute figures are for orientation. `make bench` runs it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// bench is one run of this program.
type bench struct {
	bin     string // the programs to measure
	scratch string // helper programs, inputs and outputs
	rounds  int    // how often the longer measurements run
	large   string // the large document
	config  string // the config made from it
	only    string // the one to measure; all if empty
	rows    []row
}

// row is one line of the table.
type row struct {
	what, measured string
	value, target  float64
	unit           string
	skipped        string // the reason if there is no value
}

func main() {
	b := &bench{}
	var keep bool
	flag.StringVar(&b.bin, "bin", "bin", "`directory` of the programs to measure")
	flag.IntVar(&b.rounds, "rounds", 9, "how often the longer measurements run")
	flag.StringVar(&b.scratch, "scratch", "", "`directory` to work in (default: a temporary one)")
	flag.StringVar(&b.only, "only", "", "measure one `thing`: start, translate, dialects, validate, provision, huge, remote, disks or sizes")
	flag.BoolVar(&keep, "keep", false, "keep the inputs and outputs")
	flag.Parse()
	if err := b.run(keep); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func (b *bench) run(keep bool) (err error) {
	if b.bin, err = filepath.Abs(b.bin); err != nil {
		return err
	}
	if b.scratch, err = os.MkdirTemp(b.scratch, "kindling-bench-"); err != nil {
		return err
	}
	if keep {
		fmt.Printf("inputs and outputs stay in %s\n", b.scratch)
	} else {
		defer func() { err = errors.Join(err, os.RemoveAll(b.scratch)) }()
	}
	if err := b.prepare(); err != nil {
		return err
	}
	for _, m := range []struct {
		name    string
		measure func() error
	}{
		{"start", b.start},
		{"translate", b.translate},
		{"dialects", b.dialects},
		{"validate", b.validate},
		{"validate", b.peer},
		{"provision", b.provision},
		{"huge", b.hugeFile},
		{"remote", b.remote},
		{"disks", b.disks},
		{"sizes", b.sizes},
	} {
		if b.only != "" && b.only != m.name && m.name != "translate" { // which makes the config
			continue
		}
		if err := m.measure(); err != nil {
			return err
		}
	}
	b.print()
	return nil
}

// prepare builds the yardsticks and writes the inputs.
func (b *bench) prepare() error {
	for _, name := range []string{"empty", "yamlnodes", "jsonany"} {
		linked := b.path(name + ".linked")
		build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", linked, "./tests/bench/"+name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, said)
		}
		if said, err := exec.Command("install", linked, b.path(name)).CombinedOutput(); err != nil { // like those in bin/
			return fmt.Errorf("install %s: %w\n%s", name, err, said)
		}
	}
	if err := os.WriteFile(b.path("small.bu"), []byte(small), 0o644); err != nil {
		return err
	}
	b.large, b.config = b.path("large.bu"), b.path("large.ign")
	f, err := os.Create(b.large)
	if err != nil {
		return err
	}
	return errors.Join(generateLarge(f), f.Close())
}

// start: what a person waits for.
func (b *bench) start() error {
	runs, err := inTurns(25*b.rounds,
		[]string{b.program("butane"), b.path("small.bu")},
		[]string{b.path("empty")})
	if err != nil {
		return err
	}
	ours, empty := median(runs[0], wall), median(runs[1], wall)
	b.ratio("butane, 20 lines : empty program, wall", ours, empty, 1.6)
	return nil
}

// translate: 5,000 files and 500 units.
func (b *bench) translate() error {
	runs, err := inTurns(b.rounds,
		[]string{b.program("butane"), b.large, "-o", b.config},
		[]string{b.path("yamlnodes"), b.large})
	if err != nil {
		return err
	}
	b.ratio("butane, 5,500 entries : yaml.v3 into nodes, CPU", median(runs[0], cpu), median(runs[1], cpu), 2.5)
	b.memory("butane, 5,500 entries, peak memory", runs[0], 60)
	return nil
}

// validate: the config of the same document.
func (b *bench) validate() error {
	const what = "ignition-validate on its config : encoding/json into any, CPU"
	if reason := b.missing("ignition-validate"); reason != "" {
		b.skip(what, reason)
		return nil
	}
	runs, err := inTurns(b.rounds,
		[]string{b.program("ignition-validate"), b.config},
		[]string{b.path("jsonany"), b.config})
	if err != nil {
		return err
	}
	b.ratio(what, median(runs[0], cpu), median(runs[1], cpu), 3)
	return nil
}

// peer: the same beside Debian's package, if it is installed (apt-get install ignition).
func (b *bench) peer() error {
	const what = "ignition-validate : the one of Debian's package, CPU"
	theirs, err := exec.LookPath("ignition-validate")
	if reason := b.missing("ignition-validate"); reason != "" || err != nil {
		b.skip(what, "no ignition-validate on PATH")
		return nil //nolint:nilerr // the row is optional
	}
	runs, err := inTurns(b.rounds,
		[]string{b.program("ignition-validate"), b.config},
		[]string{theirs, b.config})
	if err != nil {
		return err
	}
	b.ratio(what, median(runs[0], cpu), median(runs[1], cpu), 0)
	return nil
}

// provision: the files stage on that config beside tar on the same tree. In memory
// it is a matter of the programs alone; a disk hides some of what they do.
func (b *bench) provision() error {
	if err := b.provisionIn("on disk", b.scratch); err != nil {
		return err
	}
	const memory = "/dev/shm"
	dir, err := os.MkdirTemp(memory, "kindling-bench-")
	if err != nil {
		b.skip("apply, 5,500 entries, in memory", "no "+memory)
		return nil //nolint:nilerr // not every system has one
	}
	return errors.Join(b.provisionIn("in memory", dir), os.RemoveAll(dir))
}

func (b *bench) provisionIn(where, dir string) error {
	const tarOf = " : tar x of the result, wall"
	entries := "apply, 5,500 entries, " + where
	what := entries + tarOf
	if reason := b.missing("ignition"); reason != "" {
		b.skip(what, reason)
		return nil
	}
	root, copied, archive := filepath.Join(dir, "root"), filepath.Join(dir, "copied"), filepath.Join(dir, "tree.tar")
	var ours, stage, tar []usage
	for range b.rounds {
		if err := newRoot(root); err != nil {
			return err
		}
		u, err := asStage(b.program("ignition"), dir, root, b.config)
		if err != nil {
			return err
		}
		stage = append(stage, u)
		if err := errors.Join(os.RemoveAll(root), newRoot(root)); err != nil {
			return err
		}
		if u, err = run(b.program("ignition"), "apply", "--root", root, b.config); err != nil {
			return err
		}
		ours = append(ours, u)
		if len(ours) == 1 {
			if _, err := run("tar", "c", "-C", root, "-f", archive, "."); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(copied, 0o755); err != nil {
			return err
		}
		if u, err = run("tar", "x", "-C", copied, "-f", archive); err != nil {
			return err
		}
		tar = append(tar, u)
		if err := errors.Join(os.RemoveAll(root), os.RemoveAll(copied)); err != nil {
			return err
		}
	}
	b.ratio(what, median(ours, wall), median(tar, wall), 2)
	b.ratio("stage files, 5,500 entries, "+where+tarOf, median(stage, wall), median(tar, wall), 2)
	return b.besideDebian(entries, dir, b.config, median(ours, wall))
}

// hugeFile: memory must not grow with the size of a file.
func (b *bench) hugeFile() error {
	const what = "apply, one file of 2 GiB, peak memory"
	if reason := b.missing("ignition"); reason != "" {
		b.skip(what, reason)
		return nil
	}
	config, root := b.path("huge.ign"), b.path("root")
	if err := writeHuge(config, 2<<30); err != nil {
		return err
	}
	if err := newRoot(root); err != nil {
		return err
	}
	u, err := run(b.program("ignition"), "apply", "--root", root, config)
	if err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(root, "var", "huge"))
	if err != nil {
		return err
	}
	if info.Size() != 2<<30 {
		return fmt.Errorf("the file of 2 GiB has %d bytes", info.Size())
	}
	b.memory(what, []usage{u}, 40)
	return os.RemoveAll(root)
}

func (b *bench) sizes() error {
	for _, p := range []struct {
		name   string
		target float64
	}{{"butane", 6}, {"ignition", 10}} {
		what := p.name + ", size of the program"
		if reason := b.missing(p.name); reason != "" {
			b.skip(what, reason)
			continue
		}
		info, err := os.Stat(b.program(p.name))
		if err != nil {
			return err
		}
		mb := float64(info.Size()) / 1e6
		b.rows = append(b.rows, row{what: what, measured: fmt.Sprintf("%.2f MB", mb), value: mb, target: p.target, unit: " MB"})
	}
	return nil
}

func (b *bench) path(name string) string    { return filepath.Join(b.scratch, name) }
func (b *bench) program(name string) string { return filepath.Join(b.bin, name) }

func (b *bench) missing(name string) string {
	if _, err := os.Stat(b.program(name)); err != nil {
		return "no " + name + " in bin"
	}
	return ""
}

func (b *bench) ratio(what string, ours, theirs time.Duration, target float64) {
	b.rows = append(b.rows, row{what: what, measured: fmt.Sprintf("%s : %s", short(ours), short(theirs)), value: float64(ours) / float64(theirs), target: target, unit: "×"})
}

func (b *bench) memory(what string, runs []usage, target float64) {
	var most int64
	for _, u := range runs {
		most = max(most, u.peak)
	}
	mib := float64(most) / (1 << 20)
	b.rows = append(b.rows, row{what: what, measured: fmt.Sprintf("%.1f MiB", mib), value: mib, target: target, unit: " MiB"})
}

func (b *bench) skip(what, reason string) {
	b.rows = append(b.rows, row{what: what, skipped: reason})
}

func short(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

func (b *bench) print() {
	fmt.Printf("\n%-62s %22s %10s %10s\n", "what", "measured", "result", "target")
	judged, missed := 0, 0
	for _, r := range b.rows {
		switch {
		case r.skipped != "":
			fmt.Printf("%-62s %22s\n", r.what, r.skipped)
			continue
		case r.target == 0:
			fmt.Printf("%-62s %22s %10s\n", r.what, r.measured, fmt.Sprintf("%.2f%s", r.value, r.unit))
			continue
		}
		judged++
		verdict := "ok"
		if r.value > r.target {
			verdict, missed = "MISSED", missed+1
		}
		fmt.Printf("%-62s %22s %10s %10s  %s\n", r.what, r.measured, fmt.Sprintf("%.2f%s", r.value, r.unit), fmt.Sprintf("≤ %g%s", r.target, r.unit), verdict)
	}
	fmt.Printf("\n%d of %d targets missed\n", missed, judged)
}
