// Package convert writes a config as a Butane document that people can go on with, or as
// an Ignition config of a given version: Target.Write.
package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	form "github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/legacy/downgrade"
	"github.com/kindling-boot/kindling/config/legacy/ignition2"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/transpiler"
	"github.com/kindling-boot/kindling/transpiler/sugar"
	"github.com/kindling-boot/kindling/transpiler/variant"
)

// Target is what a config is written as. The zero Target is Butane for whichever variant
// suits best.
type Target struct {
	// name is that of a variant, or ignition; empty if nobody has chosen.
	name string
	// version is empty for the newest one.
	version string
}

// ignition is the name of the target that is no variant.
const ignition = "ignition"

// ParseTarget reads VARIANT, VARIANT-VERSION, ignition or ignition-VERSION. The error
// says what there is.
func ParseTarget(text string) (Target, error) {
	name, version, given := strings.Cut(text, "-")
	var versions []string
	switch {
	case name == ignition:
		versions = append(ignition2.Writable(), newer()...)
	case slices.Contains(variant.Names(), name):
		versions = variant.Versions(name)
	default:
		return Target{}, fmt.Errorf("%q is neither %s nor a variant: %s", name, ignition, strings.Join(variant.Names(), ", "))
	}
	if given && !slices.Contains(versions, version) {
		return Target{}, fmt.Errorf("%s has no version %q; there are %s", name, version, strings.Join(versions, ", "))
	}
	return Target{name: name, version: version}, nil
}

// linux is the variant that cloud-configs are translated to: its sugar keeps them short.
const linux = "linux"

// defaultVariant is the one of a document that names none: it has all of the model.
const defaultVariant = "fcos"

// newer are the versions of spec 3.
func newer() []string {
	var all []string
	for _, v := range spec.All() {
		all = append(all, v.String())
	}
	return all
}

// candidates are the versions that may do, the best one first: the newest stable one,
// then those that may still change.
func (t Target) candidates(all []string) []string {
	if t.version != "" {
		return []string{t.version}
	}
	var stable, experimental []string
	for _, v := range slices.Backward(all) {
		if strings.HasSuffix(v, "-experimental") {
			experimental = append(experimental, v)
		} else {
			stable = append(stable, v)
		}
	}
	return append(stable[:min(1, len(stable))], experimental...)
}

// Write writes a document as the target. The output is read again: it is nil, and the
// list says why, if it would not say the same.
func (t Target) Write(doc dialect.Document) (output []byte, found diag.List) {
	switch {
	case t.name == ignition:
		return t.first(newer(), func(version string) ([]byte, diag.List) { return writeIgnition(doc.Config, version) })
	case doc.Tree != nil && (t.name == "" || t.name == linux && t.version == ""):
		return writeTree(doc)
	case t.name == "" && doc.Form.Kind == form.Butane:
		t = named(doc.File)
	case t.name == "":
		t.name = defaultVariant
	}
	return t.first(variant.Versions(t.name), func(version string) ([]byte, diag.List) {
		v, _ := variant.Find(t.name, version)
		return writeButane(doc.Config, v)
	})
}

// named is the variant that a Butane document names.
func named(f *source.File) Target {
	tree, _ := source.ParseYAML(f) // it was read before
	text := func(key string) string {
		if n := tree.Root.Member(key); n != nil {
			return n.Text
		}
		return ""
	}
	return Target{name: text("variant"), version: text("version")}
}

// Keys lists the keys of an Ignition config or a Butane document: all are exact.
func Keys(doc dialect.Document) legacy.Notes {
	var tree *source.Tree // it was read before
	if doc.Form.Kind == form.Ignition {
		tree, _ = source.ParseJSON(doc.File)
	} else {
		tree, _ = source.ParseYAML(doc.File)
	}
	if tree == nil {
		return nil
	}
	var account legacy.Account
	return account.Notes(tree)
}

// first returns the output of the first version that can hold the config, else why the
// last one cannot.
func (t Target) first(all []string, write func(version string) ([]byte, diag.List)) (output []byte, found diag.List) {
	for _, version := range t.candidates(all) {
		if output, found = write(version); output != nil {
			break
		}
	}
	return output, found
}

var ruleTarget = &diag.Rule{
	ID: "convert-target", Why: "an older version, or another variant, has not all keys of the newest",
	Help: "convert to a newer version (--to), or leave that out",
}

// Rules lists the rules of the package.
func Rules() []*diag.Rule { return []*diag.Rule{ruleTarget} }

// writeButane writes a document of a variant.
func writeButane(cfg config.Config, v *variant.Variant) ([]byte, diag.List) {
	older, found := downgrade.To(cfg, spec.Newest, v.Target)
	if found.HasErrors() {
		return nil, found
	}
	text := fmt.Sprintf("variant: %s\nversion: %s\n", v.Name, v.Version)
	if v.Wrap != nil {
		text += wrapping
	}
	text += document(&older, printer{target: v.Target})
	again, found := transpiler.Model(source.NewFile(v.Name+" "+v.Version, []byte(text)), nil, new(sugar.Compressor).Shorter)
	if bad := losses(cfg, again, found); bad != nil {
		return nil, bad
	}
	return []byte(text), nil
}

// writeTree writes the Butane document that a document was translated to, with its sugar.
func writeTree(doc dialect.Document) ([]byte, diag.List) {
	var b strings.Builder
	n := nodeOf(&doc.Tree.Root)
	writeMembers(&b, &n, "", "")
	again, found := transpiler.Model(source.NewFile(linux, []byte(b.String())), nil, new(sugar.Compressor).Shorter)
	if bad := losses(doc.Config, again, found); bad != nil {
		return nil, bad
	}
	return []byte(b.String()), nil
}

// wrapping is what a MachineConfig must have, besides the config: a name, and the machines
// that it is for.
const wrapping = `metadata:
  name: 99-worker-converted
  labels:
    machineconfiguration.openshift.io/role: worker
`

// writeIgnition writes a config of a version.
func writeIgnition(cfg config.Config, version string) ([]byte, diag.List) {
	if slices.Contains(ignition2.Writable(), version) {
		output, found := ignition2.Write(cfg, spec.Newest, version)
		if found.HasErrors() {
			return nil, found
		}
		return append(json.Indent(output), '\n'), found
	}
	v, _, _ := spec.Parse(version)
	older, found := downgrade.To(cfg, spec.Newest, v)
	if found.HasErrors() {
		return nil, found
	}
	output := schema.AppendJSON(nil, &older, true)
	again, found := config.Parse(source.NewFile("Ignition "+version, output))
	if bad := losses(cfg, again, found); bad != nil {
		return nil, bad
	}
	return append(json.Indent(output), '\n'), nil
}

// losses compares a config with what was read again, and says what the target has not.
func losses(cfg, again config.Config, found diag.List) diag.List {
	var bad diag.List
	for _, d := range found {
		if d.Severity != diag.Error && d.Rule != schema.TooNewKey {
			continue
		}
		at := d.At.File.Name
		bad = append(bad, diag.Diagnostic{Rule: ruleTarget, Message: at + " cannot say it: " + d.Message, Path: d.Path, Help: d.Help})
	}
	if bad == nil && document(&cfg.Config, newest) != document(&again.Config, newest) {
		bad = diag.List{{Rule: ruleTarget, Message: "the target would give another meaning to a part of the config"}}
	}
	return bad
}

// newest prints all there is.
var newest = printer{target: spec.Newest}

// document prints the sections of a document.
func document(c *types.Config, p printer) string {
	var b strings.Builder
	n := p.config(c)
	writeMembers(&b, &n, "", "")
	return b.String()
}
