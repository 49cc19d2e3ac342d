// Package json writes Go values as JSON and reads them back, by the tags and rules of
// encoding/json, as far as the programs need them. It stands for that library because
// the programs have their own reader of JSON in any case (config/source), and the
// library would weigh a quarter of a megabyte in each: docs/adr/0200.
//
// Structs, maps with keys of text, lists, arrays, pointers, booleans, numbers and texts
// are known, []byte as base64, and structs with MarshalText and UnmarshalText, such as
// time.Time. Interfaces are written, but not read. Methods for JSON are not asked.
package json

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/kindling-boot/kindling/config/source"
)

// RawMessage is JSON that stays as it is. None is written as null.
type RawMessage []byte

var rawMessage = reflect.TypeFor[RawMessage]()

// Valid reports whether the text is one value of JSON.
func Valid(text []byte) bool {
	_, err := source.ParseJSON(source.NewFile("", text))
	return err == nil
}

// field is a member of an object.
type field struct {
	name  string
	start []byte // ,"name":
	// index leads to it from its struct, through those that are embedded.
	index []int
	// isOptional members are left out when they are empty.
	isOptional bool
}

var known sync.Map // reflect.Type → []field

// fieldsOf are the members that a struct has in JSON.
func fieldsOf(t reflect.Type) []field {
	if fields, ok := known.Load(t); ok {
		return fields.([]field)
	}
	fields := appendFields(nil, t, nil)
	known.Store(t, fields)
	return fields
}

func appendFields(to []field, t reflect.Type, at []int) []field {
	for i := range t.NumField() {
		f := t.Field(i)
		index := append(slices.Clip(at), i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			to = appendFields(to, f.Type, index)
			continue
		case !f.IsExported() || name == "-":
			continue
		case name == "":
			name = f.Name
		}
		start := append(AppendString([]byte{','}, name, true), ':')
		to = append(to, field{name, start, index, options == "omitempty"})
	}
	return to
}
