// Package legacy holds what the translators of older dialects share: the account of
// what became of each key of a document.
package legacy

import (
	"sort"

	"github.com/kindling-boot/kindling/config/source"
)

// Fate is what became of a key. A key that cannot be accepted at all has none: it is an
// error among the diagnostics.
type Fate uint8

// The fates.
const (
	// Exact means that the machine ends as the old program would have left it.
	Exact Fate = iota
	// Approximated means that it ends nearly so; the note says how.
	Approximated
	// Dropped means that the key has no effect; the note says why.
	Dropped
)

// String names the fate as reports do.
func (f Fate) String() string { return [...]string{"exact", "approximated", "dropped"}[f] }

// Note is what became of one key.
type Note struct {
	// Path of the key in the document as it was written.
	Path source.Path
	// At is the place of its value.
	At   source.Range
	Fate Fate
	// How it was approximated, or why it was dropped, as a clause without capital and
	// period. It is empty when the fate is Exact.
	How string
}

// Notes are in order of position.
type Notes []Note

// Sort puts them in that order.
func (n Notes) Sort() {
	sort.SliceStable(n, func(i, j int) bool { return n[i].At.Start < n[j].At.Start })
}
