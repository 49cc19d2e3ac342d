package types

import (
	"path"

	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/spec"
)

// Storage holds disks, file systems and what is put on them.
type Storage struct {
	// Directories to create or adjust.
	Directories []Directory `json:"directories,omitempty" merge:"key,space=node"`
	// Disks to partition.
	Disks []Disk `json:"disks,omitempty" merge:"key"`
	// Files to write.
	Files []File `json:"files,omitempty" merge:"key,space=node"`
	// Filesystems to create and mount.
	Filesystems []Filesystem `json:"filesystems,omitempty" merge:"key"`
	// Links to create, symbolic or hard.
	Links []Link `json:"links,omitempty" merge:"key,space=node"`
	// Luks lists encrypted volumes.
	Luks []Luks `json:"luks,omitempty" since:"3.2" merge:"key"`
	// Raid lists software RAID arrays.
	Raid []Raid `json:"raid,omitempty" merge:"key"`
}

var (
	ruleBelowLink = &diag.Rule{
		ID: "below-link", Why: "the link may lead anywhere, so it is not certain where the path ends up",
		Help: "use the path that the link leads to",
	}
	ruleHardDirectory = &diag.Rule{
		ID: "hard-link-directory", Why: "Linux allows hard links to files only", Help: "make the link symbolic",
	}
	ruleFilesystemDisk = &diag.Rule{
		ID: "filesystem-on-disk", Why: "a file system on the whole disk destroys the partition table that the config asks for",
		Help: "put the file system on a partition",
	}
	ruleFilesystemWiped = &diag.Rule{
		ID: "filesystem-wiped", Why: "wiping the partition table of the disk wipes a file system on the whole disk too",
		Help: "say that the file system may be wiped too, or do not wipe the partition table",
	}
)

// Check reports items of the section that do not go together.
func (s Storage) Check(c *check.Ctx) {
	links := make(map[string]bool, len(s.Links))
	for _, l := range s.Links {
		links[l.Path] = true
	}
	if len(links) > 0 {
		s.eachNode(func(list string, i int, kind string, n *Node) {
			if dir, found := linkAbove(n.Path, links); found {
				c.At(list, i).Errorf(ruleBelowLink, "%s %q lies below the link %q", kind, n.Path, dir)
			}
		})
	}
	s.checkHardLinks(c)
	s.checkDevices(c)
}

// eachNode visits all directories, files and links with their places in the section.
func (s *Storage) eachNode(visit func(list string, i int, kind string, n *Node)) {
	for i := range s.Directories {
		visit("directories", i, "directory", &s.Directories[i].Node)
	}
	for i := range s.Files {
		visit("files", i, "file", &s.Files[i].Node)
	}
	for i := range s.Links {
		visit("links", i, "link", &s.Links[i].Node)
	}
}

// linkAbove returns the nearest directory above a path that is a configured link.
// A link without a path, an error in itself, counts as above everything.
func linkAbove(p string, links map[string]bool) (dir string, found bool) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] == '/' && links[p[:i]] {
			return p[:i], true
		}
	}
	return "", false
}

func (s *Storage) checkHardLinks(c *check.Ctx) {
	directories := make(map[string]bool, len(s.Directories))
	for i := range s.Directories {
		directories[s.Directories[i].Path] = true
	}
	for i, l := range s.Links {
		if l.Hard == nil || !*l.Hard || l.Target == nil || (*l.Target == "" && c.Spec() > spec.V3_2) {
			continue
		}
		target := path.Clean(*l.Target)
		if !path.IsAbs(target) {
			target = path.Join(l.Path, target)
		}
		if directories[target] {
			c.At("links", i).Errorf(ruleHardDirectory, "the target of the hard link is the directory %q", target)
		}
	}
}

func (s *Storage) checkDevices(c *check.Ctx) {
	disks := make(map[string][]*Disk, len(s.Disks))
	for i := range s.Disks {
		disks[s.Disks[i].Device] = append(disks[s.Disks[i].Device], &s.Disks[i])
	}
	for i, f := range s.Filesystems {
		for _, d := range disks[f.Device] {
			switch at := c.At("filesystems", i, "device"); {
			case len(d.Partitions) > 0:
				at.Warnf(ruleFilesystemDisk, "the config partitions %q and puts a file system on it as a whole", f.Device)
			case d.WipeTable != nil && *d.WipeTable && (f.WipeFilesystem == nil || !*f.WipeFilesystem):
				at.Warnf(ruleFilesystemWiped, "the config wipes the partition table of %q, and with it this file system", f.Device)
			}
		}
	}
}
