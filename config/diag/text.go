package diag

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

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
)

// Options say how Text prints.
type Options struct {
	Style Style
	// ByteColumns makes lines for scripts count columns in bytes.
	ByteColumns bool
}

// Text prints the list in the order it has.
func Text(w io.Writer, l List, o Options) error {
	var b strings.Builder
	for i := range l {
		if b.Len() > 1<<16 { // a long list need not be in memory twice
			if _, err := io.WriteString(w, b.String()); err != nil {
				return err
			}
			b.Reset()
		}
		d := &l[i]
		switch o.Style {
		case Lines:
			line(&b, d, o)
		case LinesWithExcerpts:
			line(&b, d, o)
			details(&b, d)
		default:
			if i > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "%s[%s]: %s\n", d.Severity, d.Rule.ID, printable(d.Message))
			details(&b, d)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// line prints the form that scripts read: KIND at PATH, line L col C: MESSAGE.
func line(b *strings.Builder, d *Diagnostic, o Options) {
	b.WriteString(d.Severity.String())
	path := d.Path.Dollar()
	p, placed := d.ReportedPosition()
	if path != "" || placed {
		b.WriteString(" at ")
	}
	b.WriteString(printable(path))
	if placed {
		if path != "" {
			b.WriteString(", ")
		}
		column := p.Column
		if o.ByteColumns {
			column = p.ByteColumn
		}
		fmt.Fprintf(b, "line %d col %d", p.Line, column)
	}
	fmt.Fprintf(b, ": %s\n", printable(d.Message))
}

// maxExcerpt is the number of characters of a line that an excerpt shows.
const maxExcerpt = 160

func details(b *strings.Builder, d *Diagnostic) {
	gutter := place(b, d.At, d.Path)
	for i := range d.Related {
		r := &d.Related[i]
		fmt.Fprintf(b, "%s also: %s\n", gutter, printable(r.Message))
		place(b, r.At, r.Path)
	}
	note(b, gutter, "why: ", d.Rule.Why)
	help := d.Help
	if help == "" {
		help = d.Rule.Help
	}
	note(b, gutter, "help:", help)
}

func note(b *strings.Builder, gutter, word, text string) {
	if text != "" {
		fmt.Fprintf(b, "%s %s %s\n", gutter, word, printable(text))
	}
}

// place prints where a diagnostic belongs, with the text there, and returns the
// margin that further lines take.
func place(b *strings.Builder, at source.Range, path source.Path) (gutter string) {
	if at.IsZero() {
		if len(path) > 0 {
			fmt.Fprintf(b, "  --> %s\n", printable(path.String()))
		}
		return " "
	}
	p := at.Position()
	number := strconv.Itoa(p.Line)
	gutter = strings.Repeat(" ", len(number))
	fmt.Fprintf(b, "%s--> %s", gutter, at)
	if len(path) > 0 {
		b.WriteString("  " + printable(path.String()))
	}
	e := at.Excerpt(maxExcerpt)
	before, marked, after := clip(e)
	if before+marked+after == "" {
		b.WriteByte('\n')
		return gutter
	}
	carets := strings.Repeat("^", max(1, utf8.RuneCountInString(marked)))
	fmt.Fprintf(b, "\n%s |\n%s | %s\n%s | %s%s\n", gutter, number, printable(before+marked+after), gutter, blank(before), carets)
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
