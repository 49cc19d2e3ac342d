package exec

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/run"
)

// Problem is an operation that is in conflict with what is there, or has failed.
type Problem struct {
	Stage string
	What  *Description
	Err   error
}

// Error names the operation and the cause.
func (p *Problem) Error() string {
	return p.Stage + ": " + p.What.Kind + " " + p.What.Target + ": " + p.Cause()
}

// Cause is one line, also of several causes.
func (p *Problem) Cause() string {
	return strings.ReplaceAll(p.Err.Error(), "\n", "; ") // as errors.Join writes them
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// Lines writes the problem for people: what and why, who asked for it, what the
// program said that failed, how to mend it.
func (p *Problem) Lines() []string {
	lines := []string{p.Error()}
	if len(p.What.AskedBy.Path) > 0 {
		lines = append(lines, "  asked by: "+p.What.AskedBy.String())
	}
	var tool *run.Error
	if errors.As(p.Err, &tool) {
		lines = append(lines, "  command:  "+run.Line(tool.Argv))
		if said := tool.Said(); said != "" {
			lines = append(lines, "  said:     "+said)
		}
	}
	if help := p.Help(); help != "" {
		lines = append(lines, "  help:     "+help)
	}
	return lines
}

// Help says what to do about the problem; empty if nobody knows.
func (p *Problem) Help() string {
	if all := helps(p.Err, nil); all != nil {
		return strings.Join(all, "; ")
	}
	switch {
	case errors.Is(p.Err, run.ErrHangs):
		return "look at what the program works on; if it only needs longer, allow more with IGNITION_TOOL_TIMEOUT in its environment, such as 6h"
	case errors.Is(p.Err, unix.EROFS):
		return "the file system takes no changes: mount it read-write, then run this again"
	case errors.Is(p.Err, unix.ENOSPC), errors.Is(p.Err, unix.EDQUOT):
		return "make room on the file system, then run this again: what is complete is kept"
	case errors.Is(p.Err, unix.EPERM), errors.Is(p.Err, unix.EACCES):
		return "run this as root"
	}
	return ""
}

// helps adds the advice of an error, or of those that it was joined of, each once.
func helps(err error, all []string) []string {
	switch e := err.(type) { //nolint:errorlint // the chain is walked here
	case *helped:
		if !slices.Contains(all, e.help) {
			all = append(all, e.help)
		}
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			all = helps(one, all)
		}
	case interface{ Unwrap() error }:
		return helps(e.Unwrap(), all)
	}
	return all
}

// Problems are all problems of a stage, in the order of the plan.
type Problems []*Problem

// Error names the first problem and counts the others.
func (ps Problems) Error() string {
	if len(ps) == 1 {
		return ps[0].Error()
	}
	return fmt.Sprintf("%v (and %d more)", ps[0], len(ps)-1)
}

// Unwrap returns the problems.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// Text writes all problems for people.
func (ps Problems) Text() string {
	var b strings.Builder
	for _, p := range ps {
		b.WriteString(strings.Join(p.Lines(), "\n"))
		b.WriteByte('\n')
	}
	return b.String()
}

// helped is an error with advice.
type helped struct {
	err  error
	help string
}

// WithHelp adds advice for the user to an error.
func WithHelp(err error, help string) error { return &helped{err, help} }

// Error implements error.
func (h *helped) Error() string { return h.err.Error() }

// Unwrap returns the error without the advice.
func (h *helped) Unwrap() error { return h.err }
