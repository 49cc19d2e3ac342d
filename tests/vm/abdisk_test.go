package vm

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// abDiskCases are disks with two slots, and what the tools must say of them afterwards.
var abDiskCases = []scenario{
	{"ab-disk of flatcar", func(g *guest) {
		const usr, efi, data = "5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
		a := onABDisk{guest: g, document: "variant: flatcar\nversion: 1.3.0-experimental\n", mib: 8192}
		a.provision("  wipe_table: true\n")
		a.has([]abEntry{
			{1, "EFI-SYSTEM", efi, "", 2, 1024, "LegacyBIOSBootable"},
			{2, "BIOS-BOOT", "21686148-6449-6E6F-744E-656564454649", "", 1026, 2, ""},
			{3, "USR-A", usr, "7130C94A-213A-4E5A-8E26-6CCE9662F132", 1028, 2048, "GUID:48,56"},
			{4, "USR-B", usr, "E03DD35C-7C2D-4A47-B3FE-27F15780A57C", 3076, 2048, ""},
			{6, "OEM", data, "", 5124, 1024, ""},
			{9, "ROOT", rootType, "", 6148, 2043, ""},
		})
		a.selects(3)
		// it wants to write to /tmp, which is a part of the host
		const verify = `mount -t tmpfs tmpfs /tmp && systemd-analyze verify --man=no --recursive-errors=no "$1"`
		if said := g.do("unshare", "--mount", "sh", "-c", verify, "sh", a.path()); said != "" {
			g.Errorf("systemd says of the unit: %s", said)
		}
	}},
	{"ab-disk of own images", func(g *guest) {
		const own = "0311D9DA-5F5A-4A0D-BC2A-3A4E29E9D0C3"
		a := onABDisk{guest: g, document: "variant: linux\nversion: 1.0.0-experimental\n", mib: 96}
		a.provision("  efi_size_mib: 8\n  usr_size_mib: 16\n  slot_a: {label: system-a, guid: " + guidA + ", type_guid: " + own + ", priority: 5, tries: 3, successful: false}\n" +
			"  slot_b: {label: system-b, priority: 15, tries: 15, successful: true}\n")
		a.has([]abEntry{
			{1, "EFI-SYSTEM", "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "", 2, 8, "LegacyBIOSBootable"},
			{2, "BIOS-BOOT", "21686148-6449-6E6F-744E-656564454649", "", 10, 2, ""},
			{3, "system-a", own, guidA, 12, 16, "GUID:48,50,52,53"},
			{4, "system-b", "5DFBF5F4-2848-4BAC-AA5E-0D9A20B745A6", "", 28, 16, "GUID:48,49,50,51,52,53,54,55,56"},
			{9, "ROOT", "0FC63DAF-8483-4772-8E79-3D69D8477DE4", "", 44, 51, ""},
		})
		a.selects(4)

		// an update and a restart later: neither the unit nor the engine undoes them
		g.do("cgpt", "add", "-i", "3", "-P", "15", "-T", "1", "-S", "0", g.names[0])
		g.do("cgpt", "add", "-i", "4", "-P", "14", "-T", "0", "-S", "1", g.names[0])
		before := g.contents()
		if a.unit() {
			g.Error("the unit sets the attributes again")
		}
		g.passes("disks")
		if g.contents() != before {
			g.Error("a second run changes the disk")
		}
		a.selects(3)

		// a new table gets its attributes again
		g.do("umount", a.mounted())
		g.do("wipefs", "--all", "--quiet", g.names[0])
		g.do("udevadm", "settle")
		g.passes("disks")
		if !a.unit() {
			g.Error("the unit leaves the new table alone")
		}
		a.selects(4)
	}},
}

// onABDisk is a disk that a document with a section ab_disk describes.
type onABDisk struct {
	*guest
	document string
	mib      int
}

// abEntry is a partition as the tools see it. An empty GUID may be any; start and size are
// in MiB.
type abEntry struct {
	number            int
	label, kind, guid string
	startMiB, sizeMiB int
	attributes        string
}

// provision writes the disk and the unit, and runs that once, with a partition in use.
func (a *onABDisk) provision(section string) {
	a.Helper()
	a.disk(a.mib, "")
	text := a.document + "ab_disk:\n  device: " + a.names[0] + "\n" + section
	a.check(os.WriteFile(filepath.Join(a.dir, "config.ign"), []byte(text), 0o600))
	a.passes("fetch", "disks", "mount", "files", "umount")
	a.do("mkfs.ext4", "-q", a.names[0]+"p9")
	a.check(os.MkdirAll(a.mounted(), 0o755))
	a.do("mount", a.names[0]+"p9", a.mounted())
	a.Cleanup(func() { _ = exec.Command("umount", a.mounted()).Run() })
	if !a.unit() {
		a.Error("the unit does nothing on the first boot")
	}
	if a.unit() {
		a.Error("the unit does it again on the second boot")
	}
	if wants, err := os.Readlink(filepath.Join(a.root, "etc/systemd/system/multi-user.target.wants/ab-disk.service")); err != nil {
		a.Errorf("nothing starts the unit: %q, %v", wants, err)
	}
}

func (a *onABDisk) path() string { return filepath.Join(a.root, "etc/systemd/system/ab-disk.service") }

func (a *onABDisk) mounted() string { return filepath.Join(a.dir, "mounted") }

// unit runs the commands of the unit, and reports whether its condition was true. Its
// command lines mean the same to a shell but for the two characters that systemd makes one.
func (a *onABDisk) unit() (ran bool) {
	a.Helper()
	text, err := os.ReadFile(a.path())
	a.check(err)
	state := filepath.Join(a.dir, "state-of-unit")
	a.check(os.MkdirAll(state, 0o755)) // StateDirectory=
	for line := range strings.Lines(string(text)) {
		key, command, _ := strings.Cut(strings.TrimSpace(line), "=")
		command = strings.NewReplacer("$$", "$", "/var/lib/ab-disk", state).Replace(command)
		switch key {
		case "ExecCondition":
			if err := exec.Command("sh", "-c", command).Run(); err != nil {
				if err.Error() != "exit status 1" {
					a.Errorf("the condition: %v", err)
				}
				return false
			}
		case "ExecStart":
			a.do("sh", "-ec", command)
			ran = true
		}
	}
	a.do("udevadm", "settle")
	return ran
}

// has fails unless sfdisk, sgdisk and cgpt see some partitions, and no other.
func (a *onABDisk) has(want []abEntry) {
	a.Helper()
	var dump struct {
		Table struct {
			Partitions []struct {
				Node, Type, UUID, Name, Attrs string
				Start, Size                   int
			}
		} `json:"partitiontable"`
	}
	a.check(json.Unmarshal([]byte(a.do("sfdisk", "--json", a.names[0])), &dump))
	if len(dump.Table.Partitions) != len(want) {
		a.Errorf("there are %d partitions, want %d", len(dump.Table.Partitions), len(want))
		return
	}
	ask := []string{"-v"}
	for _, w := range want {
		ask = append(ask, "-i", strconv.Itoa(w.number))
	}
	said := a.do("sgdisk", append(ask, a.names[0])...)
	if !strings.Contains(said, "No problems found") {
		a.Errorf("sgdisk: %s", said)
	}
	for i, p := range dump.Table.Partitions {
		w := want[i]
		guid := p.UUID
		if w.guid == "" {
			guid = ""
		}
		number, _ := strconv.Atoi(strings.TrimPrefix(p.Node, a.names[0]+"p"))
		got := abEntry{number, p.Name, p.Type, guid, p.Start >> 11, p.Size >> 11, p.Attrs}
		if got != w || p.Start%4096 != 0 {
			a.Errorf("partition %+v, want %+v at a multiple of 4096 sectors", got, w)
		}
		info, rest, _ := strings.Cut(said, "Partition name: '"+w.label+"'\n")
		said = rest
		for _, line := range []string{"Partition GUID code: " + w.kind, "Attribute flags: " + flags(w.attributes)} {
			if !strings.Contains(info, line) {
				a.Errorf("sgdisk does not say %q of partition %d:\n%s", line, number, info)
			}
		}
	}
}

// flags are attributes of sfdisk as sgdisk writes them.
func flags(attributes string) string {
	bits := uint64(0)
	if attributes == "LegacyBIOSBootable" {
		bits = 1 << 2 // UEFI 2.10 §5.3.3
	} else if list, ok := strings.CutPrefix(attributes, "GUID:"); ok {
		for bit := range strings.SplitSeq(list, ",") {
			n, _ := strconv.Atoi(bit)
			bits |= 1 << n
		}
	}
	return fmt.Sprintf("%016X", bits)
}

// selects fails unless a boot loader that follows the rules of cgpt next chooses a slot:
// of those that are successful or have tries the one with the highest priority, of equals
// the first. cgpt reads the attributes; the one of Debian has no such command itself.
func (a *onABDisk) selects(want int) {
	a.Helper()
	best, chosen := -1, 0
	for _, slot := range []int{3, 4} {
		read := func(option string) int {
			n, err := strconv.Atoi(strings.TrimSpace(a.do("cgpt", "show", "-i", strconv.Itoa(slot), option, a.names[0])))
			a.check(err)
			return n
		}
		if priority := read("-P"); (read("-S") == 1 || read("-T") > 0) && priority > best {
			best, chosen = priority, slot
		}
	}
	if chosen != want {
		a.Errorf("slot %d is booted, want %d", chosen, want)
	}
}
