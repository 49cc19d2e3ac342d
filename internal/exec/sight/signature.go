package sight

import (
	"errors"
	"fmt"
	"io"

	"github.com/kindling-boot/kindling/internal/blockdev"
	"github.com/kindling-boot/kindling/internal/blockdev/probe"
)

// String names what is there, for people.
func (s Signature) String() string {
	out := s.Format
	if s.Label != "" {
		out += fmt.Sprintf(" labelled %q", s.Label)
	}
	if s.UUID != "" {
		out += " with UUID " + s.UUID
	}
	for _, o := range s.Others {
		out += " or " + o.String()
	}
	return out
}

// Signature implements Sight.
func (l *Live) Signature(node string) (s Signature, err error) {
	d, err := l.host.Open(node, blockdev.Reading, 0)
	if err != nil {
		return s, err
	}
	defer d.File.Close() //nolint:errcheck // read only
	return signature(d.File, d.SizeBytes, node)
}

// Within implements Sight.
func (l *Live) Within(node string, at, size int64) (s Signature, err error) {
	d, err := l.host.Open(node, blockdev.Reading, 0)
	if err != nil {
		return s, err
	}
	defer d.File.Close() //nolint:errcheck // read only
	return signature(io.NewSectionReader(d.File, at, size), size, node)
}

func signature(r io.ReaderAt, size int64, node string) (s Signature, err error) {
	report, err := probe.Probe(r, size)
	if err != nil {
		return s, fmt.Errorf("look at %s: %w", node, err)
	}
	one, err := report.Content()
	var several *probe.AmbivalentError
	if errors.As(err, &several) {
		s = signatureOf(several.Signatures[0])
		for _, o := range several.Signatures[1:] {
			s.Others = append(s.Others, signatureOf(o))
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

func signatureOf(s probe.Signature) Signature {
	return Signature{Format: s.Type, Label: s.Label, UUID: s.UUID}
}
