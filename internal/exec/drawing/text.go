package drawing

import (
	"strings"
	"unicode"

	"github.com/kindling-boot/kindling/internal/exec"
)

// Style is how text is drawn. The zero value is 80 columns of ASCII without colors.
type Style struct {
	// Columns of the terminal; 0 is 80.
	Columns int
	// UTF8 allows lines instead of dashes, and letters of all languages.
	UTF8 bool
	// Colors of the terminal are used.
	Colors bool
}

// What a bar is drawn with, by Style.UTF8.
var borders = map[bool]struct{ line, bar, top, bottom string }{
	false: {"-", "|", "+++", "+++"},
	true:  {"─", "│", "┌┬┐", "└┴┘"},
}

const (
	margin = 10 // columns for the words before and after
	// leastText is the least width of a box: that of the longest verb.
	leastText = 6
	// leastColumns is where a bar makes no sense any more.
	leastColumns = 40
)

// colorsOf are the colors of verbs: ECMA-48, select graphic rendition.
var colorsOf = map[string]string{exec.VerbWipe: "1;31", exec.VerbCreate: "32", exec.VerbResize: "33"}

// Text draws the bars of a disk, each line after indent. It is empty for terminals that are
// too narrow, and tables with too many changes: words have to do then.
func Text(d *exec.DiskPlan, s Style, indent string) string {
	if s.Columns == 0 {
		s.Columns = 80
	}
	if s.Columns < leastColumns {
		return ""
	}
	room := s.Columns - margin - len(indent)
	old, okOld := fold(before(d), (room-1)/(leastText+1))
	now, okNow := fold(after(d), (room-1)/(leastText+1))
	if !okOld || !okNow {
		return ""
	}
	var b strings.Builder
	s.bar(&b, "before", old, room, indent)
	s.bar(&b, "after", now, room, indent)
	return b.String()
}

// bar draws one side: names, sizes, and what happens or is there.
func (s Style) bar(b *strings.Builder, title string, all []cell, room int, indent string) {
	spread(all, room-1-len(all), leastText)
	with := borders[s.UTF8]
	edge := func(corners string) {
		c := []rune(corners)
		b.WriteString(indent + strings.Repeat(" ", margin) + string(c[0]))
		for i, x := range all {
			b.WriteString(strings.Repeat(with.line, x.width))
			if i < len(all)-1 {
				b.WriteRune(c[1])
			}
		}
		b.WriteString(string(c[2]) + "\n")
	}
	row := func(word string, text func(cell) string) {
		b.WriteString(indent + fit(word, margin, true))
		for _, x := range all {
			t := fit(text(x), x.width, s.UTF8)
			if code := colorsOf[x.verb]; s.Colors && code != "" {
				t = "\x1b[" + code + "m" + t + "\x1b[0m"
			}
			b.WriteString(with.bar + t)
		}
		b.WriteString(with.bar + "\n")
	}
	edge(with.top)
	row(title, func(c cell) string { return c.name })
	row("", func(c cell) string { return c.size })
	row("", func(c cell) string { return c.verb })
	for _, x := range all {
		if x.holds != "" {
			row("", func(c cell) string { return c.holds })
			break
		}
	}
	edge(with.bottom)
}

// fit cuts or fills a text to a number of columns.
func fit(text string, width int, utf8 bool) string {
	mark, used := "~", 0
	if utf8 {
		mark = "…"
	}
	var out []rune
	for _, c := range text {
		if !utf8 && c > unicode.MaxASCII {
			c = '?'
		}
		out = append(out, c)
		used += columns(c)
	}
	if used > width {
		for len(out) > 0 && used > width-1 {
			used -= columns(out[len(out)-1])
			out = out[:len(out)-1]
		}
		out = append(out, []rune(mark)...)
		used++
	}
	return string(out) + strings.Repeat(" ", max(0, width-used))
}

// wide are the letters that take two columns: Unicode Standard Annex 11, in large pieces.
var wide = [][2]rune{
	{0x1100, 0x115F},
	{0x2E80, 0xA4CF},
	{0xAC00, 0xD7A3},
	{0xF900, 0xFAFF},
	{0xFE30, 0xFE6F},
	{0xFF00, 0xFF60},
	{0xFFE0, 0xFFE6},
	{0x1F300, 0x1FAFF},
	{0x20000, 0x3FFFD},
}

// columns is how many a letter takes on a terminal.
func columns(c rune) int {
	if unicode.In(c, unicode.Mn, unicode.Me) {
		return 0
	}
	for _, w := range wide {
		if w[0] <= c && c <= w[1] {
			return 2
		}
	}
	return 1
}
