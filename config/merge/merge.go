// Package merge joins a parent config with a child config: the child wins, and
// lists are joined item by item. The transcript tells for every value of the
// result where it came from.
package merge

import (
	"reflect"

	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

// Merge returns the child merged over the parent. Neither is changed, but the
// result may share parts with them. Both must be in the newest model. Nothing is
// validated: two valid configs can give an invalid one.
func Merge(parent, child types.Config) (types.Config, *Transcript) {
	var out types.Config
	t := &Transcript{}
	s := schema.Of(reflect.TypeFor[types.Config]())
	t.root = object(reflect.ValueOf(&parent).Elem(), reflect.ValueOf(&child).Elem(), reflect.ValueOf(&out).Elem(), s)
	return out, t
}

// object merges the members of a struct into out. A side that is wholly unset
// has no say, so that its required scalars do not count as given.
func object(parent, child, out reflect.Value, s *schema.Struct) *trace {
	switch {
	case child.IsZero():
		out.Set(parent)
		return &trace{whole: fromParent}
	case parent.IsZero():
		out.Set(child)
		return &trace{whole: fromChild}
	}
	t := &trace{members: map[string]*trace{}}
	for _, f := range s.Fields {
		p, c, o := f.In(parent), f.In(child), f.In(out)
		switch {
		case f.IsList():
			t.members[f.JSON] = list(p, c, o, f, siblings(child, s, f))
		case p.Kind() == reflect.Struct:
			t.members[f.JSON] = object(p, c, o, f.Struct())
		case p.Kind() == reflect.Pointer && c.IsNil():
			o.Set(p)
		default:
			o.Set(c)
		}
	}
	return t
}

// siblings returns the identities that the child has in the lists that share
// their space with f: what moved there leaves the parent's list.
func siblings(child reflect.Value, s *schema.Struct, f *schema.Field) map[string]bool {
	if f.Space == "" {
		return nil
	}
	moved := map[string]bool{}
	for _, other := range s.Fields {
		if other == f || other.Space != f.Space {
			continue
		}
		for _, key := range identities(other.In(child), other) {
			moved[key] = true
		}
	}
	return moved
}

func identities(list reflect.Value, f *schema.Field) []string {
	keys := make([]string, list.Len())
	s := f.Struct()
	for i := range keys {
		if s == nil {
			keys[i] = list.Index(i).String()
		} else {
			keys[i] = s.Identity(list.Index(i))
		}
	}
	return keys
}

func list(parent, child, out reflect.Value, f *schema.Field, moved map[string]bool) *trace {
	if parent.Len() == 0 {
		if child.Len() > 0 {
			out.Set(child)
		}
		return &trace{whole: fromChild}
	}
	t := &trace{}
	result := reflect.MakeSlice(parent.Type(), 0, parent.Len()+child.Len())
	add := func(v reflect.Value, i item) {
		result = reflect.Append(result, v)
		t.items = append(t.items, i)
	}
	taken := make([]bool, child.Len())
	if f.Merge == schema.Append {
		for i := range parent.Len() {
			add(parent.Index(i), item{parent: i, child: none})
		}
	} else {
		childAt := make(map[string]int, child.Len())
		for i, key := range identities(child, f) {
			if _, ok := childAt[key]; !ok {
				childAt[key] = i
			}
		}
		for i, key := range identities(parent, f) {
			at, both := childAt[key]
			switch {
			case moved[key]:
			case !both || taken[at]:
				add(parent.Index(i), item{parent: i, child: none})
			default:
				taken[at] = true
				if unsets(child.Index(at), f) {
					continue
				}
				joined := reflect.New(parent.Type().Elem()).Elem()
				in := item{parent: i, child: at}
				if s := f.Struct(); s != nil {
					in.inner = object(parent.Index(i), child.Index(at), joined, s)
				} else {
					joined.Set(child.Index(at))
				}
				add(joined, in)
			}
		}
	}
	for i := range child.Len() {
		if !taken[i] {
			add(child.Index(i), item{parent: none, child: i})
		}
	}
	if result.Len() > 0 {
		out.Set(result)
	}
	return t
}

// unsets reports whether a child's item only removes the parent's.
func unsets(item reflect.Value, f *schema.Field) bool {
	s := f.Struct()
	if s == nil {
		return false
	}
	for _, m := range s.Fields {
		if m.Unset && m.In(item).IsNil() {
			return true
		}
	}
	return false
}

// Transcript tells for each value of a merge result which values of parent and
// child it was made from.
type Transcript struct{ root *trace }

// none is the index of an item that one side does not have.
const none = -1

type side uint8

const (
	fromBoth side = iota
	fromParent
	fromChild
)

// trace is the transcript of one object or list.
type trace struct {
	whole   side
	members map[string]*trace
	items   []item
}

// item is where a list item came from, by index. inner is set when both sides
// had it.
type item struct {
	parent, child int
	inner         *trace
}

// Trace returns the paths that the value at a path of the result has in parent
// and child. A side that has no such value gives ok false; whether the value is
// given at its path is for the side to know.
func (t *Transcript) Trace(path source.Path) (parent, child source.Path, inParent, inChild bool) {
	parent, child = path, path
	inParent, inChild = true, true
	at := t.root
	for i, step := range path {
		if at == nil {
			break
		}
		switch at.whole {
		case fromParent:
			return parent, nil, inParent, false
		case fromChild:
			return nil, child, false, inChild
		}
		if !step.IsIndex {
			at = at.members[step.Key]
			continue
		}
		if step.Index >= len(at.items) {
			break
		}
		it := at.items[step.Index]
		parent, child = parent.At(), child.At() // copies: indexes change
		parent[i].Index, child[i].Index = it.parent, it.child
		inParent, inChild = inParent && it.parent != none, inChild && it.child != none
		at = it.inner
	}
	if !inParent {
		parent = nil
	}
	if !inChild {
		child = nil
	}
	return parent, child, inParent, inChild
}

// Locator finds the places of the values of a merge result in the documents of
// parent and child.
type Locator struct {
	Parent, Child source.Locator
	Transcript    *Transcript
}

// Locate implements source.Locator. A value that both sides give is the child's.
func (l Locator) Locate(path source.Path) (source.Range, bool) {
	_, _, r, exact := l.side(path)
	return r, exact
}

// Place implements source.Placer.
func (l Locator) Place(path source.Path) source.Path {
	side, at, _, _ := l.side(path)
	if side == nil {
		return path
	}
	return source.PlaceIn(side, at)
}

// Text implements source.Texts.
func (l Locator) Text(path source.Path) *source.File {
	side, at, _, _ := l.side(path)
	if side == nil {
		return nil
	}
	return source.TextAt(side, at)
}

// side returns the side that gives a value, nil if there is none; the path that the value
// has there, and its place, which takes asking each side of many merges once.
func (l Locator) side(path source.Path) (side source.Locator, at source.Path, r source.Range, exact bool) {
	pp, cp, inParent, inChild := l.Transcript.Trace(path)
	if inChild {
		if r, exact = l.Child.Locate(cp); exact || !inParent {
			return l.Child, cp, r, exact
		}
	}
	if !inParent {
		return nil, nil, r, false
	}
	p, exact := l.Parent.Locate(pp)
	if !exact && !p.IsZero() && inChild {
		return l.Child, cp, r, false
	}
	return l.Parent, pp, p, exact
}
