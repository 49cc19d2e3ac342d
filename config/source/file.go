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
	"regexp"
	"sort"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
	"unsafe"
)

// File is one document as it was read. It must not be copied after first use,
// nor its Data changed.
type File struct {
	// Name is what people know the document by: a path, a URL, <stdin>. It is empty for a
	// text within another document whose lines are not lines of that.
	Name string
	// Data are the bytes.
	Data []byte

	// yaml makes lines end where YAML ends them.
	yaml bool
	// above and left tell where the text stands when it is a part of another document:
	// the lines above it and the characters left of each of its lines.
	above, left int

	once  sync.Once
	lines []int // offset of the first byte of each line

	marking sync.Once
	marks   []mark

	hidden []span // never shown; sorted, without overlaps
}

// mark is a place with a known number of characters before it.
type mark struct{ offset, runes int }

// markEvery is the number of bytes between marks. Lines up to that length are
// counted through; in longer ones marks keep that from taking quadratic time.
const markEvery = 256

type span struct{ start, end int }

// NewFile returns a file of the given name and content.
func NewFile(name string, data []byte) *File { return NewPart(name, data, 1, 1) }

// NewPart is NewFile for a text that starts at a line and a column of a document, from 1.
func NewPart(name string, data []byte, line, col int) *File {
	return &File{Name: name, Data: data, above: line - 1, left: col - 1}
}

// text is the document as a string, in the same memory: its bytes do not change.
func (f *File) text() string { return unsafe.String(unsafe.SliceData(f.Data), len(f.Data)) } //nolint:gosec // as strings.Builder does

func (f *File) lineStarts() []int {
	f.once.Do(func() {
		f.lines = make([]int, 1, 1+bytes.Count(f.Data, []byte{'\n'}))
		if f.yaml {
			for _, other := range []string{"\r", "\u0085", "\u2028", "\u2029"} {
				if bytes.Contains(f.Data, []byte(other)) {
					f.yamlLines()
					return
				}
			}
		}
		for at := 0; ; {
			i := bytes.IndexByte(f.Data[at:], '\n')
			if i < 0 {
				return
			}
			at += i + 1
			f.lines = append(f.lines, at)
		}
	})
	return f.lines
}

// yamlLines finds the lines of a text with other line breaks than line feeds:
// YAML 1.1 §4.1.4.
func (f *File) yamlLines() {
	for i := 0; i < len(f.Data); i++ {
		switch c, rest := f.Data[i], f.Data[i:]; {
		case c == '\n', c == '\r' && !bytes.HasPrefix(rest, []byte("\r\n")):
			f.lines = append(f.lines, i+1)
		case bytes.HasPrefix(rest, []byte("\u0085")):
			f.lines = append(f.lines, i+2)
		case bytes.HasPrefix(rest, []byte("\u2028")), bytes.HasPrefix(rest, []byte("\u2029")):
			f.lines = append(f.lines, i+3)
		}
	}
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
	return Position{
		Line: f.above + i + 1, Column: f.left + f.runes(lines[i], offset) + 1, ByteColumn: f.left + offset - lines[i] + 1,
	}
}

// LineRange returns the place of a line of the text, counted from 1, without the white
// space around it. Lines out of range give the start or the end.
func (f *File) LineRange(n int) Range {
	start, end := f.line(n)
	text := f.Data[start:end]
	start += len(text) - len(bytes.TrimLeft(text, " \t"))
	return Range{File: f, Start: start, End: max(start, end-len(text)+len(bytes.TrimRight(text, " \t\r")))}
}

// runes counts the characters between two offsets.
func (f *File) runes(from, to int) int {
	if to-from <= markEvery {
		return utf8.RuneCount(f.Data[from:to])
	}
	a, b := f.lastMark(from), f.lastMark(to)
	return b.runes + utf8.RuneCount(f.Data[b.offset:to]) - a.runes - utf8.RuneCount(f.Data[a.offset:from])
}

func (f *File) lastMark(offset int) mark {
	f.marking.Do(func() {
		f.marks = make([]mark, 1, 1+len(f.Data)/markEvery)
		for at, n := markEvery, 0; at < len(f.Data); at += markEvery {
			for at < len(f.Data) && !utf8.RuneStart(f.Data[at]) {
				at++
			}
			n += utf8.RuneCount(f.Data[f.marks[len(f.marks)-1].offset:at])
			f.marks = append(f.marks, mark{offset: at, runes: n})
		}
	})
	i := sort.Search(len(f.marks), func(i int) bool { return f.marks[i].offset > offset })
	return f.marks[i-1]
}

// Line returns the text of a line without its line feed (and without the
// carriage return before it). Lines out of range are empty.
func (f *File) Line(n int) string {
	start, end := f.line(n)
	return string(f.Data[start:end])
}

// line returns where the text of a line starts and ends.
func (f *File) line(n int) (start, end int) {
	lines := f.lineStarts()
	if n < 1 || n > len(lines) {
		return 0, 0
	}
	start, end = lines[n-1], len(f.Data)
	if n < len(lines) {
		end = lines[n] - 1
	}
	if end > start && f.Data[end-1] == '\r' {
		end--
	}
	return start, end
}

// Hide keeps a part of the document from being shown in excerpts. It must not be
// called any more once several goroutines use the file.
func (f *File) Hide(start, end int) {
	i := sort.Search(len(f.hidden), func(i int) bool { return f.hidden[i].end >= start })
	j := i
	for ; j < len(f.hidden) && f.hidden[j].start <= end; j++ {
		start, end = min(start, f.hidden[j].start), max(end, f.hidden[j].end)
	}
	if start < end {
		f.hidden = append(f.hidden[:i], append([]span{{start, end}}, f.hidden[j:]...)...)
	}
}

// HideContents hides what logs of machines must not have, in any syntax: what stands in data
// URLs, up to the quote or the line that ends each, and behind the key inline in its line.
func (f *File) HideContents() {
	for _, found := range regexp.MustCompile(`data:((?:\\.|[^\\"\n])*)|\binline\b["']?\s*:(.*)`).FindAllSubmatchIndex(f.Data, -1) {
		f.Hide(max(found[2], found[4]), max(found[3], found[5]))
	}
}

// HasHidden reports whether a part of the document is not shown.
func (f *File) HasHidden() bool { return len(f.hidden) > 0 }

// IsHidden reports whether the byte at an offset is not shown.
func (f *File) IsHidden(offset int) bool {
	i := sort.Search(len(f.hidden), func(i int) bool { return f.hidden[i].end > offset })
	return i < len(f.hidden) && f.hidden[i].start <= offset
}

// Blot is shown in place of each character that is hidden.
const Blot = '•'

func (f *File) shown(from, to int) string {
	text := string(f.Data[from:to])
	if len(f.hidden) == 0 {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		if f.IsHidden(from + i) {
			r = Blot
		}
		b.WriteRune(r)
	}
	return b.String()
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
	if column > markEvery {
		m := f.lastMark(at)
		before := m.runes + f.runes(m.offset, at)
		i := sort.Search(len(f.marks), func(i int) bool { return f.marks[i].runes-before >= column })
		if m = f.marks[max(0, i-1)]; m.offset > at {
			column -= m.runes - before
			at = m.offset
		}
	}
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

// String writes the place as NAME:LINE:COLUMN, in words for a text without a name, or
// nothing for the zero Range.
func (r Range) String() string {
	if r.IsZero() {
		return ""
	}
	p := r.Position()
	if r.File.Name == "" {
		return fmt.Sprintf("line %d, column %d", p.Line, p.Column)
	}
	return r.File.Name + ":" + strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column)
}

// Excerpt is the line that a range starts in, or a part of it, for showing.
type Excerpt struct {
	// Before, Marked and After are the text around the range, without line end.
	Before, Marked, After string
	// CutBefore and CutAfter tell on which sides the line goes on.
	CutBefore, CutAfter bool
}

// Excerpt returns the text of the range in its first line, with at most n
// characters for each of its parts. What is hidden is blotted out.
func (r Range) Excerpt(n int) Excerpt {
	start, end := r.File.line(r.Position().Line - r.File.above)
	at := max(start, min(r.Start, end))
	from, to := at, at
	for i := 0; i < n && from > start; i++ {
		_, size := utf8.DecodeLastRune(r.File.Data[start:from])
		from -= size
	}
	forward := func(limit int) (from, end int) {
		from = to
		for i := 0; i < n && to < limit; i++ {
			_, size := utf8.DecodeRune(r.File.Data[to:limit])
			to += size
		}
		return from, to
	}
	return Excerpt{
		Before:    r.File.shown(from, at),
		Marked:    r.File.shown(forward(max(at, min(r.End, end)))),
		After:     r.File.shown(forward(end)),
		CutBefore: from > start,
		CutAfter:  to < end,
	}
}

// Locator finds where the value at a path was written. When the value itself is
// not in the text, it gives the nearest enclosing value that is, and exact is
// false. The zero Range means that nothing is known.
type Locator interface {
	Locate(path Path) (at Range, exact bool)
}

// Placer is a Locator for values that stand under another path in their document
// than in the config made from it.
type Placer interface {
	Locator
	// Place returns the path in the document.
	Place(path Path) Path
}

// Texts is a Locator that knows texts which are documents of their own: units, inline
// configs.
type Texts interface {
	Locator
	// Text returns the text of the value at a path as a file whose positions are those
	// where it was written: a part of the document, or another file. It is nil when
	// the text is not written line by line anywhere.
	Text(path Path) *File
}

// TextAt returns the text at a path, nil if the locator knows of none.
func TextAt(l Locator, path Path) *File {
	if t, ok := l.(Texts); ok {
		return t.Text(path)
	}
	return nil
}

// PlaceIn returns the path that a value has in its document.
func PlaceIn(l Locator, path Path) Path {
	if p, ok := l.(Placer); ok {
		return p.Place(path)
	}
	return path
}
