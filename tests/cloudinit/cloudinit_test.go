// Package cloudinit compares what this project makes of cloud-configs with what Debian's
// cloud-init makes of them: the same Debian is provisioned by each, and all that has changed
// in it is compared.
//
// TestAsCloudInit boots nothing. cloud-init runs its four stages in the tree, one after
// another, from a NoCloud seed. Here the config is applied to the tree, and the commands of
// the units that it has run in their order; the units themselves are judged by
// systemd-analyze. Both see a kernel, a host name and a network of their own, and the network
// has nothing in it. TestAsCloudInitBooted has systemd do what is simulated there.
package cloudinit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/transpiler"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

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

// prepare makes an image of the tree.
const prepare = `
useradd --create-home --shell /bin/bash --comment Debian debian
echo base >/etc/hostname
mkdir -p /var/lib/cloud/seed/nocloud
printf 'instance-id: test\nlocal-hostname: base\n' >/var/lib/cloud/seed/nocloud/meta-data
rm -rf /var/log/* /var/cache/apt /var/lib/apt/lists/*
`

// inside runs a program in a tree that is an overlay: the lower directory, the directory of
// the overlay, the program and its arguments.
const inside = `
lower="$1"; dir="$2"; shift 2
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/root"
root="$dir/root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
ip link set lo up
hostname base
if [ "$1" = outside ]; then IGNITION_WRITE_AUTHORIZED_KEYS_FRAGMENT=false exec "$2" apply --offline --root "$root" "$3"; fi
exec chroot "$root" "$@"
`

// stages are those of cloud-init, in one process: most of the time of each is the start of
// Python.
const stages = `
import sys
from cloudinit.cmd.main import main
for words in "init --local", "init", "modules --mode=config", "modules --mode=final":
    status = main(["cloud-init"] + words.split())
    print(words, status)
`

func TestAsCloudInit(t *testing.T) {
	if testing.Short() {
		t.Skip("provisions two trees for each config")
	}
	programs.Need(t, "root", "mmdebstrap", "unshare", "tar", "ip")
	lower := newLower(t)
	compareAll(t, readDifferences(t, "differences.txt"), func(t *testing.T, path string, text []byte) (theirs, ours []string) {
		return provisionTheirs(t, lower, text), provisionOurs(t, lower, path, text)
	})
}

// newLower makes the tree that both start from.
func newLower(t *testing.T) string {
	t.Helper()
	lower := filepath.Join(t.TempDir(), "lower")
	programs.Must(t, os.Mkdir(lower, 0o755))
	programs.DebianTree(t, lower, packages)
	programs.Must(t, os.WriteFile(filepath.Join(lower, "etc/cloud/cloud.cfg.d/99-test.cfg"), []byte(settings), 0o644))
	programs.Do(t, "chroot", lower, "sh", "-ec", prepare)
	return lower
}

// compareAll provisions a tree by each program, for each config. Each difference must be
// known, and each known one must be there.
func compareAll(t *testing.T, known differences, provision func(t *testing.T, path string, text []byte) (theirs, ours []string)) {
	t.Helper()
	paths, err := filepath.Glob("configs/*.yaml")
	programs.Must(t, err)
	if len(paths) < 25 {
		t.Fatalf("there are %d configs", len(paths))
	}
	var mu sync.Mutex
	compared := 0
	t.Run("configs", func(t *testing.T) {
		for _, path := range paths {
			name := strings.TrimSuffix(filepath.Base(path), ".yaml")
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
			t.Errorf("differences.txt explains what does not differ: %s %s", d.side, d.pattern)
		}
	}
}

// newOverlay makes the directories of an overlay.
func newOverlay(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"upper", "work", "root"} {
		programs.Must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	return dir
}

// enter runs a program in the overlay, with nothing around it that it could reach.
func enter(t *testing.T, lower, dir string, args ...string) string {
	t.Helper()
	return programs.Do(t, "unshare", append([]string{
		"--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "sh", "-ec", inside, "sh", lower, dir,
	}, args...)...)
}

func provisionTheirs(t *testing.T, lower string, text []byte) []string {
	t.Helper()
	dir := newOverlay(t)
	seed := filepath.Join(dir, "upper/var/lib/cloud/seed/nocloud")
	programs.Must(t, os.MkdirAll(seed, 0o755))
	programs.Must(t, os.WriteFile(filepath.Join(seed, "user-data"), text, 0o600))
	said := enter(t, lower, dir, "/usr/bin/python3", "-c", stages)
	if strings.Contains(said, "Traceback") || strings.Contains(said, "Failed running") {
		t.Logf("cloud-init said:\n%s", said)
	}
	return changes(t, lower, filepath.Join(dir, "upper"))
}

func provisionOurs(t *testing.T, lower, path string, text []byte) []string {
	t.Helper()
	dir := newOverlay(t)
	made := filepath.Join(dir, "config.ign")
	programs.Must(t, os.WriteFile(made, translated(t, path, text), 0o600))
	enter(t, lower, dir, "outside", programs.Path(t, "ignition"), made)
	runUnits(t, lower, dir)
	return changes(t, lower, filepath.Join(dir, "upper"))
}

// translated is the config that a cloud-config becomes.
func translated(t *testing.T, path string, text []byte) []byte {
	t.Helper()
	tree, _, found := cloudconfig.Translate(source.NewFile(path, text), cloudconfig.Options{DefaultUser: "debian"})
	if found.HasErrors() {
		t.Fatal(found)
	}
	cfg, found := transpiler.ModelOf(tree, nil)
	if found.HasErrors() {
		t.Fatal(found)
	}
	return config.Render(cfg)
}

// runUnits runs the commands of the services that the config brought, in their order.
func runUnits(t *testing.T, lower, dir string) {
	t.Helper()
	units, err := filepath.Glob(filepath.Join(dir, "upper/etc/systemd/system/*.service"))
	programs.Must(t, err)
	var names []string
	for _, u := range units {
		names = append(names, filepath.Base(u))
	}
	slices.SortFunc(names, func(a, b string) int { return unitOrder(a) - unitOrder(b) })
	script := "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\nmkdir -p /run/systemd\n"
	for _, name := range names {
		if link, err := os.Readlink(filepath.Join(dir, "upper/etc/systemd/system", name)); err == nil && link == "/dev/null" {
			continue
		}
		script += "systemd-analyze verify --man=no " + name + " || exit 99\n"
		text, err := os.ReadFile(filepath.Join(dir, "upper/etc/systemd/system", name))
		programs.Must(t, err)
		script += "(\n"
		for line := range strings.Lines(string(text)) {
			if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
				script += strings.ReplaceAll(command, "$$", "$")
			}
			if assignment, ok := strings.CutPrefix(line, "Environment="); ok {
				script += "export " + assignment
			}
		}
		script += ")\n"
	}
	if len(names) > 0 {
		enter(t, lower, dir, "sh", "-c", script+"true\n")
	}
}

// unitOrder is the order in which the services of a boot run.
func unitOrder(name string) int {
	for i, part := range []string{"ca-certificates", "bootcmd", "members", "passwords", "packages", "runcmd"} {
		if strings.Contains(name, part) {
			return i
		}
	}
	return 100
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

// readDifferences reads the file: "ours: PATTERN" or "theirs: PATTERN", and below it, with
// white space before it, the reason.
func readDifferences(t *testing.T, names ...string) differences {
	t.Helper()
	var text []byte
	for _, name := range names {
		more, err := os.ReadFile(name)
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
