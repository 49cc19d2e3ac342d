package stage

import (
	"errors"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/op"
)

// errLater is the refusal of sections that a later version brings.
var errLater = errors.New("this version of Kindling leaves that to a later one")

const helpLater = "remove the section, or provision the machine with a version that has it"

// refuse plans the refusal of one item of the config.
func refuse(in Input, kind, target string, steps ...any) exec.Operation {
	return &op.Refused{
		About: exec.Description{Kind: kind, Target: target, AskedBy: in.origin(steps...)},
		Err:   exec.WithHelp(errLater, helpLater),
	}
}

// planLater plans what the disks stage cannot do yet.
func planLater(in Input) []exec.Operation {
	s := &in.Config.Storage
	var ops []exec.Operation
	for i, d := range s.Disks {
		ops = append(ops, refuse(in, "disk", d.Device, "storage", "disks", i))
	}
	for i, r := range s.Raid {
		ops = append(ops, refuse(in, "RAID", r.Name, "storage", "raid", i))
	}
	for i, l := range s.Luks {
		ops = append(ops, refuse(in, "LUKS volume", l.Name, "storage", "luks", i))
	}
	return ops
}

// planLuksLeftovers plans what LUKS volumes leave on the target: crypttab and keys.
func planLuksLeftovers(in Input) []exec.Operation {
	if !in.Report {
		return nil // in apply mode there are none
	}
	var ops []exec.Operation
	for i, l := range in.Config.Storage.Luks {
		ops = append(ops, refuse(in, "crypttab", l.Name, "storage", "luks", i))
	}
	return ops
}
