package sugar

import (
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleLayout = &diag.Rule{
		ID: "boot-layout", Why: "the layout says which partitions the machine needs to boot",
		Help: "name the architecture of the machine; the layouts of s390x cannot be mirrored",
	}
	ruleMirrorLayout = &diag.Rule{
		ID: "boot-mirror-layout", Why: "each architecture needs other partitions on the mirrored disks",
		Help: "set boot_device.layout; x86_64 is assumed otherwise",
	}
	ruleMirrorDevices = &diag.Rule{
		ID: "boot-mirror-devices", Why: "a mirror has at least two sides", Help: "list two or more devices",
	}
	ruleLayoutDevice = &diag.Rule{
		ID: "boot-layout-device", Why: "on this layout the volume is a partition of a disk that the config must name",
		Help: "set boot_device.luks.device to /dev/dasd… (ECKD) or /dev/sd… (FCP)",
	}
	ruleBootCex = &diag.Rule{
		ID: "boot-cex", Why: "CryptoExpress cards exist on s390x only, and keep the whole key of the volume",
		Help: "on s390x keep cex alone; elsewhere use tpm2 or tang",
	}
	ruleLuksMethod = &diag.Rule{
		ID: "boot-luks-method", Why: "without a way to unlock it the volume is not encrypted at all",
		Help: "set tpm2, tang or cex, or remove luks",
	}
)

// BootDevice is the sugar of the disk that the machine boots from: encryption and
// mirroring of the root file system.
type BootDevice struct {
	BootDevice struct {
		// Layout is the architecture, or for s390x the kind of disk.
		Layout *string        `json:"layout"`
		Luks   bootDeviceLuks `json:"luks"`
		Mirror struct {
			Devices []string `json:"devices"`
		} `json:"mirror"`
	} `json:"bootDevice"`
	// MirrorNeedsLayout makes a mirror without a layout an error.
	MirrorNeedsLayout bool
	// S390x adds the layouts of that architecture.
	S390x bool
}

type bootDeviceLuks struct {
	Cex       types.Cex    `json:"cex" since:"3.5"`
	Device    *string      `json:"device" since:"3.5"`
	Discard   *bool        `json:"discard" since:"3.4"`
	Tang      []types.Tang `json:"tang"`
	Threshold *int         `json:"threshold"`
	Tpm2      *bool        `json:"tpm2"`
}

// isWanted reports whether any way to unlock the volume is given.
func (l *bootDeviceLuks) isWanted() bool {
	return len(l.Tang) > 0 || isTrue(l.Tpm2) || isTrue(l.Cex.Enabled)
}

func isTrue(b *bool) bool { return b != nil && *b }

// Types of partitions: UEFI 2.10 §5.3.3 and the CoreOS disk layout.
const (
	typeReserved = "8DA63339-0007-60C0-C436-083AC8230908"
	typeBIOS     = "21686148-6449-6E6F-744E-656564454649"
	typePReP     = "9E1A2D38-C612-4316-AA26-8B49521E5A8B"
	typeESP      = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
)

// bootPartition is one partition that a machine needs to boot. Label gets the
// number of the disk.
type bootPartition struct {
	label    string
	sizeMiB  int // 0: what is left
	typeGUID string
}

// bootPartitions are the partitions of mirrored boot disks, in order.
func bootPartitions() map[string][]bootPartition {
	return map[string][]bootPartition{
		"x86_64":  {{"bios", 1, typeBIOS}, {"esp", 127, typeESP}, {"boot", 384, ""}, {"root", 0, ""}},
		"aarch64": {{"reserved", 1, typeReserved}, {"esp", 127, typeESP}, {"boot", 384, ""}, {"root", 0, ""}},
		"ppc64le": {{"prep", 4, typePReP}, {"reserved", 1, typeReserved}, {"boot", 384, ""}, {"root", 0, ""}},
	}
}

// layouts lists what boot_device.layout can be, in the order messages have.
func (s *BootDevice) layouts() []string {
	if s.S390x {
		return []string{"aarch64", "ppc64le", "s390x-eckd", "s390x-virt", "s390x-zfcp", "x86_64"}
	}
	return []string{"aarch64", "ppc64le", "x86_64"}
}

// s390xDevices are the layouts whose root is a partition of a named disk: what
// its name starts with, and the number of the partition.
func s390xDevices() map[string]struct{ prefix, partition string } {
	return map[string]struct{ prefix, partition string }{"s390x-eckd": {"/dev/dasd", "2"}, "s390x-zfcp": {"/dev/sd", "4"}}
}

// Check reports combinations that cannot boot.
func (s *BootDevice) Check(c *Ctx) {
	b := &s.BootDevice
	at := doc("boot_device")
	layout := ""
	if b.Layout != nil {
		layout = *b.Layout
		if !contains(s.layouts(), layout) {
			c.Errorf(ruleLayout, at.At("layout"), "%q is no layout; there are %s", layout, strings.Join(s.layouts(), ", "))
		}
	}
	isS390x := strings.HasPrefix(layout, "s390x-") && s.S390x
	s.checkMirror(c, layout, isS390x)
	if disk, named := s390xDevices()[layout]; named && isS390x {
		switch {
		case isEmpty(b.Luks.Device):
			c.Errorf(ruleLayoutDevice, at.At("layout"), "layout %s needs boot_device.luks.device", layout)
		case !strings.HasPrefix(*b.Luks.Device, disk.prefix):
			c.Errorf(ruleLayoutDevice, at.At("layout"), "on layout %s the device starts with %s", layout, disk.prefix)
		}
	}
	if s.MirrorNeedsLayout && !isEmpty(b.Luks.Device) && !b.Luks.isWanted() {
		c.Errorf(ruleLuksMethod, at.At("luks"), "boot_device.luks.device is given, but no way to unlock the volume")
	}
	if isTrue(b.Luks.Cex.Enabled) {
		switch {
		case isS390x:
		case b.Layout != nil:
			c.Errorf(ruleBootCex, at.At("layout"), "cex needs a layout of s390x")
		default:
			c.Errorf(ruleBootCex, at.At("luks", "cex"), "cex needs a layout of s390x")
		}
		if len(b.Luks.Tang) > 0 || isTrue(b.Luks.Tpm2) {
			c.Errorf(ruleBootCex, at.At("luks"), "cex cannot be combined with tang or tpm2")
		}
	}
}

func (s *BootDevice) checkMirror(c *Ctx, layout string, isS390x bool) {
	devices, at := s.BootDevice.Mirror.Devices, doc("boot_device", "mirror")
	if len(devices) == 0 {
		return
	}
	c.Mirrored = map[string]bool{}
	for _, device := range devices {
		c.Mirrored[device] = true
	}
	if layout == "" {
		if s.MirrorNeedsLayout {
			c.Errorf(ruleMirrorLayout, at, "a mirror needs boot_device.layout")
		} else {
			c.Warnf(ruleMirrorLayout, at, "the mirror has no boot_device.layout")
		}
	}
	if len(devices) == 1 {
		c.Errorf(ruleMirrorDevices, at.At("devices"), "the mirror has one device only")
	}
	if isS390x {
		c.Errorf(ruleLayout, doc("boot_device", "layout"), "layout %s cannot be mirrored", layout)
	}
}

// Desugar adds the disks, arrays, volumes and file systems.
func (s *BootDevice) Desugar(c *Ctx) {
	b := &s.BootDevice
	p := bootParent{origins: c.NewOrigins()}
	layout := "x86_64"
	if b.Layout != nil {
		layout = *b.Layout
	}
	if len(b.Mirror.Devices) > 0 {
		p.mirror(b.Mirror.Devices, bootPartitions()[layout])
	}
	if b.Luks.isWanted() {
		device := "/dev/disk/by-partlabel/root"
		if disk, named := s390xDevices()[layout]; named {
			device = *b.Luks.Device + disk.partition
		}
		if len(b.Mirror.Devices) > 0 {
			device = "/dev/md/md-root"
		}
		p.luks(&b.Luks, device, c.Target)
	}
	if len(b.Mirror.Devices) == 0 && !b.Luks.isWanted() {
		return
	}
	root := "/dev/md/md-root"
	if b.Luks.isWanted() {
		root = "/dev/mapper/root"
	}
	p.filesystem(root, "xfs", "root")
	p.origins.Add(doc("storage"), doc("boot_device"))
	c.AddParent(p.config, p.origins)
}

// bootParent gathers what a boot device is made of.
type bootParent struct {
	config  types.Config
	origins *Origins
}

func (p *bootParent) filesystem(device, format, label string) {
	wipe := true
	p.config.Storage.Filesystems = append(p.config.Storage.Filesystems, types.Filesystem{
		Device: device, Format: &format, Label: &label, WipeFilesystem: &wipe,
	})
}

func (p *bootParent) mirror(devices []string, partitions []bootPartition) {
	storage := &p.config.Storage
	at := doc("boot_device", "mirror")
	members := map[string][]string{}
	for i, device := range devices {
		wipe := true
		disk := types.Disk{Device: device, WipeTable: &wipe}
		for _, b := range partitions {
			label := fmt.Sprintf("%s-%d", b.label, i+1)
			partition := types.Partition{Label: &label}
			if b.sizeMiB != 0 {
				size := b.sizeMiB
				partition.SizeMiB = &size
			}
			if b.typeGUID != "" {
				guid := b.typeGUID
				partition.TypeGUID = &guid
			}
			disk.Partitions = append(disk.Partitions, partition)
			members[b.label] = append(members[b.label], "/dev/disk/by-partlabel/"+label)
			if b.label == "esp" {
				p.filesystem("/dev/disk/by-partlabel/"+label, "vfat", label)
			}
		}
		p.origins.Add(doc("storage", "disks", i), at.At("devices", i))
		storage.Disks = append(storage.Disks, disk)
	}
	for _, name := range []string{"boot", "root"} {
		level := "raid1"
		raid := types.Raid{Name: "md-" + name, Level: &level, Devices: members[name]}
		if name == "boot" { // boot loaders read the members as plain file systems
			raid.Options = []string{"--metadata=1.0"}
		}
		storage.Raid = append(storage.Raid, raid)
	}
	p.origins.Add(doc("storage", "disks"), at)
	p.origins.Add(doc("storage", "raid"), at)
	p.filesystem("/dev/md/md-boot", "ext4", "boot")
}

func (p *bootParent) luks(l *bootDeviceLuks, device string, target spec.Version) {
	label, wipe := "luks-root", true
	volume := types.Luks{Name: "root", Label: &label, Device: &device, WipeVolume: &wipe, Discard: l.Discard}
	at, to := doc("boot_device", "luks"), doc("storage", "luks", 0)
	if isTrue(l.Cex.Enabled) {
		volume.Cex = l.Cex
	} else {
		volume.Clevis = types.Clevis{Tang: l.Tang, Threshold: l.Threshold, Tpm2: l.Tpm2}
	}
	p.config.Storage.Luks = []types.Luks{volume}
	p.origins.Add(doc("storage", "luks"), at)
	p.origins.Add(to, at)
	p.origins.Add(to.At("clevis"), at)
	p.origins.Add(to.At("cex"), at.At("cex"))
	p.origins.Add(to.At("discard"), at.At("discard"))
}
