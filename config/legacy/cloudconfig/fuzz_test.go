package cloudconfig_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/rulebook/archive"
)

// FuzzTranslate: no document makes the translators panic, and what is accepted has nodes
// that lie in the text.
func FuzzTranslate(f *testing.F) {
	paths, err := filepath.Glob("../../../tests/golden/cloudconfig/*.txtar")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range archive.Parse(string(text)).Files {
			if file.Name == "input" || file.Name[:4] == "part" {
				f.Add([]byte(file.Text), false)
				f.Add([]byte(file.Text), true)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, network bool) {
		file := source.NewFile("input", data)
		o := cloudconfig.Options{Facts: map[string]string{"v1.local_hostname": "web1"}}
		var tree *source.Tree
		if network {
			tree, _, _ = cloudconfig.Network(file, o)
		} else {
			tree, _, _ = cloudconfig.TranslateParts("input", []cloudconfig.Part{
				{Text: data}, {Text: data, Merge: "list(append)+dict(no_replace,recurse_list)+str(append)"},
			}, o)
		}
		look(t, tree, &tree.Root)
	})
}

func look(t *testing.T, tree *source.Tree, n *source.Node) {
	if n.Start < 0 || n.Start > len(tree.File.Data) || n.KeyEnd > len(tree.File.Data) {
		t.Fatalf("the node %q lies outside of the text", n.Key)
	}
	for i := range n.Children {
		look(t, tree, &n.Children[i])
	}
}
