// Package schema reads the tags of the config model and does with them what the
// model itself must not know: Gate finds keys a spec does not have, Decode fills
// structs from a tree, Encode writes them. The same structs serve JSON with
// camelCase keys and YAML with snake_case ones.
//
// Tags:
//
//	json:"name,omitempty"   name of the key; omitempty leaves out a zero scalar
//	yaml:"-"                YAML documents do not have the key
//	since:"3.4"             first spec with the key (none: the spec of what holds it)
//	merge:"key"             list whose items are matched by their identity
//	merge:"key,space=node"  the same, and sibling lists of that space share identities
//	merge:"append"          list whose items have no identity
//	merge:"identity"        this member (of several: the first that is set) identifies an item
//	merge:"unset"           an item of the child without this member removes the parent's item
//	secret:"true"           never shown
//	net:"source"            a resource whose source may need the network
package schema

import (
	"iter"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

// Struct describes one struct type of the model. Embedded structs are flattened.
type Struct struct {
	Type   reflect.Type
	Fields []*Field
}

// Field describes one member.
type Field struct {
	// JSON and YAML are the names of the key; an empty one is no key at all.
	JSON, YAML string
	// Index leads to the field, for reflect.Value.FieldByIndex.
	Index []int
	Type  reflect.Type
	// Since is the first spec with the key, as far as the tag tells.
	Since spec.Version
	// OmitEmpty leaves the key out when it has its zero value.
	OmitEmpty bool
	// Merge is how a list is merged.
	Merge Merge
	// Space names the identities that sibling lists share; empty if none.
	Space string
	// Identity marks what identifies an item of a list.
	Identity bool
	// Unset marks the member whose absence in a child removes the parent's item.
	Unset bool
	// Secret marks what is never shown.
	Secret bool
	// Net marks resources whose source may need the network.
	Net bool

	// placed tells that the first spec may depend on where the field stands.
	placed bool

	sub atomic.Pointer[Struct]
}

// Merge is how a list is merged.
type Merge uint8

// The ways to merge. Replace is for what is no list.
const (
	Replace Merge = iota
	ByKey
	Append
)

var cache sync.Map // reflect.Type → *Struct

// Of returns the description of a struct type. It panics when a tag cannot be
// read: that is a broken table, not a broken document.
func Of(t reflect.Type) *Struct {
	if s, ok := cache.Load(t); ok {
		return s.(*Struct)
	}
	s := &Struct{Type: t}
	s.add(t, nil)
	got, _ := cache.LoadOrStore(t, s)
	return got.(*Struct)
}

func (s *Struct) add(t reflect.Type, at []int) {
	fields := make([]Field, t.NumField())
	s.Fields = slices.Grow(s.Fields, len(fields))
	for i := range fields {
		f := t.Field(i)
		if at != nil {
			f.Index = append(append([]int(nil), at...), i)
		}
		if f.Anonymous {
			s.add(f.Type, f.Index)
			continue
		}
		field := &fields[i]
		field.Index, field.Type = f.Index, f.Type
		for key, value := range tags(f.Tag) {
			if !field.read(key, value) {
				panic("schema: " + t.Name() + "." + f.Name + ": unknown value in tag " + key)
			}
		}
		if field.JSON != "" {
			s.Fields = append(s.Fields, field)
		}
	}
}

// tags yields the keys and values of a struct tag. It is much cheaper than asking
// for one key after the other.
func tags(tag reflect.StructTag) iter.Seq2[string, string] {
	return func(yield func(key, value string) bool) {
		for rest := string(tag); rest != ""; rest = strings.TrimLeft(rest, " ") {
			key, quoted, _ := strings.Cut(rest, `:"`)
			value, after, _ := strings.Cut(quoted, `"`)
			if !yield(key, value) {
				return
			}
			rest = after
		}
	}
}

// read takes over one tag. ok is false when its value is not known.
func (f *Field) read(key, value string) (ok bool) {
	switch key {
	case "json":
		name, options, _ := strings.Cut(value, ",")
		f.JSON, f.YAML, f.OmitEmpty = name, Snake(name), options == "omitempty"
		f.placed = spec.DependsOnPlace(name)
	case "yaml": // stands after json
		f.YAML = ""
		return value == "-"
	case "since":
		f.Since, ok = spec.FromTag(value)
		return ok
	case "merge":
		rule, space, _ := strings.Cut(value, ",")
		f.Space = strings.TrimPrefix(space, "space=")
		switch rule {
		case "key":
			f.Merge = ByKey
		case "append":
			f.Merge = Append
		case "identity":
			f.Identity = true
		case "unset":
			f.Unset = true
		default:
			return false
		}
	case "secret":
		f.Secret = true
	case "net":
		f.Net = true
	}
	return true
}

// Struct returns the description of the struct that the field holds, or that its
// list items are; nil for scalars and lists of scalars.
func (f *Field) Struct() *Struct {
	if s := f.sub.Load(); s != nil {
		return s
	}
	t := f.Type
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	s := Of(t)
	f.sub.Store(s)
	return s
}

// IsList reports whether the field is a list.
func (f *Field) IsList() bool { return f.Type.Kind() == reflect.Slice }

// sinceAt returns the first spec with the field when it stands at the given path.
func (f *Field) sinceAt(path source.Path) spec.Version {
	if f.placed {
		if v, ok := spec.PlaceSince(place(path) + "." + f.JSON); ok {
			return v
		}
	}
	return f.Since
}

// place writes a path as the tables of package spec do.
func place(path source.Path) string {
	steps := make([]string, len(path))
	for i, s := range path {
		if steps[i] = s.Key; s.IsIndex {
			steps[i] = "*"
		}
	}
	return strings.Join(steps, ".")
}

// In returns the field of a struct value.
func (f *Field) In(v reflect.Value) reflect.Value {
	if len(f.Index) == 1 {
		return v.Field(f.Index[0])
	}
	return v.FieldByIndex(f.Index)
}

// Name returns the key in the given syntax.
func (f *Field) Name(yaml bool) string {
	if yaml {
		return f.YAML
	}
	return f.JSON
}

// Field returns the member with exactly the given JSON name, nil if there is none.
func (s *Struct) Field(name string) *Field {
	for _, f := range s.Fields {
		if f.JSON == name {
			return f
		}
	}
	return nil
}

// HasKey reports whether documents in YAML can have a key at the top of the struct.
func (s *Struct) HasKey(key string) bool {
	f := s.fieldNamed(key, true)
	return f != nil && f.YAML == key
}

// Identity returns what identifies a list item: the first identity member that is
// set, as text; empty when none is. Numbers come before text, so that a partition
// goes by its number, else by its label, with a colon before it: that is no number.
func (s *Struct) Identity(v reflect.Value) string {
	text, mark := "", ""
	for _, f := range s.Fields {
		if !f.Identity {
			continue
		}
		fv := f.In(v)
		switch fv.Kind() {
		case reflect.Int:
			if n := fv.Int(); n != 0 {
				return strconv.FormatInt(n, 10)
			}
			text = mark + text
		case reflect.Pointer:
			if !fv.IsNil() {
				text, mark = fv.Elem().String(), ":"
			}
		default:
			text = fv.String()
		}
	}
	return text
}

// Snake writes a camelCase key in snake_case: httpHeaders is http_headers, and
// the unit MiB stays one word.
func Snake(name string) string {
	if strings.ToLower(name) == name {
		return name
	}
	name = strings.ReplaceAll(name, "MiB", "Mib")
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) {
			if i > 0 {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}
