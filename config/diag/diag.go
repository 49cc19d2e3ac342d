// Package diag holds diagnostics as data: what is wrong with a document, where,
// why, and what to do about it. Package reports prints them.
package diag

import (
	"sort"

	"github.com/kindling-boot/kindling/config/source"
)

// Severity says what a diagnostic means for its document.
type Severity uint8

// The severities. Only an Error makes a document unusable.
const (
	Error Severity = iota
	Warning
	Info
)

// String returns the word that starts a printed diagnostic.
func (s Severity) String() string { return [...]string{"error", "warning", "info"}[s] }

// Rule is the reason for a diagnostic: one entry of the tables of rules.
type Rule struct {
	// ID is stable and short, such as filesystem-format.
	ID string
	// Why explains the rule: what would go wrong without it.
	Why string
	// Help says what to do, when that does not depend on the case.
	Help string
}

// Diagnostic is one finding.
type Diagnostic struct {
	Severity Severity
	// Rule the document breaks. Never nil.
	Rule *Rule
	// Message says what is wrong, without capital and period.
	Message string
	// Path of the value within its document.
	Path source.Path
	// At is the place in the text; the zero Range if there is none.
	At source.Range
	// Inside is the place within the text at At, where that is a document of its own: a
	// line of a unit, a value of an inline config. It may be in another file, that the
	// text comes from. The zero Range if there is none.
	Inside source.Range
	// Reported is the offset that the reference tools give, where it differs from
	// the start of At; 0 when it does not, NoPosition when they give none. Lines
	// for scripts use it.
	Reported int
	// Help for this case; empty means the rule's.
	Help string
	// Related are further findings of the same kind that the reference tools leave
	// out. They are shown below this one.
	Related []Diagnostic
}

// NoPosition is the Reported offset of a diagnostic whose line for scripts has no
// position.
const NoPosition = -1

// ReportedPosition is the place that lines for scripts give; ok is false when
// they give none.
func (d *Diagnostic) ReportedPosition() (p source.Position, ok bool) {
	switch {
	case d.At.IsZero() || d.Reported == NoPosition:
		return p, false
	case d.Reported > 0 && d.Reported < len(d.At.File.Data):
		return d.At.File.Position(d.Reported), true
	}
	return d.At.Position(), true
}

// Advice says what to do: in this case, else in general; empty if nobody knows.
func (d *Diagnostic) Advice() string {
	if d.Help != "" {
		return d.Help
	}
	return d.Rule.Help
}

// List is the result of looking at a document.
type List []Diagnostic

// HasErrors reports whether the document is unusable.
func (l List) HasErrors() bool { return l.Has(Error) }

// Has reports whether the list holds a diagnostic of the severity.
func (l List) Has(s Severity) bool {
	for _, d := range l {
		if d.Severity == s {
			return true
		}
	}
	return false
}

// Sorted returns the list in order of file and position, so that it is the same
// on every run. Diagnostics without a place come first.
func (l List) Sorted() List {
	out := append(List(nil), l...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := &out[i], &out[j]
		if an, bn := fileName(a), fileName(b); an != bn {
			return an < bn
		}
		switch {
		case a.At.Start != b.At.Start:
			return a.At.Start < b.At.Start
		case a.Inside.Start != b.Inside.Start:
			return a.Inside.Start < b.Inside.Start
		case a.Severity != b.Severity:
			return a.Severity < b.Severity
		case a.Rule.ID != b.Rule.ID:
			return a.Rule.ID < b.Rule.ID
		}
		return a.Message < b.Message
	})
	return out
}

func fileName(d *Diagnostic) string {
	if d.At.IsZero() {
		return ""
	}
	return d.At.File.Name
}
