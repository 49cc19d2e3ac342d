package blockdev

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/blockdev/probe"
	"github.com/kindling-boot/kindling/tests/programs"
)

// image is a file of 16 MiB with a partition from 1 MiB to 2 MiB, open for writing.
func image(t *testing.T) *Device {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, 16<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Host{}.Open(path, Writing, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.File.Close() })
	table, err := gpt.New(d.SizeBytes, d.SectorSize, gpt.RandomGUID(), nil)
	if err != nil {
		t.Fatal(err)
	}
	table, err = table.Create(gpt.Partition{Number: 1, Type: gpt.LinuxFilesystem, GUID: gpt.RandomGUID(), First: 2048, Last: 4095})
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Write(d.File); err != nil {
		t.Fatal(err)
	}
	return d
}

func write(t *testing.T, d *Device, at int64, text string) {
	t.Helper()
	if _, err := d.File.WriteAt([]byte(text), at); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, d *Device) []byte {
	t.Helper()
	raw, err := os.ReadFile(d.File.Name())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

const (
	btrfsMagic = "_BHRfS_M"
	btrfsAt    = 0x10040
)

func TestZap(t *testing.T) {
	d := image(t)
	write(t, d, btrfsAt, btrfsMagic)                       // of the whole disk, before the partition
	write(t, d, 2048*512+100, "data of the partition")     // stays
	write(t, d, 300*512, "in the gap, which nobody marks") // stays
	before := content(t, d)
	erased, err := d.Zap()
	if err != nil {
		t.Fatal(err)
	}
	if len(erased) != 1 || erased[0].Type != "btrfs" {
		t.Errorf("erased %v", erased)
	}
	want := slices.Clone(before)
	clear(want[:34*512])
	clear(want[len(want)-33*512:])
	clear(want[btrfsAt : btrfsAt+len(btrfsMagic)])
	if !bytes.Equal(content(t, d), want) {
		t.Error("it changed something else, or less")
	}
	if _, err := gpt.Read(d.File, d.SizeBytes, d.SectorSize); !errors.Is(err, gpt.ErrNone) {
		t.Errorf("a table is left: %v", err)
	}
	if erased, err := d.Zap(); err != nil || len(erased) > 0 {
		t.Errorf("again: %v, %v", erased, err)
	}
}

func TestZapOfADamagedTable(t *testing.T) {
	d := image(t)
	write(t, d, 0, strings.Repeat("garbage ", 1536/8)) // as the scenario partition.wipebadtable
	if _, err := d.Zap(); err != nil {
		t.Fatal(err)
	}
	if _, err := gpt.Read(d.File, d.SizeBytes, d.SectorSize); !errors.Is(err, gpt.ErrNone) {
		t.Errorf("a table is left: %v", err)
	}
}

func TestEraseWhatHidesAnother(t *testing.T) {
	d := image(t)
	if _, err := d.Zap(); err != nil {
		t.Fatal(err)
	}
	write(t, d, btrfsAt, btrfsMagic)
	write(t, d, 4096-10, "SWAP-SPACE")
	write(t, d, 0, "hsqs")
	write(t, d, 28, "\x04\x00")
	if _, err := d.Erase(); err != nil {
		t.Fatal(err)
	}
	if report, err := probe.Probe(d.File, d.SizeBytes); err != nil || len(report.Signatures) > 0 {
		t.Errorf("left: %v, %v", report, err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for path, want := range map[string]string{
		"/nowhere":     "open device /nowhere: no such file or directory",
		"/dev/null":    "resolve device /dev/null: /dev/null: not a block device",
		os.TempDir():   "not a block device",
		"/dev/../proc": "not a block device",
	} {
		if _, err := (Host{}).Open(path, Reading, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, wanted %q", path, err, want)
		}
	}
}

// loop attaches a file to a loop device with sectors of 4096 bytes.
func loop(t *testing.T, path string) string {
	t.Helper()
	programs.Need(t, "root", "losetup")
	out, err := exec.Command("losetup", "--find", "--show", "--sector-size", "4096", path).Output()
	if err != nil {
		t.Fatalf("no loop device: %v", err)
	}
	device := strings.TrimSpace(string(out))
	t.Cleanup(func() { _ = exec.Command("losetup", "--detach", device).Run() })
	return device
}

func TestLoopDevice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, 16<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	device := loop(t, path)
	d, err := Host{}.Open(device, Writing, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer d.File.Close()
	if d.SizeBytes != 16<<20 || d.SectorSize != 4096 || d.Node.Path != device {
		t.Errorf("got %d bytes in sectors of %d, %+v", d.SizeBytes, d.SectorSize, d.Node)
	}
	empty, err := gpt.New(d.SizeBytes, d.SectorSize, gpt.RandomGUID(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// Some kernels have no partitions on loop devices; those that have keep them when
	// the file is detached, for whoever attaches another one.
	clean := func() {
		if err := (Host{}).TellKernel(d, empty); err != nil {
			t.Error(err)
		}
	}
	clean()
	defer clean()
	// Somebody has it: ourselves.
	if _, err := (Host{}).Open(device, Writing, 0); !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), device+" is held by the kernel or another program") {
		t.Errorf("opened twice: %v", err)
	}
	users, err := Host{}.DiskUsers(d.Node)
	if err != nil || len(users) != 1 || users[0].By != "held by the kernel or another program" {
		t.Errorf("users: %v, %v", users, err)
	}
	for _, parts := range [][]Part{
		{{Number: 1, Start: 2048, Size: 2048}, {Number: 2, Start: 4096, Size: 2048}},
		{{Number: 2, Start: 4096, Size: 4096}}, // one gone, one grown
	} {
		table := empty
		for _, p := range parts {
			first := p.Start / 8
			table, err = table.Create(gpt.Partition{Number: p.Number, Type: gpt.LinuxFilesystem, GUID: gpt.GUID{byte(p.Number)}, First: first, Last: first + p.Size/8 - 1})
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := table.Write(d.File); err != nil {
			t.Fatal(err)
		}
		if err := (Host{}).TellKernel(d, table); err != nil {
			if !strings.Contains(err.Error(), "partition 1: invalid argument") {
				t.Errorf("got %v", err)
			}
			return
		}
		got := Host{}.Partitions(d.Node)
		for i := range got {
			got[i].Node = Node{}
		}
		if !slices.Equal(got, parts) {
			t.Errorf("got %+v, want %+v", got, parts)
		}
	}
}

func TestWhatTheKernelIsTold(t *testing.T) {
	table, err := gpt.New(64<<20, 4096, gpt.GUID{1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 4; n++ {
		p := gpt.Partition{Number: n, Type: gpt.LinuxFilesystem, GUID: gpt.GUID{byte(n)}, First: uint64(n) * 1024, Last: uint64(n)*1024 + 511}
		if table, err = table.Create(p); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, s := range kernelSteps([]Part{
		{Number: 1, Start: 8192, Size: 4096},  // right
		{Number: 2, Start: 16384, Size: 2048}, // grows
		{Number: 3, Start: 8, Size: 4096},     // moved
		{Number: 7, Start: 60000, Size: 8},    // gone
	}, table) {
		got = append(got, s.verb()+string(rune('0'+s.part.Number)))
	}
	if want := []string{"remove3", "remove7", "resize2", "add3", "add4"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
