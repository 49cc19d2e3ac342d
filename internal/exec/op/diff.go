package op

import (
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/internal/sysroot"
)

// diffContext is the number of equal lines around a change; maxEdits bounds the work
// and the memory, beyond it everything between the first and the last change is shown
// as changed.
const (
	diffContext = 3
	maxEdits    = 1000
)

// diffOf returns a unified diff of two texts; empty if they are equal.
func diffOf(name string, was sysroot.Kind, now, then string) string {
	if now == then {
		return ""
	}
	from := "a" + name
	if was != sysroot.Regular {
		from = "/dev/null"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ b%s\n", from, name)
	writeHunks(&b, diffLines(splitLines(now), splitLines(then)))
	return b.String()
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.SplitAfter(s, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// edit is a line of a diff: ' ' kept, '-' removed, '+' added.
type edit struct {
	sign byte
	line string
}

// diffLines returns a script that turns a into b: the shortest one, found by Myers'
// greedy algorithm (Algorithmica 1, 1986), unless that takes too long.
func diffLines(a, b []string) []edit {
	var head, tail []edit
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		head = append(head, edit{' ', a[0]})
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		tail = append(tail, edit{' ', a[len(a)-1]})
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	out := append(head, shortest(a, b)...)
	for i := len(tail) - 1; i >= 0; i-- {
		out = append(out, tail[i])
	}
	return out
}

func shortest(a, b []string) []edit {
	limit := min(len(a)+len(b), maxEdits)
	reach := map[int]int{1: 0} // diagonal → furthest line of a
	var history []map[int]int
	for d := 0; d <= limit; d++ {
		before := make(map[int]int, len(reach))
		for k, x := range reach {
			before[k] = x
		}
		history = append(history, before)
		for k := -d; k <= d; k += 2 {
			x := reach[k-1] + 1
			if k == -d || k != d && reach[k-1] < reach[k+1] {
				x = reach[k+1]
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			reach[k] = x
			if x >= len(a) && x-k >= len(b) {
				return backtrack(a, b, history)
			}
		}
	}
	out := make([]edit, 0, len(a)+len(b))
	for _, l := range a {
		out = append(out, edit{'-', l})
	}
	for _, l := range b {
		out = append(out, edit{'+', l})
	}
	return out
}

// backtrack reads the script from the end of the search to its start.
func backtrack(a, b []string, history []map[int]int) []edit {
	var back []edit
	x, y := len(a), len(b)
	for d := len(history) - 1; d >= 0; d-- {
		reach, k := history[d], x-y
		from := k - 1
		if k == -d || k != d && reach[k-1] < reach[k+1] {
			from = k + 1
		}
		fromX := reach[from]
		fromY := fromX - from
		for x > fromX && y > fromY && x > 0 && y > 0 {
			x, y = x-1, y-1
			back = append(back, edit{' ', a[x]})
		}
		if d == 0 {
			break
		}
		if x == fromX {
			y--
			back = append(back, edit{'+', b[y]})
		} else {
			x--
			back = append(back, edit{'-', a[x]})
		}
	}
	out := make([]edit, 0, len(back))
	for i := len(back) - 1; i >= 0; i-- {
		out = append(out, back[i])
	}
	return out
}

// writeHunks prints the changes with the lines around them.
func writeHunks(b *strings.Builder, script []edit) {
	oldLine, newLine := 1, 1
	for i := 0; i < len(script); {
		if script[i].sign == ' ' {
			oldLine, newLine, i = oldLine+1, newLine+1, i+1
			continue
		}
		start := max(0, i-diffContext)
		end, quiet := i, 0
		for j := i; j < len(script) && quiet <= 2*diffContext; j++ {
			if script[j].sign == ' ' {
				quiet++
				continue
			}
			end, quiet = j+1, 0
		}
		end = min(len(script), end+diffContext)
		oldStart, newStart := oldLine-(i-start), newLine-(i-start)
		var body strings.Builder
		oldCount, newCount := 0, 0
		for _, e := range script[start:end] {
			if e.sign != '+' {
				oldCount++
			}
			if e.sign != '-' {
				newCount++
			}
			body.WriteByte(e.sign)
			body.WriteString(e.line)
			if !strings.HasSuffix(e.line, "\n") {
				body.WriteString("\n\\ No newline at end of file\n")
			}
		}
		fmt.Fprintf(b, "@@ -%s +%s @@\n%s", span(oldStart, oldCount), span(newStart, newCount), body.String())
		oldLine, newLine, i = oldStart+oldCount, newStart+newCount, end
	}
}

// span writes the lines of a hunk; an empty one starts after the line before it.
func span(start, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", start-1)
	case 1:
		return fmt.Sprintf("%d", start)
	}
	return fmt.Sprintf("%d,%d", start, count)
}
