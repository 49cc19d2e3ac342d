package types

import (
	"slices"

	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/spec"
)

// Raid is one software RAID array.
type Raid struct {
	// Devices are the paths of the members.
	Devices []string `json:"devices,omitempty" merge:"key"`
	// Level such as raid1.
	Level *string `json:"level,omitempty"`
	// Name of the array.
	Name string `json:"name" merge:"identity"`
	// Options are further arguments for mdadm.
	Options []string `json:"options,omitempty" merge:"append"`
	// Spares is the number of members kept as spares.
	Spares *int `json:"spares,omitempty"`
}

var (
	ruleRaidLevel = &diag.Rule{
		ID: "raid-level", Why: "the level decides how the array spreads its data",
	}
	ruleRaidLevelMissing = &diag.Rule{
		ID: "raid-level-missing", Why: "no level is safe to assume", Help: "give a level such as raid1",
	}
	ruleRaidSpares = &diag.Rule{
		ID: "raid-spares", Why: "arrays of this level have no redundancy that a spare could restore",
		Help: "remove spares, or use a level with redundancy",
	}
	ruleRaidDevices = &diag.Rule{
		ID: "raid-devices", Why: "an array is made of devices", Help: "list the devices of the array",
	}
)

var (
	raidLevels        = spec.Values{"3.0 linear raid0 0 stripe raid1 1 mirror raid4 4 raid5 5 raid6 6 raid10 10"}
	raidWithoutSpares = []string{"linear", "raid0", "0", "stripe"}
)

// Check reports an array that cannot be made.
func (r Raid) Check(c *check.Ctx) {
	level := ""
	if r.Level != nil {
		level = *r.Level
	}
	switch at := c.At("level"); {
	case level == "" && c.Spec() > spec.V3_2:
		at.Errorf(ruleRaidLevelMissing, "the array has no level")
	default:
		at.OneOf(ruleRaidLevel, "RAID level", level, raidLevels)
	}
	if slices.Contains(raidWithoutSpares, level) && r.Spares != nil && *r.Spares != 0 {
		c.At("level").Errorf(ruleRaidSpares, "an array of level %s has no spares", level)
	}
	if len(r.Devices) == 0 {
		c.At("devices").Errorf(ruleRaidDevices, "the array has no devices")
	}
	for i, d := range r.Devices {
		c.At("devices", i).AbsPath(d)
	}
}

// FillAbsent implements schema.Filler: up to 3.2.0 an absent level is an empty one.
func (r *Raid) FillAbsent(v spec.Version) {
	if v <= spec.V3_2 && r.Level == nil {
		r.Level = new(string)
	}
}
