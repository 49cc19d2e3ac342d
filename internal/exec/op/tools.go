package op

import (
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

// packages tell where distributions usually have a program.
var packages = map[string]string{
	useraddCmd: "shadow or passwd", usermodCmd: "shadow or passwd", userdelCmd: "shadow or passwd",
	groupaddCmd: "shadow or passwd", groupmodCmd: "shadow or passwd", groupdelCmd: "shadow or passwd",
	"mkfs.ext4": "e2fsprogs", "mkfs.xfs": "xfsprogs", "mkfs.btrfs": "btrfs-progs", "mkfs.fat": "dosfstools",
	cryptsetupCmd: "cryptsetup or cryptsetup-bin", clevisCmd: "clevis, with clevis-luks", mdadmCmd: "mdadm",
	"mkswap": "util-linux", wipefsCmd: "util-linux", mountCmd: "util-linux or mount",
}

// needTool reports a program that is not there.
func needTool(name string) error {
	if _, err := run.Find(name); err != nil {
		help := "install it where this program runs"
		if in, ok := packages[name]; ok {
			help += "; its package is usually " + in
		}
		return exec.WithHelp(err, help)
	}
	return nil
}
