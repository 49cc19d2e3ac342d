// Package unitfile parses systemd unit files, as far as to tell whether systemd
// can load them: sections and options, see systemd.syntax(7).
package unitfile

import (
	"errors"
	"fmt"
	"strings"
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
// reference looks for the end of a line only within the block of readBlock bytes
// that it has read, and so misses long lines that begin late in a block; configs
// may rely on that.
const (
	maxLine   = 2048
	readBlock = 4096
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

// Parse reads a unit file. Text before the first section is skipped. The error is an
// *Error.
func Parse(text string) (File, error) {
	p := parser{text: text}
	for p.step() {
	}
	if p.err != nil {
		return File{}, &Error{Line: 1 + strings.Count(text[:p.lineStart], "\n"), cause: p.err}
	}
	return p.file, nil
}

type parser struct {
	text      string
	at        int
	lineStart int
	section   string
	inSection bool
	file      File
	err       error
}

// step reads one section header, option or comment. It returns false at the end
// and after an error.
func (p *parser) step() bool {
	if !p.inSection {
		return p.preamble()
	}
	p.blank()
	p.lineStart = p.at
	if p.at == len(p.text) {
		return false
	}
	switch p.text[p.at] {
	case '[':
		return p.header()
	case '#', ';':
		p.line()
		return true
	}
	return p.option()
}

// preamble skips to the first section. A comment sign hides the rest of its line.
func (p *parser) preamble() bool {
	i := strings.IndexAny(p.text[p.at:], "[#;")
	if i < 0 {
		p.at = len(p.text)
		return false
	}
	p.at += i
	p.lineStart = p.at
	if p.text[p.at] == '[' {
		return p.header()
	}
	p.line()
	return true
}

func (p *parser) blank() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n\v\f", p.text[p.at]) >= 0 {
		p.at++
	}
}

// line takes the rest of the line, without its line feed.
func (p *parser) line() string {
	rest := p.text[p.at:]
	if i := strings.IndexByte(rest, '\n'); i >= 0 {
		p.at += i + 1
		return rest[:i]
	}
	p.at = len(p.text)
	return rest
}

func (p *parser) header() bool {
	end := strings.IndexByte(p.text[p.at:], ']')
	if end < 0 {
		p.err = errSectionEnd
		return false
	}
	p.section, p.inSection = p.text[p.at+1:p.at+end], true
	p.at += end + 1
	if strings.TrimSpace(p.line()) != "" {
		p.err = errSectionTail
		return false
	}
	return true
}

func (p *parser) option() bool {
	if p.tooLong() {
		p.err = errLineTooLong
		return false
	}
	end := strings.IndexAny(p.text[p.at:], "=\n")
	switch {
	case end < 0:
		p.err = errOptionEnd
		return false
	case p.text[p.at+end] == '\n':
		p.err = errOptionNewline
		return false
	}
	o := Option{Section: p.section, Name: strings.TrimSpace(p.text[p.at : p.at+end])}
	p.at += end + 1
	value := p.line()
	for strings.HasSuffix(value, `\`) && p.at < len(p.text) {
		if p.tooLong() {
			p.err = errLineTooLong
			return false
		}
		next := p.line()
		if strings.TrimSpace(next) == "" {
			break
		}
		value += "\n" + next
	}
	o.Value = strings.TrimSpace(value)
	p.file.Options = append(p.file.Options, o)
	return true
}

// tooLong reports whether the line at the current offset is too long, as far as
// the reference would see it.
func (p *parser) tooLong() bool {
	seen := min(len(p.text)-p.at, readBlock-p.at%readBlock, maxLine)
	return seen == maxLine && !strings.Contains(p.text[p.at:p.at+seen], "\n")
}
