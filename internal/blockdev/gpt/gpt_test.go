package gpt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// disk is a disk in memory: reads, writes in order, syncs.
type disk struct {
	data  []byte
	log   []write
	syncs int
}

type write struct {
	at   int64
	data []byte
	sync int // how many syncs came before
}

func newDisk(size int) *disk { return &disk{data: make([]byte, size)} }

func (d *disk) ReadAt(p []byte, at int64) (int, error) {
	return bytes.NewReader(d.data).ReadAt(p, at)
}

func (d *disk) WriteAt(p []byte, at int64) (int, error) {
	d.log = append(d.log, write{at, bytes.Clone(p), d.syncs})
	if at < 0 || int(at)+len(p) > len(d.data) {
		return 0, io.ErrShortWrite
	}
	return copy(d.data[at:], p), nil
}

func (d *disk) Sync() error { d.syncs++; return nil }

func (d *disk) clone() *disk { return &disk{data: bytes.Clone(d.data)} }

func (d *disk) read(t testing.TB, sectorSize int) Table {
	t.Helper()
	table, err := Read(d, int64(len(d.data)), sectorSize)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// guid is a GUID that only tests use.
func guid(n byte) GUID { return GUID{15: n, 0: 1} }

func ptr[T any](v T) *T { return &v }

// sample is a disk with three partitions and a gap.
func sample(t testing.TB, size, sectorSize int) *disk {
	t.Helper()
	d := newDisk(size)
	table, err := New(int64(size), sectorSize, guid(99), nil)
	if err != nil {
		t.Fatal(err)
	}
	mib := table.SectorsOfMiB(1)
	for i, p := range []Partition{
		{Label: "boot", First: mib, Last: 3*mib - 1},
		{Label: "usr", First: 3 * mib, Last: 5*mib - 1, Attributes: 0xd00d000000000004},
		{Label: "ROOT", First: 8 * mib, Last: 10*mib - 1},
	} {
		p.Number, p.Type, p.GUID = i+1, LinuxFilesystem, guid(byte(i+1))
		if table, err = table.Create(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.Write(d); err != nil {
		t.Fatal(err)
	}
	d.log = nil
	return d
}

func TestGUIDText(t *testing.T) {
	g, err := ParseGUID("0fc63daf-8483-4772-8e79-3d69d8477de4")
	if err != nil || g != LinuxFilesystem || g.String() != "0FC63DAF-8483-4772-8E79-3D69D8477DE4" {
		t.Errorf("got %v, %v", g, err)
	}
	for _, bad := range []string{"", "0fc63daf848347728e793d69d8477de4", "0fc63daf-8483-4772-8e79-3d69d8477deg", "0fc63da-f8483-4772-8e79-3d69d8477de4"} {
		if _, err := ParseGUID(bad); err == nil {
			t.Errorf("%q is no GUID", bad)
		}
	}
	if a, b := RandomGUID(), RandomGUID(); a == b || a.String()[14] != '4' {
		t.Errorf("random: %v, %v", a, b)
	}
}

func TestWhatReadFinds(t *testing.T) {
	const size = 16 << 20
	last := size/512 - 1
	for name, c := range map[string]struct {
		damage  func(d *disk)
		want    any    // nil, ErrNone, ErrMBR; corrupted
		problem string // part of the problems, or of the error
	}{
		"a sound table":          {func(*disk) {}, nil, ""},
		"an empty disk":          {func(d *disk) { clear(d.data) }, ErrNone, ""},
		"a broken primary sum":   {func(d *disk) { d.data[512+20]++ }, nil, "the primary table is damaged: checksum of the header"},
		"broken primary entries": {func(d *disk) { d.data[1024]++ }, nil, "the primary table is damaged: checksum of the entries"},
		"a broken backup":        {func(d *disk) { d.data[last*512]++ }, nil, "the backup table at sector 32767 is damaged: no signature"},
		"no protective MBR":      {func(d *disk) { clear(d.data[:512]) }, nil, "the protective MBR is missing"},
		"no MBR and a primary header with a wrong sum": {func(d *disk) { clear(d.data[:512]); d.data[520]++ }, nil, "primary table is damaged"},
		"an MBR of its own over it":                    {func(d *disk) { d.data[446+4] = 0x83 }, ErrMBR, ""},
		"only a backup":                                {func(d *disk) { clear(d.data[:4096]) }, corrupted, "remainder of former times"},
		"both broken":                                  {func(d *disk) { d.data[530]++; d.data[last*512+20]++ }, corrupted, "primary: checksum"},
		"only the protective MBR":                      {func(d *disk) { clear(d.data[512:]) }, corrupted, "no signature"},
		"a grown disk":                                 {func(d *disk) { d.data = append(d.data, make([]byte, 1<<20)...) }, nil, "the disk has grown"},
		"a disk cut off behind the partitions":         {func(d *disk) { d.data = d.data[:15<<20] }, corrupted, "made for a larger disk"},
		"a primary for 4096-byte sectors": {func(d *disk) {
			clear(d.data[512:])
			copy(d.data[4096:], signature)
		}, corrupted, "it is for sectors of 4096 bytes"},
	} {
		d := sample(t, size, 512)
		c.damage(d)
		before := d.clone()
		table, err := Read(d, int64(len(d.data)), 512)
		var corrupt *CorruptError
		wanted, _ := c.want.(error)
		isCorrupt := c.want == any(corrupted)
		switch {
		case isCorrupt && !errors.As(err, &corrupt), !isCorrupt && !errors.Is(err, wanted):
			t.Errorf("%s: error %v, wanted %v", name, err, c.want)
			continue
		case isCorrupt && !strings.Contains(err.Error(), c.problem):
			t.Errorf("%s: error %v, wanted %q", name, err, c.problem)
		case c.want == nil && (!strings.Contains(strings.Join(table.Problems(), "; "), c.problem) || (c.problem == "") != (len(table.Problems()) == 0)):
			t.Errorf("%s: problems %q, wanted %q", name, table.Problems(), c.problem)
		}
		if !bytes.Equal(before.data, d.data) || len(d.log) > 0 {
			t.Errorf("%s: reading changed the disk", name)
		}
		if err != nil {
			continue
		}
		if err := table.Write(d); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		repaired := d.read(t, 512)
		if len(repaired.Problems()) > 0 || len(repaired.Partitions()) != 3 {
			t.Errorf("%s: after writing: %q", name, repaired.Problems())
		}
	}
}

// corrupted stands for a CorruptError.
const corrupted = "corrupted"

func TestReadSeesOverlapsAndBounds(t *testing.T) {
	for name, c := range map[string]struct {
		at    int
		value uint64
		want  string
	}{
		"an overlap":          {entryLastAt, 3 * 2048, `partition 1 "boot" and partition 2 "usr" overlap`},
		"a start too early":   {entryFirstAt, 33, `partition 1 "boot" covers sectors 33 to 6143, usable are 34 to 32734`},
		"an end too late":     {minEntrySize*2 + entryLastAt, 32735, `partition 3 "ROOT" covers`},
		"an end before start": {entryLastAt, 100, `partition 1 "boot" covers sectors 2048 to 100`},
	} {
		d := sample(t, 16<<20, 512)
		table := d.read(t, 512)
		le.PutUint64(table.entries[c.at:], c.value)
		if err := table.Write(d); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(d, 16<<20, 512); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, wanted %q", name, err, c.want)
		}
	}
}

// An unusual but legal table: a larger header with something in it, entries of 256
// bytes with something behind the name, the array away from sector 2, boot code.
func TestWhatNobodyKnowsStays(t *testing.T) {
	d := sample(t, 16<<20, 512)
	table := d.read(t, 512)
	h := table.header
	le.PutUint32(h[headerSizeAt:], 200)
	copy(h[150:], "future")
	le.PutUint32(h[entryCountAt:], 100)
	le.PutUint32(h[entrySizeAt:], 256)
	h.put64(entriesLBAAt, 20)
	h.put64(firstUsableAt, 100)
	h.put64(lastUsableAt, 32600)
	old := table.entries
	table.entries = make([]byte, 256*100)
	for i := range 3 {
		copy(table.entries[i*256:], old[i*128:(i+1)*128])
		copy(table.entries[i*256+200:], "beyond")
	}
	table.backup, table.backupEntries = h, 0
	copy(d.data, "boot code")
	if err := table.Write(d); err != nil {
		t.Fatal(err)
	}
	before := d.clone()
	table = d.read(t, 512)
	if len(table.Problems()) > 0 {
		t.Fatal(table.Problems())
	}
	table, err := table.Delete(2)
	if err != nil {
		t.Fatal(err)
	}
	table, _, err = table.Plan([]Want{{Number: 100, Label: ptr("new")}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Write(d); err != nil {
		t.Fatal(err)
	}
	if got := string(d.data[512+150 : 512+156]); got != "future" {
		t.Errorf("header lost %q", got)
	}
	for _, n := range []int{0, 2} {
		at := 20*512 + n*256
		if !bytes.Equal(d.data[at:at+256], before.data[at:at+256]) {
			t.Errorf("entry %d changed", n+1)
		}
	}
	if !bytes.Equal(d.data[:512], before.data[:512]) {
		t.Error("sector 0 changed")
	}
	if again := d.read(t, 512); len(again.Problems()) > 0 || len(again.Partitions()) != 3 {
		t.Errorf("%q, %v", again.Problems(), again.Partitions())
	}
}

func TestHybridMBR(t *testing.T) {
	d := sample(t, 16<<20, 512)
	r := mbr(d.data).record(1)
	r[mbrTypeAt] = 0x83
	le.PutUint32(r[mbrStartAt:], 2048)
	le.PutUint32(r[mbrSizeAt:], 4096)
	boot := bytes.Clone(d.data[:512])
	table := d.read(t, 512)
	if _, err := table.Delete(1); err == nil || !strings.Contains(err.Error(), `partition 1 "boot": the hybrid MBR has these sectors as its partition 2`) {
		t.Errorf("deleting what the MBR mirrors: %v", err)
	}
	if _, _, err := table.Plan([]Want{{Number: 1, Absent: true, Wipe: true}}, nil); err == nil {
		t.Error("planning to delete what the MBR mirrors is no error")
	}
	table, err := table.Delete(3)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Write(d); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(boot, d.data[:512]) {
		t.Error("the hybrid MBR changed")
	}
}

// A power cut at any write, also in the middle of one, leaves the old or the new table.
func TestCrashAtAnyPoint(t *testing.T) {
	for name, damage := range map[string]func(d *disk){
		"a sound table":   func(*disk) {},
		"primary damaged": func(d *disk) { d.data[600]++; d.data[512+20]++ },
		"backup damaged":  func(d *disk) { d.data[len(d.data)-500]++ },
		"a grown disk":    func(d *disk) { d.data = append(d.data, make([]byte, 16*512)...) },
		"no MBR":          func(d *disk) { clear(d.data[:512]) },
		"no table":        func(d *disk) { clear(d.data) },
	} {
		start := sample(t, 16<<20, 512)
		damage(start)
		old, err := Read(start, int64(len(start.data)), 512)
		if errors.Is(err, ErrNone) {
			old, err = New(int64(len(start.data)), 512, guid(98), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		fresh := len(old.Partitions()) == 0
		wanted, _, err := old.Plan([]Want{{Number: 4, Label: ptr("new")}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		done := start.clone()
		if err := wanted.Write(done); err != nil {
			t.Fatal(err)
		}
		d := start.clone()
		for i, cut := range done.log {
			for _, part := range []int{0, 1, len(cut.data) / 2, len(cut.data) - 1, len(cut.data)} {
				for _, w := range done.log {
					copy(d.data[w.at:], start.data[w.at:w.at+int64(len(w.data))])
				}
				for _, w := range done.log[:i] {
					copy(d.data[w.at:], w.data)
				}
				copy(d.data[cut.at:], cut.data[:part])
				got, err := Read(d, int64(len(d.data)), 512)
				if fresh && errors.Is(err, ErrNone) {
					continue
				}
				if err != nil {
					t.Errorf("%s: write %d cut at %d: %v", name, i, part, err)
					continue
				}
				if !bytes.Equal(got.entries, old.entries) && !bytes.Equal(got.entries, wanted.entries) {
					t.Errorf("%s: write %d cut at %d: neither the old nor the new table", name, i, part)
				}
			}
		}
		if done.syncs < 2 {
			t.Errorf("%s: %d syncs", name, done.syncs)
		}
	}
}

// ends is a disk with something at its start and its end, and zeros between them.
type ends struct {
	head, tail []byte
	size       int64
}

func (e ends) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at < int64(len(e.head)) {
		copy(p, e.head[at:])
	}
	if from := e.size - int64(len(e.tail)); at+int64(len(p)) > from {
		copy(p[max(from-at, 0):], e.tail[max(at-from, 0):])
	}
	return len(p), nil
}

// WriteAt changes the ends; nothing may be written between them.
func (e ends) WriteAt(p []byte, at int64) (int, error) {
	switch from := e.size - int64(len(e.tail)); {
	case at >= 0 && at+int64(len(p)) <= int64(len(e.head)):
		return copy(e.head[at:], p), nil
	case at >= from && at+int64(len(p)) <= e.size:
		return copy(e.tail[at-from:], p), nil
	}
	return 0, fmt.Errorf("%d bytes written at %d", len(p), at)
}

func (ends) Sync() error { return nil }

// save makes an image in a sparse file.
func (e ends) save(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(path)
	if err == nil {
		defer f.Close()
		err = f.Truncate(e.size)
	}
	for at, data := range map[int64][]byte{0: e.head, e.size - int64(len(e.tail)): e.tail} {
		if err == nil {
			_, err = f.WriteAt(data, at)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// seal mends the sums of the primary table, so that what is wrong lies deeper.
func (e ends) seal(sectorSize int) {
	if len(e.head) < 2*sectorSize {
		return
	}
	h := header(e.head[sectorSize : 2*sectorSize])
	at, size := h.u64(entriesLBAAt), h.arrayBytes()
	if at > 64 || size > 1<<20 || h.size() > uint32(sectorSize) || h.size() < minHeaderSize {
		return
	}
	entries := make([]byte, size)
	_, _ = e.ReadAt(entries, int64(at)*int64(sectorSize))
	copy(h, h.sealed(h.u64(myLBAAt), h.u64(alternateLBAAt), at, entries))
}

func FuzzRead(f *testing.F) {
	const size = 16 << 20
	d := sample(f, size, 512)
	f.Add(d.data[:6*512], d.data[size-33*512:], uint8(0))
	f.Add(d.data[:6*512], d.data[size-512:], uint8(128))
	f.Add(d.data[:6*512], []byte{}, uint8(128))
	d = sample(f, size, 4096)
	f.Add(d.data[:3*4096], d.data[size-5*4096:], uint8(3))
	f.Add(d.data[:3*4096], []byte{}, uint8(131))
	f.Fuzz(func(t *testing.T, head, tail []byte, shift uint8) {
		sectorSize := 512 << (shift % 5)
		e := ends{bytes.Clone(head[:min(len(head), size)]), bytes.Clone(tail[:min(len(tail), size)]), size}
		if shift >= 128 {
			e.seal(sectorSize)
		}
		table, err := Read(e, size, sectorSize)
		if err != nil {
			return
		}
		if len(table.verify()) > 0 {
			t.Fatal("a table with faults was accepted")
		}
		_, _, _ = table.Plan([]Want{{Label: ptr("a")}, {Number: 2, Wipe: true, Size: ptr(uint64(0))}, {Number: 1, Absent: true, Wipe: true}}, nil)
		d := newDisk(size)
		_, _ = e.ReadAt(d.data, 0)
		if table.Write(d) == nil {
			again, err := Read(d, size, sectorSize)
			if err != nil {
				t.Fatalf("written and not readable: %v", err)
			}
			if !bytes.Equal(again.entries, table.entries) {
				t.Fatal("written and different")
			}
		}
	})
}
