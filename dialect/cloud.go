package dialect

import (
	"bytes"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	form "github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/transpiler"
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
	options := cloudconfig.Options{}
	var in []cloudconfig.Part
	lines := 0 // of the texts so far, joined
	for _, p := range parts {
		c := cloudconfig.Part{Text: p.file.Data, Name: p.name, Merge: p.merge}
		c.Kind, _ = p.cloudKind()
		if c.Kind == cloudconfig.Config && !p.form.Template && p.line > lines { // its lines are those of the whole
			c.Text = append(bytes.Repeat([]byte("\n"), p.line-lines), c.Text...)
		}
		lines += bytes.Count(c.Text, []byte("\n"))
		if !bytes.HasSuffix(c.Text, []byte("\n")) {
			lines++
		}
		if o.Facts != nil && options.Facts == nil && (p.form.Template || bytes.Contains(c.Text, []byte("$private_ipv")) || bytes.Contains(c.Text, []byte("$public_ipv"))) {
			options.Facts = o.Facts()
		}
		in = append(in, c)
	}
	name := d.File.Name
	if len(parts) == 1 {
		name = parts[0].file.Name
	}
	tree, notes, found := cloudconfig.TranslateParts(name, in, options)
	d.Notes = append(d.Notes, notes...)
	if found.HasErrors() {
		return config.Config{}, found
	}
	d.Tree = tree
	cfg, more := transpiler.ModelOf(tree, nil)
	return cfg, append(found, more...)
}
