package op

import (
	"slices"

	"github.com/kindling-boot/kindling/internal/exec"
)

// packages tell where distributions usually have a program.
var packages = map[string]string{
	useraddCmd: "shadow or passwd", usermodCmd: "shadow or passwd", userdelCmd: "shadow or passwd",
	groupaddCmd: "shadow or passwd", groupmodCmd: "shadow or passwd", groupdelCmd: "shadow or passwd",
	"mkfs.ext4": "e2fsprogs", "mkfs.xfs": "xfsprogs", "mkfs.btrfs": "btrfs-progs", "mkfs.fat": "dosfstools",
	cryptsetupCmd: "cryptsetup or cryptsetup-bin", clevisCmd: "clevis, with clevis-luks", mdadmCmd: "mdadm",
	"mkswap": "util-linux", wipefsCmd: "util-linux", mountCmd: "util-linux or mount",
	setfilesCmd: "policycoreutils",
}

// Programs are all that operations run on block devices and accounts, by name.
func Programs() []string {
	names := []string{udevadmCmd, kpartxCmd, kargsCmd}
	for _, m := range makers {
		names = append(names, m.tool)
	}
	for name := range packages {
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
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
