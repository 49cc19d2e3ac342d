package lint

import (
	"iter"
	"strings"
)

// lineKind tells what a unitLine is.
type lineKind uint8

const (
	// headerLine starts a section.
	headerLine lineKind = iota
	// assignmentLine is a NAME=VALUE.
	assignmentLine
	// strayLine is what systemd warns of and skips: neither a header nor an assignment.
	strayLine
)

// unitLine is one line of a unit file as systemd reads it, with the lines that continue
// it. Blank lines and comments are none.
type unitLine struct {
	Kind lineKind
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

// linesOf reads a text like systemd itself, see systemd.syntax(7) and config_parse()
// of its sources: nothing stops it, and comments may stand between continued lines.
// unitfile.Parse differs, for it judges what other tools refuse.
func linesOf(text string) iter.Seq[unitLine] {
	return func(yield func(unitLine) bool) {
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
			l := unitLine{Kind: strayLine, Section: section, Start: start, End: start + len(strings.TrimRight(firstLine(text[start:]), space))}
			equals := strings.IndexByte(line, '=')
			switch {
			case line[0] == '[' && line[len(line)-1] == ']' && len(line) > 1:
				l.Kind, section = headerLine, line[1:len(line)-1]
				l.Section = section
			case line[0] != '[' && equals > 0:
				l.Kind = assignmentLine
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
