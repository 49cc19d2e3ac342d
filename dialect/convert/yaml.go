package convert

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// node is a value of the document to be written.
type node struct {
	// key under which the value stands in its object.
	key string
	// text of a scalar. It is written as it is if plain is set: a number, a boolean.
	text  string
	plain bool
	// children of an object, or the items of a list.
	children []node
	kind     kind
}

type kind uint8

const (
	scalar kind = iota
	object
	list
)

// isEmpty reports whether there is nothing to write.
func (n *node) isEmpty() bool { return n.kind != scalar && len(n.children) == 0 }

// indentation of what stands inside something else.
const indentation = "  "

// writeMembers writes the members of an object, each below the other. first stands before
// the first one, indent before the others.
func writeMembers(b *strings.Builder, n *node, first, indent string) {
	for i := range n.children {
		c := &n.children[i]
		b.WriteString(first)
		first = indent
		b.WriteString(word(c.key))
		b.WriteByte(':')
		writeValue(b, c, indent)
	}
}

// writeValue writes what follows a colon.
func writeValue(b *strings.Builder, n *node, indent string) {
	switch {
	case n.kind == scalar:
		b.WriteByte(' ')
		writeScalar(b, n, indent+indentation)
	case n.isEmpty() && n.kind == list:
		b.WriteString(" []\n")
	case n.isEmpty():
		b.WriteString(" {}\n")
	case n.kind == object:
		b.WriteByte('\n')
		writeMembers(b, n, indent+indentation, indent+indentation)
	default:
		b.WriteByte('\n')
		writeList(b, n, indent+indentation)
	}
}

// writeList writes the items of a list.
func writeList(b *strings.Builder, n *node, indent string) {
	for i := range n.children {
		c := &n.children[i]
		b.WriteString(indent)
		b.WriteString("- ")
		switch {
		case c.kind == scalar:
			writeScalar(b, c, indent+indentation)
		case c.isEmpty() && c.kind == list:
			b.WriteString("[]\n")
		case c.isEmpty():
			b.WriteString("{}\n")
		case c.kind == object:
			writeMembers(b, c, "", indent+indentation)
		default:
			b.WriteByte('\n')
			writeList(b, c, indent+indentation)
		}
	}
}

// writeScalar writes a scalar and ends its line. Text of several lines becomes a literal
// block, indented so, if that can hold it.
func writeScalar(b *strings.Builder, n *node, indent string) {
	switch {
	case n.plain:
		b.WriteString(n.text)
	case isBlock(n.text):
		writeBlock(b, n.text, indent)
		return
	default:
		b.WriteString(word(n.text))
	}
	b.WriteByte('\n')
}

// isBlock reports whether a text is one that a literal block holds unchanged: lines of
// printable characters. Blocks that begin with white space are none, for the sake of
// people and of readers that get them wrong.
func isBlock(text string) bool {
	if !strings.Contains(text, "\n") || strings.IndexByte(" \t\n", text[0]) >= 0 || !utf8.ValidString(text) {
		return false
	}
	return strings.IndexFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && !isPrintable(r) }) < 0
}

// isPrintable reports whether YAML 1.1 §4.1.1 and its readers take a character as it is.
// The other line breaks of YAML would be changed.
func isPrintable(r rune) bool {
	return unicode.IsPrint(r) && r != '\ufeff' && r != '\u2028' && r != '\u2029'
}

func writeBlock(b *strings.Builder, text, indent string) {
	b.WriteByte('|')
	switch body := strings.TrimRight(text, "\n"); {
	case len(body) == len(text):
		b.WriteByte('-')
	case len(body)+1 < len(text):
		b.WriteByte('+')
	}
	b.WriteByte('\n')
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString(indent)
		}
		b.WriteString(line)
	}
	if !strings.HasSuffix(text, "\n") {
		b.WriteByte('\n')
	}
}

// word writes a text on one line: as it is if no reader of YAML takes it for something
// else, else in quotes.
func word(text string) string {
	if isPlain(text) {
		return text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case isPrintable(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// isPlain reports whether a text needs no quotes: it begins like a word or a path, has no
// sign of YAML, and is none of the words that stand for other things.
func isPlain(text string) bool {
	if text == "" || !isLetter(text[0]) && !strings.HasPrefix(strings.TrimLeft(text, "."), "/") && !isName(text) {
		return false
	}
	switch strings.ToLower(text) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n":
		return false // also in YAML 1.1: yaml.org/type/bool.html
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case isLetter(c), isDigit(c), strings.IndexByte("/_.-+=@%,;()$*", c) >= 0:
		case c == ':':
			if i+1 == len(text) || text[i+1] == ' ' {
				return false
			}
		case c == ' ':
			if i+1 == len(text) || text[i+1] == '#' {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// isName reports whether a text that begins with a digit is neither a number nor a time in
// any base and form: it has a letter that none of these has.
func isName(text string) bool {
	return isDigit(text[0]) && strings.ContainsAny(text, "ghijklmnpqrsuvwyGHIJKLMNPQRSUVWY")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
