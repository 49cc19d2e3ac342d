package types

import (
	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/spec"
)

// Filesystem is one file system: made on its device, and mounted while files
// are written when it has a path.
type Filesystem struct {
	// Device is the path of the block device; for virtiofs the tag.
	Device string `json:"device" merge:"identity"`
	// Format selects the mkfs program.
	Format *string `json:"format,omitempty"`
	// Label of the file system; the limit depends on the format.
	Label *string `json:"label,omitempty"`
	// MountOptions are used while files are written.
	MountOptions []string `json:"mountOptions,omitempty" since:"3.1" merge:"append"`
	// Options are further arguments for the mkfs program.
	Options []string `json:"options,omitempty" merge:"append"`
	// Path to mount at, below the target root.
	Path *string `json:"path,omitempty"`
	// UUID of the file system.
	UUID *string `json:"uuid,omitempty"`
	// WipeFilesystem makes a new file system whatever is on the device.
	WipeFilesystem *bool `json:"wipeFilesystem,omitempty"`
}

var (
	ruleFilesystemFormat = &diag.Rule{
		ID: "filesystem-format", Why: "the format selects the mkfs program",
	}
	ruleFilesystemNoFormat = &diag.Rule{
		ID: "filesystem-format-missing", Why: "without a format nothing is made or mounted, so nothing else about it can be asked for",
		Help: "give a format",
	}
	ruleFilesystemLabel = &diag.Rule{
		ID: "filesystem-label", Why: "each format has room for a label of its own length",
		Help: "shorten the label",
	}
	ruleVirtiofs = &diag.Rule{
		ID: "virtiofs", Why: "a virtiofs file system belongs to the host: it is mounted, never made",
		Help: "give the tag of the host as device, and neither label, uuid, options nor wiping",
	}
)

var filesystemFormats = spec.Values{"3.0 btrfs ext4 swap vfat xfs", "3.3 none", "3.7-experimental virtiofs"}

// 36 bytes: virtio specification 1.3, §5.11.4, tag.
const maxVirtiofsTag = 36

// Check reports a file system that cannot be made or mounted.
func (f Filesystem) Check(c *check.Ctx) {
	format := ""
	if f.Format != nil {
		format = *f.Format
	}
	if format == "virtiofs" && c.Spec() >= spec.V3_7 {
		f.checkVirtiofs(c)
	} else {
		c.At("device").AbsPath(f.Device)
	}
	if isSet(f.Path) {
		c.At("path").AbsPath(*f.Path)
	}
	switch at := c.At("format"); {
	case format != "":
		at.OneOf(ruleFilesystemFormat, "filesystem format", format, filesystemFormats)
	case isSet(f.Path) || isSet(f.Label) || isSet(f.UUID) || f.WipeFilesystem != nil && *f.WipeFilesystem ||
		len(f.Options) > 0 || len(f.MountOptions) > 0 && c.Spec() > spec.V3_0:
		at.Errorf(ruleFilesystemNoFormat, "the file system has no format")
	}
	if !isSet(f.Label) {
		return
	}
	if format == "" {
		c.At("label").Errorf(ruleFilesystemLabel, "a label needs a format")
	}
	bytes := map[string]int{"ext4": 16, "btrfs": 256, "xfs": 12, "swap": 15, "vfat": 11} // from the mkfs programs
	if limit, known := bytes[format]; known && len(*f.Label) > limit {
		c.At("label").Errorf(ruleFilesystemLabel, "the label of a file system of format %s has at most %d bytes, this one %d", format, limit, len(*f.Label))
	}
}

func (f Filesystem) checkVirtiofs(c *check.Ctx) {
	switch {
	case f.Device == "":
		c.At("device").Errorf(ruleDeviceMissing, "a virtiofs file system needs its tag as device")
	case len(f.Device) > maxVirtiofsTag:
		c.At("device").Errorf(ruleVirtiofs, "a virtiofs tag has at most %d bytes, this one %d", maxVirtiofsTag, len(f.Device))
	}
	for _, k := range []struct {
		key   string
		given bool
	}{
		{"label", isSet(f.Label)},
		{"uuid", isSet(f.UUID)},
		{"options", len(f.Options) > 0},
		{"wipeFilesystem", f.WipeFilesystem != nil && *f.WipeFilesystem},
	} {
		if k.given {
			at := c.At(k.key)
			at.Errorf(ruleVirtiofs, "%s cannot be set for virtiofs", at.Key())
		}
	}
}
