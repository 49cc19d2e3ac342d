package schema

import (
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

var (
	// UnknownKey is the rule for keys that no spec has.
	UnknownKey = &diag.Rule{
		ID:  "unknown-key",
		Why: "a key that is not part of the spec has no effect: what it asks for will not happen",
	}
	// TooNewKey is the rule for keys of a later spec than the document names.
	TooNewKey = &diag.Rule{
		ID:  "too-new-key",
		Why: "a document is read by the rules of the version it names; keys that came later have no effect",
	}
	// KeyCase is the rule for keys in another spelling of capital letters.
	KeyCase = &diag.Rule{
		ID:  "key-case",
		Why: "the value is used, but other tools take the key for an unknown one",
	}
	// MergeKey is the rule for YAML merge keys.
	MergeKey = &diag.Rule{
		ID:   "merge-key",
		Why:  "the keys that << brings in are used, but they have no place of their own: problems with them are reported at the mapping, and unknown ones not at all",
		Help: "write the keys out to have them checked",
	}
	// NoObject is the rule for places where an object should be written out.
	NoObject = &diag.Rule{
		ID:   "not-an-object",
		Why:  "keys inside cannot be checked, and problems inside are reported here",
		Help: "write the keys of the object here, or remove its key",
	}
)

// Gate finds the keys of a document that its spec does not have, in any of the
// given structs, which all describe the same object. Each gives one warning:
// nothing that Gate finds makes a document unusable. versionName names a spec to
// the author of the document.
func Gate(t *source.Tree, v spec.Version, versionName func(spec.Version) string, structs ...*Struct) diag.List {
	g := gate{tree: t, version: v, versionName: versionName, root: structs[0]}
	g.value(&t.Root, structs)
	return g.found
}

type gate struct {
	tree        *source.Tree
	root        *Struct
	version     spec.Version
	versionName func(spec.Version) string
	path        source.Path
	found       diag.List
}

func (g *gate) value(n *source.Node, structs []*Struct) {
	switch {
	case n.Kind == source.Object && !n.Alias:
		g.object(n, structs)
	case n.Kind == source.Object:
		g.hideNamed(n)
		g.noObject(n, "what the alias stands for is checked at its anchor only")
	case n.Kind == source.Null && len(g.path) > 0 && !spec.Nullable(place(g.path), g.version):
		g.noObject(n, "there is nothing here; an object is expected")
	}
}

func (g *gate) noObject(n *source.Node, message string) {
	g.found = append(g.found, diag.Diagnostic{
		Severity: diag.Warning,
		Rule:     NoObject,
		Message:  message,
		Path:     g.path.At(),
		At:       g.tree.Range(n),
	})
}

func (g *gate) object(n *source.Node, structs []*Struct) {
	at := len(g.path)
	var reported map[string]bool
	member := n.Members()
	for i := range n.Children {
		c := &n.Children[i]
		g.path = g.path[:at]
		f, subs := g.lookup(structs, c.Key)
		switch {
		case f != nil && f.Secret:
			g.tree.Hide(c)
		case c.Merged || c.Alias || f == nil || member(c.Key) != c:
			g.hideNamed(c)
		}
		if c.Merged {
			continue
		}
		g.path = append(g.path, source.Step{Key: c.Key})
		switch {
		case f == nil:
			if c = member(c.Key); !reported[c.Key] { // of repeated ones the last counts
				if reported == nil {
					reported = map[string]bool{}
				}
				reported[c.Key] = true
				g.unknown(c, structs)
			}
		case len(subs) == 0 || member(c.Key) != c:
		case !f.IsList():
			g.value(c, subs)
		case c.Kind == source.List && !c.Alias:
			for i := range c.Children {
				g.path = append(g.path[:at+1], source.Step{Index: i, IsIndex: true})
				g.value(&c.Children[i], subs)
			}
		}
	}
	g.path = g.path[:at]
}

// lookup finds a key by its exact name and what it holds.
func (g *gate) lookup(structs []*Struct, key string) (*Field, []*Struct) {
	var found *Field
	var subs []*Struct
	for _, s := range structs {
		for _, f := range s.Fields {
			if f.Name(g.tree.YAML) != key || f.sinceAt(g.path) > g.version {
				continue
			}
			if found == nil || f.Secret {
				found = f
			}
			if sub := f.Struct(); sub != nil {
				subs = append(subs, sub)
			}
		}
	}
	return found, subs
}

func (g *gate) unknown(c *source.Node, structs []*Struct) {
	d := diag.Diagnostic{
		Severity: diag.Warning,
		Rule:     UnknownKey,
		Message:  fmt.Sprintf("unused key %s: it is not part of %s", c.Key, g.versionName(g.version)),
		Path:     g.path.At(),
		At:       g.tree.KeyRange(c),
	}
	if c.Key == "<<" && g.tree.YAML {
		d.Rule = MergeKey
		d.Message = "YAML merge key: what it brings in is not checked for unknown keys"
	}
	holder := g.path[:len(g.path)-1]
	for _, s := range structs {
		for _, f := range s.Fields {
			name, since := f.Name(g.tree.YAML), f.sinceAt(holder)
			switch {
			case name == c.Key:
				d.Rule = TooNewKey
				d.Message = fmt.Sprintf("unused key %s: it exists from %s", c.Key, g.versionName(since))
				d.Help = fmt.Sprintf("remove it, or raise the version (this document names %s)", g.versionName(g.version))
			case strings.EqualFold(name, c.Key) && since <= g.version:
				d.Help = fmt.Sprintf("write it as %q", name)
				if !g.tree.YAML {
					d.Rule = KeyCase
					d.Message = fmt.Sprintf("key %s is not spelled as the spec spells it", c.Key)
				}
			}
		}
	}
	if d.Rule == UnknownKey && d.Help == "" {
		if near := Nearest(c.Key, g.names(structs)); near != "" {
			d.Help = fmt.Sprintf("did you mean %q?", near)
			for _, s := range structs {
				if f := s.fieldNamed(near, g.tree.YAML); f != nil && f.Secret {
					g.tree.Hide(c)
				}
			}
		}
	}
	g.found = append(g.found, d)
}

func (g *gate) names(structs []*Struct) []string {
	var out []string
	for _, s := range structs {
		for _, f := range s.Fields {
			if f.Since <= g.version {
				out = append(out, f.Name(g.tree.YAML))
			}
		}
	}
	return out
}

// maxWord is the number of bytes of a word that may be a misspelled key or value.
const maxWord = 64

// Nearest returns the candidate that differs least from a misspelled word, or
// nothing when none is near enough to be meant. Of equals the first wins.
func Nearest(word string, candidates []string) string {
	if len(word) > maxWord {
		return ""
	}
	lower := strings.ToLower(word)
	best, bestDistance := "", 1+len(word)/3
	for _, c := range candidates {
		if most := bestDistance; len(c)-len(lower) > most || len(lower)-len(c) > most || len(c) > maxWord {
			continue // the lengths differ too much already
		}
		if d := distance(lower, strings.ToLower(c)); d < bestDistance || d == bestDistance && best == "" {
			best, bestDistance = c, d
		}
	}
	return best
}

// distance counts the single-letter edits, or swaps of neighbours, between two
// words of at most maxWord bytes.
func distance(a, b string) int {
	var rows [3][maxWord + 1]int // the one being filled, the last, the one before
	row, last, before := &rows[0], &rows[1], &rows[2]
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		if i == 1 {
			for j := range len(b) + 1 {
				last[j] = j
			}
		}
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	if len(a) == 0 {
		return len(b)
	}
	return row[len(b)]
}
