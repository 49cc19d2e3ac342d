package cloudinit

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/transpiler"
)

func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }

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
	lower := NewTree(t)
	Compare(t, "*", []string{"differences.txt"}, func(t *testing.T, path string, text []byte) (theirs, ours []string) {
		return provisionTheirs(t, lower, text), provisionOurs(t, lower, path, text)
	})
}

// enter runs a program in the overlay, with nothing around it that it could reach.
func enter(t *testing.T, o Overlay, args ...string) string {
	t.Helper()
	return programs.Do(t, "unshare", append([]string{
		"--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child", "sh", "-ec", inside, "sh", o.lower, o.dir,
	}, args...)...)
}

func provisionTheirs(t *testing.T, lower string, text []byte) []string {
	t.Helper()
	o := NewOverlay(t, lower, text)
	said := enter(t, o, "/usr/bin/python3", "-c", stages)
	if strings.Contains(said, "Traceback") || strings.Contains(said, "Failed running") {
		t.Logf("cloud-init said:\n%s", said)
	}
	return o.Changes(t)
}

func provisionOurs(t *testing.T, lower, path string, text []byte) []string {
	t.Helper()
	o := NewOverlay(t, lower, nil)
	made := filepath.Join(o.dir, "config.ign")
	programs.Must(t, os.WriteFile(made, translated(t, path, text), 0o600))
	enter(t, o, "outside", programs.Path(t, "ignition"), made)
	runUnits(t, o)
	return o.Changes(t)
}

// translated is the config that a cloud-config becomes.
func translated(t *testing.T, path string, text []byte) []byte {
	t.Helper()
	tree, _, found := cloudconfig.Translate(source.NewFile(path, text), cloudconfig.Options{DefaultUser: "debian"})
	if found.HasErrors() {
		t.Fatal(found)
	}
	cfg, found := transpiler.ModelOf(tree, nil, nil)
	if found.HasErrors() {
		t.Fatal(found)
	}
	return config.Render(cfg)
}

// runUnits runs the commands of the services that the config brought, in their order.
func runUnits(t *testing.T, o Overlay) {
	t.Helper()
	units, err := filepath.Glob(filepath.Join(o.dir, "upper/etc/systemd/system/*.service"))
	programs.Must(t, err)
	var names []string
	for _, u := range units {
		names = append(names, filepath.Base(u))
	}
	slices.SortFunc(names, func(a, b string) int { return unitOrder(a) - unitOrder(b) })
	script := "export PATH=/usr/sbin:/usr/bin:/sbin:/bin\nmkdir -p /run/systemd\n"
	for _, name := range names {
		if link, err := os.Readlink(filepath.Join(o.dir, "upper/etc/systemd/system", name)); err == nil && link == "/dev/null" {
			continue
		}
		script += "systemd-analyze verify --man=no " + name + " || exit 99\n"
		text, err := os.ReadFile(filepath.Join(o.dir, "upper/etc/systemd/system", name))
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
		enter(t, o, "sh", "-c", script+"true\n")
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
