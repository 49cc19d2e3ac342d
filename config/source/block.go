package source

import (
	"bytes"
	"strings"
)

// Text implements Texts: literal block scalars of YAML (YAML 1.1 §9.3.2) are written
// line by line, all equally indented.
func (t *Tree) Text(path Path) *File {
	n, exact := t.Find(path)
	if !exact || n.Alias || n.Kind != String {
		return nil
	}
	lines := BlockLines(t.Range(n), n.Text)
	if len(lines) == 0 || t.File.IsHidden(lines[0]) {
		return nil
	}
	f := &File{Name: t.File.Name, Data: []byte(n.Text), above: t.File.Position(n.Start).Line}
	for i, offset := range lines {
		start, _ := t.File.line(f.above + 1 + i)
		f.left = max(f.left, offset-start) // lines without text may be shorter
	}
	return f
}

// BlockLines returns where the lines of a text start in the literal block (|) of
// YAML that a place has; none when there is no such block, or it is not the text.
func BlockLines(at Range, body string) []int {
	none := []int{}
	if at.IsZero() || at.Start >= len(at.File.Data) || at.File.Data[at.Start] != '|' {
		return none
	}
	data := at.File.Data[at.Start:]
	offset := bytes.IndexByte(data, '\n') + 1
	if offset == 0 {
		return none
	}
	var lines []int
	indent := -1
	for line := range strings.Lines(body) {
		line = strings.TrimSuffix(line, "\n")
		rest := data[offset:]
		if i := bytes.IndexByte(rest, '\n'); i >= 0 {
			rest = rest[:i]
		}
		written := string(rest)
		if indent < 0 && line != "" {
			indent = len(written) - len(strings.TrimLeft(written, " ")) - (len(line) - len(strings.TrimLeft(line, " ")))
		}
		margin := min(max(indent, 0), len(written))
		if strings.TrimSuffix(written[margin:], "\r") != line {
			return none // an anchor, a tag, other line breaks
		}
		lines = append(lines, at.Start+offset+margin)
		if offset += len(written) + 1; offset > len(data) {
			break
		}
	}
	return lines
}
