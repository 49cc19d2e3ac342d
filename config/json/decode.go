package json

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

// SyntaxError is what is wrong with text that is not JSON.
type SyntaxError struct {
	// Message says it, for people.
	Message string
	// Offset is the number of bytes before it.
	Offset int
}

func (e *SyntaxError) Error() string { return e.Message }

// TypeError is a value of a type that its place cannot hold.
type TypeError struct {
	// Field is the path to it: names of keys with dots between. Empty for the whole.
	Field string
	// Value is what it is: "a list".
	Value string
}

func (e *TypeError) Error() string {
	if e.Field == "" {
		return "it must not be " + e.Value
	}
	return e.Field + " must not be " + e.Value
}

// Unmarshal reads one value into what the pointer shows to. As with encoding/json, keys
// match in any case and unknown ones are passed over; null sets pointers, lists and maps
// to nil and nothing else. Lists replace what was there.
//
// The error is a *SyntaxError, with which nothing was read, or a *TypeError for the first
// value of a wrong type, with which the others were.
func Unmarshal(text []byte, into any) error {
	text = bytes.Clone(text) // which values are parts of
	tree, bad := source.ParseJSON(source.NewFile("", text))
	if bad != nil {
		return &SyntaxError{Message: bad.Message, Offset: bad.At.Start}
	}
	d := decoder{text: text}
	d.value(&tree.Root, reflect.ValueOf(into).Elem())
	return d.err
}

type decoder struct {
	text []byte
	path []string
	err  error
}

// mismatch keeps the first value that has no place where it stands.
func (d *decoder) mismatch(n *source.Node) {
	if d.err != nil {
		return
	}
	value := n.Kind.String()
	if n.Kind == source.Number {
		value = "the number " + n.Text
	}
	d.err = &TypeError{Field: strings.Join(d.path, "."), Value: value}
}

func (d *decoder) value(n *source.Node, v reflect.Value) {
	switch {
	case v.Type() == rawMessage:
		v.SetBytes(d.raw(n))
		return
	case n.Kind == source.Null:
		switch v.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
			v.SetZero()
		}
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem())
	case reflect.Struct:
		d.object(n, v)
	case reflect.Map:
		d.table(n, v)
	case reflect.Slice, reflect.Array:
		d.list(n, v)
	default:
		if !scalar(n, v) {
			d.mismatch(n)
		}
	}
}

// raw is the text of a value, a copy.
func (d *decoder) raw(n *source.Node) []byte {
	start := n.Start
	if n.Kind >= source.List {
		start-- // the bracket
	}
	return append([]byte(nil), d.text[start:n.End]...)
}

// scalar sets a text, a number or a boolean; false if the value is none, or too large.
func scalar(n *source.Node, v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		if n.Kind == source.String {
			v.SetString(n.Text)
		}
		return n.Kind == source.String
	case reflect.Bool:
		v.SetBool(n.Kind == source.Bool && n.Text == "true")
		return n.Kind == source.Bool
	}
	if n.Kind != source.Number {
		return false
	}
	switch v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(n.Text, 10, v.Type().Bits())
		if err == nil {
			v.SetInt(i)
		}
		return err == nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(n.Text, 10, v.Type().Bits())
		if err == nil {
			v.SetUint(u)
		}
		return err == nil
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(n.Text, v.Type().Bits())
		if err == nil {
			v.SetFloat(f)
		}
		return err == nil
	}
	return false
}

func (d *decoder) object(n *source.Node, v reflect.Value) {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if n.Kind != source.String {
			d.mismatch(n)
		} else if err := u.UnmarshalText([]byte(n.Text)); err != nil && d.err == nil {
			d.err = fmt.Errorf("%s: %w", strings.Join(d.path, "."), err)
		}
		return
	}
	if n.Kind != source.Object {
		d.mismatch(n)
		return
	}
	fields := fieldsOf(v.Type())
	for i := range n.Children {
		if f := named(fields, n.Children[i].Key); f != nil {
			d.member(&n.Children[i], f.name, v.FieldByIndex(f.index))
		}
	}
}

// named is the member that a key means; nil if there is none.
func named(fields []field, key string) *field {
	var folded *field
	for i := range fields {
		f := &fields[i]
		if f.name == key {
			return f
		}
		if folded == nil && strings.EqualFold(f.name, key) {
			folded = f
		}
	}
	return folded
}

func (d *decoder) member(n *source.Node, name string, v reflect.Value) {
	d.path = append(d.path, name)
	d.value(n, v)
	d.path = d.path[:len(d.path)-1]
}

func (d *decoder) table(n *source.Node, v reflect.Value) {
	if n.Kind != source.Object {
		d.mismatch(n)
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Children)))
	}
	for i := range n.Children {
		c := &n.Children[i]
		item := reflect.New(v.Type().Elem()).Elem()
		d.member(c, c.Key, item)
		key := reflect.New(v.Type().Key()).Elem()
		key.SetString(c.Key)
		v.SetMapIndex(key, item)
	}
}

// list sets a list or an array, whose further items become zero.
func (d *decoder) list(n *source.Node, v reflect.Value) {
	isSlice := v.Kind() == reflect.Slice
	switch {
	case isSlice && n.Kind == source.String && v.Type().Elem().Kind() == reflect.Uint8:
		data, err := base64.StdEncoding.DecodeString(n.Text)
		if err != nil && d.err == nil {
			d.err = fmt.Errorf("%s: %w", strings.Join(d.path, "."), err)
		}
		v.SetBytes(data)
		return
	case n.Kind != source.List:
		d.mismatch(n)
		return
	case isSlice:
		v.Set(reflect.MakeSlice(v.Type(), len(n.Children), len(n.Children)))
	default:
		v.SetZero()
	}
	for i := range min(len(n.Children), v.Len()) {
		d.value(&n.Children[i], v.Index(i))
	}
}
