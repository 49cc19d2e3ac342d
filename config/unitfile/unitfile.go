// Package unitfile parses systemd unit files, as far as to tell whether systemd
// can load them: sections and options, see systemd.syntax(7).
package unitfile

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// File is a parsed unit file.
type File struct {
	Options []Option
}

// Option is one NAME=VALUE of a unit file.
type Option struct {
	Section, Name, Value string
}

// HasOptions reports whether any option stands in the named section.
func (f File) HasOptions(section string) bool {
	for _, o := range f.Options {
		if o.Section == section {
			return true
		}
	}
	return false
}

// Lines of maxLine bytes are too long for systemd: LINE_MAX in its sources. The
// reference looks for the end of a line only within what its buffer holds, and so
// misses long lines that begin late in it; configs may rely on that.
const (
	maxLine    = 2048
	bufferSize = 4096
)

// Errors of Parse, each for one line of the text.
var (
	errLineTooLong   = errors.New("the line has 2048 bytes or more")
	errSectionEnd    = errors.New("the section name has no closing bracket")
	errSectionTail   = errors.New("text follows the section name")
	errOptionNewline = errors.New("the line ends before an equals sign")
	errOptionEnd     = errors.New("the text ends before an equals sign")
)

// Error is what makes a text no unit file.
type Error struct {
	// Line counts from 1.
	Line  int
	cause error
}

// Error names the line and what is wrong with it.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.cause) }

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.cause }

// Parse reads a unit file like the reference. Text before the first section is skipped.
// The error is an *Error.
func Parse(text string) (File, error) { return (&parser{text: text, comments: `\`}).parse() }

// Load is Parse as systemd takes comments: a backslash does not continue them.
func Load(text string) (File, error) { return (&parser{text: text, comments: "\n"}).parse() }

func (p *parser) parse() (File, error) {
	p.file.Options = make([]Option, 0, strings.Count(p.text, "="))
	for p.err == nil && p.step() {
	}
	if p.err != nil {
		return File{}, &Error{Line: 1 + strings.Count(p.text[:p.lineStart], "\n"), cause: p.err}
	}
	return p.file, nil
}

type parser struct {
	text      string
	comments  string // what continues them
	at        int
	buffered  int // offset up to which the reference has read
	newline   int // offset of an end of a line; it is looked for anew once at is beyond
	lineStart int
	section   string
	inSection bool
	file      File
	err       error // the first one; what is read after it does not count
}

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// step reads one section header, option or comment, or a character between them. It
// returns false at the end.
func (p *parser) step() bool {
	p.lineStart = p.at
	p.checkLine()
	r, size := p.char()
	if p.inSection && size > 0 && r != '[' && r != '#' && r != ';' && !unicode.IsSpace(r) {
		p.option()
		return true
	}
	p.at += size
	switch r {
	case '[':
		p.header()
	case '#', ';':
		p.comment()
	}
	return size > 0
}

// checkLine fails if the line goes on for too long, as far as the reference sees it.
func (p *parser) checkLine() {
	if p.buffered-p.at < maxLine {
		return
	}
	if p.newline < p.at {
		i := strings.IndexAny(p.text[p.at:], "\r\n")
		if p.newline = p.at + i; i < 0 {
			p.newline = len(p.text)
		}
	}
	if p.newline-p.at >= maxLine {
		p.fail(errLineTooLong)
	}
}

// char returns the character at the current offset; its size is 0 at the end.
func (p *parser) char() (r rune, size int) {
	r, size = utf8.DecodeRuneInString(p.text[p.at:])
	if p.at+size > p.buffered {
		p.buffered = min(len(p.text), p.at+bufferSize)
	}
	return r, size
}

// until takes the text up to an end, and the end, which may be missing in the last line.
func (p *parser) until(end string) (taken string, found bool) {
	from := p.at
	taken, _, found = strings.Cut(p.text[from:], end)
	if p.at += len(taken); found {
		p.at++
	}
	for p.buffered < p.at {
		if p.buffered-from == bufferSize {
			from = p.buffered
		}
		p.buffered = min(len(p.text), from+bufferSize)
	}
	return taken, found
}

func (p *parser) header() {
	p.checkLine()
	if p.section, p.inSection = p.until("]"); !p.inSection {
		p.fail(errSectionEnd)
	}
	p.checkLine()
	if rest, _ := p.until("\n"); strings.TrimSpace(rest) != "" {
		p.fail(errSectionTail)
	}
}

func (p *parser) comment() {
	p.checkLine()
	for line, _ := p.until("\n"); strings.HasSuffix(strings.TrimSuffix(line, " "), p.comments); {
		line, _ = p.until("\n")
	}
}

func (p *parser) option() {
	p.checkLine()
	name := p.at
	r, size := p.char()
	for ; size > 0 && r != '=' && r != '\n' && r != '\r'; r, size = p.char() {
		p.at += size
	}
	switch {
	case size == 0:
		p.fail(errOptionEnd)
	case r != '=':
		p.fail(errOptionNewline)
	}
	p.at += size
	value := p.at
	for line := `\`; strings.HasSuffix(line, `\`); line, _ = p.until("\n") {
		p.checkLine()
	}
	p.file.Options = append(p.file.Options, Option{
		Section: p.section, Name: strings.TrimSpace(p.text[name : value-1]), Value: strings.TrimSpace(p.text[value:p.at]),
	})
}
