package source

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of JSON documents, as encoding/json does.
const maxDepth = 10000

// SyntaxError reports text that does not follow its syntax.
type SyntaxError struct {
	// At is the offending text; it is empty at the end of the input.
	At Range
	// Message says what is wrong there.
	Message string
}

// ParseJSON parses a JSON document: one value, with nothing but white space
// around it. Bytes that are not UTF-8 and lone surrogate escapes in strings
// become U+FFFD. An error is placed at the first offending byte. Documents beyond
// MaxJSON and MaxValues are refused. With an error comes what was read before it.
func ParseJSON(f *File) (*Tree, *SyntaxError) {
	if len(f.Data) > MaxJSON {
		return &Tree{File: f}, tooLong(f, MaxJSON, "JSON")
	}
	p := jsonParser{file: f, src: f.text(), stack: make([]Node, 0, 8+min(len(f.Data)/256, 1<<14))} // enough for most lists of files
	t := &Tree{File: f}
	p.space()
	if err := p.value(&t.Root); err != nil {
		return t, err
	}
	p.space()
	if p.at < len(p.src) {
		return t, p.unexpected("after the end of the document")
	}
	return t, nil
}

// Members reads the object that a JSON document begins with, and nothing behind it, and
// calls do with each of its members until do returns false.
func Members(f *File, do func(member *Node) bool) *SyntaxError {
	p := jsonParser{file: f, src: f.text(), each: do}
	p.space()
	return p.value(&Node{})
}

// jsonParser reads one document. Children are gathered on a stack shared by all
// levels and copied out once a container is complete, so that each container
// costs one allocation of the right size.
type jsonParser struct {
	file  *File
	src   string
	at    int
	depth int
	count int // of values
	stack []Node
	each  func(member *Node) bool // of the outermost container; nil: all are read
}

func (p *jsonParser) space() {
	for p.at < len(p.src) {
		switch p.src[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// unexpected reports the byte at the current offset.
func (p *jsonParser) unexpected(context string) *SyntaxError {
	if p.at >= len(p.src) {
		return &SyntaxError{
			At:      Range{File: p.file, Start: len(p.src), End: len(p.src)},
			Message: "the document ends too early",
		}
	}
	r, size := utf8.DecodeRuneInString(p.src[p.at:])
	shown := fmt.Sprintf("%q", r)
	if r == utf8.RuneError && size == 1 {
		shown = fmt.Sprintf("byte 0x%02x", p.src[p.at])
	}
	return &SyntaxError{
		At:      Range{File: p.file, Start: p.at, End: p.at + size},
		Message: fmt.Sprintf("unexpected %s %s", shown, context),
	}
}

func (p *jsonParser) value(n *Node) *SyntaxError {
	n.Start = p.at
	if p.at >= len(p.src) {
		return p.unexpected("")
	}
	if p.count++; p.count > MaxValues {
		return tooMany(p.file, p.at)
	}
	var err *SyntaxError
	switch c := p.src[p.at]; {
	case c == '{':
		return p.container(n, Object)
	case c == '[':
		return p.container(n, List)
	case c == '"':
		n.Kind = String
		n.Text, err = p.quoted()
	case c == 't':
		n.Kind, err = Bool, p.literal("true")
	case c == 'f':
		n.Kind, err = Bool, p.literal("false")
	case c == 'n':
		n.Kind, err = Null, p.literal("null")
	case c == '-' || '0' <= c && c <= '9':
		n.Kind, err = Number, p.number()
	default:
		return p.unexpected("where a value should begin")
	}
	n.End = p.at
	if err != nil {
		return err
	}
	if n.Kind != String {
		n.Text = p.src[n.Start:n.End]
	}
	return nil
}

func (p *jsonParser) container(n *Node, kind Kind) *SyntaxError {
	closing := byte('}')
	if kind == List {
		closing = ']'
	}
	if p.depth++; p.depth > maxDepth {
		return &SyntaxError{
			At:      Range{File: p.file, Start: p.at, End: p.at + 1},
			Message: fmt.Sprintf("the document is nested deeper than %d levels", maxDepth),
		}
	}
	p.at++
	n.Kind = kind
	n.Start = p.at
	base := len(p.stack)
	err := p.children(kind, closing)
	n.End = p.at
	if len(p.stack) > base {
		n.Children = append(make([]Node, 0, len(p.stack)-base), p.stack[base:]...)
		p.stack = p.stack[:base]
	}
	p.depth--
	return err
}

// children reads what is in a container, up to its end, onto the stack.
func (p *jsonParser) children(kind Kind, closing byte) *SyntaxError {
	p.space()
	for first := true; ; first = false {
		if p.at < len(p.src) && p.src[p.at] == closing && first {
			break
		}
		var child Node
		if kind == Object {
			if err := p.key(&child, first); err != nil {
				return err
			}
		}
		err := p.value(&child)
		p.stack = append(p.stack, child)
		if err != nil || p.depth == 1 && p.each != nil && !p.each(&p.stack[len(p.stack)-1]) {
			return err
		}
		p.space()
		if p.at < len(p.src) && p.src[p.at] == ',' {
			p.at++
			p.space()
			continue
		}
		if p.at < len(p.src) && p.src[p.at] == closing {
			break
		}
		if kind == Object {
			return p.unexpected("after a member: a comma or } should follow")
		}
		return p.unexpected("after a list item: a comma or ] should follow")
	}
	p.at++
	return nil
}

func (p *jsonParser) key(child *Node, first bool) *SyntaxError {
	if p.at >= len(p.src) || p.src[p.at] != '"' {
		if first {
			return p.unexpected("where a quoted member name or } should stand")
		}
		return p.unexpected("where a quoted member name should stand")
	}
	var err *SyntaxError
	child.KeyStart = p.at
	if child.Key, err = p.quoted(); err != nil {
		return err
	}
	child.KeyEnd = p.at
	p.space()
	if p.at >= len(p.src) || p.src[p.at] != ':' {
		return p.unexpected("after a member name: a colon should follow")
	}
	p.at++
	p.space()
	return nil
}

func (p *jsonParser) literal(word string) *SyntaxError {
	for i := range len(word) {
		if p.at >= len(p.src) || p.src[p.at] != word[i] {
			return p.unexpected("in the literal " + word)
		}
		p.at++
	}
	return nil
}

func (p *jsonParser) digits() bool {
	from := p.at
	for p.at < len(p.src) && '0' <= p.src[p.at] && p.src[p.at] <= '9' {
		p.at++
	}
	return p.at > from
}

func (p *jsonParser) number() *SyntaxError {
	if p.src[p.at] == '-' {
		p.at++
	}
	if p.at < len(p.src) && p.src[p.at] == '0' {
		p.at++
	} else if !p.digits() {
		return p.unexpected("in a number")
	}
	if p.at < len(p.src) && p.src[p.at] == '.' {
		p.at++
		if !p.digits() {
			return p.unexpected("after the decimal point of a number")
		}
	}
	if p.at < len(p.src) && (p.src[p.at] == 'e' || p.src[p.at] == 'E') {
		p.at++
		if p.at < len(p.src) && (p.src[p.at] == '+' || p.src[p.at] == '-') {
			p.at++
		}
		if !p.digits() {
			return p.unexpected("in the exponent of a number")
		}
	}
	return nil
}

// quoted reads a string. Text without escapes is a part of the source. Most of a document
// is read here.
func (p *jsonParser) quoted() (string, *SyntaxError) {
	src, from := p.src, p.at+1
	at := from
	for at < len(src) && src[at] >= ' ' && src[at] < utf8.RuneSelf && src[at] != '"' && src[at] != '\\' {
		at++
	}
	p.at = at
	if at == len(src) || src[at] != '"' {
		return p.unquote(from)
	}
	p.at++
	return src[from:at], nil
}

// unquote reads the rest of a string that has escapes or non-ASCII text.
func (p *jsonParser) unquote(from int) (string, *SyntaxError) {
	var b strings.Builder
	clean := from // start of the text that can be copied as it is
	flush := func() { b.WriteString(p.src[clean:p.at]) }
	b.Grow(p.at - from + 1 + strings.IndexByte(p.src[p.at:], '"')) // as many bytes as it has without quotes in it
	for p.at < len(p.src) {
		c := p.src[p.at]
		switch {
		case c == '"':
			if clean == from {
				p.at++
				return p.src[from : p.at-1], nil
			}
			flush()
			p.at++
			return b.String(), nil
		case c == '\\':
			flush()
			p.at++
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			clean = p.at
		case c < ' ':
			return "", p.unexpected("in a string: control characters must be escaped")
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, size := utf8.DecodeRuneInString(p.src[p.at:])
			if r == utf8.RuneError && size == 1 {
				flush()
				b.WriteRune(utf8.RuneError)
				clean = p.at + 1
			}
			p.at += size
		}
	}
	return "", p.unexpected("")
}

func (p *jsonParser) escape() (rune, *SyntaxError) {
	if p.at >= len(p.src) {
		return 0, p.unexpected("")
	}
	const plain, meaning = `"\/bfnrt`, "\"\\/\b\f\n\r\t"
	if i := strings.IndexByte(plain, p.src[p.at]); i >= 0 {
		p.at++
		return rune(meaning[i]), nil
	}
	if p.src[p.at] != 'u' {
		return 0, p.unexpected("after a backslash in a string")
	}
	p.at++
	r, err := p.hex4()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if after := p.at; strings.HasPrefix(p.src[after:], `\u`) {
		p.at += 2
		low, err := p.hex4()
		if err != nil {
			return 0, err
		}
		if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
			return both, nil
		}
		p.at = after // the second escape stands for itself
	}
	return utf8.RuneError, nil
}

func (p *jsonParser) hex4() (rune, *SyntaxError) {
	var r rune
	for range 4 {
		if p.at >= len(p.src) {
			return 0, p.unexpected("")
		}
		c := p.src[p.at]
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case 'A' <= c && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, p.unexpected(`in a \u escape: four hex digits should follow`)
		}
		p.at++
	}
	return r, nil
}
