package stage

import (
	"errors"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/op"
)

// errLater is the refusal of sections that a later version brings.
var errLater = errors.New("this version of Kindling leaves that to a later one")

const helpLater = "remove the section, or provision the machine with a version that has it"

// refuseLater plans the refusal of one item of the config.
func refuseLater(in Input, kind, target string, steps ...any) exec.Operation {
	return &op.Refused{
		About: exec.Description{Kind: kind, Target: target, AskedBy: in.origin(steps...)},
		Err:   exec.WithHelp(errLater, helpLater),
	}
}
