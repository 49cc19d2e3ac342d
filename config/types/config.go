// Package types is the config model: one tree of structs for every supported
// Ignition 3.x spec, always in the shape of the newest one. What differs
// between specs is written in tags (see config/schema) and in the Check
// methods, which judge a value by the spec its author named.
//
// Pointers mark optional values: nil is "not given", and differs from a given
// zero. The field comments are the reference manual of the config format.
package types

import (
	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
)

// Config is a whole document.
type Config struct {
	// Ignition holds what concerns the provisioner itself.
	Ignition Ignition `json:"ignition"`
	// KernelArguments are changes to the kernel command line.
	KernelArguments KernelArguments `json:"kernelArguments" since:"3.3"`
	// Passwd holds the accounts to create, change or delete.
	Passwd Passwd `json:"passwd"`
	// Storage holds disks, file systems and what is put on them.
	Storage Storage `json:"storage"`
	// Systemd holds the units to write, enable or mask.
	Systemd Systemd `json:"systemd"`
}

// KernelArguments are changes to the kernel command line.
type KernelArguments struct {
	// ShouldExist lists arguments that must be present.
	ShouldExist []string `json:"shouldExist,omitempty" merge:"key,space=kargs"`
	// ShouldNotExist lists arguments that must be absent.
	ShouldNotExist []string `json:"shouldNotExist,omitempty" merge:"key,space=kargs"`
}

var ruleUnitConflict = &diag.Rule{
	ID: "unit-conflict", Why: "the unit of that name writes its contents to the same path",
	Help: "give the contents in one place only",
}

// Check reports nodes that stand where units are written.
func (cfg Config) Check(c *check.Ctx) {
	written := map[string]bool{}
	for _, u := range cfg.Systemd.Units {
		if u.Contents != nil && *u.Contents != "" {
			written[u.Path()] = true
		}
		for _, d := range u.Dropins {
			if d.Contents != nil && *d.Contents != "" {
				written[u.DropinPath(d)] = true
			}
		}
	}
	cfg.Storage.eachNode(func(list string, i int, _ string, n *Node) {
		if written[n.Path] {
			c.At("storage", list, i, "path").Errorf(ruleUnitConflict, "%q is also written by a systemd unit of this config", n.Path)
		}
	})
}
