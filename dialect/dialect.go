// Package dialect turns a document of any dialect into a config of the newest model:
// Read. Every entry point reads documents by it: the first boot, referenced configs,
// ignition apply and plan, butane convert. It uses no network and no file.
package dialect

import (
	"fmt"
	"slices"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	form "github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/legacy/cloudconfig"
	"github.com/kindling-boot/kindling/config/legacy/ignition2"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/transpiler"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var (
	ruleUnknown = &diag.Rule{
		ID: "dialect-unknown", Why: "a document is read by the rules of its dialect, which its first bytes tell",
		Help: `begin with {"ignition": ...}, with variant: ..., or with the line #cloud-config`,
	}
	ruleEncoding = &diag.Rule{
		ID: "dialect-encoding", Why: "a packed document is read after it was unpacked, within limits",
		Help: "pack it again, or give it as it is",
	}
	ruleParts = &diag.Rule{
		ID: "dialect-parts", Why: "a document of several parts is read part by part, in order; none is left out",
		Help: "write the parts anew, for example with cloud-init devel make-mime",
	}
	ruleInclude = &diag.Rule{
		ID: "dialect-include", Why: "a list of addresses stands for the documents there",
		Help: "look at the address, or give the document itself",
	}
	ruleUnsupported = &diag.Rule{
		ID: "dialect-unsupported", Why: "what cannot be carried out must not be left out without a word",
		Help: "write it as a Butane document",
	}
	ruleApproximated = &diag.Rule{
		ID: "dialect-approximated", Why: "the machine ends nearly as the program that the document was written for would leave it",
		Help: "look whether that is good enough; else say it in a Butane document",
	}
	ruleDropped = &diag.Rule{
		ID: "dialect-dropped", Why: "the key has no effect here",
		Help: "remove it, or write what it is for in another way",
	}
)

// Rules lists the rules of the package.
func Rules() []*diag.Rule {
	return []*diag.Rule{ruleUnknown, ruleEncoding, ruleParts, ruleInclude, ruleUnsupported, ruleApproximated, ruleDropped}
}

// Options tell what a document cannot. The zero Options are those of a desk, where
// nothing is known about the machine.
type Options struct {
	// Limit is the number of bytes that a document may unpack to; 0 means source.MaxJSON.
	Limit int
	// Include fetches a document of a list of addresses (#include); at is the place of the
	// address. Nil refuses such lists. An error it returns is an error of the document.
	Include func(address string, at source.Range) (*source.File, error)
	// Files are the local files of a Butane document; nil if there are none.
	Files *sugar.FilesDir
}

// Document is a document that was read.
type Document struct {
	// Config is what it asks for, in the newest model.
	config.Config
	// Form names the dialect, Encodings what was undone around it. File is the document
	// without them.
	Form      form.Form
	Encodings []string
	File      *source.File
	// Notes tell what became of the keys of a document that was translated. There are
	// none for Ignition 3 and Butane, which are read without loss.
	Notes legacy.Notes
}

// Translated reports whether the document is in a dialect that has to be translated, and
// may lose something.
func (d Document) Translated() bool {
	switch d.Form.Kind {
	case form.Ignition, form.Butane:
		return false
	}
	return d.Form.Known()
}

// Read reads a document of any dialect. The config is usable only if the list has no
// error. Keys that were approximated or dropped are warnings there, with the notes.
func Read(f *source.File, o Options) (Document, diag.List) {
	if o.Limit == 0 {
		o.Limit = source.MaxJSON
	}
	s := splitter{Options: o, left: o.Limit}
	s.document(part{file: f}, 0)
	doc := Document{Form: s.whole.form, Encodings: s.encodings, File: s.whole.file}
	found := s.found
	if !found.HasErrors() {
		found = append(found, doc.join(s.parts, o)...)
	}
	return doc, append(found, lossesOf(doc.Notes, found)...).Sorted()
}

// join merges the configs of all parts, in order.
func (d *Document) join(parts []part, o Options) diag.List {
	var found diag.List
	for i, p := range parts {
		cfg, notes, more := translate(p.inPlace(), p.form, o)
		d.Notes, found = append(d.Notes, notes...), append(found, more...)
		if i == 0 {
			d.Config = cfg
		} else if !found.HasErrors() {
			d.Config = config.Merge(d.Config, cfg)
		}
	}
	if len(parts) == 0 {
		d.Config = config.New(types.Config{Ignition: types.Ignition{Version: spec.Newest.String()}}, nil)
	} else if len(parts) > 1 && !found.HasErrors() {
		found = append(found, config.Check(d.Config)...)
	}
	return found
}

// translate makes a config of a part.
func translate(f *source.File, is form.Form, o Options) (config.Config, legacy.Notes, diag.List) {
	switch is.Kind {
	case form.Butane:
		cfg, found := transpiler.Model(f, o.Files)
		return cfg, nil, found
	case form.OldIgnition:
		cfg, where, notes, found := ignition2.Translate(f)
		return config.New(cfg, where), notes, found
	case form.CloudConfig:
		tree, notes, found := cloudconfig.Translate(f, cloudconfig.Options{})
		if found.HasErrors() {
			return config.Config{}, notes, found
		}
		cfg, more := transpiler.ModelOf(tree, o.Files)
		return cfg, notes, append(found, more...)
	case form.Ignition, form.JSON, form.BrokenJSON, form.Blank:
		cfg, found := config.Parse(f)
		return cfg, nil, found
	case form.Unknown, form.Binary:
		return config.Config{}, nil, diag.List{{
			Rule: ruleUnknown, Message: "the document is in no dialect that is known: it is " + is.Name(), At: f.LineRange(1), Help: form.Help(f.Data),
		}}
	}
	return config.Config{}, nil, diag.List{{
		Rule: ruleUnsupported, Message: fmt.Sprintf("%s cannot be carried out", is), At: f.LineRange(1), Help: form.Help(f.Data),
	}}
}

// lossesOf are the warnings for what a translation could not keep, unless one was found at
// the same place before. This is the only place that makes them.
func lossesOf(notes legacy.Notes, found diag.List) diag.List {
	var out diag.List
	for _, n := range notes {
		rule, what := ruleApproximated, "is approximated"
		switch n.Fate {
		case legacy.Exact:
			continue
		case legacy.Dropped:
			rule, what = ruleDropped, "has no effect"
		}
		path := n.Path.String()
		if slices.ContainsFunc(found, func(d diag.Diagnostic) bool { return d.Path.String() == path }) {
			continue
		}
		out = append(out, diag.Diagnostic{
			Severity: diag.Warning, Rule: rule, Path: n.Path, At: n.At, Message: fmt.Sprintf("%s %s: %s", path, what, n.How),
		})
	}
	return out
}
