package bootlog

import (
	"fmt"
	"strings"
	"unicode"
)

// The size of a screen: a console that knows no other has 80 columns and 25 lines.
const (
	screenWidth = 79
	screenLines = 24
)

// Screen shows the failure on one screen: what failed, who asked for it, why, what was
// done before, and what to try. log is the command that shows the whole log.
func (f *Failure) Screen(log string) string {
	tail := f.tail(log)
	room := screenLines - len(tail) - 4
	var body []string
	shown := 0
	for i := range f.Problems {
		lines := f.Problems[i].lines()
		if i > 0 {
			lines = append([]string{""}, lines...)
			if len(body)+len(lines) > room-1 { // one for the number of the others
				break
			}
		}
		body = append(body, lines...)
		shown++
	}
	more := len(f.Problems) - shown + f.More
	if more > 0 {
		room--
	}
	if body = body[:min(len(body), room)]; more > 0 {
		body = append(body, "and "+Count(more, "problem")+" more")
	}
	all := []string{"", "==== This machine was not provisioned ====", ""}
	all = append(all, body...)
	return strings.Join(append(append(all, ""), tail...), "\n") + "\n"
}

// lines is a problem: at most 13 of them.
func (p *Problem) lines() []string {
	var out []string
	head := p.Cause
	if p.What != "" {
		head = p.What + ": " + p.Cause
	}
	out = append(out, wrap("", head, 3)...)
	switch {
	case p.Place != "" && p.Path != "":
		out = append(out, wrap("  config    ", p.Path+" ("+p.Place+")", 2)...)
	case p.Place != "" || p.Path != "":
		out = append(out, wrap("  config    ", p.Path+p.Place, 2)...)
	}
	if p.Excerpt != "" {
		out = append(out, "            "+p.Excerpt)
		if p.Mark != nil && p.Mark[0] >= 0 && p.Mark[1] >= 0 {
			out = append(out, "            "+strings.Repeat(" ", min(p.Mark[0], screenWidth))+strings.Repeat("^", min(p.Mark[1], screenWidth)))
		}
	}
	if p.Command != "" {
		out = append(out, wrap("  command   ", p.Command, 2)...)
	}
	if p.Said != "" {
		out = append(out, wrap("  it said   ", p.Said, 2)...)
	}
	help := p.Help
	if p.Rule != "" && help == "" {
		help = "butane explain " + p.Rule
	}
	if help != "" {
		out = append(out, wrap("  try       ", help, 2)...)
	}
	return out
}

// tail is what holds for the whole boot: at most seven lines.
func (f *Failure) tail(log string) []string {
	out := wrap("", fmt.Sprintf("Ignition failed: %s failed", f.Stage), 1)
	done := "Nothing had been done before."
	if f.Done > 0 {
		done = Count(f.Done, "operation") + " had been done before, the last: " + strings.Join(f.Last, ", ")
	}
	out = append(out, wrap("", done, 2)...)
	if f.Attempt > 1 {
		text := fmt.Sprintf("This was attempt %d", f.Attempt)
		switch {
		case f.Same > 1 && f.Config != nil:
			text += fmt.Sprintf(", and attempt %d with the same config (sha512 %.12s…): it will fail again.", f.Same, f.Config.SHA512)
		case f.Same > 1:
			text += ", and none of the last " + fmt.Sprint(f.Same) + " has found a config."
		default:
			text += ", the first one with this config."
		}
		out = append(out, wrap("", text, 2)...)
	}
	return append(out, wrap("", "It does not go on as it is. Once the cause is gone, the next boot tries again. The whole log: "+log, 2)...)
}

// wrap breaks a text into lines of the width of a screen, the first behind a label and
// at most limit of them.
func wrap(label, text string, limit int) []string {
	indent := strings.Repeat(" ", max(len(label), 2))
	width := screenWidth - len(label)
	var out []string
	line := label
	room := width
	for _, word := range strings.Fields(printable(text)) {
		w := []rune(word)
		for len(w) > 0 {
			space := 0
			if line != label && line != indent {
				space = 1
			}
			if space+len(w) <= room {
				line += strings.Repeat(" ", space) + string(w)
				room -= space + len(w)
				break
			}
			if space == 0 { // a word longer than a line
				line += string(w[:room])
				w = w[room:]
			}
			if out = append(out, line); len(out) == limit {
				last := []rune(out[limit-1])
				out[limit-1] = string(last[:min(len(last), screenWidth-2)]) + " …"
				return out
			}
			line, room = indent, screenWidth-len(indent)
		}
	}
	return append(out, line)
}

// printable replaces what could move the cursor, or worse.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
