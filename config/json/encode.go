package json

import (
	"encoding"
	"encoding/base64"
	"fmt"
	"io"
	"math"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Marshal writes a value in one line, safe to stand in HTML. Values that JSON has no
// form for (NaN, functions) are errors, and so is a RawMessage that is not JSON.
func Marshal(v any) ([]byte, error) { return Append(make([]byte, 0, 512), v) } // most are short

// Append adds to a text what Marshal writes.
func Append(to []byte, v any) ([]byte, error) { return encode(to, v, true) }

// MarshalIndent writes a value for people: two spaces for each level, and no more
// escapes than needed.
func MarshalIndent(v any) ([]byte, error) {
	text, err := encode(nil, v, false)
	if err != nil {
		return nil, err
	}
	return Indent(text), nil
}

// Write writes a value as MarshalIndent does, and the end of a line.
func Write(w io.Writer, v any) error {
	text, err := MarshalIndent(v)
	if err == nil {
		_, err = w.Write(append(text, '\n'))
	}
	return err
}

func encode(to []byte, v any, forHTML bool) ([]byte, error) {
	e := encoder{forHTML: forHTML, out: to}
	e.value(reflect.ValueOf(v))
	return e.out, e.err
}

type encoder struct {
	out     []byte
	forHTML bool
	err     error // the first
}

func (e *encoder) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf("write JSON: "+format, args...)
	}
}

func (e *encoder) value(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		e.out = strconv.AppendBool(e.out, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.out = strconv.AppendInt(e.out, v.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		e.out = strconv.AppendUint(e.out, v.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		e.float(v.Float(), v.Type().Bits())
	case reflect.String:
		e.out = AppendString(e.out, v.String(), e.forHTML)
	case reflect.Struct:
		e.object(v)
	case reflect.Map:
		e.table(v)
	case reflect.Slice:
		e.slice(v)
	case reflect.Array:
		e.list(v)
	case reflect.Pointer, reflect.Interface:
		e.value(v.Elem()) // of nil: the invalid value
	case reflect.Invalid:
		e.out = append(e.out, "null"...)
	default:
		e.fail("there is no form for a value of kind %s", v.Kind())
	}
}

// float writes a number as ECMAScript does: ECMA-262, Number::toString.
func (e *encoder) float(f float64, bits int) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		e.fail("there is no form for the number %v", f)
		return
	}
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	text := strconv.FormatFloat(f, format, -1, bits)
	if format == 'e' {
		text = strings.Replace(text, "e-0", "e-", 1)
	}
	e.out = append(e.out, text...)
}

func (e *encoder) object(v reflect.Value) {
	if v.NumMethod() > 0 { // or there is no need for a copy
		if m, ok := v.Interface().(encoding.TextMarshaler); ok {
			text, err := m.MarshalText()
			if err != nil {
				e.fail("%w", err)
			}
			e.out = AppendString(e.out, string(text), e.forHTML)
			return
		}
	}
	start := len(e.out)
	for _, f := range fieldsOf(v.Type()) {
		member := v.FieldByIndex(f.index)
		if !f.isOptional || !isEmpty(member) {
			e.out = append(e.out, f.start...)
			e.value(member)
		}
	}
	e.close(start, '{', '}')
}

// close puts brackets around what was written since start, each item after a comma.
func (e *encoder) close(start int, left, right byte) {
	if len(e.out) == start {
		e.out = append(e.out, left)
	}
	e.out[start] = left
	e.out = append(e.out, right)
}

// isEmpty tells what omitempty leaves out.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

// table writes a map, in order of the keys.
func (e *encoder) table(v reflect.Value) {
	if v.IsNil() {
		e.value(reflect.Value{})
		return
	}
	keys := v.MapKeys()
	sort.Slice(keys, func(i, j int) bool { return keys[i].String() < keys[j].String() })
	start := len(e.out)
	for _, key := range keys {
		e.out = AppendString(append(e.out, ','), key.String(), e.forHTML)
		e.out = append(e.out, ':')
		e.value(v.MapIndex(key))
	}
	e.close(start, '{', '}')
}

func (e *encoder) slice(v reflect.Value) {
	switch {
	case v.IsNil():
		e.value(reflect.Value{})
	case v.Type() == rawMessage:
		if !Valid(v.Bytes()) {
			e.fail("what should be JSON as it is, is none")
			return
		}
		e.out = appendCompact(e.out, v.Bytes(), e.forHTML)
	case v.Type().Elem().Kind() == reflect.Uint8:
		e.out = append(e.out, '"')
		e.out = base64.StdEncoding.AppendEncode(e.out, v.Bytes())
		e.out = append(e.out, '"')
	default:
		e.list(v)
	}
}

func (e *encoder) list(v reflect.Value) {
	start := len(e.out)
	for i := range v.Len() {
		e.out = append(e.out, ',')
		e.value(v.Index(i))
	}
	e.close(start, '[', ']')
}

const hex = "0123456789abcdef"

// AppendString adds a text in quotes to JSON. What is not UTF-8 becomes U+FFFD. forHTML
// escapes <, > and & too.
func AppendString(to []byte, s string, forHTML bool) []byte {
	to = append(to, '"')
	clean := 0 // start of the text that can be copied as it is
	for i := 0; i < len(s); {
		c := s[i]
		size := 1
		escape := c < ' ' || c == '"' || c == '\\' || forHTML && isHTML(c)
		if c >= utf8.RuneSelf {
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			// line ends of JavaScript are escaped, though JSON may have them
			escape = r == utf8.RuneError && size == 1 || r == '\u2028' || r == '\u2029'
		}
		if escape {
			to = appendEscape(append(to, s[clean:i]...), s[i:i+size])
			clean = i + size
		}
		i += size
	}
	to = append(to, s[clean:]...)
	return append(to, '"')
}

func isHTML(c byte) bool { return c == '<' || c == '>' || c == '&' }

// appendEscape adds a character as an escape.
func appendEscape(to []byte, character string) []byte {
	const meaning, plain = "\"\\\b\f\n\r\t", `"\bfnrt`
	if i := strings.IndexByte(meaning, character[0]); i >= 0 {
		return append(to, '\\', plain[i])
	}
	r, _ := utf8.DecodeRuneInString(character)
	return append(to, '\\', 'u', hex[r>>12], hex[r>>8&0xf], hex[r>>4&0xf], hex[r&0xf])
}
