package cloudconfig

import (
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
)

// Class is what a key can become.
type Class uint8

// The classes.
const (
	// Declared keys become what the variant linux has keys for.
	Declared Class = iota
	// Approximated keys become that nearly.
	Approximated
	// Run keys become services that run after the machine has started.
	Run
	// Ignored keys have no effect that a machine without cloud-init would miss.
	Ignored
	// Refused keys cannot be expressed.
	Refused
)

// String names the class as the documentation does.
func (c Class) String() string {
	return [...]string{"declared", "approximated", "run at boot", "no effect", "refused"}[c]
}

// Key is one key that the dialects have.
type Key struct {
	// Path of the key; items of lists and names of maps are [].
	Path  string
	Class Class
	// How says what it becomes, or why it has no effect or is refused.
	How string
	// Help says what to write in the place of a refused key.
	Help string
}

// Keys lists every key that the translators know, in the order of the documentation: those
// of user data, and below network those of network configs.
func Keys() []Key {
	out := flatten("", topRows())
	for _, r := range []struct {
		path string
		rows []row
	}{{"network (version 1)", network1Rows()}, {"network (version 2)", network2Rows()}} {
		out = append(out, flatten(r.path+".", r.rows)...)
	}
	return out
}

func flatten(prefix string, rows []row) []Key {
	var out []Key
	for _, r := range rows {
		path := prefix + r.name
		out = append(out, Key{Path: path, Class: r.class, How: r.how, Help: r.help})
		if r.rows != nil {
			out = append(out, flatten(path+r.each+".", r.rows())...)
		}
	}
	return out
}

// row is a key and what to do with it.
type row struct {
	name  string
	class Class
	// how and help are those of Key. The note of an approximated, run or ignored key is
	// how, unless do makes another one.
	how, help string
	// do translates the value. Without one, the class says it all.
	do func(t *translator, n node)
	// rows are the keys below; each is [] if they are those of items.
	rows func() []row
	each string
}

// alias are other spellings of keys that the programs know themselves.
func alias(key string) string {
	switch key {
	case "ca-certs":
		return "ca_certs"
	case "ubuntu-advantage":
		return "ubuntu_advantage"
	case "remove-defaults":
		return "remove_defaults"
	}
	return key
}

// spelled returns a key as the table writes it.
func (t *translator) spelled(key string) string {
	if t.folded {
		return strings.ReplaceAll(key, "-", "_")
	}
	return alias(key)
}

// members translates the members of a mapping by the rows, in their order. Other keys are
// errors.
func (t *translator) members(n node, rows []row) {
	if n.Kind != source.Object {
		t.wrongKind(n, "a mapping")
		return
	}
	known := make(map[string]node, len(n.Children))
	for _, c := range t.each(n) {
		known[t.spelled(c.Key)] = c
	}
	for i := range rows {
		r := &rows[i]
		if c, ok := known[r.name]; ok {
			delete(known, r.name)
			t.apply(r, c)
		}
	}
	if len(known) == 0 {
		return
	}
	names := make([]string, len(rows))
	for i := range rows {
		names[i] = rows[i].name
	}
	for _, c := range t.each(n) {
		if _, unknown := known[t.spelled(c.Key)]; unknown {
			help := "remove it, or correct it"
			switch {
			case len(c.path) > 1:
			case c.Key == "variant":
				help = "this looks like a Butane document: remove the line #cloud-config, or what says that it is one"
			case c.Key == "ignition":
				help = "this looks like an Ignition config: remove the line #cloud-config, or what says that it is one"
			}
			if near := schema.Nearest(t.spelled(c.Key), names); near != "" {
				help = `did you mean "` + near + `"?`
			}
			t.keyError(ruleKey, c, help, "no cloud-config has the key %q here", c.Key)
		}
	}
}

// apply translates one key.
func (t *translator) apply(r *row, n node) {
	notes, found := len(t.notes), len(t.found)
	switch {
	case n.Kind == source.Null:
		t.note(n, legacy.Dropped, "it has no value")
	case r.do != nil:
		r.do(t, n)
	case r.class == Refused:
		t.keyError(ruleRefused, n, r.help, "%s cannot be kept: %s", n.Key, r.how)
	}
	if t.found[found:].HasErrors() {
		return
	}
	said := t.notes[notes:]
	if r.class == Run { // those of keys below do not say that it runs later
		said = slices.DeleteFunc(slices.Clone(said), func(m legacy.Note) bool { return len(m.Path) > len(n.path) })
	}
	if len(said) > 0 {
		return
	}
	switch r.class {
	case Approximated, Run:
		t.note(n, legacy.Approximated, r.how)
	case Ignored:
		t.note(n, legacy.Dropped, r.how)
	default:
		t.note(n, legacy.Exact, "")
	}
}

// each returns the members of a mapping that count: the last of each name.
func (t *translator) each(n node) []node {
	out := make([]node, 0, len(n.Children))
	last := n.Members()
	for i := range n.Children {
		c := &n.Children[i]
		if c.Key != "<<" && last(c.Key) == c {
			out = append(out, node{Node: c, path: n.path.At(c.Key)})
		}
	}
	return out
}

func (t *translator) note(n node, fate legacy.Fate, how string) {
	t.notes = append(t.notes, legacy.Note{Path: n.path, At: t.keyOf(n), Fate: fate, How: how})
}

func (t *translator) approximate(n node, how string) { t.note(n, legacy.Approximated, how) }

func (t *translator) drop(n node, why string) { t.note(n, legacy.Dropped, why) }
