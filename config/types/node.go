package types

import (
	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/spec"
)

// Node is what files, directories and links have in common.
type Node struct {
	// Group owns the node; unset keeps root or what is there.
	Group NodeOwner `json:"group"`
	// Overwrite removes whatever is at the path first.
	Overwrite *bool `json:"overwrite,omitempty"`
	// Path is absolute, below the target root.
	Path string `json:"path" merge:"identity"`
	// User owns the node; unset keeps root or what is there.
	User NodeOwner `json:"user"`
}

// NodeOwner names a user or a group, by number or by name.
type NodeOwner struct {
	// ID is the number.
	ID *int `json:"id,omitempty"`
	// Name is looked up in the target root.
	Name *string `json:"name,omitempty"`
}

// Directory is one directory.
type Directory struct {
	Node
	// Mode holds the permission bits; unset means 0755 for a new directory.
	// Special bits (07000) apply since 3.6.0.
	Mode *int `json:"mode,omitempty"`
}

// File is one regular file.
type File struct {
	Node
	// Append lists contents added at the end, in order.
	Append []Resource `json:"append,omitempty" merge:"append" net:"source"`
	// Contents of the file. Without a source an existing file is kept.
	Contents Resource `json:"contents" net:"source"`
	// Mode holds the permission bits; unset means 0644 for a new file.
	// Special bits (07000) apply since 3.6.0.
	Mode *int `json:"mode,omitempty"`
}

// Link is one symbolic or hard link.
type Link struct {
	Node
	// Hard makes a hard link; unset means symbolic.
	Hard *bool `json:"hard,omitempty"`
	// Target the link points to.
	Target *string `json:"target,omitempty"`
}

var (
	ruleOwnerBoth = &diag.Rule{
		ID: "owner-both", Why: "the number and the name could mean two different accounts", Help: "give either id or name",
	}
	ruleMode = &diag.Rule{
		ID: "mode-range", Why: "a mode has twelve bits: octal 0000 to 7777, decimal 0 to 4095",
	}
	ruleModeSpecial = &diag.Rule{
		ID: "mode-special", Why: "setuid, setgid and sticky bits have an effect from spec 3.6.0; older configs lose them",
		Help: "use spec 3.6.0 or later if the bits are meant, else remove them",
	}
	ruleOverwrite = &diag.Rule{
		ID: "overwrite-without-source", Why: "overwriting removes the file that is there, and nothing would take its place",
		Help: "give contents a source (an empty one makes an empty file), or set overwrite to false",
	}
	ruleLinkTarget = &diag.Rule{
		ID: "link-target", Why: "a link must lead somewhere", Help: "give a target",
	}
	ruleHardOwner = &diag.Rule{
		ID: "hard-link-owner", Why: "a hard link is the same file as its target, and has the target's owner",
		Help: "set the owner where the target is defined",
	}
)

// Check reports paths and owners that mean nothing.
func (n Node) check(c *check.Ctx) {
	c.At("path").AbsPath(n.Path)
	n.User.check(c, "user")
	n.Group.check(c, "group")
}

func (o NodeOwner) check(c *check.Ctx, key string) {
	if o.ID != nil && o.Name != nil && *o.Name != "" {
		c.At(key).Errorf(ruleOwnerBoth, "both id and name are given")
	}
}

// Check reports what is wrong with the directory by itself.
func (d Directory) Check(c *check.Ctx) {
	d.check(c)
	checkMode(c, d.Mode)
}

// Check reports what is wrong with the file by itself.
func (f File) Check(c *check.Ctx) {
	f.check(c)
	checkMode(c, f.Mode)
	if f.Overwrite != nil && *f.Overwrite && f.Contents.Source == nil {
		c.At("overwrite").Errorf(ruleOverwrite, "overwrite is set, but contents has no source")
	}
}

// SpecialBits are the setuid, setgid and sticky bits of a mode.
const SpecialBits = 0o7000

func checkMode(c *check.Ctx, mode *int) {
	if mode != nil && (*mode < 0 || *mode > 0o7777) {
		c.At("mode").Errorf(ruleMode, "%d is no file mode", *mode)
	}
	if mode != nil && *mode&SpecialBits != 0 && c.Spec() < spec.V3_6 {
		c.At("mode").Warnf(ruleModeSpecial, "mode %04o has special bits, which spec %s drops", *mode&0o7777, c.Spec())
	}
}

// Check reports what is wrong with the link by itself.
func (l Link) Check(c *check.Ctx) {
	l.check(c)
	if c.Spec() > spec.V3_2 && (l.Target == nil || *l.Target == "") {
		c.At("target").Errorf(ruleLinkTarget, "the link has no target")
		return
	}
	if l.Hard == nil || !*l.Hard {
		return
	}
	for _, o := range []struct {
		given bool
		at    *check.Ctx
	}{
		{l.User.ID != nil, c.At("user", "id")},
		{l.User.Name != nil, c.At("user", "name")},
		{l.Group.ID != nil, c.At("group", "id")},
		{l.Group.Name != nil, c.At("group", "name")},
	} {
		if o.given {
			o.at.Warnf(ruleHardOwner, "the owner of a hard link is ignored")
		}
	}
}

// FillAbsent implements schema.Filler: up to 3.2.0 an absent target is an empty one.
func (l *Link) FillAbsent(v spec.Version) {
	if v <= spec.V3_2 && l.Target == nil {
		l.Target = new(string)
	}
}
