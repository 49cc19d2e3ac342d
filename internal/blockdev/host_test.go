package blockdev

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// machine is a directory with a sysfs and a /proc as the kernel would show them. Each
// line of the description is PATH or PATH = CONTENT or PATH -> TARGET.
func machine(t *testing.T, description string) Host {
	t.Helper()
	root := t.TempDir()
	for line := range strings.Lines(description) {
		line = strings.TrimSpace(line)
		name, content, _ := strings.Cut(line, " = ")
		name, target, isLink := strings.Cut(name, " -> ")
		at := filepath.Join(root, name)
		if line == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if isLink {
			err = os.Symlink(target, at)
		} else {
			err = os.WriteFile(at, []byte(strings.ReplaceAll(content, "|", "\n")+"\n"), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return Host{Root: root}
}

func TestPartitionNames(t *testing.T) {
	for disk, want := range map[string]string{
		"/dev/sda":              "/dev/sda9",
		"/dev/nvme0n1":          "/dev/nvme0n1p9",
		"/dev/mmcblk0":          "/dev/mmcblk0p9",
		"/dev/loop0":            "/dev/loop0p9",
		"/dev/md127":            "/dev/md127p9",
		"/dev/cciss/c0d0":       "/dev/cciss/c0d0p9",
		"/dev/mmcblk0boot":      "/dev/mmcblk0boot9",
		"/dev/disk/by-id/sda-x": "/dev/disk/by-id/sda-x9",
	} {
		if got := PartitionName(disk, 9); got != want {
			t.Errorf("%s: got %s, want %s", disk, got, want)
		}
	}
}

const twoDisks = `
	sys/class/block/sda/dev = 8:0
	sys/class/block/sda/sda2/partition = 2
	sys/class/block/sda/sda2/start = 4096
	sys/class/block/sda/sda2/size = 2048
	sys/class/block/sda/sda1/partition = 1
	sys/class/block/sda/sda1/start = 2048
	sys/class/block/sda/sda1/size = 2048
	sys/class/block/sda1/dev = 8:1
	sys/class/block/sda2/dev = 8:2
	sys/class/block/cciss!c0d0/dev = 104:0
	sys/class/block/cciss!c0d0/cciss!c0d0p1/partition = 1
	sys/class/block/cciss!c0d0p1/dev = 104:1
	sys/class/block/dm-0/dev = 253:0
	sys/class/block/dm-0/dm/name = mpatha
	sys/class/block/dm-0/dm/uuid = mpath-3600
	sys/class/block/dm-0/holders/dm-1 -> ../../dm-1
	sys/class/block/dm-1/dev = 253:1
	sys/class/block/dm-1/dm/name = mpatha1
	sys/class/block/dm-1/dm/uuid = part1-mpath-3600
	proc/self/mountinfo = 22 27 0:21 / /proc rw - proc proc rw
	proc/swaps = Filename Type Size Used Priority
`

func TestPartitionsOfADisk(t *testing.T) {
	h := machine(t, twoDisks)
	parts := h.Partitions(h.named("sda"))
	if len(parts) != 2 || parts[0].Number != 1 || parts[1].Start != 4096 || parts[1].Path != filepath.Join(h.Root, "dev/sda2") {
		t.Errorf("got %+v", parts)
	}
	for _, c := range []struct {
		disk   string
		number int
		want   string
	}{
		{"sda", 2, "/dev/sda2"},
		{"sda", 3, "/dev/sda3"},
		{"cciss!c0d0", 1, "/dev/cciss/c0d0p1"},
		{"dm-0", 1, "/dev/dm-1"},
		{"dm-0", 2, "/dev/disk/by-id/dm-name-mpathap2"},
	} {
		if got := h.PartitionPath(h.named(c.disk), c.number); got != filepath.Join(h.Root, c.want) {
			t.Errorf("%s %d: got %s, want %s", c.disk, c.number, got, c.want)
		}
	}
}

func TestWhoHoldsADisk(t *testing.T) {
	for name, c := range map[string]struct {
		machine, disk string
		want          string
	}{
		"nobody":                             {"proc/self/mountinfo = 22 27 0:21 / /proc rw - proc proc rw|30 27 0:31 / /mnt rw - nfs //server/share rw|31 27 0:32 / / rw - ext4 /dev/root rw", "sda", ""},
		"a mounted partition":                {`proc/self/mountinfo = 30 1 8:1 / /my\040data rw - ext4 /dev/sda1 rw`, "sda", "1 mounted at /my data"},
		"a mounted disk":                     {"proc/self/mountinfo = 30 1 8:0 / /mnt rw shared:1 - ext4 /dev/sda rw", "sda", "0 mounted at /mnt"},
		"btrfs on several devices":           {"sys/fs/btrfs/1234/devices/sda2 -> ../../../../class/block/sda2", "sda", "2 part of mounted btrfs 1234"},
		"LVM, LUKS and RAID":                 {"sys/class/block/sda1/holders/dm-3 -> x\nsys/class/block/dm-3/dm/name = vg-root\nsys/class/block/dm-3/dm/uuid = LVM-abc\nsys/class/block/sda2/holders/dm-4 -> x\nsys/class/block/dm-4/dm/name = luks-x\nsys/class/block/dm-4/dm/uuid = CRYPT-LUKS2-1\nsys/class/block/sda/holders/md0 -> x", "sda", "0 part of RAID array md0, 1 part of LVM volume vg-root, 2 opened as encrypted volume luks-x"},
		"partitions of multipath hold none":  {"", "dm-0", ""},
		"a mounted partition of a multipath": {"proc/self/mountinfo = 30 1 253:1 / /mnt rw - ext4 /dev/mapper/mpatha1 rw", "dm-0", "1 mounted at /mnt"},
		"a path of a multipath":              {"sys/class/block/sda/holders/dm-0 -> x", "sda", "0 a path of multipath device mpatha"},
	} {
		h := machine(t, twoDisks+"\n"+c.machine)
		users, err := h.DiskUsers(h.named(c.disk))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, u := range users {
			got = append(got, string(rune('0'+u.Number))+" "+u.By)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: got %q, want %q", name, strings.Join(got, ", "), c.want)
		}
	}
	if _, err := machine(t, "sys/x").DiskUsers(Node{Name: "sda"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without /proc: %v", err)
	}
}

// anyBlockDevice is a block device of this machine.
func anyBlockDevice(t *testing.T) string {
	t.Helper()
	names, _ := filepath.Glob("/sys/class/block/*")
	for _, n := range names {
		if path := "/dev/" + filepath.Base(n); func() bool { _, err := (Host{}).Resolve(path); return err == nil }() {
			return path
		}
	}
	t.Skip("this machine shows no block device")
	return ""
}

func TestWaitForADevice(t *testing.T) {
	device := anyBlockDevice(t)
	dir := t.TempDir()
	// by-label does not exist yet, and the link leads over another one.
	path := filepath.Join(dir, "disk/by-label/data")
	type result struct {
		node Node
		err  error
	}
	done := make(chan result)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	go func() {
		n, err := (Host{}).Wait(ctx, path)
		done <- result{n, err}
	}()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../../node", path); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-done:
		t.Fatalf("came back early: %+v", r)
	default:
	}
	if err := os.Symlink(device, filepath.Join(dir, "node")); err != nil {
		t.Fatal(err)
	}
	if r := <-done; r.err != nil || r.node.Device == 0 {
		t.Errorf("got %+v", r)
	}
}

func TestWaitSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("gone/away", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"link": filepath.Join(dir, "gone") + " did not appear",
		"file": "not a block device",
	} {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := (Host{}).Wait(ctx, filepath.Join(dir, path))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, wanted %q", path, err, want)
		}
	}
}
