package systems

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kindling-boot/kindling/tests/booted"
	"github.com/kindling-boot/kindling/tests/programs"
)

// TestABDiskBooted: systemd runs ab-disk.service on the first boot and not again. A file stands
// for the disk, which sfdisk takes as well; tests/vm has the unit's commands on real ones.
func TestABDiskBooted(t *testing.T) {
	if os.Getenv("KINDLING_SLOW") == "" {
		t.Skip("boots a machine of its own; KINDLING_SLOW=1 asks for it")
	}
	booted.Need(t, "mmdebstrap", "tar", "sfdisk")
	root := t.TempDir()
	programs.DebianTree(t, root, []string{"dbus", "fdisk", "systemd", "systemd-sysv"})
	disk := filepath.Join(root, "srv/disk")
	programs.Must(t, os.WriteFile(disk, nil, 0o600))
	programs.Must(t, os.Truncate(disk, 64<<20))
	programs.Do(t, "sh", "-ec", `printf 'label: gpt\n1: size=8MiB\n3: size=8MiB\n4: size=8MiB\n' | sfdisk --quiet "$1"`, "sh", disk)
	programs.Do(t, "sfdisk", "--quiet", "--part-attrs", disk, "4", "RequiredPartition") // which goes
	config := filepath.Join(t.TempDir(), "config.ign")
	translate := exec.Command(programs.Path(t, "butane"), "-o", config)
	translate.Stdin = strings.NewReader("variant: linux\nversion: 1.0.0-experimental\nab_disk:\n  device: /srv/disk\n  slot_a: {priority: 9}\n")
	programs.Output(t, translate)
	programs.Output(t, exec.Command(programs.Path(t, "ignition"), "apply", "--ignore-unsupported", "--root", root, config))

	// a machine in namespaces has no udev, which would tell systemd of the device
	unit := filepath.Join(root, "etc/systemd/system/ab-disk.service")
	text, err := os.ReadFile(unit)
	programs.Must(t, err)
	plain := strings.ReplaceAll(strings.ReplaceAll(string(text), "Requires=srv-disk.device\n", ""), "After=srv-disk.device\n", "")
	if len(plain) == len(text) {
		t.Fatalf("the unit asks for no device:\n%s", text)
	}
	programs.Must(t, os.WriteFile(unit, []byte(plain), 0o644))

	attributes := func() string {
		var all []string
		for _, number := range []string{"1", "3", "4"} {
			all = append(all, strings.TrimSpace(programs.Do(t, "sfdisk", "--part-attrs", disk, number)))
		}
		return strings.Join(all, "; ")
	}
	for _, c := range []struct{ boot, before, want string }{
		{"first", "", "LegacyBIOSBootable; GUID:48,51,56; "},
		{"second", "GUID:49", "LegacyBIOSBootable; GUID:49; "},
	} {
		if c.before != "" {
			programs.Do(t, "sfdisk", "--quiet", "--part-attrs", disk, "3", c.before)
		}
		m := booted.Start(t, root, "")
		m.AwaitBoot(5 * time.Minute)
		if got := attributes(); got != c.want {
			status, _ := m.Run("journalctl", "-b", "--no-pager", "-o", "short-monotonic")
			t.Errorf("after the %s boot there is %q, want %q\n%s", c.boot, got, c.want, status)
		}
		if failed, err := m.Run("systemctl", "is-failed", "ab-disk.service"); err == nil {
			t.Errorf("the unit is %s", failed)
		}
		m.PowerOff()
	}
}
