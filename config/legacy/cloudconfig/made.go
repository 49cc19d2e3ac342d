package cloudconfig

import (
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

// node is a value of the cloud-config with its path.
type node struct {
	*source.Node
	path source.Path
}

// item returns an item of a list.
func (n node) item(i int) node { return node{Node: &n.Children[i], path: n.path.At(i)} }

// value is a value of the Butane document that is being made. It has the place of what
// asked for it.
type value struct {
	node    source.Node
	members []*value
}

func newValue(kind source.Kind) *value { return &value{node: source.Node{Kind: kind}} }

// from gives a value the place of a node.
func (v *value) from(n node) *value {
	v.node.KeyStart, v.node.KeyEnd, v.node.Start, v.node.End = n.KeyStart, n.KeyEnd, n.Start, n.End
	if n.KeyEnd == 0 { // an item of a list
		v.node.KeyStart, v.node.KeyEnd = n.Start, n.Start
	}
	return v
}

// get returns a member, nil if there is none.
func (v *value) get(key string) *value {
	for _, m := range v.members {
		if m.node.Key == key {
			return m
		}
	}
	return nil
}

// set makes or replaces a member.
func (v *value) set(key string, kind source.Kind, text string, n node) *value {
	m := v.get(key)
	if m == nil {
		m = &value{}
		v.members = append(v.members, m)
	}
	m.node = source.Node{Kind: kind, Text: text, Key: key}
	m.members = nil
	return m.from(n)
}

func (v *value) text(key, text string, n node) { v.set(key, source.String, text, n) }

func (v *value) number(key string, i int64, n node) {
	v.set(key, source.Number, strconv.FormatInt(i, 10), n)
}

func (v *value) flag(key string, b bool, n node) {
	v.set(key, source.Bool, strconv.FormatBool(b), n)
}

// object returns a member that is an object; it is made if it is not there.
func (v *value) object(key string, n node) *value { return v.container(key, source.Object, n) }

func (v *value) container(key string, kind source.Kind, n node) *value {
	if m := v.get(key); m != nil {
		return m
	}
	return v.set(key, kind, "", n)
}

// add appends an object to the list that is a member.
func (v *value) add(key string, n node) *value {
	list := v.container(key, source.List, n)
	item := newValue(source.Object).from(n)
	list.members = append(list.members, item)
	return item
}

// addText appends a text to the list that is a member, unless it is there already.
func (v *value) addText(key, text string, n node) {
	list := v.container(key, source.List, n)
	for _, m := range list.members {
		if m.node.Text == text {
			return
		}
	}
	item := newValue(source.String).from(n)
	item.node.Text = text
	list.members = append(list.members, item)
}

// find returns the item of a list whose member has a text; nil if there is none.
func (v *value) find(list, key, text string) *value {
	l := v.get(list)
	if l == nil {
		return nil
	}
	for _, item := range l.members {
		if m := item.get(key); m != nil && m.node.Text == text {
			return item
		}
	}
	return nil
}

// tree makes a tree of the value.
func (v *value) tree(f *source.File) *source.Tree {
	return &source.Tree{File: f, Root: v.build(), YAML: true}
}

func (v *value) build() source.Node {
	n := v.node
	if len(v.members) > 0 {
		n.Children = make([]source.Node, len(v.members))
		for i, m := range v.members {
			n.Children[i] = m.build()
		}
	}
	return n
}

// remove takes a member away.
func (v *value) remove(key string) {
	v.members = slices.DeleteFunc(v.members, func(m *value) bool { return m.node.Key == key })
}

// order is that of the keys of the document.
const order = " variant version hostname timezone locale ntp ca_certificates swap mounts ssh network passwd storage systemd "

// sort brings the keys of the document into their order.
func (v *value) sort() {
	at := func(i int) int { return strings.Index(order, " "+v.members[i].node.Key+" ") }
	sort.SliceStable(v.members, func(i, j int) bool { return at(i) < at(j) })
}
