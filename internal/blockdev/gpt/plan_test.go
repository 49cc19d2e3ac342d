package gpt

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// table makes a table of 64 MiB (131072 sectors, the last usable is 131038) from lines
// NUMBER LABEL FIRST LAST; the GUID of a partition is guid(NUMBER).
func table(t testing.TB, lines string) Table {
	t.Helper()
	made, err := New(64<<20, 512, guid(99), nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(lines) {
		var p Partition
		if _, err := fmt.Sscan(line, &p.Number, &p.Label, &p.First, &p.Last); err != nil {
			continue
		}
		p.Type, p.GUID, p.Attributes = LinuxFilesystem, guid(byte(p.Number)), 4
		if made, err = made.Create(p); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

// show is a plan as text: "keep 1 a 2048-4095", or the error.
func show(changes []Change, err error) string {
	if err != nil {
		return err.Error()
	}
	var all []string
	for _, c := range changes {
		line := string(c.Action)
		switch p := c.After; {
		case p == nil:
			line += fmt.Sprintf(" %d", c.Before.Number)
		case p.Label == "":
			line += fmt.Sprintf(" %d %d-%d", p.Number, p.First, p.Last)
		default:
			line += fmt.Sprintf(" %d %s %d-%d", p.Number, p.Label, p.First, p.Last)
		}
		all = append(all, line)
	}
	return strings.Join(all, ", ")
}

const mib = 2048

// sectors makes a size or start for a Want.
func sectors(n uint64) *uint64 { return &n }

func TestPlan(t *testing.T) {
	const three = "1 boot 2048 34815\n2 usr 34816 67583\n3 ROOT 67584 100351"
	other := GUID{1}
	for name, c := range map[string]struct {
		table string
		wants []Want
		want  string
	}{
		// The rows of the decision table.
		"absent and not there":           {"", []Want{{Number: 1, Absent: true}}, ""},
		"absent, there, not allowed":     {three, []Want{{Number: 2, Absent: true}}, `partition 2 "usr": it exists and should not`},
		"absent, there, allowed":         {three, []Want{{Number: 2, Absent: true, Wipe: true}}, "keep 1 boot 2048-34815, delete 2, keep 3 ROOT 67584-100351"},
		"new":                            {"", []Want{{Number: 1, Label: ptr("a"), Size: sectors(32 * mib)}}, "create 1 a 2048-67583"},
		"new with a start":               {"", []Want{{Number: 1, Start: sectors(mib), Size: sectors(mib)}}, "create 1 2048-4095"},
		"it matches":                     {three, []Want{{Number: 3, Label: ptr("ROOT"), Start: sectors(67584), Size: sectors(32768), Type: &LinuxFilesystem, GUID: ptr(guid(3))}}, "keep 1 boot 2048-34815, keep 2 usr 34816-67583, keep 3 ROOT 67584-100351"},
		"it matches and may be wiped":    {three, []Want{{Number: 3, Label: ptr("ROOT"), Wipe: true}}, "keep 1 boot 2048-34815, keep 2 usr 34816-67583, keep 3 ROOT 67584-100351"},
		"what is nil does not matter":    {three, []Want{{Number: 3, Type: &LinuxFilesystem}}, "keep 1 boot 2048-34815, keep 2 usr 34816-67583, keep 3 ROOT 67584-100351"},
		"another size, nothing allowed":  {three, []Want{{Number: 3, Size: sectors(40000)}}, `partition 3 "ROOT": it exists and differs: size is 32768 sectors, wanted 40000`},
		"another size, resize":           {three, []Want{{Number: 3, Size: sectors(40960), Resize: true}}, "keep 1 boot 2048-34815, keep 2 usr 34816-67583, resize 3 ROOT 67584-108543"},
		"smaller, resize":                {three, []Want{{Number: 1, Size: sectors(2048), Resize: true}}, "resize 1 boot 2048-4095, keep 2 usr 34816-67583, keep 3 ROOT 67584-100351"},
		"resize into the next":           {three, []Want{{Number: 1, Size: sectors(40000), Resize: true}}, `partition 1 "boot": sectors 2048 to 42047 are not free: partition 2 "usr" has 34816 to 67583`},
		"another size and label, resize": {three, []Want{{Number: 3, Size: sectors(40000), Label: ptr("x"), Resize: true}}, `size is 32768 sectors, wanted 40000, label is "ROOT", wanted "x"`},
		"another label, wipe":            {three, []Want{{Number: 3, Label: ptr("x"), Wipe: true}}, "keep 1 boot 2048-34815, keep 2 usr 34816-67583, replace 3 x 67584-131038"},
		"another GUID, wipe":             {three, []Want{{Number: 1, GUID: &other, Start: sectors(mib), Size: sectors(mib), Wipe: true}}, "replace 1 2048-4095, keep 2 usr 34816-67583, keep 3 ROOT 67584-100351"},
		"an empty label is a label":      {three, []Want{{Number: 1, Label: ptr("")}}, `label is "boot", wanted ""`},

		// Zeros.
		"fills the disk":                     {"", []Want{{Number: 1, Start: sectors(0), Size: sectors(0)}}, "create 1 2048-131038"},
		"takes the largest block":            {"1 a 2048 4095\n2 b 40960 61439", []Want{{Number: 5, Start: sectors(0), Size: sectors(0)}}, "keep 1 a 2048-4095, keep 2 b 40960-61439, create 5 61440-131038"},
		"fills it already":                   {"9 ROOT 2048 131038", []Want{{Number: 9, Start: sectors(0), Size: sectors(0)}}, "keep 9 ROOT 2048-131038"},
		"does not fill it":                   {"9 ROOT 2048 100000", []Want{{Number: 9, Size: sectors(0)}}, `size is 97953 sectors, wanted that of the largest free block, 128991`},
		"does not fill it, resize":           {"9 ROOT 2048 100000", []Want{{Number: 9, Size: sectors(0), Resize: true}}, "resize 9 ROOT 2048-131038"},
		"does not start there":               {"9 ROOT 40960 131038", []Want{{Number: 9, Start: sectors(0)}}, `start is 40960 sectors, wanted that of the largest free block, 2048`},
		"start outside of the largest block": {"1 a 40960 61439", []Want{{Number: 2, Start: sectors(mib), Size: sectors(0)}}, "size 0 takes the rest of the largest free block, but the start lies outside of it"},
		"a full disk":                        {"1 a 2048 131038", []Want{{Label: ptr("b")}}, `partition "b": there is no free block of 1 MiB or more on the disk`},
		"no room for a size":                 {"1 a 2048 100000", []Want{{Number: 2, Size: sectors(40960)}}, "partition 2: sectors 100352 to 141311 are not all usable: the table has 34 to 131038"},
		"the first one takes all":            {"", []Want{{Number: 1}, {Number: 2}}, "partition 2: there is no free block of 1 MiB"},
		"in order":                           {"", []Want{{Number: 2, Size: sectors(mib)}, {Number: 1, Size: sectors(mib)}}, "create 1 4096-6143, create 2 2048-4095"},
		"aligned as the others are":          {"1 a 63 3000", []Want{{Number: 2, Size: sectors(mib)}}, "keep 1 a 63-3000, create 2 3001-5048"},

		// Numbers.
		"without number":                       {"", []Want{{Label: ptr("a"), Size: sectors(mib)}, {Label: ptr("b"), Size: sectors(mib)}}, "create 1 a 2048-4095, create 2 b 4096-6143"},
		"without number, 1 is in the config":   {"1 x 2048 4095", []Want{{Label: ptr("a"), Size: sectors(mib)}, {Number: 1}}, "keep 1 x 2048-4095, create 2 a 4096-6143"},
		"without number, again":                {"1 a 2048 4095\n2 b 4096 6143", []Want{{Label: ptr("b"), Size: sectors(mib)}, {Label: ptr("a"), Size: sectors(mib)}}, "keep 1 a 2048-4095, keep 2 b 4096-6143"},
		"without number, by GUID":              {"1 a 2048 4095\n2 b 4096 6143", []Want{{GUID: ptr(guid(2)), Label: ptr("b")}}, "keep 1 a 2048-4095, keep 2 b 4096-6143"},
		"without number, another size":         {"1 a 2048 4095", []Want{{Label: ptr("a"), Size: sectors(4096)}}, `partition 1 "a": it exists and differs: size is 2048 sectors, wanted 4096`},
		"without number, the label twice":      {"1 a 2048 4095\n2 a 4096 6143", []Want{{Label: ptr("a")}}, `partition "a": partition 1 "a" and partition 2 "a" both have this label`},
		"without number, one of two fits":      {"1 a 2048 4095\n2 a 4096 8191", []Want{{Label: ptr("a"), Size: sectors(4096)}}, "keep 1 a 2048-4095, keep 2 a 4096-8191"},
		"a number that a deletion frees":       {three, []Want{{Number: 1, Absent: true, Wipe: true}, {Label: ptr("n"), Size: sectors(mib), Wipe: true}}, "replace 1 n 2048-4095, keep 2 usr 34816-67583, keep 3 ROOT 67584-100351"},
		"… needs its own permission":           {three, []Want{{Number: 1, Absent: true, Wipe: true}, {Label: ptr("n"), Size: sectors(mib)}}, `partition 1 "boot": it exists and differs`},
		"… and again":                          {"1 n 2048 4095", []Want{{Number: 1, Absent: true, Wipe: true}, {Label: ptr("n"), Size: sectors(mib)}}, "keep 1 n 2048-4095"},
		"a number twice":                       {"", []Want{{Number: 1}, {Number: 1}}, "partition 1: two entries have this number"},
		"a number beyond the table":            {"", []Want{{Number: 129}}, "partition 129: the table has 128 entries"},
		"a table that is full":                 {fullTable(), []Want{{Label: ptr("more"), Size: sectors(512)}}, `partition "more": all 128 entries of the table are taken`},
		"a label that is too long":             {"", []Want{{Number: 1, Label: ptr(strings.Repeat("ä", 35) + "😀")}}, "has 37 UTF-16 units, an entry holds 36"},
		"a label with everything":              {"", []Want{{Number: 1, Label: ptr("a:b\"c 😀"), Size: sectors(mib)}}, "create 1 a:b\"c 😀 2048-4095"},
		"a GUID that another one has":          {three, []Want{{Number: 4, GUID: ptr(guid(2))}}, `partition 4: partition 2 "usr" has the same GUID`},
		"the scenario partitions.complex":      {"1 a 2048 67583\n2 b 67584 100351\n3 c 100352 104447\n4 d 104448 108543\n5 e 108544 110591", []Want{{Number: 1, Label: ptr("a"), Size: sectors(16 * mib), Wipe: true}, {Number: 2, Label: ptr("b"), Size: sectors(16 * mib)}, {Number: 3, Label: ptr("x"), Start: sectors(0), Size: sectors(0), Wipe: true}, {Number: 4, Absent: true, Wipe: true}, {Number: 9, Absent: true}}, "replace 1 a 2048-34815, keep 2 b 67584-100351, replace 3 x 34816-67583, delete 4, keep 5 e 108544-110591"},
		"match, recreate, delete, add at once": {three, []Want{{Number: 1, Label: ptr("boot")}, {Number: 2, Start: sectors(34816), Size: sectors(40960), Wipe: true}, {Number: 3, Absent: true, Wipe: true}, {Number: 4, Size: sectors(mib)}}, "keep 1 boot 2048-34815, replace 2 34816-75775, delete 3, create 4 75776-77823"},
		"two that swap places":                 {"1 a 2048 4095\n2 b 4096 6143", []Want{{Number: 1, Start: sectors(4096), Size: sectors(2048), Wipe: true}, {Number: 2, Start: sectors(2048), Size: sectors(2048), Wipe: true}}, "replace 1 4096-6143, replace 2 2048-4095"},
	} {
		old := table(t, c.table)
		made, changes, err := old.Plan(c.wants, nil)
		if got := show(changes, err); got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
		var conflict *ConflictError
		if err != nil && !errors.As(err, &conflict) {
			t.Errorf("%s: %T", name, err)
		}
		if wrong := made.verify(); len(wrong) > 0 {
			t.Errorf("%s: %q", name, wrong)
		}
		if err != nil {
			continue
		}
		// Again it changes nothing, but for what asks for another place each time.
		_, changes, err = made.Plan(c.wants, nil)
		if err != nil || slices.ContainsFunc(changes, func(c Change) bool { return c.Action != Keep }) {
			t.Errorf("%s: the second run: %s", name, show(changes, err))
		}
	}
}

// A size or start whose bytes no 64 bits hold is not taken for a small one, or for 0.
func TestSizesThatNoDiskHas(t *testing.T) {
	old := table(t, "")
	for _, n := range []uint64{1 << 43, 1 << 44, 1<<44 + 1, math.MaxInt64} {
		for _, w := range []Want{{Number: 1, Size: sectors(old.SectorsOfMiB(n))}, {Number: 1, Start: sectors(old.SectorsOfMiB(n)), Size: sectors(mib)}} {
			if _, changes, err := old.Plan([]Want{w}, nil); err == nil {
				t.Errorf("%d MiB: %s", n, show(changes, err))
			}
		}
	}
}

func TestAllConflictsOfATableAreReported(t *testing.T) {
	old := table(t, "1 a 2048 4095\n2 b 4096 6143\n3 c 6144 8191")
	_, _, err := old.Plan([]Want{{Number: 1, Size: sectors(4096)}, {Number: 2, Absent: true}, {Number: 3, Label: ptr("x")}, {Number: 4, Size: sectors(1 << 40)}}, nil)
	got := fmt.Sprint(err)
	for _, want := range []string{`partition 1 "a": it exists and differs`, `partition 2 "b": it exists and should not`, `partition 3 "c": it exists and differs: label`, "partition 4: "} {
		if !strings.Contains(got, want) {
			t.Errorf("%s does not say %q", got, want)
		}
	}
	_, _, err = old.Plan([]Want{{Number: 5}, {Number: 5}, {Number: 6}, {Number: 6}}, nil)
	if got := fmt.Sprint(err); strings.Count(got, "two entries have this number") != 2 {
		t.Errorf("%s does not name both numbers", got)
	}
}

func TestResizeKeepsTheRestOfTheEntry(t *testing.T) {
	old := table(t, "1 a 2048 4095")
	made, _, err := old.Plan([]Want{{Number: 1, Size: sectors(8192), Resize: true}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(old.entries)
	le.PutUint64(want[entryLastAt:], 2048+8192-1)
	if !bytes.Equal(made.entries, want) {
		t.Error("more than the end changed")
	}
}

func TestAGrownDisk(t *testing.T) {
	const size = 128 << 20
	path := save(t, table(t, "1 a 2048 4095\n9 ROOT 4096 131038"), size)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	old, err := Read(f, size, 512)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		wants []Want
		want  string
	}{
		"a partition that filled it still matches":    {[]Want{{Number: 9, Size: sectors(0)}}, "keep 1 a 2048-4095, keep 9 ROOT 4096-131038"},
		"… and leaves the new space to another":       {[]Want{{Number: 9, Size: sectors(0)}, {Number: 2, Label: ptr("new")}}, "keep 1 a 2048-4095, create 2 new 131072-262110, keep 9 ROOT 4096-131038"},
		"what is resized gets it":                     {[]Want{{Number: 9, Size: sectors(100 << 11), Resize: true}}, "keep 1 a 2048-4095, resize 9 ROOT 4096-208895"},
		"what is made again gets it":                  {[]Want{{Number: 9, Label: ptr("x"), Size: sectors(0), Wipe: true}}, "keep 1 a 2048-4095, replace 9 x 4096-262110"},
		"what is not named gets nothing of the space": {[]Want{{Number: 1, Absent: true, Wipe: true}}, "delete 1, keep 9 ROOT 4096-131038"},
	} {
		made, changes, err := old.Plan(c.wants, nil)
		if got := show(changes, err); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", name, got, c.want)
		}
		if err := made.Write(f); err != nil {
			t.Fatal(err)
		}
		if again, err := Read(f, size, 512); err != nil || len(again.Problems()) > 0 || again.LastUsable() != 262110 {
			t.Errorf("%s: %v, %q, the last usable sector is %d", name, err, again.Problems(), again.LastUsable())
		}
	}
}

// randomWants are a config that may ask for anything.
func randomWants(r *rand.Rand) []Want {
	wants := make([]Want, 1+r.IntN(4))
	for i := range wants {
		w := Want{Number: r.IntN(7), Absent: r.IntN(6) == 0, Wipe: r.IntN(3) > 0, Resize: r.IntN(3) == 0}
		if !w.Absent || w.Number == 0 {
			w.Label = ptr(string(rune('a' + r.IntN(6))))
		}
		if r.IntN(3) > 0 {
			w.Size = sectors(uint64(r.IntN(12)) * mib)
		}
		if r.IntN(4) == 0 {
			w.Start = sectors(uint64(r.IntN(64)) * mib)
		}
		if r.IntN(5) == 0 {
			w.GUID = ptr(guid(byte(1 + r.IntN(9))))
		}
		if r.IntN(6) == 0 { // growing and shrinking what is there
			w = Want{Number: []int{1, 2, 5, 127}[r.IntN(4)], Size: sectors(uint64(r.IntN(12)) * 256), Resize: true}
		}
		wants[i] = w
	}
	return wants
}

// foreign makes the entries of a table look as if others had made them: any attributes,
// and something behind the end of the name.
func foreign(table Table, r *rand.Rand) Table {
	table.entries = bytes.Clone(table.entries)
	for _, p := range table.Partitions() {
		e := table.entry(p.Number)
		le.PutUint64(e[entryAttributesAt:], r.Uint64())
		for i := entryNameAt + 2*len(p.Label) + 2; i < len(e); i += 2 {
			e[i] = 'a' + byte(r.IntN(26)) // parted reads the whole field, and warns of what is no text
		}
	}
	return table
}

// fullTable has a partition of 256 KiB in each entry.
func fullTable() string {
	var lines []string
	for i := range 128 {
		lines = append(lines, fmt.Sprintf("%d p%d %d %d", i+1, i+1, 2048+512*i, 2048+512*i+511))
	}
	return strings.Join(lines, "\n")
}

// Ten thousand sequences of random configs: whatever they ask for, entries that no
// change names stay byte for byte in both copies on the disk, with what else is there, the
// table stays valid, and the tools do not complain.
func TestRandomEditsTouchNothingElse(t *testing.T) {
	const seed, size, edge = 20261121, 64 << 20, 40 * 512
	sequences, judged := 10_000, 500
	if testing.Short() {
		sequences = 400
	}
	r := rand.New(rand.NewPCG(seed, 0))
	done := map[Action]int{}
	for n := range sequences {
		now := foreign(table(t, "1 a 2048 10239\n2 b 12288 20479\n5 e 40960 61439\n127 last 120000 121000"), r)
		d := ends{make([]byte, edge), make([]byte, edge), size}
		if err := now.Write(d); err != nil {
			t.Fatal(err)
		}
		copy(d.head, "boot code")
		start := ends{bytes.Clone(d.head), bytes.Clone(d.tail), size}
		now, err := Read(d, size, 512)
		if err != nil {
			t.Fatal(err)
		}
		ever := map[int]bool{} // changed
		for step := range 1 + r.IntN(4) {
			wants := randomWants(r)
			next, changes, err := now.Plan(wants, func() GUID {
				var g GUID
				le.PutUint64(g[:], r.Uint64())
				return g
			})
			fail := func(format string, args ...any) {
				t.Helper()
				t.Fatalf("seed %d, sequence %d, step %d: %s\nwants %+v\nplan %s", seed, n, step, fmt.Sprintf(format, args...), wants, show(changes, err))
			}
			if err != nil {
				if !bytes.Equal(next.entries, now.entries) {
					fail("an error came with a changed table")
				}
				continue
			}
			touched := map[int]Action{}
			for _, c := range changes {
				touched[c.Number()] = c.Action
				done[c.Action]++
			}
			for number := 1; number <= now.count(); number++ {
				before, after := now.entry(number), next.entry(number)
				switch touched[number] {
				case Keep, "":
					if !bytes.Equal(before, after) {
						fail("partition %d changed", number)
					}
					continue
				case Resize:
					if !bytes.Equal(before[:entryLastAt], after[:entryLastAt]) || !bytes.Equal(before[entryAttributesAt:], after[entryAttributesAt:]) {
						fail("resizing partition %d changed more than its end", number)
					}
				case Delete:
					if after.used() {
						fail("partition %d is still there", number)
					}
				}
				ever[number] = true
			}
			if wrong := next.verify(); len(wrong) > 0 {
				fail("%q", wrong)
			}
			if err := next.Write(d); err != nil {
				fail("%v", err)
			}
			read, err := Read(d, size, 512)
			if err != nil || !bytes.Equal(read.entries, next.entries) || len(read.Problems()) > 0 {
				fail("written and read, it differs: %v, %q", err, read.Problems())
			}
			now = read
		}
		for number := 1; number <= now.count(); number++ {
			for name, at := range map[string]int64{"primary": 2 * 512, "backup": size - 33*512} {
				var before, after [minEntrySize]byte
				at += int64(number-1) * minEntrySize
				_, _ = start.ReadAt(before[:], at)
				_, _ = d.ReadAt(after[:], at)
				if before != after && !ever[number] {
					t.Fatalf("seed %d, sequence %d: entry %d of the %s table changed on the disk", seed, n, number, name)
				}
			}
		}
		if !bytes.Equal(start.head[:512], d.head[:512]) || now.DiskGUID() != guid(99) {
			t.Fatalf("seed %d, sequence %d: sector 0 or the GUID of the disk changed", seed, n)
		}
		if n%judged == 0 && !testing.Short() {
			programs.Need(t, "sgdisk", "sfdisk", "parted")
			accept(t, d.save(t))
		}
	}
	for _, action := range []Action{Keep, Create, Resize, Replace, Delete} {
		if done[action] < sequences/20 {
			t.Errorf("only %d times %s: the test tests little", done[action], action)
		}
	}
}
