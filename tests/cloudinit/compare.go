// Package cloudinit compares what this project makes of cloud-configs with what Debian's
// cloud-init makes of them: the same Debian is provisioned by each, and all that has changed
// in it is compared. [NewTree] makes the Debian, [Compare] goes through the configs here.
//
// TestAsCloudInit boots nothing. cloud-init runs its four stages in the tree, one after
// another, from a NoCloud seed. Here the config is applied to the tree, and the commands of
// the units that it has run in their order; the units themselves are judged by
// systemd-analyze. Both see a kernel, a host name and a network of their own, and the network
// has nothing in it. TestAsCloudInitBooted of tests/boot has both boot instead.
package cloudinit

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// packages are what the Debian has; cloud-init needs most of them.
var packages = []string{
	"ca-certificates", "cloud-init", "dbus", "e2fsprogs", "iproute2", "openssh-server", "passwd", "procps", "sudo", "systemd", "tzdata",
}

// settings are those of an image whose user is there already, and which leaves the network
// and the host keys alone.
const settings = `datasource_list: [NoCloud]
users: []
system_info: {default_user: {name: debian, gecos: Debian, lock_passwd: false, shell: /bin/bash, sudo: false}}
network: {config: disabled}
growpart: {mode: "off"}
resize_rootfs: false
ssh_deletekeys: false
ssh_genkeytypes: []
disable_root: false
apt_preserve_sources_list: true
locale: false
`

// MetaData is what a NoCloud seed or volume has beside user-data.
const MetaData = "instance-id: test\nlocal-hostname: base\n"

// prepare makes an image of the tree.
const prepare = `
useradd --create-home --shell /bin/bash --comment Debian debian
echo base >/etc/hostname
rm -rf /var/log/* /var/cache/apt /var/lib/apt/lists/*
`

// NewTree makes the tree that all start from.
func NewTree(t *testing.T) string {
	t.Helper()
	lower := filepath.Join(t.TempDir(), "lower")
	programs.Must(t, os.Mkdir(lower, 0o755))
	programs.DebianTree(t, lower, packages)
	programs.Must(t, os.WriteFile(filepath.Join(lower, "etc/cloud/cloud.cfg.d/99-test.cfg"), []byte(settings), 0o644))
	programs.Do(t, "chroot", lower, "sh", "-ec", prepare)
	return lower
}

// Compare provisions a tree by each program, for each config whose name matches a pattern
// of [filepath.Match]. What provision returns are the facts about the two that must be
// equal, but for differences that files of this folder name, with a reason. If all
// configs were compared, each of those must have occurred.
func Compare(t *testing.T, pattern string, reasons []string, provision func(t *testing.T, path string, text []byte) (theirs, ours []string)) {
	t.Helper()
	folder := filepath.Join(programs.Root(t), "tests/cloudinit")
	known := readDifferences(t, folder, reasons)
	paths, err := filepath.Glob(filepath.Join(folder, "configs/*.yaml"))
	programs.Must(t, err)
	if len(paths) < 25 {
		t.Fatalf("there are %d configs", len(paths))
	}
	var mu sync.Mutex
	compared := 0
	t.Run("configs", func(t *testing.T) {
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".yaml")
			if ok, err := filepath.Match(pattern, name); !ok || err != nil {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				text, err := os.ReadFile(path)
				programs.Must(t, err)
				theirs, ours := provision(t, path, text)
				mu.Lock()
				defer mu.Unlock()
				compared++
				for _, line := range ours {
					if !slices.Contains(theirs, line) && !known.explain("ours", line) {
						t.Errorf("only ours: %s", line)
					}
				}
				for _, line := range theirs {
					if !slices.Contains(ours, line) && !known.explain("theirs", line) {
						t.Errorf("only theirs: %s", line)
					}
				}
			})
		}
	})
	for _, d := range known {
		if !d.seen && compared == len(paths) {
			t.Errorf("%s explains what does not differ: %s %s", strings.Join(reasons, ", "), d.side, d.pattern)
		}
	}
}

// Overlay is a tree in which something changes, above one which does not.
type Overlay struct{ lower, dir string }

// NewOverlay makes an overlay, with the user data of a NoCloud seed if there are any. Its
// root is not mounted.
func NewOverlay(t *testing.T, lower string, userData []byte) Overlay {
	t.Helper()
	o := Overlay{lower, t.TempDir()}
	for _, name := range []string{"upper", "work", "root"} {
		programs.Must(t, os.Mkdir(filepath.Join(o.dir, name), 0o755))
	}
	if userData != nil {
		seed := filepath.Join(o.dir, "upper/var/lib/cloud/seed/nocloud")
		programs.Must(t, os.MkdirAll(seed, 0o755))
		programs.Must(t, os.WriteFile(filepath.Join(seed, "user-data"), userData, 0o600))
		programs.Must(t, os.WriteFile(filepath.Join(seed, "meta-data"), []byte(MetaData), 0o600))
	}
	return o
}

// Mount mounts the overlay until the test ends, and returns its root.
func (o Overlay) Mount(t *testing.T) string {
	t.Helper()
	root := filepath.Join(o.dir, "root")
	programs.Do(t, "mount", "-t", "overlay", "overlay", "-o", "lowerdir="+o.lower+",upperdir="+o.dir+"/upper,workdir="+o.dir+"/work", root)
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", root).Run() })
	return root
}

// difference is a line of differences.txt.
type difference struct {
	side, pattern string
	seen          bool
}

type differences []*difference

// explain reports whether a difference is known.
func (l differences) explain(side, line string) bool {
	for _, d := range l {
		if ok, _ := filepath.Match(d.pattern, strings.ReplaceAll(line, "/", "|")); ok && d.side == side {
			d.seen = true
			return true
		}
	}
	return false
}

// readDifferences reads files: "ours: PATTERN" or "theirs: PATTERN", and below it, with
// white space before it, the reason.
func readDifferences(t *testing.T, folder string, names []string) differences {
	t.Helper()
	var text []byte
	for _, name := range names {
		more, err := os.ReadFile(filepath.Join(folder, name))
		programs.Must(t, err)
		text = append(text, more...)
	}
	var out differences
	reasons := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		side, pattern, ok := strings.Cut(line, ": ")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == ' ':
			reasons = len(out)
		case ok && (side == "ours" || side == "theirs"):
			out = append(out, &difference{side: side, pattern: strings.ReplaceAll(pattern, "/", "|")})
		default:
			t.Errorf("differences.txt: %q", line)
		}
	}
	if reasons != len(out) {
		t.Error("differences.txt: the last difference has no reason")
	}
	return out
}
