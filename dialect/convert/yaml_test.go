package convert

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/kindling-boot/kindling/config/source"
)

// FuzzText: what is written is read as the same text, wherever it stands.
func FuzzText(f *testing.F) {
	for _, s := range []string{
		"", "a", "null", "No", "~", "0644", "1e3", "10-user.conf", "2001-12-14", "12:30:45", "../x", "/etc/x y", "a: b", "a #b", "a:", "- a", "? a",
		"a\nb", "a\nb\n", "a\n\n\nb\n\n", " a\nb\n", "\ta\n", "\n", "\na\n", "a\n b\n\tc \n", "a\r\nb\n", "a\u0085b\nc", "a\u2028b\n", "\ufeffa\nb\n", "%a\nb\n",
		"#!/bin/sh\n", "---\na\n", "...\n", "a\x00b", "\x7f", "\u00e4\n\u20ac\n", "\U0001f600", "|", ">", "*a", "&a", "!a", "a,b", "{a", "=", "<<", "a\tb", "a ", "\"", "'", "\\",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return // no config has it
		}
		leaf := func(key string) node { return node{key: key, text: text} }
		root := node{kind: object, children: []node{
			leaf("a"), {key: "b", kind: list, children: []node{leaf(""), {kind: object, children: []node{leaf("c"), leaf("d")}}, leaf("")}}, leaf("e"),
		}}
		var b strings.Builder
		writeMembers(&b, &root, "", "")
		tree, bad := source.ParseYAML(source.NewFile("x", []byte(b.String())))
		if len(bad) > 0 {
			t.Fatalf("%v in\n%s", bad[0].Message, b.String())
		}
		for _, path := range []source.Path{
			source.Path{}.At("a"), source.Path{}.At("b", 0), source.Path{}.At("b", 1, "c"), source.Path{}.At("b", 1, "d"),
			source.Path{}.At("b", 2), source.Path{}.At("e"),
		} {
			if n, exact := tree.Find(path); !exact || n.Kind != source.String || n.Text != text {
				t.Fatalf("%s is %q, want %q, in\n%s", path, n.Text, text, b.String())
			}
		}
	})
}
