package op

import (
	"errors"
	"fmt"

	"github.com/kindling-boot/kindling/internal/blockdev"
	"github.com/kindling-boot/kindling/internal/blockdev/probe"
)

// host is this machine.
var host blockdev.Host

// signature is what was found on a block device.
type signature struct {
	// format is the name of a file system, or of what else is there: crypto_LUKS,
	// linux_raid_member, gpt. Empty if there is nothing.
	format, label, uuid string
	// others are further formats that the device could be, as after a file system was made
	// on a disk that had another.
	others []signature
}

func (s signature) String() string {
	out := s.format
	if s.label != "" {
		out += fmt.Sprintf(" labelled %q", s.label)
	}
	if s.uuid != "" {
		out += " with UUID " + s.uuid
	}
	for _, o := range s.others {
		out += " or " + o.String()
	}
	return out
}

// findSignature looks for signatures on a block device.
func findSignature(node string) (s signature, err error) {
	d, err := host.Open(node, blockdev.Reading, 0)
	if err != nil {
		return s, err
	}
	defer d.Close() //nolint:errcheck // read only
	report, err := probe.Probe(d, d.SizeBytes)
	if err != nil {
		return s, fmt.Errorf("look at %s: %w", node, err)
	}
	one, err := report.Content()
	var several *probe.AmbivalentError
	if errors.As(err, &several) {
		s = signatureOf(several.Signatures[0])
		for _, o := range several.Signatures[1:] {
			s.others = append(s.others, signatureOf(o))
		}
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("look at %s: %w", node, err)
	}
	if one.Type == "" {
		one = report.Table()
	}
	return signatureOf(one), nil
}

func signatureOf(s probe.Signature) signature {
	return signature{format: s.Type, label: s.Label, uuid: s.UUID}
}
