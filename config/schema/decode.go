package schema

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

// TypeMismatch is the rule for values of the wrong type.
var TypeMismatch = &diag.Rule{
	ID:  "type-mismatch",
	Why: "every key takes values of one type; a document with a value of another type is not used at all",
}

// Filler is a struct whose absent members mean something else in some specs. It
// is called for each object of the text, after its members were decoded.
type Filler interface {
	FillAbsent(v spec.Version)
}

// Decode fills into, a pointer to a struct of the model, from a tree, with the
// keys that the spec has; other keys are left to Gate. It follows the quirks of
// the field's tools: in JSON, keys match in any case, null is absent, repeated
// members are decoded one over the other, and only plain integers are integers.
//
// The list is empty or holds one error, for the first value of a wrong type; the
// others are its Related.
func Decode(t *source.Tree, into any, v spec.Version) diag.List {
	d := decoder{tree: t, version: v}
	rv := reflect.ValueOf(into).Elem()
	d.value(&t.Root, rv, Of(rv.Type()))
	if len(d.found) == 0 {
		return nil
	}
	HideSecrets(t, Of(rv.Type())) // Gate will not come to see the document
	first := d.found[0]
	first.Related = d.found[1:]
	return diag.List{first}
}

type decoder struct {
	tree    *source.Tree
	version spec.Version
	path    source.Path
	found   []diag.Diagnostic
}

func (d *decoder) mismatch(n *source.Node, want string) {
	m := diag.Diagnostic{
		Rule:     TypeMismatch,
		Message:  fmt.Sprintf("%s must be %s, but this is %s", d.name(), want, n.Kind),
		Path:     d.path.At(),
		At:       d.tree.Range(n),
		Reported: n.Start,
	}
	if n.Kind != source.Object && n.Kind != source.List {
		m.Reported = m.At.End
	}
	if n.Kind == source.Number && want == integer {
		m.Message = fmt.Sprintf("%s must be %s, but %s is not", d.name(), want, n.Text)
		m.Help = "write the number as plain digits"
	}
	switch {
	case m.Help != "":
	case n.Kind == source.String && (want == integer || want == boolean) && strings.IndexByte(`"'`, d.tree.File.Data[n.Start]) >= 0:
		m.Help = "write the value without quotes"
	case want == "a list" && d.tree.YAML:
		m.Help = "start each item with a dash"
	case want == "a list":
		m.Help = "put the items in brackets"
	case want == "an object" && d.tree.YAML:
		m.Help = "write keys here, each on a line of its own and equally indented"
	default:
		m.Help = "give it " + want
	}
	d.found = append(d.found, m)
}

// name is what a message calls the current value.
func (d *decoder) name() string {
	for i := len(d.path) - 1; i >= 0; i-- {
		if !d.path[i].IsIndex {
			if i < len(d.path)-1 {
				return "an item of " + d.path[i].Key
			}
			return d.path[i].Key
		}
	}
	return "the document"
}

const (
	integer = "a whole number"
	boolean = "true or false"
)

func (d *decoder) value(n *source.Node, v reflect.Value, s *Struct) {
	if n.Kind == source.Null {
		switch v.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			v.SetZero()
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem(), s)
	case reflect.Struct:
		if n.Kind != source.Object {
			d.mismatch(n, "an object")
			return
		}
		d.object(n, v, s)
	case reflect.Slice:
		if n.Kind != source.List {
			d.mismatch(n, "a list")
			return
		}
		d.list(n, v, s)
	case reflect.Map:
		if n.Kind != source.Object {
			d.mismatch(n, "an object")
			return
		}
		d.texts(n, v)
	case reflect.String:
		switch {
		case n.Kind == source.String, d.tree.YAML && n.Kind < source.List:
			v.SetString(n.Text)
		default:
			d.mismatch(n, "a string")
		}
	case reflect.Int:
		i, ok := d.integer(n)
		if !ok {
			d.mismatch(n, integer)
		}
		v.SetInt(i)
	case reflect.Bool:
		b, ok := n.Text == "true", n.Kind == source.Bool
		if d.tree.YAML && (!ok || !b && n.Text != "false") {
			ok = n.Scalar(&b)
		}
		if !ok {
			d.mismatch(n, boolean)
		}
		v.SetBool(b && ok)
	}
}

func (d *decoder) integer(n *source.Node) (int64, bool) {
	if !d.tree.YAML {
		i, err := strconv.ParseInt(n.Text, 10, strconv.IntSize)
		return i, err == nil && n.Kind == source.Number
	}
	if n.Kind == source.Number && strings.Trim(n.Text, "0123456789") == "" {
		if i, err := strconv.ParseInt(n.Text, 0, strconv.IntSize); err == nil { // 0644 is octal
			return i, true
		}
	}
	var i int
	ok := n.Scalar(&i)
	return int64(i), ok
}

func (d *decoder) list(n *source.Node, v reflect.Value, s *Struct) {
	if v.Cap() < len(n.Children) {
		grown := reflect.MakeSlice(v.Type(), len(n.Children), len(n.Children))
		reflect.Copy(grown, v)
		v.Set(grown)
	} else {
		v.SetLen(len(n.Children))
	}
	at := len(d.path)
	for i := range n.Children {
		d.path = append(d.path[:at], source.Step{Index: i, IsIndex: true})
		item := v.Index(i)
		d.value(&n.Children[i], item, s)
		if n.Children[i].Kind == source.Null && s != nil {
			d.fill(item)
		}
	}
	d.path = d.path[:at]
	if len(n.Children) == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
}

func (d *decoder) object(n *source.Node, v reflect.Value, s *Struct) {
	at := len(d.path)
	for i := range n.Children {
		c := &n.Children[i]
		if f := d.field(s, c.Key); f != nil {
			d.path = append(d.path, source.Step{Key: f.Name(d.tree.YAML)})
			d.value(c, f.In(v), f.Struct())
			d.path = d.path[:at]
		}
	}
	d.fill(v)
}

// texts fills a map of texts: all its keys are known.
func (d *decoder) texts(n *source.Node, v reflect.Value) {
	at := len(d.path)
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Children)))
	for i := range n.Children {
		c := &n.Children[i]
		d.path = append(d.path[:at], source.Step{Key: c.Key})
		text := reflect.New(v.Type().Elem()).Elem()
		d.value(c, text, nil)
		v.SetMapIndex(reflect.ValueOf(c.Key), text)
	}
	d.path = d.path[:at]
}

func (d *decoder) fill(v reflect.Value) {
	if d.version > spec.V3_2 {
		return // no later spec has such members
	}
	if f, ok := v.Addr().Interface().(Filler); ok {
		f.FillAbsent(d.version)
	}
}

// field finds the member that a key means in the spec of the document.
func (d *decoder) field(s *Struct, key string) *Field {
	var folded *Field
	for _, f := range s.Fields {
		name := f.Name(d.tree.YAML)
		if name != key && (d.tree.YAML || folded != nil || !strings.EqualFold(name, key)) {
			continue
		}
		if f.sinceAt(d.path) > d.version {
			continue
		}
		if name == key {
			return f
		}
		folded = f
	}
	return folded
}
