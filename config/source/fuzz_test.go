package source

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"unicode/utf8"

	vjson "github.com/coreos/vcontext/json"
	"github.com/coreos/vcontext/tree"
)

// Differential: what is JSON is what encoding/json takes for it, and what starts
// where is what the field's own tool says.
func FuzzSourceJSON(f *testing.F) {
	for _, s := range []string{
		``, ` `, `{}`, `[]`, `{"a":1}`, "\t{ \"a\" : [ 1 , -0.5e+3, true,\r\nfalse, null, \"x\" ] }\n", `{"a":{"b":{"c":[[],[{}]]}}}`,
		`"é€𐍈\u00e9\ud834\udd1e\ud834x\udd1e\n"`, "\"\xff\xc3\"", `{"a":1,"a":{"b":2}}`, `{"é":1,"\u00e9":2}`, `01`, `-`, `1.`, `1e`, `+1`, `.5`,
		`{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `{"a"}`, `{"a":}`, `{1:2}`, `[1 2]`, `{} {}`, `nul`, `truex`, `"\x"`, `"\u12g4"`, "\"\n\"", "\"\x00\"",
		"\xef\xbb\xbf{}", `'a'`, `{"a":1}//c`, `/**/{}`, `NaN`, `[[[[[[[[[[`, "\v{}", "{\"a\"\n:\n1\n}\n", `[1e999]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := NewFile("x", data)
		got, bad := ParseJSON(file)
		if valid := json.Valid(data); valid != (bad == nil) {
			t.Fatalf("encoding/json: valid %t; here: %v", valid, bad)
		}
		if bad != nil {
			inBounds(t, bad.At)
			return
		}
		nodesInBounds(t, got, &got.Root, 0, len(data))
		if repeats(&got.Root) || got.Root.Kind < List {
			return // the oracle joins them, and reads no bare scalar
		}
		if json.Unmarshal(data, new(any)) != nil {
			return // a number beyond float64, which the oracle cannot hold either
		}
		want, err := vjson.UnmarshalToContext(data)
		if err != nil {
			t.Fatalf("vcontext: %v", err)
		}
		sameStarts(t, &got.Root, want)
	})
}

// repeats reports whether any object repeats a key.
func repeats(n *Node) bool {
	seen := map[string]bool{}
	for i := range n.Children {
		c := &n.Children[i]
		if n.Kind == Object && seen[c.Key] || repeats(c) {
			return true
		}
		seen[c.Key] = true
	}
	return false
}

// sameStarts compares the places of all nodes with those of the oracle.
func sameStarts(t *testing.T, n *Node, want tree.Node) {
	t.Helper()
	if at := want.GetMarker().StartP; at == nil || int(at.Index) != n.Start {
		t.Fatalf("%s starts at %d, by the oracle at %v", n.Kind, n.Start, at)
	}
	switch want := want.(type) {
	case tree.MapNode:
		if len(n.Children) != len(want.Children) {
			t.Fatalf("an object has %d members, by the oracle %d", len(n.Children), len(want.Children))
		}
		for i := range n.Children {
			c := &n.Children[i]
			if at := want.Keys[c.Key].GetMarker().StartP; at == nil || int(at.Index) != c.KeyStart {
				t.Fatalf("the key %q starts at %d, by the oracle at %v", c.Key, c.KeyStart, at)
			}
			sameStarts(t, c, want.Children[c.Key])
		}
	case tree.SliceNode:
		if len(n.Children) != len(want.Children) {
			t.Fatalf("a list has %d items, by the oracle %d", len(n.Children), len(want.Children))
		}
		for i := range n.Children {
			sameStarts(t, &n.Children[i], want.Children[i])
		}
	}
}

func inBounds(t *testing.T, r Range) {
	t.Helper()
	if r.IsZero() || r.Start < 0 || r.End < r.Start || r.End > len(r.File.Data) {
		t.Fatalf("range %d to %d in %d bytes", r.Start, r.End, len(r.File.Data))
	}
	e := r.Excerpt(20)
	if n := utf8.RuneCountInString(e.Before + e.Marked + e.After); n > 60 {
		t.Fatalf("an excerpt of %d characters", n)
	}
}

// nodesInBounds checks that nodes lie inside of what holds them.
func nodesInBounds(t *testing.T, tr *Tree, n *Node, from, to int) {
	t.Helper()
	if n.Start < from || n.End < n.Start || n.End > to {
		t.Fatalf("%s from %d to %d inside of %d to %d", n.Kind, n.Start, n.End, from, to)
	}
	inBounds(t, tr.Range(n))
	for i := range n.Children {
		c := &n.Children[i]
		if n.Kind == Object {
			if c.KeyStart < n.Start || c.KeyEnd < c.KeyStart+2 || c.KeyEnd > c.Start {
				t.Fatalf("the key %q from %d to %d, its value from %d", c.Key, c.KeyStart, c.KeyEnd, c.Start)
			}
			if text := tr.File.Data[c.KeyStart:c.KeyEnd]; text[0] != '"' || text[len(text)-1] != '"' {
				t.Fatalf("the key %q stands in the text as %s", c.Key, text)
			}
		}
		nodesInBounds(t, tr, c, n.Start, n.End)
	}
}

func FuzzParseYAML(f *testing.F) {
	for _, s := range []string{
		"", "a: b\n", "---\na: 1\n---\nb: 2\n", "a: &x {b: c}\nd: *x\n", "a: &x\n  - *x\n", "<<: {a: 1}\nb: 2\n", "x: &x {a: 1}\ny: {<<: [*x, {b: 2}], c: 3}\n",
		"a: |\n  text\n  more\nb: >-\n  folded\n", "? a\n: b\n", "? [a]\n: b\n", "a: !!binary aGVsbG8=\n", "a: !!binary ?\n", "a: 0o17\nb: 0x1F\nc: 1_000\nd: ~\ne: yes\n",
		"\xef\xbb\xbfa: b\n", "\xff\xfea\x00:\x00 \x00b\x00\n\x00", "\xfe\xff\x00a\x00:\x00 \x00b", "\xff\xfea", "a: 1\r\nb: 2\r\n", "a:\u0085 b\u2028", "a: 1\na: 2\n",
		"a: \"\\u00e9\\\n  x\"\n", "{a: [1, {b: 'c''d'}], \"e\": f}", "- - - a\n    - b\n", "\t", "a: [", "a: }", "%YAML 1.1\n---\n", "!!map {a: b}", "&a a: *a", "日本: 語 # é\n",
		"a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nd: [*c,*c]\n", "<<: 1", "<<: [1]", "<<: *x", "*x : 1", "a: !!merge b", "!!merge a: {b: c}", "a: !!null x", "\x00", "a\x7f: b",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, bad := ParseYAML(NewFile("x", data))
		for _, e := range bad {
			inBounds(t, e.At)
			if e.Message == "" {
				t.Fatal("an error without a message")
			}
		}
		if len(bad) > 0 {
			return
		}
		count := 0
		yamlInBounds(t, got, &got.Root, &count)
	})
}

func yamlInBounds(t *testing.T, tr *Tree, n *Node, count *int) {
	t.Helper()
	if *count++; *count > 100_000 {
		return // aliases within the limit can still be many
	}
	inBounds(t, tr.Range(n))
	inBounds(t, tr.KeyRange(n))
	for i := range n.Children {
		if n.Kind != Object && n.Kind != List {
			t.Fatalf("%s has children", n.Kind)
		}
		yamlInBounds(t, tr, &n.Children[i], count)
	}
}

// The seeds of encoding/json's own limits: one level less is accepted by both.
func TestNestingLimitIsThatOfEncodingJSON(t *testing.T) {
	for _, depth := range []int{9999, 10000, 10001} {
		for _, open := range []string{"[", `{"a":`} {
			text := append(bytes.Repeat([]byte(open), depth), '1')
			text = append(text, bytes.Repeat([]byte{map[byte]byte{'[': ']', '{': '}'}[open[0]]}, depth)...)
			t.Run(fmt.Sprint(depth, " times ", open), func(t *testing.T) {
				if _, bad := ParseJSON(NewFile("x", text)); json.Valid(text) != (bad == nil) {
					t.Errorf("encoding/json: valid %t; here: %v", json.Valid(text), bad)
				}
			})
		}
	}
}
