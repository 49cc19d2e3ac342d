package op

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
)

// signature is what was found on a block device.
type signature struct {
	// format is the name of a file system, or of what else is there: crypto_LUKS,
	// linux_raid_member, gpt. Empty if there is nothing.
	format, label, uuid string
	// ambivalent tells that there are traces of others.
	ambivalent bool
	// version of the format: 1 or 2 of LUKS.
	version string
}

func (s signature) String() string {
	out := s.format
	if s.label != "" {
		out += fmt.Sprintf(" labelled %q", s.label)
	}
	if s.uuid != "" {
		out += " with UUID " + s.uuid
	}
	return out
}

const blkidCmd = "blkid"

// Exit codes of blkid(8) with -p.
const (
	blkidNothing    = 2
	blkidAmbivalent = 8
)

// probe looks for signatures on a block device.
func probe(ctx context.Context, env *exec.Env, node string) (s signature, err error) {
	out, err := env.Run(ctx, run.Command{Name: blkidCmd, Args: []string{"-p", "-o", "export", node}})
	var failed *run.Error
	if errors.As(err, &failed) {
		switch failed.ExitCode() {
		case blkidNothing:
			return s, nil
		case blkidAmbivalent:
			return signature{format: "more than one", ambivalent: true}, nil
		}
	}
	if err != nil {
		return s, err
	}
	table := ""
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "TYPE":
			s.format = value
		case "PTTYPE":
			table = value
		case "LABEL":
			s.label = value
		case "UUID":
			s.uuid = value
		case "VERSION":
			s.version = value
		}
	}
	if s.format == "" {
		s.format = table
	}
	return s, nil
}
