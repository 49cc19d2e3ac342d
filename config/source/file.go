// Package source turns bytes into trees whose every value knows where it was
// written: ParseJSON and ParseYAML. It is the only package that knows a syntax;
// everything above works on Node, Path and Range.
//
// Offsets count bytes from 0. Lines count from 1 and end with a line feed; in YAML
// also with the other line breaks of YAML 1.1.
// Columns count from 1, in characters (Column) or in bytes (ByteColumn, which is
// what the reference tools print for JSON).
package source

import (
	"bytes"
	"fmt"
	"sort"
	"sync"
	"unicode/utf8"
)

// File is one document as it was read. It must not be copied after first use,
// nor its Data changed.
type File struct {
	// Name is what people know the document by: a path, a URL, <stdin>.
	Name string
	// Data are the bytes.
	Data []byte

	// yaml makes lines end where YAML ends them.
	yaml bool

	once  sync.Once
	lines []int // offset of the first byte of each line
}

// NewFile returns a file of the given name and content.
func NewFile(name string, data []byte) *File {
	return &File{Name: name, Data: data}
}

func (f *File) lineStarts() []int {
	f.once.Do(func() {
		f.lines = make([]int, 1, 1+bytes.Count(f.Data, []byte{'\n'}))
		for i := 0; i < len(f.Data); i++ {
			switch c := f.Data[i]; {
			case c == '\n', c == '\r' && f.yaml && !bytes.HasPrefix(f.Data[i+1:], []byte{'\n'}):
				f.lines = append(f.lines, i+1)
			case c == 0xc2 && f.yaml && bytes.HasPrefix(f.Data[i:], []byte("\u0085")):
				f.lines = append(f.lines, i+2)
			case c == 0xe2 && f.yaml && (bytes.HasPrefix(f.Data[i:], []byte("\u2028")) || bytes.HasPrefix(f.Data[i:], []byte("\u2029"))):
				f.lines = append(f.lines, i+3)
			}
		}
	})
	return f.lines
}

// Position is a place in a file, for people.
type Position struct {
	Line       int
	Column     int
	ByteColumn int
}

// Position returns the place of an offset. Offsets beyond the end give the
// place just after the last byte.
func (f *File) Position(offset int) Position {
	offset = max(0, min(offset, len(f.Data)))
	lines := f.lineStarts()
	i := sort.SearchInts(lines, offset+1) - 1
	before := f.Data[lines[i]:offset]
	return Position{Line: i + 1, Column: utf8.RuneCount(before) + 1, ByteColumn: len(before) + 1}
}

// Line returns the text of a line without its line feed (and without the
// carriage return before it). Lines out of range are empty.
func (f *File) Line(n int) string {
	lines := f.lineStarts()
	if n < 1 || n > len(lines) {
		return ""
	}
	end := len(f.Data)
	if n < len(lines) {
		end = lines[n]
	}
	text := bytes.TrimRight(f.Data[lines[n-1]:end], "\r\n\u0085\u2028\u2029")
	return string(text)
}

// offsetOf returns the byte offset of a line and character column as yaml.v3
// counts them.
func (f *File) offsetOf(line, column int) int {
	lines := f.lineStarts()
	if line < 1 {
		return 0
	}
	if line > len(lines) {
		return len(f.Data)
	}
	at := lines[line-1]
	for ; column > 1 && at < len(f.Data); column-- {
		if f.Data[at] < utf8.RuneSelf {
			at++
			continue
		}
		_, size := utf8.DecodeRune(f.Data[at:])
		at += size
	}
	return at
}

// Range is a part of a file: the bytes from Start up to, not including, End. The
// zero Range is no place at all.
type Range struct {
	File       *File
	Start, End int
}

// IsZero reports whether the range is no place at all.
func (r Range) IsZero() bool { return r.File == nil }

// Position is the place where the range starts.
func (r Range) Position() Position { return r.File.Position(r.Start) }

// String writes the place as NAME:LINE:COLUMN, or nothing for the zero Range.
func (r Range) String() string {
	if r.IsZero() {
		return ""
	}
	p := r.Position()
	return fmt.Sprintf("%s:%d:%d", r.File.Name, p.Line, p.Column)
}

// Locator finds where the value at a path was written. When the value itself is
// not in the text, it gives the nearest enclosing value that is, and exact is
// false. The zero Range means that nothing is known.
type Locator interface {
	Locate(path Path) (at Range, exact bool)
}
