package source

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// Kind is the kind of a Node.
type Kind uint8

// The kinds of nodes.
const (
	Null Kind = iota
	Bool
	Number
	String
	List
	Object
)

// String names the kind as error messages do.
func (k Kind) String() string {
	return [...]string{"null", "a boolean", "a number", "a string", "a list", "an object"}[k]
}

// Node is one value of a document. Object members and list items are Children,
// in the order of the text; repeated members are all kept.
type Node struct {
	Kind Kind
	// Text is the decoded text of a string, or a scalar as it was written.
	Text string
	// Key is the name under which the node stands in its object.
	Key string
	// KeyStart and KeyEnd are the range of the key in the text, with its quotes.
	KeyStart, KeyEnd int
	// Start is the offset of a scalar's first byte. For containers it is the byte
	// after the opening bracket in JSON (where the reference points to), and the
	// first child in YAML. End is the offset after the node; -1 if not known yet.
	Start, End int
	// Children of a List or Object.
	Children []Node

	// yaml is the node of the YAML parser that a scalar came from; its decoder
	// knows the numbers and booleans of YAML. It is nil in JSON.
	yaml *yaml.Node
	// Alias marks a node that stands in the text as an alias (*name): its
	// children and their positions are those of the anchor.
	Alias bool
	// Merged marks a member that a merge key (<<) brought into its object.
	Merged bool
}

// Member returns the last member of an object with exactly the given name, nil
// if there is none.
func (n *Node) Member(name string) *Node {
	for i := len(n.Children) - 1; i >= 0; i-- {
		if n.Children[i].Key == name {
			return &n.Children[i]
		}
	}
	return nil
}

// Members returns Member for asking about many names of one object: it stays fast
// for objects of any size.
func (n *Node) Members() func(name string) *Node {
	if len(n.Children) <= 32 {
		return n.Member
	}
	last := make(map[string]*Node, len(n.Children))
	for i := range n.Children {
		last[n.Children[i].Key] = &n.Children[i]
	}
	return func(name string) *Node { return last[name] }
}

// Tree is a parsed document.
type Tree struct {
	File *File
	Root Node
	// YAML tells the syntax: YAML when set, else JSON.
	YAML bool

	anchors map[*yaml.Node]*anchored
}

// Range returns the place of a node of this tree.
func (t *Tree) Range(n *Node) Range {
	end := n.End
	if end < n.Start {
		end = t.scanEnd(n)
	}
	return Range{File: t.File, Start: n.Start, End: end}
}

// KeyRange returns the place of a member's name.
func (t *Tree) KeyRange(n *Node) Range {
	return Range{File: t.File, Start: n.KeyStart, End: max(n.KeyEnd, n.KeyStart)}
}

// Hide keeps a node from being shown in excerpts, also where it is an alias of.
func (t *Tree) Hide(n *Node) {
	if a := t.anchors[n.yaml]; n.Alias && a != nil && !t.File.IsHidden(a.node.Start) {
		t.Hide(&a.node)
	}
	if !t.YAML {
		t.File.Hide(n.Start, n.End)
		return
	}
	// the lines after it that are indented deeper than its key belong to it
	start := min(n.Start, len(t.File.Data))
	key := t.File.Position(n.KeyStart)
	_, end := t.File.line(t.File.Position(start).Line)
	for line := t.File.Position(start).Line + 1; line <= len(t.File.lineStarts()); line++ {
		from, to := t.File.line(line)
		text := t.File.Data[from:to]
		indent := len(text) - len(bytes.TrimLeft(text, " "))
		if indent < len(text) && indent < key.Column {
			break
		}
		end = to
	}
	t.File.Hide(start, end)
}

// Find walks to the node at a path, by exact names. When the path leads out of
// the text it returns the last node on the way and exact is false.
func (t *Tree) Find(path Path) (n *Node, exact bool) {
	n = &t.Root
	for _, step := range path {
		var next *Node
		switch {
		case n.Alias:
			// what is inside stands elsewhere: the alias is the nearest place
		case step.IsIndex && n.Kind == List && step.Index < len(n.Children):
			next = &n.Children[step.Index]
		case !step.IsIndex && n.Kind == Object:
			if next = n.Member(step.Key); next != nil && next.Merged {
				next = nil
			}
		}
		if next == nil {
			return n, false
		}
		n = next
	}
	return n, true
}

// Locate implements Locator.
func (t *Tree) Locate(path Path) (Range, bool) {
	n, exact := t.Find(path)
	return t.Range(n), exact
}
