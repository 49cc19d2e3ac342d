package unitfile

import (
	"iter"
	"strings"
)

// LineKind tells what a Line is.
type LineKind uint8

const (
	// Header starts a section.
	Header LineKind = iota
	// Assignment is a NAME=VALUE.
	Assignment
	// Stray is what systemd warns of and skips: neither a header nor an assignment.
	Stray
)

// Line is one line of a unit file as systemd reads it, with the lines that continue
// it. Blank lines and comments are none.
type Line struct {
	Kind LineKind
	// Section is the section that a header starts, or that the line stands in;
	// empty before the first header.
	Section string
	// Name and Value of an assignment. Continued lines are joined by a space.
	Name, Value string
	// Start and End are the offsets of the name, of the header, or of the stray text.
	Start, End int
	// ValueStart is the offset of the value, ValueEnd that of the end of the last
	// line it has.
	ValueStart, ValueEnd int
}

// Lines reads a text like systemd itself, see systemd.syntax(7) and config_parse()
// of its sources: nothing stops it, and comments may stand between continued lines.
// Parse differs, for it judges what other tools refuse.
func Lines(text string) iter.Seq[Line] {
	return func(yield func(Line) bool) {
		section := ""
		for at := 0; at < len(text); {
			start := at
			line, next := logicalLine(text, at)
			at = next
			if line == "" {
				continue
			}
			for strings.IndexByte(space, text[start]) >= 0 { // to where the text of the line begins
				start++
			}
			l := Line{Kind: Stray, Section: section, Start: start, End: start + len(strings.TrimRight(firstLine(text[start:]), space))}
			equals := strings.IndexByte(line, '=')
			switch {
			case line[0] == '[' && line[len(line)-1] == ']' && len(line) > 1:
				l.Kind, section = Header, line[1:len(line)-1]
				l.Section = section
			case line[0] != '[' && equals > 0:
				l.Kind = Assignment
				l.Name, l.Value = strings.TrimRight(line[:equals], space), strings.TrimLeft(line[equals+1:], space)
				l.End = min(l.End, start+len(l.Name))
				l.ValueEnd = next
				l.ValueStart = min(next, start+equals+1)
				for l.ValueStart < next && (text[l.ValueStart] == ' ' || text[l.ValueStart] == '\t') {
					l.ValueStart++
				}
			}
			if !yield(l) {
				return
			}
		}
	}
}

// space is what systemd takes for white space around words, and ends of lines.
const space = " \t\r\n"

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// logicalLine returns the line at an offset without white space around it, joined
// with those that continue it, and the offset after them. A comment is an empty line.
func logicalLine(text string, at int) (line string, next int) {
	joined := ""
	for at < len(text) {
		part := firstLine(text[at:])
		at += len(part) + 1
		part = strings.TrimLeft(part, space)
		if part != "" && (part[0] == '#' || part[0] == ';') {
			if joined == "" {
				return "", min(at, len(text))
			}
			continue
		}
		part = strings.TrimSuffix(part, "\r")
		backslashes := len(part) - len(strings.TrimRight(part, `\`))
		if backslashes%2 == 0 {
			joined += part
			break
		}
		joined += part[:len(part)-1] + " "
	}
	return strings.Trim(joined, space), min(at, len(text))
}
