// Package containerlinux reads Container Linux Configs: documents in YAML without a
// variant, with the keys of Ignition 2.4.0 in snake_case and sections for etcd, flannel,
// docker, locksmith and update: [Translate]. Package ignition2 translates the former,
// package systems makes units and files of the latter.
package containerlinux

import (
	"bytes"
	"fmt"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/legacy/ignition2"
	"github.com/kindling-boot/kindling/config/merge"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/systems"
	"github.com/kindling-boot/kindling/config/types"
)

var ruleDocument = &diag.Rule{
	ID:   "container-linux-config",
	Why:  "a Container Linux Config is translated, and only where that gives what it asks for",
	Help: "write a Butane document of variant flatcar",
}

// Options tell what a document cannot.
type Options struct {
	// Facts are what is known about the machine, for values in braces, by the names of
	// dialect.Options. Nil means that nothing is known.
	Facts map[string]string
}

// Translate reads a Container Linux Config and returns it in the newest model, with the
// places of its values and what became of each key. The config is usable only if the
// list, in order of position, has no error.
func Translate(f *source.File, o Options) (types.Config, source.Locator, legacy.Notes, diag.List) {
	t, bad := source.ParseYAML(f)
	if len(bad) > 0 {
		var ds diag.List
		for _, e := range bad {
			ds = append(ds, diag.Diagnostic{Rule: ruleDocument, Message: e.Message, At: e.At, Help: "mend the YAML"})
		}
		return types.Config{}, source.Locator(&source.Tree{File: f}), nil, ds
	}
	var sections systems.Sections
	found := schema.Decode(t, &sections, spec.Newest)
	r := restructure{tree: t}
	plain := r.document()
	found = append(found, r.found...)
	made := systems.Render(&sections, systems.ContainerLinux, t, o.Facts)
	found = append(found, made.Found...)
	found = append(found, sectionKeys(t)...)
	if len(r.found) > 0 {
		return types.Config{}, t, nil, found.Sorted()
	}
	cfg, where, notes, ds := ignition2.TranslateTree(plain, ignition2.Options{})
	found = append(found, r.original(ds)...)
	if found.HasErrors() {
		return types.Config{}, where, nil, found.Sorted()
	}
	origins := legacy.NewOrigins(t)
	for _, from := range made.From {
		origins.AddWhole(from.Value, from.Place)
	}
	made.Config.Ignition.Version = cfg.Ignition.Version
	merged, transcript := merge.Merge(made.Config, cfg)
	places := merge.Locator{Parent: origins, Child: where, Transcript: transcript}
	c := config.Upgraded(merged, places, spec.V3_1)
	return c.Config, c, r.notes(notes), found.Sorted()
}

// sectionKeys warns of keys in sections of systems that have none such.
func sectionKeys(t *source.Tree) diag.List {
	var kept source.Node
	kept.Kind = source.Object
	for _, c := range t.Root.Children {
		if isSection(c.Key) {
			kept.Children = append(kept.Children, c)
		}
	}
	part := &source.Tree{File: t.File, Root: kept, YAML: true}
	name := func(spec.Version) string { return "a Container Linux Config" }
	return schema.Gate(part, spec.Newest, name, sectionsSchema())
}

// UsesFacts reports whether a document may have values that Options.Facts fill in.
func UsesFacts(text []byte) bool {
	return bytes.Contains(text, []byte("_IPV4}")) || bytes.Contains(text, []byte("_IPV6}")) || bytes.Contains(text, []byte("{HOSTNAME}"))
}

func isSection(key string) bool { return sectionsSchema().HasKey(key) }

// original gives findings about the restructured document the paths of the one that was
// written.
func (r *restructure) original(ds diag.List) diag.List {
	for i := range ds {
		if path, ok := r.paths[[2]int{ds[i].At.Start, ds[i].At.End}]; ok {
			ds[i].Path = path
		}
	}
	return ds
}

// notes are those for the document that was written: what is said about the restructured
// one holds for what stands at the same places.
func (r *restructure) notes(restructured legacy.Notes) legacy.Notes {
	var account legacy.Account
	out := account.Notes(r.tree)
	for _, n := range restructured {
		if n.Fate == legacy.Exact {
			continue
		}
		for i := range out {
			if out[i].At.Start >= n.At.Start && out[i].At.End <= n.At.End {
				out[i].Fate, out[i].How = n.Fate, n.How
			}
		}
	}
	return out
}

func (r *restructure) errorf(n *source.Node, help, format string, args ...any) {
	at := r.tree.Range(n)
	r.found = append(r.found, diag.Diagnostic{
		Rule: ruleDocument, Message: fmt.Sprintf(format, args...), At: at, Path: r.paths[[2]int{at.Start, at.End}], Help: help,
	})
}
