package stage

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// The kinds of devices that are made, in the order of their making. A device that nobody
// is known to make may still be one of them under another name.
var (
	anyPartition = exec.DeviceKey("any partition")
	anyArray     = exec.DeviceKey("any array")
	anyVolume    = exec.DeviceKey("any volume")
	anyContent   = exec.DeviceKey("any content")
)

// errCircle refuses devices that are made of each other.
var errCircle = errors.New("it is made of itself")

// making plans who makes which device of the disks stage, and who waits for whom.
type making struct {
	in *Input
	// devices are the paths that will be there, with what each is made of.
	devices map[string][]string
	// wipes are the paths whose content the config allows to destroy.
	wipes map[string]bool
}

func newMaking(in *Input) *making {
	m := &making{in: in, devices: map[string][]string{}, wipes: map[string]bool{}}
	s := &in.Config.Storage
	for _, d := range s.Disks {
		if device := path.Clean(d.Device); m.devices[device] == nil { // it may be made of others
			m.devices[device] = nil
		}
		m.wipes[path.Clean(d.Device)] = isTrue(d.WipeTable)
		for _, p := range d.Partitions {
			if isAbsent(p.ShouldExist) {
				continue
			}
			for _, name := range partitionPaths(d, p) {
				m.devices[name] = []string{d.Device}
				m.wipes[name] = isTrue(d.WipeTable) || isTrue(p.WipePartitionEntry)
			}
		}
	}
	for _, r := range s.Raid {
		m.devices[op.RAIDDevice(r.Name)] = r.Devices
	}
	for _, l := range s.Luks {
		for _, name := range volumePaths(l.Name) {
			m.devices[name] = []string{deref(l.Device)}
		}
	}
	return m
}

// partitionPaths are the paths by which configs name a partition: udev(7), systemd's rules
// 60-persistent-storage.rules.
func partitionPaths(d types.Disk, p types.Partition) []string {
	var out []string
	if deref(p.Label) != "" {
		out = append(out, "/dev/disk/by-partlabel/"+op.UdevName(*p.Label))
	}
	if deref(p.GUID) != "" {
		out = append(out, "/dev/disk/by-partuuid/"+strings.ToLower(*p.GUID))
	}
	if p.Number == 0 {
		return out
	}
	last := d.Device[len(d.Device)-1]
	switch {
	case strings.HasPrefix(d.Device, "/dev/disk/"):
		out = append(out, fmt.Sprintf("%s-part%d", d.Device, p.Number))
	case '0' <= last && last <= '9':
		out = append(out, fmt.Sprintf("%sp%d", d.Device, p.Number))
	default:
		out = append(out, fmt.Sprintf("%s%d", d.Device, p.Number))
	}
	return out
}

// isRoot reports whether a volume holds the root file system: by its name, as that of
// Butane's boot_device does, or by the file system on it.
func (m *making) isRoot(l types.Luks) bool {
	return l.Name == "root" || slices.ContainsFunc(m.in.Config.Storage.Filesystems, func(f types.Filesystem) bool {
		return slices.Contains(volumePaths(l.Name), path.Clean(f.Device)) && (deref(f.Label) == "root" || deref(f.Path) == "/")
	})
}

func volumePaths(name string) []string {
	return []string{op.Mapped(name), "/dev/disk/by-id/dm-name-" + name}
}

// needs are the keys to wait for before a device can be used; before are the kinds of
// devices that come earlier.
func (m *making) needs(before []exec.Key, devices ...string) []exec.Key {
	var out []exec.Key
	for _, d := range devices {
		if _, isMade := m.devices[path.Clean(d)]; isMade {
			out = append(out, exec.DeviceKey(path.Clean(d)))
		} else {
			out = append(out, before...)
		}
	}
	return out
}

// isCircular reports whether a device is, at the end, made of itself.
func (m *making) isCircular(device string) bool {
	seen := map[string]bool{}
	var visit func(string) bool
	visit = func(d string) bool {
		for _, below := range m.devices[d] {
			if below == device {
				return true
			}
			if !seen[below] {
				if seen[below] = true; visit(below) {
					return true
				}
			}
		}
		return false
	}
	return visit(device)
}

// planDisk plans the table of a disk, with which its partitions are there.
func (m *making) planDisk(i int, d types.Disk) exec.Operation {
	device := path.Clean(d.Device)
	about := exec.Description{
		Kind: "disk", Target: d.Device, Step: "createPartitions", Doing: fmt.Sprintf("partitioning %q", d.Device),
		AskedBy: m.in.origin("storage", "disks", i),
	}
	o := &op.Disk{On: m.in.Machine, Want: d}
	isCircular := m.isCircular(device)
	if m.devices[device] == nil {
		about.Provides = []exec.Key{exec.DeviceKey(device), anyPartition}
		m.in.Machine.Makes(device, o)
	} else { // an array with partitions
		about.Needs = []exec.Key{exec.DeviceKey(device)}
	}
	for j, p := range d.Partitions {
		if isAbsent(p.ShouldExist) {
			continue
		}
		for _, name := range partitionPaths(d, p) {
			about.Provides = append(about.Provides, exec.DeviceKey(name))
			if !isCircular {
				m.in.Machine.Makes(name, op.KeptPartition{Disk: o, Want: j})
			}
		}
	}
	if isCircular {
		return &op.Refused{About: about, Err: errCircle}
	}
	o.About = about
	return o
}

func (m *making) planRAID(i int, r types.Raid) exec.Operation {
	device := op.RAIDDevice(r.Name)
	about := exec.Description{
		Kind: "RAID", Target: r.Name, Step: "createRaids", Doing: fmt.Sprintf("creating %q", r.Name),
		AskedBy:  m.in.origin("storage", "raid", i),
		Needs:    m.needs([]exec.Key{anyPartition}, r.Devices...),
		Provides: []exec.Key{exec.DeviceKey(device), anyArray},
	}
	if m.isCircular(device) {
		return &op.Refused{About: about, Err: errCircle}
	}
	o := &op.RAID{About: about, On: m.in.Machine, Want: r, Wipe: map[string]bool{}}
	for _, d := range r.Devices {
		o.Wipe[d] = m.wipes[path.Clean(d)]
	}
	m.in.Machine.Makes(device, o)
	return o
}

func (m *making) planLUKS(i int, l types.Luks) exec.Operation {
	names := volumePaths(l.Name)
	about := exec.Description{
		Kind: "LUKS volume", Target: l.Name, Step: "createLuks", Doing: fmt.Sprintf("creating %q", l.Name),
		AskedBy:  m.in.origin("storage", "luks", i),
		Needs:    m.needs([]exec.Key{anyPartition, anyArray}, deref(l.Device)),
		Provides: []exec.Key{anyVolume},
	}
	for _, n := range names {
		about.Provides = append(about.Provides, exec.DeviceKey(n))
	}
	if m.isCircular(names[0]) {
		return &op.Refused{About: about, Err: errCircle}
	}
	o := &op.LUKS{About: about, On: m.in.Machine, Want: l, IsRoot: m.isRoot(l)}
	for _, n := range names {
		m.in.Machine.Makes(n, o)
	}
	return o
}

func (m *making) planFilesystem(i int, f types.Filesystem) []exec.Operation {
	format := deref(f.Format)
	if format == "virtiofs" {
		return nil // the host has made it
	}
	about := exec.Description{
		Kind: "filesystem", Target: f.Device, Step: "createFilesystems",
		Doing:   fmt.Sprintf("creating %q filesystem on %q", format, f.Device),
		AskedBy: m.in.origin("storage", "filesystems", i),
		Needs:   m.needs([]exec.Key{anyPartition, anyArray, anyVolume}, f.Device),

		Provides: []exec.Key{anyContent},
	}
	if format == "" {
		about.Kind, about.Doing = "device", fmt.Sprintf("waiting for device %q", f.Device)
	}
	return []exec.Operation{&op.Filesystem{About: about, On: m.in.Machine, Want: f}}
}

// planLinks plans the end of the stage.
func (m *making) planLinks() exec.Operation {
	return &op.Links{On: m.in.Machine, About: exec.Description{
		Kind: "links", Target: "/dev/disk", Step: "waitForLinks", Doing: "waiting for links of what was made",
		AskedBy: m.in.origin("storage"), Needs: []exec.Key{anyPartition, anyArray, anyVolume, anyContent},
	}}
}

// planVolumes plans what LUKS volumes leave on the target: crypttab and keys.
func planVolumes(in *Input) []exec.Operation {
	volumes := in.Config.Storage.Luks
	if !in.Report || len(volumes) == 0 {
		return nil // in apply mode there are none
	}
	var ops []exec.Operation
	for i, l := range volumes {
		if op.HasClevis(l.Clevis) {
			continue
		}
		files := []string{""}
		if isTrue(l.Cex.Enabled) {
			files = append(files, op.SecureKeyFiles(l.Name)...)
		}
		for _, file := range files {
			o := &op.LUKSKey{On: in.Machine, Volume: l, Secure: file}
			o.About = exec.Description{
				Kind: "LUKS key", Target: l.Name, Step: "createCrypttabEntries", Doing: "writing " + in.outside(o.Path()),
				AskedBy: in.origin("storage", "luks", i), Needs: after(enablingDone),
				Provides: []exec.Key{exec.PathKey(o.Path()), exec.MilestoneKey(volumesDone)},
			}
			ops = append(ops, o)
		}
	}
	return append(ops, op.Crypttab(exec.Description{
		Kind: "crypttab", Target: "/etc/crypttab", Step: "createCrypttabEntries", Doing: "writing " + in.outside("/etc/crypttab"),
		AskedBy: in.origin("storage", "luks", 0), Needs: after(enablingDone),
		Provides: []exec.Key{exec.PathKey("/etc/crypttab"), exec.MilestoneKey(volumesDone)},
	}, in.Machine, volumes))
}

// planVolumeEnds plans the last operations of a first boot.
func planVolumeEnds(in *Input) []exec.Operation {
	var ops []exec.Operation
	for i, l := range in.Config.Storage.Luks {
		if op.IsKeyGenerated(l) {
			ops = append(ops, &op.LUKSEnd{
				About: exec.Description{
					Kind: "end of LUKS volume", Target: l.Name, Step: "finishLuks", Doing: fmt.Sprintf("finishing %q", l.Name),
					AskedBy: in.origin("storage", "luks", i), Needs: after(filesDone),
				},
				On: in.Machine, Volume: l,
			})
		}
	}
	return ops
}

// planArrays plans what RAID arrays leave on the target, unless the config has that file.
func planArrays(in *Input) []exec.Operation {
	arrays := in.Config.Storage.Raid
	if !in.Report || len(arrays) == 0 {
		return nil // in apply mode there are none
	}
	name := op.MdadmConfigs[len(op.MdadmConfigs)-1]
	for _, n := range op.MdadmConfigs {
		if slices.ContainsFunc(in.Config.Storage.Files, func(f types.File) bool { return path.Clean(f.Path) == n }) {
			return nil
		}
		if dir := path.Dir(n); dir != "/etc" {
			if info, err := in.Root.Lstat(dir); err == nil && info.Kind == sysroot.Directory {
				name = n
			}
		}
	}
	return []exec.Operation{op.MdadmConfig(exec.Description{
		Kind: "mdadm config", Target: name, Step: "createMdadmConfig", Doing: "writing " + in.outside(name),
		AskedBy: in.origin("storage", "raid", 0), Needs: after(enablingDone),
		Provides: []exec.Key{exec.PathKey(name), exec.MilestoneKey(volumesDone)},
	}, name, arrays)}
}

func isTrue(b *bool) bool { return b != nil && *b }
