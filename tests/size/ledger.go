package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// tolerance is how much a program may grow without a reason in the ledger.
const tolerance = 0.03

// ledger is what the programs weighed when the last reason was written.
type ledger struct {
	toolchain string // go1.26.8 linux/amd64
	programs  []program
	reasons   []string
}

// program is a program and what its size is made of.
type program struct {
	name string
	size int64 // bytes of the file
	rows []row // largest first
}

// row is one dependency.
type row struct {
	name string
	size int64
}

const (
	heading  = "# What each dependency costs, in bytes of the file: make size. Written by make size REASON='why'."
	measured = "# Measured with "
	why      = "# Why sizes changed, newest last:"
)

// String is the ledger as a file.
func (l ledger) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s%s.\n", heading, measured, l.toolchain)
	for _, p := range l.programs {
		fmt.Fprintf(&b, "\n%10d %s\n", p.size, p.name)
		for _, r := range p.rows {
			fmt.Fprintf(&b, "%10d   %s\n", r.size, r.name)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", why)
	for _, r := range l.reasons {
		fmt.Fprintf(&b, "# %s\n", r)
	}
	return b.String()
}

// parseLedger reads what String wrote. No text is an empty ledger.
func parseLedger(text string) (ledger, error) {
	var l ledger
	inReasons := false
	s := bufio.NewScanner(strings.NewReader(text))
	for s.Scan() {
		line := s.Text()
		switch {
		case line == "" || line == heading:
		case line == why:
			inReasons = true
		case inReasons:
			l.reasons = append(l.reasons, strings.TrimPrefix(line, "# "))
		case strings.HasPrefix(line, measured):
			l.toolchain = strings.TrimSuffix(strings.TrimPrefix(line, measured), ".")
		default:
			number, name, _ := strings.Cut(strings.TrimLeft(line, " "), " ")
			size, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return l, fmt.Errorf("ledger: %q is no line of a size and a name", line)
			}
			if dependency, ok := strings.CutPrefix(name, "  "); !ok {
				l.programs = append(l.programs, program{name: name, size: size})
			} else if last := len(l.programs) - 1; last >= 0 {
				l.programs[last].rows = append(l.programs[last].rows, row{dependency, size})
			}
		}
	}
	return l, s.Err()
}

// program returns the one of that name, an empty one if there is none.
func (l ledger) program(name string) program {
	for _, p := range l.programs {
		if p.name == name {
			return p
		}
	}
	return program{}
}

func (p program) row(name string) int64 {
	for _, r := range p.rows {
		if r.name == name {
			return r.size
		}
	}
	return 0
}

// compare returns an error that names every program that has grown beyond the tolerance.
func (l ledger) compare(old ledger) error {
	var all []error
	for _, p := range l.programs {
		was := old.program(p.name).size
		if limit := was + int64(float64(was)*tolerance); p.size > limit {
			all = append(all, fmt.Errorf("%s weighs %d bytes, the ledger says %d: more than %.0f %% growth; find what is avoidable (make size), or write down why it grew: make size REASON='why'", p.name, p.size, was, tolerance*100))
		}
	}
	return errors.Join(all...)
}

// changes are the totals before and after.
func (l ledger) changes(old ledger) string {
	var all []string
	for _, p := range l.programs {
		all = append(all, fmt.Sprintf("%s %d -> %d", p.name, old.program(p.name).size, p.size))
	}
	return strings.Join(all, ", ")
}

// print writes the program beside what the ledger says of it.
func (p program) print(w io.Writer, old program) {
	line := func(name string, size, was int64) {
		change := ""
		if size != was {
			change = fmt.Sprintf("%+d", size-was)
		}
		fmt.Fprintf(w, "%10d %5.1f %% %10s  %s\n", size, 100*float64(size)/float64(max(p.size, 1)), change, name)
	}
	line(p.name, p.size, old.size)
	for _, r := range p.rows {
		line("  "+r.name, r.size, old.row(r.name))
	}
	for _, r := range old.rows {
		if p.row(r.name) == 0 {
			line("  "+r.name, 0, r.size)
		}
	}
	fmt.Fprintln(w)
}
