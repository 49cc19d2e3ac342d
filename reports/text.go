package reports

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

// Style selects the form of printed diagnostics.
type Style uint8

const (
	// Excerpts shows severity, rule and message, then the place, the text there
	// with a caret, why the rule exists and what to do.
	Excerpts Style = iota
	// Lines prints one line for each diagnostic, as the reference tools do.
	Lines
	// LinesWithExcerpts starts each entry with its line and continues with the
	// excerpt, indented.
	LinesWithExcerpts
	// OnlyExcerpts leaves out what is wrong: somebody else has said that.
	OnlyExcerpts
)

// Options say how Text prints.
type Options struct {
	Style Style
	// ByteColumns makes lines for scripts count columns in bytes.
	ByteColumns bool
	// Colors marks severities, places and helps for terminals.
	Colors bool
}

// printer is the output of Text.
type printer struct {
	out strings.Builder
	Options
}

// Colors as parameters of ECMA-48 SGR.
const (
	blue  = "1;34"
	green = "1;32"
	cyan  = "1;36"
)

// paint gives a text a color, where colors are wanted.
func (b *printer) paint(color, text string) string {
	if !b.Colors || text == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

func colorOf(s diag.Severity) string { return [...]string{"1;31", "1;33", cyan}[s] }

// Text prints the list in the order it has.
func Text(w io.Writer, l diag.List, o Options) error {
	b := &printer{Options: o}
	for i := range l {
		if b.out.Len() > 1<<16 { // a long list need not be in memory twice
			if _, err := io.WriteString(w, b.out.String()); err != nil {
				return err
			}
			b.out.Reset()
		}
		d := &l[i]
		switch o.Style {
		case Lines:
			b.line(d)
		case LinesWithExcerpts:
			b.line(d)
			b.details(d)
		case OnlyExcerpts:
			b.details(d)
		default:
			if i > 0 {
				b.out.WriteByte('\n')
			}
			fmt.Fprintf(&b.out, "%s: %s\n", b.paint(colorOf(d.Severity), d.Severity.String()+"["+d.Rule.ID+"]"), printable(d.Message))
			b.details(d)
		}
	}
	if b.out.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, b.out.String())
	return err
}

// line prints the form that scripts read: KIND at PATH, line L col C: MESSAGE.
func (b *printer) line(d *diag.Diagnostic) {
	b.out.WriteString(b.paint(colorOf(d.Severity), d.Severity.String()))
	path := d.Path.Dollar()
	p, placed := d.ReportedPosition()
	if path != "" || placed {
		b.out.WriteString(" at ")
	}
	b.out.WriteString(printable(path))
	if placed {
		if path != "" {
			b.out.WriteString(", ")
		}
		column := p.Column
		if b.ByteColumns {
			column = p.ByteColumn
		}
		fmt.Fprintf(&b.out, "line %d col %d", p.Line, column)
	}
	fmt.Fprintf(&b.out, ": %s\n", printable(d.Message))
}

// maxExcerpt is the number of characters of a line that an excerpt shows.
const maxExcerpt = 160

func (b *printer) details(d *diag.Diagnostic) {
	color := colorOf(d.Severity)
	gutter := b.place(d.At, d.Path, color)
	if !d.Inside.IsZero() {
		gutter = b.place(d.Inside, nil, color)
	}
	for i := range d.Related {
		r := &d.Related[i]
		fmt.Fprintf(&b.out, "%s also: %s\n", gutter, printable(r.Message))
		b.place(r.At, r.Path, color)
	}
	b.note(gutter, b.paint(cyan, "why:")+" ", d.Rule.Why)
	b.note(gutter, b.paint(green, "help:"), d.Advice())
}

func (b *printer) note(gutter, word, text string) {
	if text != "" {
		fmt.Fprintf(&b.out, "%s %s %s\n", gutter, word, printable(text))
	}
}

// place prints where a diagnostic belongs, with the text there, and returns the
// margin that further lines take.
func (b *printer) place(at source.Range, path source.Path, color string) (gutter string) {
	if at.IsZero() {
		if len(path) > 0 {
			fmt.Fprintf(&b.out, "  %s %s\n", b.paint(blue, "-->"), printable(path.String()))
		}
		return " "
	}
	p := at.Position()
	number := strconv.Itoa(p.Line)
	gutter = strings.Repeat(" ", len(number))
	fmt.Fprintf(&b.out, "%s%s %s", gutter, b.paint(blue, "-->"), printable(at.String()))
	if len(path) > 0 {
		b.out.WriteString("  " + printable(path.String()))
	}
	e := at.Excerpt(maxExcerpt)
	before, marked, after := clip(e)
	if before+marked+after == "" {
		b.out.WriteByte('\n')
		return gutter
	}
	carets := strings.Repeat("^", max(1, utf8.RuneCountInString(marked)))
	bar := b.paint(blue, "|")
	fmt.Fprintf(&b.out, "\n%s %s\n%s %s %s\n%s %s %s%s\n", gutter, bar, b.paint(blue, number), bar,
		printable(before+marked+after), gutter, bar, blank(before), b.paint(color, carets))
	return gutter
}

// clip cuts a long line down to the part around the mark.
func clip(e source.Excerpt) (before, marked, after string) {
	b, m, a := []rune(e.Before), []rune(e.Marked), []rune(e.After)
	if keep := max(maxExcerpt/3, maxExcerpt-len(m)-len(a)); len(b) > keep || e.CutBefore {
		b = append([]rune{'…'}, b[max(0, len(b)-keep):]...)
	}
	room := max(0, maxExcerpt-len(b)) // for the mark and what follows
	if len(m)+len(a) > room || e.CutAfter {
		m = m[:min(len(m), max(1, room))]
		a = append(a[:min(len(a), max(0, room-len(m)))], '…')
	}
	return string(b), string(m), string(a)
}

// printable replaces what a terminal would act upon.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == utf8.RuneError || r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			return r
		}
		return '·'
	}, s)
}

// blank returns white space as wide as s, keeping tabs.
func blank(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, s)
}
