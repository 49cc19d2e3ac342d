package schema

import (
	"reflect"
	"strconv"

	"github.com/kindling-boot/kindling/config/json"
)

// AppendJSON adds a struct of the model, given by a pointer, to dst as one line of
// JSON. Absent scalars and empty lists are left out. Objects are written even when
// they are empty, unless prune is set.
func AppendJSON(dst []byte, v any, prune bool) []byte {
	rv := reflect.ValueOf(v).Elem()
	e := encoder{out: dst, prune: prune}
	if !e.object(rv, Of(rv.Type())) {
		e.out = append(e.out, "{}"...)
	}
	return e.out
}

type encoder struct {
	out   []byte
	prune bool
}

// object writes a struct. When there is nothing to write and prune is set, it
// writes nothing and returns false.
func (e *encoder) object(v reflect.Value, s *Struct) bool {
	start := len(e.out)
	e.out = append(e.out, '{')
	empty := true
	for _, f := range s.Fields {
		before := len(e.out)
		if !empty {
			e.out = append(e.out, ',')
		}
		e.out = append(e.out, '"')
		e.out = append(e.out, f.JSON...)
		e.out = append(e.out, '"', ':')
		if !e.member(f.In(v), f) {
			e.out = e.out[:before]
			continue
		}
		empty = false
	}
	if empty && e.prune {
		e.out = e.out[:start]
		return false
	}
	e.out = append(e.out, '}')
	return true
}

func (e *encoder) member(v reflect.Value, f *Field) bool {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return false
		}
		if v = v.Elem(); v.Kind() == reflect.Struct {
			return e.object(v, f.Struct())
		}
	case reflect.Slice:
		if v.Len() == 0 {
			return false
		}
		return e.list(v, f.Struct())
	case reflect.Struct:
		return (!e.prune || !v.IsZero()) && e.object(v, f.Struct())
	default:
		if f.OmitEmpty && v.IsZero() {
			return false
		}
	}
	e.scalar(v)
	return true
}

func (e *encoder) list(v reflect.Value, s *Struct) bool {
	e.out = append(e.out, '[')
	for i := range v.Len() {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		switch {
		case s == nil:
			e.scalar(v.Index(i))
		case !e.object(v.Index(i), s):
			e.out = append(e.out, '{', '}')
		}
	}
	e.out = append(e.out, ']')
	return true
}

func (e *encoder) scalar(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		e.out = strconv.AppendBool(e.out, v.Bool())
	case reflect.Int:
		e.out = strconv.AppendInt(e.out, v.Int(), 10)
	default:
		e.out = json.AppendString(e.out, v.String(), true)
	}
}
