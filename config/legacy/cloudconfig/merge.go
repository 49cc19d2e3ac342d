package cloudconfig

import (
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

// mergeKeys are the keys of a part that say how it is merged.
var mergeKeys = [...]string{"merge_how", "merge_type"}

// usualMerge is how cloud-init merges parts that say nothing: a later key replaces an
// earlier one.
const usualMerge = "dict(replace)+list()+str()"

// merger is one step of cloud-init's merging: what it merges and its settings.
type merger struct {
	kind     string
	settings []string
}

func (m merger) has(setting string) bool { return slices.Contains(m.settings, setting) }

type mergers []merger

// of returns the first merger of a kind, which is the one that counts.
func (m mergers) of(kind string) merger {
	for _, one := range m {
		if one.kind == kind {
			return one
		}
	}
	return merger{kind: kind}
}

// merge adds a part to what was merged so far.
func (t *translator) merge(part *source.Node, header string) {
	if t.tree.Root.Kind == source.Null {
		t.tree.Root = *part
		return
	}
	if part.Kind != source.Object {
		return
	}
	how := t.mergersOf(part, header)
	merged := t.tree.Root
	merged.Children = slices.Clone(merged.Children)
	t.tree.Root = how.objects(&merged, part)
}

// beside adds what user data leave open in vendor data: keys that are not there, also in
// mappings. Lists are not joined: cloud-init, mergemanydict.
func beside(user, vendor source.Node) source.Node {
	switch {
	case vendor.Kind != source.Object:
		return user
	case user.Kind != source.Object:
		return vendor
	}
	user.Children = slices.Clone(user.Children)
	return mergers{}.objects(&user, &vendor)
}

// mergersOf reads how a part wants to be merged.
func (t *translator) mergersOf(part *source.Node, header string) mergers {
	var texts []string
	for _, key := range mergeKeys {
		m := part.Member(key)
		if m == nil {
			continue
		}
		n := node{Node: m, path: source.Path{}.At(key)}
		for _, item := range t.list(n) {
			if item.Kind != source.Object {
				if s, ok := t.text(item); ok {
					texts = append(texts, s)
				}
				continue
			}
			text := ""
			for _, c := range t.each(item) {
				switch c.Key {
				case "name":
					s, _ := t.text(c)
					text = s + text
				case "settings":
					words, _ := t.words(c)
					text += "(" + strings.Join(words, ",") + ")"
				}
			}
			texts = append(texts, text)
		}
	}
	if header != "" {
		texts = append(texts, header)
	}
	if len(texts) == 0 {
		texts = []string{usualMerge}
	}
	var out mergers
	for _, text := range strings.Split(strings.Join(texts, "+"), "+") {
		kind, settings, _ := strings.Cut(strings.TrimSpace(text), "(")
		m := merger{kind: strings.TrimSpace(kind)}
		for _, s := range strings.Split(strings.TrimSuffix(settings, ")"), ",") {
			if s = strings.TrimSpace(s); s != "" {
				m.settings = append(m.settings, s)
			}
		}
		m.check(t, node{Node: part})
		out = append(out, m)
	}
	return out
}

// check refuses settings that are not carried out.
func (m merger) check(t *translator, part node) {
	known, ok := map[string][]string{
		"dict": {"replace", "no_replace", "recurse_dict", "recurse_list", "recurse_array", "recurse_str", "allow_delete"},
		"list": {"append", "prepend", "replace", "no_replace"},
		"str":  {"append", "replace", "no_replace"},
	}[m.kind]
	if !ok {
		t.refuse(part, "use dict, list and str", "parts are not merged by %q here", m.kind)
	}
	for _, s := range m.settings {
		if ok && !slices.Contains(known, s) {
			t.refuse(part, "use "+strings.Join(known, ", "), "the way %q to merge %s is not carried out here", s, m.kind)
		}
	}
}

// objects merges the members of a mapping into another one, whose list of members is free to
// be changed.
func (m mergers) objects(into, from *source.Node) source.Node {
	out := *into
	how := m.of("dict")
	places := make(map[string]int, len(out.Children))
	for i := range out.Children {
		places[out.Children[i].Key] = i
	}
	deleted := map[int]bool{}
	for i := range from.Children {
		c := from.Children[i]
		at, found := places[c.Key]
		switch {
		case !found:
			places[c.Key] = len(out.Children)
			out.Children = append(out.Children, c)
		case c.Kind == source.Null && how.has("allow_delete"):
			deleted[at] = true
		case how.has("replace"):
			out.Children[at] = c
		default:
			out.Children[at] = m.member(how, &out.Children[at], &c)
		}
	}
	at := -1
	out.Children = slices.DeleteFunc(out.Children, func(source.Node) bool {
		at++
		return deleted[at]
	})
	return out
}

// member merges two values of one key where the keys are not replaced.
func (m mergers) member(how merger, old, c *source.Node) source.Node {
	switch {
	case c.Kind == source.Object && old.Kind == source.Object:
		merged := *old
		merged.Children = slices.Clone(old.Children)
		return m.objects(&merged, c)
	case c.Kind == source.List && old.Kind == source.List && (how.has("recurse_list") || how.has("recurse_array")):
		return m.lists(old, c)
	case c.Kind == source.String && old.Kind == source.String && how.has("recurse_str"):
		if !m.of("str").has("append") {
			return *c
		}
		joined := *old
		joined.Text += c.Text
		return joined
	}
	return *old
}

func (m mergers) lists(old, c *source.Node) source.Node {
	out := *old
	switch how := m.of("list"); {
	case how.has("append"):
		out.Children = slices.Concat(old.Children, c.Children)
	case how.has("prepend"):
		out.Children = slices.Concat(c.Children, old.Children)
	case how.has("replace"):
		out = *c
	}
	return out
}
