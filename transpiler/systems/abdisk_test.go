package systems_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler"
)

// The sizes are those of disk_layout.json of each generation, in sectors of 512 bytes.
func TestABDiskLayouts(t *testing.T) {
	const flatcar, linux = "variant: flatcar\nversion: 1.3.0-experimental\n", "variant: linux\nversion: 1.0.0-experimental\n"
	for _, c := range []struct{ name, document, want string }{
		{"flatcar is the default there", flatcar + "ab_disk: {device: /dev/sdb}", "1 EFI-SYSTEM 2097152, 2 BIOS-BOOT 4096, 3 USR-A 4194304, 4 USR-B 4194304, 6 OEM 2097152, 9 ROOT 0"},
		{"container linux", flatcar + "ab_disk: {device: /dev/sdb, layout: container-linux}", "1 EFI-SYSTEM 262144, 2 BIOS-BOOT 4096, 3 USR-A 2097152, 4 USR-B 2097152, 6 OEM 262144, 9 ROOT 0"},
		{"linux has no OEM", linux + "ab_disk: {device: /dev/sdb}", "1 EFI-SYSTEM 1048576, 2 BIOS-BOOT 4096, 3 USR-A 4194304, 4 USR-B 4194304, 9 ROOT 0"},
		{"linux can lay out flatcar", linux + "ab_disk: {device: /dev/sdb, layout: flatcar, oem_size_mib: 0}", "1 EFI-SYSTEM 2097152, 2 BIOS-BOOT 4096, 3 USR-A 4194304, 4 USR-B 4194304, 9 ROOT 0"},
		{
			"the user's disk wins", linux + "ab_disk: {device: /dev/sdb}\nstorage: {disks: [{device: /dev/sdb, partitions: [{number: 9, size_mib: 64}, {label: data}]}]}",
			"1 EFI-SYSTEM 1048576, 2 BIOS-BOOT 4096, 3 USR-A 4194304, 4 USR-B 4194304, 9 ROOT 131072, 0 data 0",
		},
		{"no section", linux, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			output, _, found := transpiler.Translate(source.NewFile("test.bu", []byte(c.document)), transpiler.Options{})
			cfg, bad := config.Parse(source.NewFile("output", output))
			if len(found) > 0 || len(bad) > 0 {
				t.Fatalf("%v %v", found, bad)
			}
			var got []string
			for _, d := range cfg.Storage.Disks {
				end := 2
				for _, p := range d.Partitions {
					size := 0
					if p.SizeMiB != nil {
						size = *p.SizeMiB
					}
					if p.StartMiB != nil {
						if *p.StartMiB != end {
							t.Errorf("partition %s starts at %d MiB, want %d", *p.Label, *p.StartMiB, end)
						}
						end += size
					}
					got = append(got, fmt.Sprintf("%d %s %d", p.Number, *p.Label, size<<11))
				}
			}
			if strings.Join(got, ", ") != c.want {
				t.Errorf("the disk has %s, want %s", strings.Join(got, ", "), c.want)
			}
		})
	}
}
