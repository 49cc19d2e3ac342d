package dialect

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	form "github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// cloudKind is the kind of a part for the translator of cloud-configs; ok is false for
// parts in other dialects.
func (p part) cloudKind() (kind cloudconfig.Kind, ok bool) {
	switch {
	case p.form.Kind == form.CloudConfig:
		return cloudconfig.Config, true
	case p.form.Template:
		return 0, false
	case p.form.Kind == form.Boothook:
		return cloudconfig.Boothook, true
	case p.form.Kind == form.Script && p.everyBoot:
		return cloudconfig.ScriptPerBoot, true
	case p.form.Kind == form.Script:
		return cloudconfig.Script, true
	}
	return 0, false
}

// cloud translates all cloud-configs and scripts of a document, which belong together.
func (d *Document) cloud(parts []part, o Options) (config.Config, diag.List) {
	options := cloudconfig.Options{DefaultUser: o.Image.DefaultUser}
	if o.Image.Packages != "none" {
		options.Packages = o.Image.Packages
	}
	var in []cloudconfig.Part
	lines := 0 // of the texts so far, joined
	for _, p := range parts {
		c := cloudconfig.Part{Text: p.file.Data, Name: p.name, Merge: p.merge, Vendor: p.vendor}
		c.Kind, _ = p.cloudKind()
		if c.Kind == cloudconfig.Config && !p.form.Template && !p.vendor && p.line > lines { // its lines are those of the whole
			c.Text = append(bytes.Repeat([]byte("\n"), p.line-lines), c.Text...)
		}
		lines += bytes.Count(c.Text, []byte("\n"))
		if !bytes.HasSuffix(c.Text, []byte("\n")) {
			lines++
		}
		if options.Facts == nil && (p.form.Template || bytes.Contains(c.Text, []byte("$private_ipv")) || bytes.Contains(c.Text, []byte("$public_ipv"))) {
			options.Facts = o.facts()
		}
		in = append(in, c)
	}
	name := d.File.Name
	switch {
	case len(parts) == 1:
		name = parts[0].file.Name
	case parts[len(parts)-1].vendor: // whose lines are counted on
		name += " and vendor data"
	}
	tree, notes, found := cloudconfig.TranslateParts(name, in, options)
	d.Notes = append(d.Notes, notes...)
	if found.HasErrors() {
		return config.Config{}, found
	}
	d.Tree = tree
	cfg, more := transpiler.ModelOf(tree, nil, o.Pack)
	return cfg, append(found, more...)
}

// hasCloud reports whether a part is a cloud-config or a script.
func hasCloud(parts []part) bool {
	return slices.ContainsFunc(parts, func(p part) bool {
		_, ok := p.cloudKind()
		return ok
	})
}

// withVendor adds the parts of vendor data behind those of the user. What is in other
// dialects there is left out, as cloud-init does: nobody who could mend it wrote it.
func (o Options) withVendor(parts []part) ([]part, diag.List) {
	s := splitter{Options: o, left: o.Limit}
	s.document(part{file: o.Beside.Vendor}, 0)
	found := s.found
	for _, p := range s.parts {
		if _, ok := p.cloudKind(); ok {
			p.vendor = true
			parts = append(parts, p)
		} else if p.form.Kind != form.Blank {
			found = append(found, diag.Diagnostic{
				Severity: diag.Warning, Rule: ruleDropped, At: p.file.LineRange(1),
				Message: fmt.Sprintf("vendor data in the form of %s have no effect beside a cloud-config", p.form.Name()),
			})
		}
	}
	return parts, found
}

// readNetwork reads a network config.
func readNetwork(f *source.File, pack sugar.Packer) (Document, diag.List) {
	doc := Document{Form: form.Form{Kind: form.CloudConfig}, File: f}
	tree, notes, found := cloudconfig.Network(f, cloudconfig.Options{})
	if !found.HasErrors() {
		cfg, more := transpiler.ModelOf(tree, nil, pack)
		doc.Config, doc.Tree, doc.Notes, found = cfg, tree, notes, append(found, more...)
	}
	return doc, append(found, lossesOf(notes, found)...).Sorted()
}

// addNetwork puts the network config under the config: user data win over it.
func (d *Document) addNetwork(f *source.File, pack sugar.Packer) diag.List {
	network, found := readNetwork(f, pack)
	if found.HasErrors() {
		return found
	}
	d.Tree = nil // it is not all there is
	d.Config = config.Merge(network.Config, d.Config)
	return append(found, config.Check(d.Config)...)
}
