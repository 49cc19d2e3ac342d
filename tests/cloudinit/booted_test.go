package cloudinit

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/booted"
	"github.com/kindling-boot/kindling/tests/programs"
)

// TestAsCloudInitBooted is TestAsCloudInit with machines that boot: on one, systemd starts the
// units of cloud-init, on the other those that the config brought. What is compared is what
// is there when the boot has ended.
func TestAsCloudInitBooted(t *testing.T) {
	if os.Getenv("KINDLING_SLOW") == "" {
		t.Skip("boots two machines for each config; KINDLING_SLOW=1 asks for it")
	}
	booted.Need(t, "mmdebstrap", "tar", "mountpoint")
	lower := newLower(t)
	// else both enable what Debian enables on the first boot of an image, and wait for networks
	programs.Must(t, os.WriteFile(filepath.Join(lower, "etc/machine-id"), []byte(strings.Repeat("0123456789abcdef", 2)+"\n"), 0o444))
	known := readDifferences(t, "differences.txt", "differences-booted.txt")
	compareAll(t, known, func(t *testing.T, path string, text []byte) (theirs, ours []string) {
		dir := newOverlay(t)
		seed := filepath.Join(dir, "upper/var/lib/cloud/seed/nocloud")
		programs.Must(t, os.MkdirAll(seed, 0o755))
		programs.Must(t, os.WriteFile(filepath.Join(seed, "user-data"), text, 0o600))
		theirs = boot(t, lower, dir)

		dir = newOverlay(t)
		made := filepath.Join(dir, "config.ign")
		programs.Must(t, os.WriteFile(made, translated(t, path, text), 0o600))
		enter(t, lower, dir, "outside", programs.Path(t, "ignition"), made)
		// nobody else is to apply the document again
		programs.Must(t, os.MkdirAll(filepath.Join(dir, "upper/etc/cloud"), 0o755))
		programs.Must(t, os.WriteFile(filepath.Join(dir, "upper/etc/cloud/cloud-init.disabled"), nil, 0o644))
		ours = boot(t, lower, dir)
		return theirs, ours
	})
}

// boot boots an overlay, waits until all units have started, and switches the machine off.
func boot(t *testing.T, lower, dir string) []string {
	t.Helper()
	root := filepath.Join(dir, "root")
	programs.Do(t, "mount", "-t", "overlay", "overlay", "-o", "lowerdir="+lower+",upperdir="+dir+"/upper,workdir="+dir+"/work", root)
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", root).Run() })
	m := booted.Start(t, root, "")
	failed := m.AwaitBoot(10 * time.Minute)
	var facts []string
	for _, name := range failed {
		facts = append(facts, "unit "+name+" failed")
		said, _ := m.Run("journalctl", "--boot", "--no-pager", "--output=cat", "--unit="+name)
		t.Logf("%s:\n%s", name, said)
	}
	name, err := m.Run("cat", "/proc/sys/kernel/hostname")
	programs.Must(t, err)
	facts = append(facts, "the machine is called "+strings.TrimSpace(name))
	table, err := m.Run("cat", "/proc/self/mounts")
	programs.Must(t, err)
	for line := range strings.Lines(table) {
		if f := strings.Fields(line); strings.HasPrefix(f[1], "/var/") || strings.HasPrefix(f[1], "/mnt/") {
			if f[2] == "overlay" { // the tree itself: its options are about the host
				f[3] = ""
			}
			facts = append(facts, "mounted at "+f[1]+": "+f[2]+" "+f[3])
		}
	}
	m.PowerOff()
	return slices.Concat(facts, changes(t, lower, filepath.Join(dir, "upper")))
}
