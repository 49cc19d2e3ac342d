package providers

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/programs"
)

// medium is a block device with a file system on it.
type medium struct{ device string }

func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// newMedium makes a file system with a label and some files, on a loop device. It is
// ext4, which every kernel has; tests/vm has the formats that clouds use.
func newMedium(t *testing.T, label string, files map[string]string) medium {
	t.Helper()
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range files {
		at := filepath.Join(tree, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if target, ok := strings.CutPrefix(data, "-> "); ok {
			if err := os.Symlink(target, at); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(at, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	image := filepath.Join(dir, "image")
	command(t, "truncate", "-s", "4M", image)
	command(t, "mkfs.ext4", "-q", "-L", label, "-d", tree, image)
	device := command(t, "losetup", "-r", "--show", "-f", image)
	t.Cleanup(func() { command(t, "losetup", "-d", device) })
	return medium{device}
}

// plug makes the link that udev would make.
func (m medium) plug(t *testing.T, f *fake, label string) {
	t.Helper()
	if err := os.MkdirAll(f.Paths.ByLabel, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(m.device, filepath.Join(f.Paths.ByLabel, label)); err != nil {
		t.Fatal(err)
	}
}

func TestDrivesAreRead(t *testing.T) {
	programs.Need(t, "root", "losetup", "mkfs.ext4", "mount")
	long := strings.Repeat("x", 100)
	for _, c := range []struct {
		name, label string
		files       map[string]string
		place       place
		want        string
	}{
		{name: "config drive", label: "config-2", files: map[string]string{"openstack/latest/user_data": minimal}, place: configDrive(openStackData), want: minimal},
		{name: "in capitals", label: "CONFIG-2", files: map[string]string{"openstack/latest/user_data": minimal}, place: configDrive(openStackData), want: minimal},
		{name: "gzip", label: "config-2", files: map[string]string{"openstack/latest/user_data": zipped(minimal)}, place: configDrive(openStackData), want: minimal + " [gzip]"},
		{name: "without user data", label: "config-2", files: map[string]string{"openstack/latest/meta_data.json": "{}"}, place: configDrive(openStackData), want: "no user config: there is no file"},
		{name: "empty user data", label: "config-2", files: map[string]string{"openstack/latest/user_data": ""}, place: configDrive(openStackData), want: "no user config: it has no bytes"},
		{name: "a link that leads out of the medium", label: "config-2", files: map[string]string{"openstack/latest/user_data": "-> /etc/passwd"}, place: configDrive(openStackData), want: "error: read"},
		{name: "a directory in place of the file", label: "config-2", files: map[string]string{"openstack/latest/user_data/x": ""}, place: configDrive(openStackData), want: "is a directory"},
		{name: "NoCloud volume", label: "cidata", files: map[string]string{"user-data": minimal, "meta-data": ""}, place: noCloudDrive(time.Second, "/user-data"), want: minimal},
		{name: "NoCloud volume without meta-data", label: "CIDATA", files: map[string]string{"user-data": minimal}, place: noCloudDrive(time.Second, "/user-data"), want: minimal},
		{name: "Proxmox: the second file when the first is its own cloud-config", label: "cidata", files: map[string]string{"user-data": "#cloud-config\r\nhostname: x\n", "vendor-data": minimal}, place: proxmox(), want: minimal},
		{name: "Proxmox: its own cloud-config alone", label: "cidata", files: map[string]string{"user-data": "#cloud-config \nhostname: " + long}, place: proxmox(), want: "no user config in /user-data, /vendor-data"},
		{name: "Proxmox: an empty first file", label: "cidata", files: map[string]string{"user-data": "", "vendor-data": minimal}, place: proxmox(), want: minimal},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, nil)
			newMedium(t, c.label, c.files).plug(t, f, c.label)
			expect(t, outcome(c.place.read(t.Context(), f.Env)), c.want)
			if mounts, _ := os.ReadFile("/proc/mounts"); strings.Contains(string(mounts), f.dir) {
				t.Errorf("something is still mounted:\n%s", mounts)
			}
		})
	}
}

func proxmox() place { p, _ := Find("proxmoxve"); return p.place }

func TestDriveThatComesLaterIsWaitedFor(t *testing.T) {
	programs.Need(t, "root", "losetup", "mkfs.ext4", "mount")
	f := newFake(t, nil)
	m := newMedium(t, "config-2", map[string]string{"openstack/latest/user_data": minimal})
	type result struct {
		Config
		error
	}
	done := make(chan result)
	go func() {
		c, err := configDrive(openStackData).read(t.Context(), f.Env)
		done <- result{c, err}
	}()
	select {
	case r := <-done:
		t.Fatalf("it has not waited: %s", outcome(r.Config, r.error))
	case <-time.After(2 * devicePeriod):
	}
	m.plug(t, f, "config-2")
	r := <-done
	expect(t, outcome(r.Config, r.error), minimal)
}

func TestDriveThatDoesNotCome(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	d := noCloudDrive(time.Second, "/user-data")
	expect(t, outcome(d.read(t.Context(), f.Env)), "did not appear within 1s: no user config")
	d.must = true
	expect(t, outcome(d.read(t.Context(), f.Env)), "error: the file system labelled cidata, /user-data did not appear within 1s")
	ctx, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	expect(t, outcome(configDrive(openStackData).read(ctx, f.Env)), "error: wait for the file system labelled config-2")
}

// TestDriveBehindOthers: a slow machine is not provisioned without the config that it has.
func TestDriveBehindOthers(t *testing.T) {
	t.Parallel()
	f := newFake(t, nil)
	if err := os.MkdirAll(filepath.Dir(f.Env.Paths.UdevQueue), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.Env.Paths.UdevQueue, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := noCloudDrive(1, "/user-data") // a nanosecond
	ctx, stop := context.WithTimeout(t.Context(), 3*devicePeriod)
	defer stop()
	expect(t, outcome(d.read(ctx, f.Env)), "error: wait for the file system labelled cidata")
	if err := os.Remove(f.Env.Paths.UdevQueue); err != nil {
		t.Fatal(err)
	}
	expect(t, outcome(d.read(t.Context(), f.Env)), "did not appear within 1ns: no user config")
}

func TestDriveThatCannotBeMountedIsAFailure(t *testing.T) {
	programs.Need(t, "root", "mount")
	f := newFake(t, map[string]string{"dev/disk/by-label/cidata": "no file system"})
	got := outcome(noCloudDrive(time.Second, "/user-data").read(t.Context(), f.Env))
	expect(t, got, "error: mount ")
	if strings.Contains(got, ErrNoConfig.Error()) {
		t.Errorf("it counts as no config: %s", got)
	}
}

func TestLabelsAreWrittenAsUdevWritesThem(t *testing.T) {
	for label, want := range map[string]string{"config-2": "config-2", "my label": `my\x20label`, `a\b`: `a\x5cb`, "é": "é"} {
		if got := escapeLabel(label); got != want {
			t.Errorf("%q is %s, want %s", label, got, want)
		}
	}
}

func TestOVFDisc(t *testing.T) {
	programs.Need(t, "root", "losetup", "mkfs.ext4", "mount")
	d := &ovfDisc{formats: []string{"ext4"}} // the kernel may have no UDF
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"a config", map[string]string{ovfMark: "<x/>", ovfCustomData: minimal}, minimal},
		{"no custom data", map[string]string{ovfMark: "<x/>"}, "no user config: there is no file CustomData.bin"},
		{"empty custom data", map[string]string{ovfMark: "<x/>", ovfCustomData: ""}, "no user config: it has no bytes"},
		{"another disc", map[string]string{ovfCustomData: minimal}, "error: wait for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, map[string]string{"dev/sr0": "a disc that cannot be mounted"})
			m := newMedium(t, "x", c.files)
			ctx, stop := context.WithTimeoutCause(t.Context(), 3*discPeriod, errors.New("wait for a disc"))
			defer stop()
			// the second drive has the disc, though only later
			timer := time.AfterFunc(discPeriod/2, func() { _ = os.Symlink(m.device, filepath.Join(f.dir, "dev/sr1")) })
			defer timer.Stop()
			expect(t, outcome(d.read(ctx, f.Env)), c.want)
		})
	}
}
