package gpt

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// run runs a program and returns what it said on both outputs.
func run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	said, err := cmd.CombinedOutput()
	return string(said), err
}

// save makes an image in a sparse file.
func save(t *testing.T, table Table, sizeBytes int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(sizeBytes); err != nil {
		t.Fatal(err)
	}
	if err := table.Write(f); err != nil {
		t.Fatal(err)
	}
	return path
}

// accept asks the tools about an image: none may complain.
func accept(t *testing.T, path string) {
	t.Helper()
	for _, c := range []struct{ command, want string }{
		{"sgdisk -v", "No problems found"},
		{"sfdisk --verify", "No errors detected"},
		{"parted -s", "gpt"},
	} {
		args := append(strings.Fields(c.command)[1:], path)
		if strings.HasPrefix(c.command, "parted") {
			args = append(args, "print")
		}
		said, err := run(strings.Fields(c.command)[0], args...)
		if err != nil || !strings.Contains(said, c.want) || strings.Contains(said, "Warning") || strings.Contains(said, "Error:") || strings.Contains(said, "Caution: ") && !strings.Contains(said, "boundar") {
			t.Errorf("%s: %v\n%s", c.command, err, said)
		}
	}
}

func TestToolsAcceptOurTables(t *testing.T) {
	programs.Need(t, "sgdisk", "sfdisk", "parted")
	const size = 16 << 20
	empty, err := New(size, 512, RandomGUID(), nil)
	if err != nil {
		t.Fatal(err)
	}
	whole := func(*disk) {}
	for name, c := range map[string]struct {
		damage func(*disk) // before the table is read and written
		edit   func(Table) Table
	}{
		"an empty table": {whole, func(Table) Table { return empty }},
		"an edited one": {whole, func(t Table) Table {
			t, _, _ = t.Plan([]Want{{Number: 128, Label: ptr("a:b, é"), Size: sectors(mib)}, {Number: 2, Absent: true, Wipe: true}}, nil)
			return t
		}},
		"a repaired primary": {func(d *disk) { clear(d.data[512:4096]) }, nil},
		"a repaired backup":  {func(d *disk) { clear(d.data[len(d.data)-4096:]) }, nil},
		"a disk that grew":   {func(d *disk) { d.data = append(d.data, make([]byte, 5<<20)...) }, nil},
		"a lost MBR":         {func(d *disk) { clear(d.data[:512]) }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := sample(t, size, 512)
			c.damage(d)
			table := d.read(t, 512)
			if c.edit != nil {
				table = c.edit(table)
			}
			if err := table.Write(d); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "disk")
			if err := os.WriteFile(path, d.data, 0o644); err != nil {
				t.Fatal(err)
			}
			accept(t, path)
		})
	}
}

// The same requests as arguments of sgdisk, as the original gives them: each named
// partition is deleted, then made again in order. Numbers, starts and ends must agree.
func TestPlacesAreThoseOfSgdisk(t *testing.T) {
	programs.Need(t, "sgdisk")
	const seed, size = 42, 64 << 20
	samples := 150
	if testing.Short() {
		samples = 30
	}
	r := rand.New(rand.NewPCG(seed, 0))
	agreed, refused := 0, 0
	for n := range samples {
		old := randomTable(t, r)
		path := save(t, old, size)
		var deletes, creates []string
		var wants []Want
		for i := range 1 + r.IntN(3) {
			// The label differs from all, so that everything is made again.
			w := Want{Number: 1 + i*2 + r.IntN(2), Wipe: true, Label: ptr(fmt.Sprint("new", i)), Start: sectors(0), Size: sectors(0)}
			if r.IntN(2) == 0 {
				w.Size = sectors(uint64(1+r.IntN(20)) * mib)
			}
			if r.IntN(4) == 0 {
				w.Start = sectors(uint64(1+r.IntN(50)) * mib)
			}
			if _, used := old.Partition(w.Number); used {
				deletes = append(deletes, fmt.Sprintf("--delete=%d", w.Number))
			}
			creates = append(creates, fmt.Sprintf("--new=%d:%d:+%d", w.Number, *w.Start, *w.Size), fmt.Sprintf("--change-name=%d:%s", w.Number, *w.Label))
			wants = append(wants, w)
		}
		made, changes, err := old.Plan(wants, nil)
		// Pretending, since sgdisk syncs the whole machine after each change.
		args := append(append(append([]string{"--pretend"}, deletes...), creates...), "--print", path)
		said, sgdiskErr := run("sgdisk", args...)
		if err != nil {
			refused++
			if sgdiskErr == nil && !leftover(said) {
				t.Errorf("seed %d, sample %d: we refuse (%v) what sgdisk does\nsgdisk %s\non %v\n%s", seed, n, err, strings.Join(args, " "), old.Partitions(), said)
			}
			continue
		}
		if sgdiskErr != nil {
			t.Errorf("seed %d, sample %d: we do what sgdisk refuses\nsgdisk %s\non %v\nplan %s\n%s", seed, n, strings.Join(args, " "), old.Partitions(), show(changes, nil), said)
			continue
		}
		agreed++
		if want, got := printed(said), layout(made); got != want {
			t.Errorf("seed %d, sample %d: sgdisk %s\non   %s\ngot  %s\nwant %s", seed, n, strings.Join(args, " "), layout(old), got, want)
		}
	}
	if agreed < samples/4 || refused < samples/10 {
		t.Errorf("%d times agreed, %d times refused: the test tests little", agreed, refused)
	}
}

// leftover says that sgdisk put a partition into a remainder below 1 MiB.
func leftover(said string) bool {
	for line := range strings.SplitSeq(printed(said), ", ") {
		var number, first, last int
		var label string
		if _, err := fmt.Sscanf(line, "%d %s %d-%d", &number, &label, &first, &last); err == nil && last-first+1 < mib {
			return true
		}
	}
	return false
}

// printed is the layout in what sgdisk --print says.
func printed(said string) string {
	var all []string
	_, rows, _ := strings.Cut(said, "Number  Start (sector)")
	for line := range strings.Lines(rows) {
		// Number, start, end, size, its unit, code, name.
		if f := strings.Fields(line); len(f) == 7 {
			all = append(all, fmt.Sprintf("%s %s %s-%s", f[0], f[6], f[1], f[2]))
		}
	}
	return strings.Join(all, ", ")
}

func layout(t Table) string {
	var all []string
	for _, p := range t.Partitions() {
		all = append(all, fmt.Sprintf("%d %s %d-%d", p.Number, p.Label, p.First, p.Last))
	}
	return strings.Join(all, ", ")
}

// randomTable has up to five partitions, some of them at odd places.
func randomTable(t *testing.T, r *rand.Rand) Table {
	t.Helper()
	step := []uint64{2048, 2048, 64, 1}[r.IntN(4)]
	made := table(t, "")
	at := uint64(2048)
	for n := 1; n <= r.IntN(6); n++ {
		first := at + uint64(r.IntN(12))*mib
		first += uint64(r.IntN(2)) * step
		p := Partition{Number: n, Label: fmt.Sprint("old", n), Type: LinuxFilesystem, GUID: guid(byte(n)), First: first, Last: first + uint64(1+r.IntN(12))*mib - 1}
		if p.Last > made.LastUsable() {
			break
		}
		var err error
		if made, err = made.Create(p); err != nil {
			t.Fatal(err)
		}
		at = (p.Last/mib + 1) * mib
	}
	return made
}

// On a device with sectors of 4096 bytes sgdisk aligns to 256 of them.
func TestSectorsOf4096Bytes(t *testing.T) {
	programs.Need(t, "root", "sgdisk", "losetup")
	const size = 64 << 20
	old, err := New(size, 4096, guid(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	wants := []Want{{Number: 1, Label: ptr("a"), Size: sectors(1000)}, {Number: 3, Label: ptr("c"), Start: sectors(4096), Size: sectors(256)}, {Number: 2, Label: ptr("b"), Size: sectors(0)}}
	made, _, err := old.Plan(wants, nil)
	if err != nil {
		t.Fatal(err)
	}
	device, err := run("losetup", "--find", "--show", "--sector-size", "4096", save(t, old, size))
	if err != nil {
		t.Fatalf("no loop device: %v: %s", err, device)
	}
	device = strings.TrimSpace(device)
	defer func() { _, _ = run("losetup", "--detach", device) }()
	accept(t, device)
	said, err := run("sgdisk", "--pretend", "--new=1:0:+1000", "--change-name=1:a", "--new=3:4096:+256", "--change-name=3:c", "--new=2:0:+0", "--change-name=2:b", "--print", device)
	if err != nil {
		t.Fatalf("sgdisk: %v\n%s", err, said)
	}
	if got, want := layout(made), printed(said); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	d, err := os.OpenFile(device, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := made.Write(d); err != nil {
		t.Fatal(err)
	}
	accept(t, device)
}
