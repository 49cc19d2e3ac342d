package cloudconfig

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

// scalar is what a scalar means in YAML 1.1, as PyYAML reads it.
type scalar struct {
	kind   source.Kind // Null, Bool, Number, String
	yes    bool        // of a Bool
	number int64       // of a Number, if it is whole
	whole  bool
}

// meaning resolves a scalar by the types of YAML 1.1: https://yaml.org/type/.
func meaning(n *source.Node) scalar {
	if n.Kind == source.List || n.Kind == source.Object {
		return scalar{kind: n.Kind}
	}
	if _, plain := n.Written(); !plain {
		if n.Kind == source.Number || n.Kind == source.Bool { // an explicit tag
			return resolve(n.Text)
		}
		return scalar{kind: n.Kind}
	}
	return resolve(n.Text)
}

func resolve(text string) scalar {
	switch text {
	case "", "~", "null", "Null", "NULL":
		return scalar{kind: source.Null}
	case "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON":
		return scalar{kind: source.Bool, yes: true}
	case "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF":
		return scalar{kind: source.Bool}
	}
	if i, ok := oldInteger(text); ok {
		return scalar{kind: source.Number, number: i, whole: true}
	}
	if isOldFloat(text) {
		return scalar{kind: source.Number}
	}
	return scalar{kind: source.String}
}

// oldInteger reads an integer of YAML 1.1: with underscores, a leading 0 for octal digits,
// 0x, 0b, and base 60 with colons. 0o is none.
func oldInteger(text string) (int64, bool) {
	digits, negative := strings.CutPrefix(text, "-")
	if !negative {
		digits = strings.TrimPrefix(digits, "+")
	}
	if digits == "" || digits[0] < '0' || digits[0] > '9' {
		return 0, false
	}
	digits = strings.ReplaceAll(digits, "_", "")
	base := 10
	switch {
	case strings.Contains(digits, ":"):
		return base60(digits, negative)
	case strings.HasPrefix(digits, "0b"):
		digits, base = digits[2:], 2
	case strings.HasPrefix(digits, "0x"):
		digits, base = digits[2:], 16
	case len(digits) > 1 && digits[0] == '0':
		base = 8
	}
	if digits == "" || digits[0] == '-' || digits[0] == '+' {
		return 0, false
	}
	i, err := strconv.ParseInt(digits, base, 64)
	if negative {
		i = -i
	}
	return i, err == nil
}

func base60(digits string, negative bool) (int64, bool) {
	var out int64
	for i, part := range strings.Split(digits, ":") {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil || i > 0 && n > 59 || part[0] == '0' && i == 0 || out > math.MaxInt64/120 {
			return 0, false
		}
		out = out*60 + int64(n)
	}
	if negative {
		out = -out
	}
	return out, true
}

// isOldFloat reports whether a text is a number with a fraction: in YAML 1.1 an exponent
// needs its sign.
func isOldFloat(text string) bool {
	switch strings.TrimLeft(text, "+-") {
	case ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN":
		return true
	}
	if !strings.Contains(text, ".") || strings.Trim(text, "0123456789._+-eE:") != "" || strings.Trim(text, "._+-:") == "" {
		return false
	}
	_, err := strconv.ParseFloat(strings.ReplaceAll(text, "_", ""), 64)
	return err == nil
}

// text returns the text of a scalar. What would be another text to the original programs,
// a number that is not written plainly or a boolean, must be in quotes.
func (t *translator) text(n node) (string, bool) {
	m := meaning(n.Node)
	switch m.kind {
	case source.String:
		return n.Text, true
	case source.Null:
		return "", true
	case source.Number:
		if m.whole && strconv.FormatInt(m.number, 10) == n.Text || !m.whole {
			return n.Text, true
		}
		if !t.isSecret(n) {
			t.fail(n, `write "`+n.Text+`" for the text, or `+strconv.FormatInt(m.number, 10)+" for the number",
				"%s is a text, but %s is the number %d in YAML 1.1", t.nameOf(n), n.Text, m.number)
			break
		}
		t.notText(n, m)
	case source.Bool:
		t.notText(n, m)
	default:
		t.wrongKind(n, "a text")
	}
	return "", false
}

// line is text for what must be one line without control characters, and not empty.
func (t *translator) line(n node) (string, bool) {
	s, ok := t.text(n)
	if !ok {
		return "", false
	}
	if s == "" || strings.TrimSpace(s) != s || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.fail(n, "give text in one line, without white space around it", "%s is empty, or not one line of text", t.nameOf(n))
		return "", false
	}
	return s, true
}

// boolean returns a boolean. The original programs also take texts and numbers for one.
func (t *translator) boolean(n node) (yes, ok bool) {
	m := meaning(n.Node)
	switch {
	case m.kind == source.Bool:
		return m.yes, true
	case m.kind == source.Number && m.whole && (m.number == 0 || m.number == 1):
		return m.number == 1, true
	case m.kind == source.String:
		if s := resolve(n.Text); s.kind == source.Bool {
			return s.yes, true
		}
		if n.Text == "1" || n.Text == "0" {
			return n.Text == "1", true
		}
	}
	t.fail(n, "write true or false", "%s is true or false, but this is neither", t.nameOf(n))
	return false, false
}

// integer returns a whole number, which may be in quotes.
func (t *translator) integer(n node) (int64, bool) {
	m := meaning(n.Node)
	if m.kind == source.Number && m.whole {
		return m.number, true
	}
	if m.kind == source.String {
		if i, err := strconv.ParseInt(n.Text, 10, 64); err == nil {
			return i, true
		}
	}
	t.fail(n, "write plain digits", "%s is a whole number, but this is none", t.nameOf(n))
	return 0, false
}

// items returns the items of a list.
func (t *translator) items(n node) []node {
	if n.Kind != source.List {
		t.wrongKind(n, "a list")
		return nil
	}
	out := make([]node, 0, len(n.Children))
	for i := range n.Children {
		out = append(out, n.item(i))
	}
	return out
}

// list is items for what may be one text as well, which is a list of itself.
func (t *translator) list(n node) []node {
	switch kind := meaning(n.Node).kind; {
	case n.Kind == source.List:
		return t.items(n)
	case kind == source.String:
		return []node{n}
	case kind != source.Null:
		t.wrongKind(n, "a list or a text")
	}
	return nil
}

// word returns a text where a number is none: nobody has it for a name.
func (t *translator) word(n node) (string, bool) {
	switch m := meaning(n.Node); m.kind {
	case source.String:
		return n.Text, true
	case source.Number, source.Bool:
		t.notText(n, m)
	default:
		t.wrongKind(n, "a text")
	}
	return "", false
}

// notText reports a scalar that needs quotes to be a text.
func (t *translator) notText(n node, m scalar) {
	if t.isSecret(n) {
		t.fail(n, "write it in quotes", "%s is a text, but without quotes this is %s in YAML 1.1", t.nameOf(n), m.kind)
		return
	}
	t.fail(n, `write "`+n.Text+`" in quotes`, "%s is a text, but %s is %s in YAML 1.1", t.nameOf(n), n.Text, m.kind)
}

// isSecret reports whether a value must not be shown.
func (t *translator) isSecret(n node) bool { return t.tree.File.IsHidden(n.Start) }

// texts are the items that are a word.
func (t *translator) texts(items []node) []node {
	return slices.DeleteFunc(items, func(n node) bool {
		_, ok := t.word(n)
		return !ok
	})
}

// words returns the items of a list of texts, or the parts between commas of one text.
func (t *translator) words(n node) (words []string, from []node) {
	for _, item := range t.list(n) {
		s, ok := t.word(item)
		if !ok {
			continue
		}
		parts := []string{s}
		if n.Kind != source.List {
			parts = strings.Split(s, ",")
		}
		for _, part := range parts {
			if part = strings.TrimSpace(part); part != "" {
				words, from = append(words, part), append(from, item)
			}
		}
	}
	return words, from
}

// lines are the texts of items, each one line.
func (t *translator) lines(items []node) (lines []string, from []node) {
	for _, item := range items {
		if s, ok := t.line(item); ok {
			lines, from = append(lines, s), append(from, item)
		}
	}
	return lines, from
}

// oneOf returns a text that is one of the values.
func (t *translator) oneOf(n node, values ...string) (string, bool) {
	s, ok := t.text(n)
	if !ok {
		return "", false
	}
	for _, v := range values {
		if s == v {
			return s, true
		}
	}
	t.fail(n, "write one of "+strings.Join(values, ", "), "%s cannot be %q", t.nameOf(n), s)
	return "", false
}
