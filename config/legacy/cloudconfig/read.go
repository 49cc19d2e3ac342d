package cloudconfig

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

// read replaces the variables of the parts, joins their texts, parses and merges them. The
// tree is always there. It reports whether keys can be looked at: also if addresses are not
// known, so that all that is wrong is told at once.
func (t *translator) read(name string, parts []Part) bool {
	var joined []byte
	starts := make([]int, len(parts)+1)
	for i, p := range parts {
		starts[i] = len(joined)
		text := bytes.TrimPrefix(p.Text, []byte("\ufeff"))
		if p.Kind == Config {
			text = t.replaceVariables(name, text)
		}
		joined = append(joined, text...)
		if i+1 < len(parts) && len(joined) > 0 && joined[len(joined)-1] != '\n' {
			joined = append(joined, '\n')
		}
	}
	starts[len(parts)] = len(joined)
	t.tree = &source.Tree{File: source.NewFile(name, joined), YAML: true}
	if t.unfilled {
		return false // what is left of a template need not be YAML
	}
	unknown := len(t.found)
	var ofUser *source.Node // the merged parts of the user, once those of the vendor begin
	for i, p := range parts {
		if p.Vendor && ofUser == nil {
			root := t.tree.Root
			if ofUser, t.tree.Root = &root, (source.Node{}); t.refusesVendor(root) {
				break
			}
		}
		from, to := starts[i], starts[i+1]
		if p.Kind != Config {
			n := &source.Node{Kind: source.String, Text: string(joined[from:to]), Start: from, End: to}
			t.scripts = append(t.scripts, script{kind: p.Kind, name: p.Name, text: node{Node: n}, vendor: p.Vendor})
			continue
		}
		if root := t.parse(joined, from, to); root != nil {
			t.merge(root, p.Merge)
		}
	}
	if ofUser != nil {
		t.tree.Root = beside(*ofUser, t.tree.Root)
	}
	return !t.found[unknown:].HasErrors()
}

// refusesVendor reports whether user data want no vendor data.
func (t *translator) refusesVendor(root source.Node) bool {
	m := root.Member("vendor_data")
	if m == nil {
		return false
	}
	enabled := m.Member("enabled")
	return enabled != nil && resolve(enabled.Text).kind == source.Bool && !resolve(enabled.Text).yes
}

// parse parses one part of the joined text. What stands before it becomes a comment, so
// that places are those in the whole.
func (t *translator) parse(joined []byte, from, to int) *source.Node {
	data := joined[:to]
	if from > 0 {
		data = bytes.Clone(data)
		for i := range data[:from] {
			if data[i] != '\n' {
				data[i] = '#'
			}
		}
	}
	tree, bad := source.ParseOldYAML(source.NewFile(t.tree.File.Name, data))
	for _, e := range bad {
		e.At.File = t.tree.File
		hideSecret(e.At)
		t.found = append(t.found, diag.Diagnostic{Rule: ruleSyntax, Message: e.Message, At: e.At, Help: syntaxHelp(data[from:])})
	}
	if tree == nil {
		return nil
	}
	root := node{Node: &tree.Root}
	if root.Kind != source.Object && root.Kind != source.Null {
		t.found = append(t.found, diag.Diagnostic{
			Rule: ruleSyntax, Message: "the document is no mapping: it is " + root.Kind.String(), At: t.tree.Range(root.Node), Help: "write KEY: VALUE, each on a line of its own",
		})
		return nil
	}
	if at := secondDocument(data, root.Start); at > 0 && root.Kind == source.Object {
		t.found = append(t.found, diag.Diagnostic{
			Rule: ruleSyntax, Message: "a second YAML document begins here", Help: "put everything into one document",
			At: source.Range{File: t.tree.File, Start: at, End: at + len("---")},
		})
	}
	t.repeated(root)
	t.foreignTags(root)
	return root.Node
}

// hideSecret keeps what follows the name of a secret from being shown, in a line where a
// text breaks off, and all of a line that stands deeper than such a name.
func hideSecret(at source.Range) {
	secret := regexp.MustCompile(`(?i)[\w-]*(passw|private|secret|token|content|chpasswd|list)[\w-]*["']?\s*:`)
	number := at.Position().Line
	start := at.Start - (at.Position().ByteColumn - 1)
	line := at.File.Line(number)
	if found := secret.FindStringIndex(line); found != nil {
		at.File.Hide(start+found[1], start+len(line))
	}
	for indent := depth(line); number > 1 && indent > 0; {
		number--
		if above := at.File.Line(number); depth(above) < indent && strings.TrimSpace(above) != "" {
			if indent = depth(above); secret.MatchString(above) {
				at.File.Hide(start, start+len(line))
			}
		}
	}
}

func depth(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

func syntaxHelp(data []byte) string {
	if bytes.Contains(data, []byte("\n\t")) {
		return "indent with spaces: YAML takes no tabs there"
	}
	return ""
}

// secondDocument finds the line that starts another document; 0 if there is none.
func secondDocument(data []byte, from int) int {
	for _, marker := range []string{"\n---", "\n...\n"} {
		if i := bytes.Index(data[from:], []byte(marker)); i >= 0 {
			at := from + i + 1
			rest := data[at+len("---"):]
			if marker != "\n---" && len(bytes.TrimSpace(rest)) == 0 {
				continue
			}
			if len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0 {
				return at
			}
		}
	}
	return 0
}

// repeated warns of keys that a later equal one makes void.
func (t *translator) repeated(n node) {
	if n.Alias {
		return
	}
	if n.Kind == source.List {
		for i := range n.Children {
			t.repeated(n.item(i))
		}
	}
	if n.Kind != source.Object {
		return
	}
	last := n.Members()
	for i := range n.Children {
		c := node{Node: &n.Children[i], path: n.path.At(n.Children[i].Key)}
		if c.Merged {
			continue
		}
		if counts := last(c.Key); counts != c.Node && c.Key != "<<" && !counts.Merged {
			t.warn(ruleRepeated, c, t.tree.KeyRange(c.Node), "the key %q has no effect: it stands again in line %d",
				c.Key, t.tree.File.Position(counts.KeyStart).Line)
			t.drop(c, "the same key stands again below")
		}
		t.repeated(c)
	}
}

// foreignTags refuses tags that safe_load of PyYAML does not know.
func (t *translator) foreignTags(n node) {
	if n.Alias {
		return
	}
	switch tag, _ := n.Written(); tag {
	case "", "!!null", "!!bool", "!!int", "!!float", "!!str", "!!binary", "!!timestamp", "!!map", "!!seq", "!!merge", "!!set", "!!omap", "!!pairs":
	default:
		t.fail(n, "remove the tag", "the tag %s is none that cloud-configs know", tag)
	}
	for i := range n.Children {
		c := n.item(i)
		if n.Kind == source.Object {
			c.path = n.path.At(c.Key)
		}
		if !c.Merged {
			t.foreignTags(c)
		}
	}
}
