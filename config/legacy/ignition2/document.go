package ignition2

import "github.com/kindling-boot/kindling/config/types"

// document is an Ignition config of spec 2.4.0, which has the keys of all earlier
// versions of spec 2. What it has in common with spec 3.1.0 is that model's.
type document struct {
	Ignition struct {
		Version string `json:"version"`
		Config  struct {
			Append  []types.Resource `json:"append,omitempty"`
			Replace *types.Resource  `json:"replace"`
		} `json:"config"`
		Proxy    types.Proxy    `json:"proxy"`
		Security types.Security `json:"security"`
		Timeouts types.Timeouts `json:"timeouts"`
	} `json:"ignition"`
	Storage struct {
		Disks       []disk       `json:"disks"`
		Raid        []types.Raid `json:"raid"`
		Filesystems []filesystem `json:"filesystems"`
		Files       []file       `json:"files"`
		Directories []directory  `json:"directories"`
		Links       []link       `json:"links"`
	} `json:"storage"`
	accounts
}

// accounts are the sections that did not change from version 1 on.
type accounts struct {
	Systemd struct {
		Units []unit `json:"units"`
	} `json:"systemd"`
	Networkd struct {
		Units []networkdUnit `json:"units"`
	} `json:"networkd"`
	Passwd struct {
		Groups []types.PasswdGroup `json:"groups"`
		Users  []user              `json:"users"`
	} `json:"passwd"`
}

type disk struct {
	Device     string      `json:"device"`
	WipeTable  bool        `json:"wipeTable,omitempty"`
	Partitions []partition `json:"partitions"`
}

type partition struct {
	types.Partition
	// Start and Size in logical sectors of the device.
	Start *int `json:"start,omitempty"`
	Size  *int `json:"size,omitempty"`
}

type filesystem struct {
	Name  string  `json:"name,omitempty"`
	Mount *mount  `json:"mount,omitempty"`
	Path  *string `json:"path,omitempty"`
}

type mount struct {
	Create         *create  `json:"create,omitempty"`
	Device         string   `json:"device"`
	Format         string   `json:"format"`
	Label          *string  `json:"label"`
	Options        []string `json:"options"`
	UUID           *string  `json:"uuid"`
	WipeFilesystem bool     `json:"wipeFilesystem,omitempty"`
}

type create struct {
	Force   bool     `json:"force,omitempty"`
	Options []string `json:"options"`
}

// node is what files, directories and links have in common.
type node struct {
	Filesystem string `json:"filesystem"`
	types.Node
}

type file struct {
	node
	Append   bool           `json:"append,omitempty"`
	Contents types.Resource `json:"contents"`
	Mode     *int           `json:"mode"`
}

type directory struct {
	node
	Mode *int `json:"mode"`
}

type link struct {
	node
	Hard   bool   `json:"hard,omitempty"`
	Target string `json:"target"`
}

type unit struct {
	types.Unit
	Enable bool `json:"enable,omitempty"`
}

type networkdUnit struct {
	Name     string         `json:"name,omitempty"`
	Contents string         `json:"contents,omitempty"`
	Dropins  []types.Dropin `json:"dropins"`
}

type user struct {
	types.PasswdUser
	Create *userCreate `json:"create,omitempty"`
}

// userCreate are the members of a user from the time when they stood apart.
type userCreate struct {
	Gecos        string   `json:"gecos"`
	Groups       []string `json:"groups"`
	HomeDir      string   `json:"homeDir"`
	NoCreateHome bool     `json:"noCreateHome"`
	NoLogInit    bool     `json:"noLogInit"`
	NoUserGroup  bool     `json:"noUserGroup"`
	PrimaryGroup string   `json:"primaryGroup"`
	Shell        string   `json:"shell"`
	System       bool     `json:"system"`
	UID          *int     `json:"uid"`
}

// document1 is an Ignition config of version 1.
type document1 struct {
	IgnitionVersion int `json:"ignitionVersion"`
	Storage         struct {
		Disks       []disk        `json:"disks"`
		Raid        []types.Raid  `json:"raid"`
		Filesystems []filesystem1 `json:"filesystems"`
	} `json:"storage"`
	accounts
}

type filesystem1 struct {
	Device string  `json:"device"`
	Format string  `json:"format"`
	Create *create `json:"create,omitempty"`
	Files  []struct {
		Path     string `json:"path,omitempty"`
		Contents string `json:"contents,omitempty"`
		Mode     int    `json:"mode"`
		UID      int    `json:"uid"`
		GID      int    `json:"gid"`
	} `json:"files"`
}
