package source

import (
	"strconv"
	"strings"
)

// Step is one step of a Path: the key of an object member, or the index of a
// list item when IsIndex is set.
type Step struct {
	Key     string
	Index   int
	IsIndex bool
}

// Path leads from the root of a document to a value. The empty path is the root.
type Path []Step

// At returns the path with steps added: strings are keys, ints are indexes.
// The receiver is not changed.
//
//go:noinline // there are hundreds of calls: it would be a thirtieth of each program
func (p Path) At(steps ...any) Path {
	out := make(Path, len(p), len(p)+len(steps))
	copy(out, p)
	for _, s := range steps {
		switch s := s.(type) {
		case string:
			out = append(out, Step{Key: s})
		case int:
			out = append(out, Step{Index: s, IsIndex: true})
		}
	}
	return out
}

// String writes the path the way people write it: storage.files[0].path. The
// root is the empty string.
func (p Path) String() string {
	var b strings.Builder
	for i, s := range p {
		switch {
		case s.IsIndex:
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.Index))
			b.WriteByte(']')
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Key)
		}
	}
	return b.String()
}

// Dollar writes the path as the reference tools do: $.storage.files.0.path,
// and nothing for the root.
func (p Path) Dollar() string {
	if len(p) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range p {
		b.WriteByte('.')
		if s.IsIndex {
			b.WriteString(strconv.Itoa(s.Index))
		} else {
			b.WriteString(s.Key)
		}
	}
	return b.String()
}
