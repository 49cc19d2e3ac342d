package source

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"gopkg.in/yaml.v3"
)

// maxAliased bounds how many values the aliases of a document may stand for in
// all, so that a small document cannot become a huge one.
const maxAliased = 1_000_000

// ParseYAML parses the first document of a YAML stream. Text in UTF-16 and a byte
// order mark are accepted, as yaml.v3 does. It reports repeated keys together, up to a hundred.
// An empty document is a Null root. Documents beyond MaxYAML and MaxValues are
// refused.
func ParseYAML(f *File) (*Tree, []*SyntaxError) { return parseYAML(f, false) }

// ParseOldYAML parses YAML 1.1 as other programs do: the last of repeated keys counts, lists
// keep empty items. What plain scalars mean is left to the caller, see Node.Written.
func ParseOldYAML(f *File) (*Tree, []*SyntaxError) { return parseYAML(f, true) }

func parseYAML(f *File, old bool) (*Tree, []*SyntaxError) {
	if len(f.Data) > MaxYAML {
		return nil, []*SyntaxError{tooLong(f, MaxYAML, "YAML")}
	}
	f = decodeText(f)
	if bad := checkYAMLValues(f); bad != nil {
		return nil, []*SyntaxError{bad}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(f.Data, &doc); err != nil {
		return nil, []*SyntaxError{yamlSyntaxError(f, err)}
	}
	t := &Tree{File: f, YAML: true, anchors: map[*yaml.Node]*anchored{}}
	if len(doc.Content) == 0 {
		return t, nil
	}
	b := yamlBuilder{file: f, anchors: t.anchors, old: old}
	weight := b.value(&t.Root, doc.Content[0])
	if len(b.errs) == 0 && (b.copied > maxAliased || weight > b.written+maxAliased) {
		b.fail(t.Root.Start, "the aliases of this document stand for more than %d values", maxAliased)
	}
	if len(b.errs) > 0 {
		return nil, b.errs
	}
	return t, nil
}

// decodeText returns the file without a byte order mark, in UTF-8, so that
// offsets fit the text people see.
func decodeText(f *File) *File {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(f.Data, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(f.Data, []byte("\xfe\xff")):
		order = binary.BigEndian
	default:
		return &File{Name: f.Name, Data: bytes.TrimPrefix(f.Data, []byte("\xef\xbb\xbf")), yaml: true}
	}
	units := make([]uint16, 0, len(f.Data)/2)
	for rest := f.Data[2:]; len(rest) >= 2; rest = rest[2:] {
		units = append(units, order.Uint16(rest))
	}
	return &File{Name: f.Name, Data: []byte(string(utf16.Decode(units))), yaml: true}
}

// yamlSyntaxError finds the line in the text of a parser error: yaml.v3 gives it
// nowhere else.
func yamlSyntaxError(f *File, err error) *SyntaxError {
	text, out := err.Error(), &SyntaxError{At: Range{File: f}}
	if m := regexp.MustCompile(`^(?:yaml: )?(?:unmarshal errors:\s+)?line (\d+): `).FindStringSubmatch(text); m != nil {
		number, _ := strconv.Atoi(m[1]) // digits, by the pattern
		text = text[len(m[0]):]
		content := f.Line(number)
		out.At.Start = f.offsetOf(number, 1+len(content)-len(strings.TrimLeft(content, " ")))
		out.At.End = out.At.Start + len(strings.TrimSpace(content))
	} else if i := bytes.IndexFunc(f.Data, func(r rune) bool { return r == '\uFFFD' || r < ' ' && !strings.ContainsRune("\t\r\n", r) }); i >= 0 {
		out.At.Start, out.At.End, text = i, i+1, fmt.Sprintf("the byte 0x%02X is no text in UTF-8: save the file in that encoding", f.Data[i])
	}
	out.Message = strings.TrimPrefix(text, "yaml: ")
	return out
}

// anchored is a value that aliases refer to.
type anchored struct {
	node   Node
	weight int
	open   bool // still being built: an alias inside refers to itself
}

// yamlBuilder turns nodes of the parser into nodes of a tree. An alias shares the
// children of its anchor; weights tell how many values the document has with
// all aliases written out.
type yamlBuilder struct {
	file    *File
	anchors map[*yaml.Node]*anchored
	errs    []*SyntaxError
	written int
	copied  int  // by merge keys
	old     bool // YAML 1.1
}

// maxMarked is the number of bytes that an error marks at most.
const maxMarked = 256

// maxErrors is the number of errors that a document gets at most.
const maxErrors = 100

func (b *yamlBuilder) fail(at int, format string, args ...any) {
	if len(b.errs) == maxErrors {
		return
	}
	end := at
	for end < len(b.file.Data) && b.file.Data[end] != '\n' && end < at+maxMarked {
		end++
	}
	b.errs = append(b.errs, &SyntaxError{
		At:      Range{File: b.file, Start: at, End: end},
		Message: fmt.Sprintf(format, args...),
	})
}

// value fills n from y and returns its weight.
func (b *yamlBuilder) value(n *Node, y *yaml.Node) int {
	b.written++
	n.Start, n.End = b.file.offsetOf(y.Line, y.Column), -1
	n.yaml = y
	var a *anchored
	if y.Anchor != "" && y.Kind != yaml.AliasNode {
		a = &anchored{open: true}
		b.anchors[y] = a
	}
	weight := 1
	switch y.Kind {
	case yaml.AliasNode:
		weight = b.alias(n, y)
	case yaml.MappingNode:
		weight = b.mapping(n, y)
	case yaml.SequenceNode:
		n.Kind = List
		n.Children = make([]Node, 0, len(y.Content))
		for _, item := range y.Content {
			if item.Tag == "!!null" && item.Kind == yaml.ScalarNode && !b.old {
				continue // yaml.v3 leaves out the empty items of a list
			}
			n.Children = append(n.Children, Node{})
			weight = min(weight+b.value(&n.Children[len(n.Children)-1], item), 1<<40)
		}
	default:
		b.scalar(n, y)
	}
	if a != nil {
		a.node, a.weight, a.open = *n, weight, false
	}
	return weight
}

func (b *yamlBuilder) scalar(n *Node, y *yaml.Node) {
	n.Text, n.Kind = y.Value, String
	switch y.Tag {
	case "!!null":
		n.Kind = Null
	case "!!bool":
		n.Kind = Bool
	case "!!int", "!!float":
		n.Kind = Number
	case "!!binary":
		if err := y.Decode(&n.Text); err != nil {
			b.fail(n.Start, "this is not base64, which the tag !!binary asks for")
		}
	}
}

func (b *yamlBuilder) alias(n *Node, y *yaml.Node) int {
	a := b.anchors[y.Alias]
	if a == nil || a.open {
		b.fail(n.Start, "the alias *%s stands inside the value it refers to", y.Value)
		return 1
	}
	n.Kind, n.Text, n.Children = a.node.Kind, a.node.Text, a.node.Children
	n.yaml = a.node.yaml
	n.Alias = true
	return a.weight
}

func (b *yamlBuilder) mapping(n *Node, y *yaml.Node) int {
	n.Kind = Object
	n.Children = make([]Node, len(y.Content)/2)
	weight := 1
	var merges []*Node
	for i := range n.Children {
		child, key := &n.Children[i], y.Content[2*i]
		child.KeyStart = b.file.offsetOf(key.Line, key.Column)
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			b.fail(child.KeyStart, "a key must be a plain word, not a list or another mapping")
		}
		child.Key = key.Value
		child.KeyEnd = child.KeyStart + len(key.Value)
		if key.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
			child.KeyEnd += 2
		}
		weight = min(weight+b.value(child, y.Content[2*i+1]), 1<<40)
		if key.Tag == "!!merge" {
			merges = append(merges, child)
		}
	}
	if !b.old {
		b.checkRepeated(n)
	}
	if len(merges) > 0 {
		has := make(map[string]bool, len(n.Children))
		for i := range n.Children {
			has[n.Children[i].Key] = true
		}
		for _, m := range merges {
			weight = min(weight+b.merge(n, m, has), 1<<40)
		}
	}
	return weight
}

func (b *yamlBuilder) checkRepeated(n *Node) {
	repeated := func(i, first int) {
		c := &n.Children[i]
		line := b.file.Position(n.Children[first].KeyStart).Line
		b.fail(c.KeyStart, "the key %q stands here again; it was given first in line %d", c.Key, line)
	}
	if len(n.Children) <= 8 { // nearly all: no map is needed
		for i := range n.Children {
			for j := range i {
				if n.Children[i].Key == n.Children[j].Key {
					repeated(i, j)
					break
				}
			}
		}
		return
	}
	seen := make(map[string]int, len(n.Children))
	for i := range n.Children {
		if first, found := seen[n.Children[i].Key]; found {
			repeated(i, first)
			continue
		}
		seen[n.Children[i].Key] = i
	}
}

// merge adds the members that a merge key brings: those the object does not have
// itself. In a list of mappings the first one that has a key wins.
func (b *yamlBuilder) merge(n, from *Node, has map[string]bool) (weight int) {
	switch from.Kind {
	case Object:
		for _, c := range from.Children {
			if b.copied > maxAliased {
				break
			}
			if has[c.Key] { // it has the merge key itself, too
				continue
			}
			has[c.Key] = true
			b.copied++
			c.Merged = true
			n.Children = append(n.Children, c)
			weight += 1 + len(c.Children)
		}
		return weight
	case List:
		if !slices.ContainsFunc(from.Children, func(c Node) bool { return c.Kind != Object }) {
			for i := range from.Children {
				weight += b.merge(n, &from.Children[i], has)
			}
			return weight
		}
	}
	b.fail(from.Start, "a merge key (<<) takes a mapping or a list of mappings")
	return 0
}

// scanEnd finds the end of a node that came from YAML, whose parser tells starts
// only. Blocks end with their first line: that is what an excerpt shows.
func (t *Tree) scanEnd(n *Node) int {
	data := t.File.Data
	at := min(n.Start, len(data))
	line := data[at:]
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i]
	}
	text := string(line)
	if len(n.Text) > 0 && !n.Alias && n.Kind != List && n.Kind != Object && strings.HasPrefix(text, n.Text) {
		return at + len(n.Text)
	}
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		for i := 1; i < len(text); i++ {
			switch {
			case text[i] == '\\' && text[0] == '"':
				i++
			case text[i] == text[0]:
				return at + i + 1
			}
		}
	}
	if n.Alias {
		if i := strings.IndexAny(text, " ,]}\t"); i > 0 {
			return at + i
		}
	}
	if i := strings.Index(text, " #"); i > 0 {
		text = text[:i]
	}
	return at + len(strings.TrimRight(text, " \t\r"))
}

// Scalar decodes a scalar from YAML by the rules of yaml.v3 into out, a pointer
// to a bool or an integer. ok is false when the scalar is no such thing.
func (n *Node) Scalar(out any) (ok bool) {
	return n.yaml != nil && n.yaml.Decode(out) == nil
}

// Written tells the tag of a node from YAML, that of the parser if the text has none, and
// whether it is a plain scalar without a tag, which means different things in YAML 1.1 and 1.2.
func (n *Node) Written() (tag string, plain bool) {
	if n.yaml != nil {
		tag, plain = n.yaml.Tag, n.yaml.Kind == yaml.ScalarNode && n.yaml.Style&^yaml.FlowStyle == 0
	}
	return tag, plain
}
