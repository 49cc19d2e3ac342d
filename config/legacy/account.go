package legacy

import "github.com/kindling-boot/kindling/config/source"

// Account gathers what becomes of the keys of a document while it is translated. A
// key about which nothing is said is taken over exactly. The zero Account is empty.
type Account struct {
	said map[string]Note // by path
}

// Approximate notes that what stands at a path, with everything inside, is taken
// over nearly.
func (a *Account) Approximate(path source.Path, how string) { a.note(path, Approximated, how) }

// Drop notes that what stands at a path, with everything inside, has no effect.
func (a *Account) Drop(path source.Path, why string) { a.note(path, Dropped, why) }

func (a *Account) note(path source.Path, fate Fate, how string) {
	if a.said == nil {
		a.said = map[string]Note{}
	}
	a.said[path.String()] = Note{Fate: fate, How: how}
}

// Notes returns a note for each leaf of the document: a scalar, a container without
// anything in it, or one that is dropped as a whole.
func (a *Account) Notes(t *source.Tree) Notes {
	var out Notes
	var visit func(n *source.Node, path source.Path, above Note)
	visit = func(n *source.Node, path source.Path, above Note) {
		whole := false
		if len(a.said) > 0 {
			if said, ok := a.said[path.String()]; ok {
				above, whole = said, said.Fate == Dropped
			}
		}
		if len(n.Children) == 0 || whole {
			above.Path, above.At = path, t.Range(n)
			out = append(out, above)
			return
		}
		for i := range n.Children {
			if c := &n.Children[i]; n.Kind == source.List {
				visit(c, path.At(i), above)
			} else {
				visit(c, path.At(c.Key), above)
			}
		}
	}
	visit(&t.Root, nil, Note{})
	out.Sort()
	return out
}
