package golden

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/reports"
	"github.com/kindling-boot/kindling/rulebook/archive"
	"github.com/kindling-boot/kindling/tests/programs"
	"github.com/kindling-boot/kindling/transpiler"
)

// Each file of cloudconfig/ has a cloud-config, and the Butane document that it becomes,
// what became of its keys, and what is said about it. The lines above the first file are
// options: "dialect: coreos", "packages: apt", "user: NAME", "fact: NAME=VALUE",
// "document: network". Several parts are files named part, with the kind and the name, or
// how to merge, after it.
func TestCloudConfig(t *testing.T) {
	covered := coverage{}
	eachArchive(t, "cloudconfig", func(t *testing.T, _ string, a *archive.Archive) {
		tree, notes, found := translateCloudConfig(t, a)
		covered.add(notes, found, strings.Contains(a.Comment, "document: network"))
		document := ""
		if !found.HasErrors() {
			document = butaneText(t, tree)
			mustTranslate(t, document)
		}
		a.Set("butane", document)
		a.Set("notes", notesText(notes))
		a.Set("said", diagnosticsText(t, found))
		for _, name := range []string{"said", "notes"} {
			if text, _ := a.Find(name); strings.Contains(text, "hidden") {
				t.Error("a secret is shown")
			}
		}
	})
	for _, k := range cloudconfig.Keys() {
		if !covered[plainKey(k.Path)] {
			t.Errorf("the key %s has no golden file", k.Path)
		}
	}
}

func translateCloudConfig(t *testing.T, a *archive.Archive) (*source.Tree, legacy.Notes, diag.List) {
	t.Helper()
	o := cloudconfig.Options{}
	network := false
	for line := range strings.Lines(a.Comment) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "dialect":
			o.Dialect = map[string]cloudconfig.Dialect{"coreos": cloudconfig.CoreOS, "cloud-init": cloudconfig.CloudInit}[value]
		case "packages":
			o.Packages = value
		case "user":
			o.DefaultUser = value
		case "fact":
			if o.Facts == nil {
				o.Facts = map[string]string{}
			}
			name, fact, _ := strings.Cut(value, "=")
			o.Facts[name] = fact
		case "document":
			network = value == "network"
		}
	}
	var parts []cloudconfig.Part
	for _, f := range a.Files {
		words := strings.Fields(f.Name)
		if words[0] != "part" {
			continue
		}
		p := cloudconfig.Part{Text: []byte(f.Text), Name: words[1]}
		for _, w := range words[2:] {
			switch w {
			case "script":
				p.Kind = cloudconfig.Script
			case "per-boot":
				p.Kind = cloudconfig.ScriptPerBoot
			case "boothook":
				p.Kind = cloudconfig.Boothook
			default:
				p.Merge = w
			}
		}
		parts = append(parts, p)
	}
	if len(parts) > 0 {
		return cloudconfig.TranslateParts("user-data", parts, o)
	}
	f := source.NewFile("user-data", []byte(input(t, a)))
	if network {
		return cloudconfig.Network(f, o)
	}
	return cloudconfig.Translate(f, o)
}

// mustTranslate checks that the document is valid: a cloud-config that is accepted must not
// fail later.
func mustTranslate(t *testing.T, document string) {
	t.Helper()
	output, _, found := transpiler.Translate(source.NewFile("made.bu", []byte(document)), transpiler.Options{})
	if output == nil || len(found) > 0 {
		t.Errorf("the document that was made is refused or warned of:\n%s", diagnosticsText(t, found))
	}
}

func diagnosticsText(t *testing.T, found diag.List) string {
	t.Helper()
	var said bytes.Buffer
	if err := reports.Text(&said, found, reports.Options{}); err != nil {
		t.Fatal(err)
	}
	return said.String()
}

func notesText(notes legacy.Notes) string {
	var b strings.Builder
	for _, n := range notes {
		how := ""
		if n.How != "" {
			how = ": " + n.How
		}
		fmt.Fprintf(&b, "%d %s %s%s\n", n.At.Position().Line, n.Fate, n.Path, how)
	}
	return b.String()
}

// butaneText writes the tree as YAML.
func butaneText(t *testing.T, tree *source.Tree) string {
	t.Helper()
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(yamlOf(&tree.Root)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func yamlOf(n *source.Node) *yaml.Node {
	switch n.Kind {
	case source.Object:
		y := &yaml.Node{Kind: yaml.MappingNode}
		for i := range n.Children {
			c := &n.Children[i]
			y.Content = append(y.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: c.Key}, yamlOf(c))
		}
		return y
	case source.List:
		y := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range n.Children {
			y.Content = append(y.Content, yamlOf(&n.Children[i]))
		}
		return y
	case source.String:
		y := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: n.Text}
		if strings.Contains(n.Text, "\n") {
			y.Style = yaml.LiteralStyle
		}
		return y
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: n.Text}
}

// TestCloudConfigManual: the tables of the manual are those of the translator.
func TestCloudConfigManual(t *testing.T) {
	path := filepath.Join(programs.Root(t), "docs", "cloud-config.md")
	old := read(t, path)
	head, _, found := strings.Cut(old, keysHeading)
	if !found {
		t.Fatalf("%s has no heading %q", path, keysHeading)
	}
	var b strings.Builder
	b.WriteString(head + keysHeading)
	section := ""
	for _, k := range cloudconfig.Keys() {
		name := "user data"
		switch {
		case strings.HasPrefix(k.Path, "coreos."):
			name = "`coreos`"
		case strings.HasPrefix(k.Path, "network ("):
			name, _, _ = strings.Cut(k.Path, ".")
		}
		if name != section {
			section = name
			fmt.Fprintf(&b, "\n### Keys of %s\n\n| key | | |\n|---|---|---|\n", section)
		}
		how := k.How
		if k.Help != "" {
			how += "; " + k.Help
		}
		_, path, isNetwork := strings.Cut(k.Path, ").")
		if !isNetwork {
			path = k.Path
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", path, k.Class, how)
	}
	compare(t, path, b.String(), old)
}

// keysHeading is above what the test writes.
const keysHeading = "## Keys\n"

// coverage are the keys that golden files have.
type coverage map[string]bool

func (c coverage) add(notes legacy.Notes, found diag.List, network bool) {
	add := func(p source.Path) {
		if network && len(p) > 1 && p[0].Key == "network" {
			p = p[1:]
		}
		c.path(p)
	}
	for _, n := range notes {
		add(n.Path)
	}
	for _, d := range found {
		add(d.Path)
	}
}

// path adds a path and those above it, also with each of its steps as a name that the table
// does not know.
func (c coverage) path(p source.Path) {
	var steps []string
	for _, s := range p {
		if !s.IsIndex {
			steps = append(steps, plainKey(s.Key))
		}
	}
	for i := range steps {
		c[strings.Join(steps[:i+1], ".")] = true
		for j := range i + 1 {
			for _, wild := range []string{"DEVICE", "NAME"} {
				named := append([]string(nil), steps[:i+1]...)
				named[j] = wild
				c[strings.Join(named, ".")] = true
			}
		}
	}
}

// plainKey writes a path of the table as coverage has it.
func plainKey(path string) string {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "network (version 1)."), "network (version 2).")
	return strings.ReplaceAll(strings.ReplaceAll(path, "[]", ""), "-", "_")
}
