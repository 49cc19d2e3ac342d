package config

import (
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// upgrade brings a config of an older spec to the newest one. Members carry over
// as they are; what changed its meaning is changed here. What older specs take
// absent members for is filled in while decoding (schema.Filler).
func upgrade(c *types.Config, from spec.Version) {
	c.Ignition.Version = spec.Newest.String()
	if from < spec.V3_6 {
		for i := range c.Storage.Files {
			dropSpecialBits(&c.Storage.Files[i].Mode)
		}
		for i := range c.Storage.Directories {
			dropSpecialBits(&c.Storage.Directories[i].Mode)
		}
	}
}

func dropSpecialBits(mode **int) {
	if *mode != nil && **mode&types.SpecialBits != 0 {
		plain := **mode &^ types.SpecialBits
		*mode = &plain
	}
}
