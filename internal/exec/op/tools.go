package op

import (
	"slices"
	"time"

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
	setfilesCmd: "policycoreutils", zkeyCmd: "s390-tools", zkeyCryptCmd: "s390-tools",
}

// Programs are all that operations run on block devices and accounts, by name.
func Programs() []string {
	names := []string{kpartxCmd, kargsCmd}
	for _, m := range makers {
		names = append(names, m.tool)
	}
	for name := range packages {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// limitWith is the limit of a program that gets options of the user: they may have it write
// or read the whole device, as integrity of LUKS does, or a search for bad blocks.
func limitWith(options []string) time.Duration {
	if len(options) > 0 {
		return run.WholeDevice
	}
	return 0
}

// needTool reports a program that is not there.
func needTool(env *exec.Env, name string) error {
	if err := env.Find(name); err != nil {
		help := "install it where this program runs"
		if in, ok := packages[name]; ok {
			help += "; its package is usually " + in
		}
		return exec.WithHelp(err, help)
	}
	return nil
}
