// Package dialect turns a document of any dialect into a config of the newest model:
// Read. Every entry point reads documents by it: the first boot, referenced configs,
// ignition apply and plan, butane convert. It uses no network and no file.
package dialect

import (
	"fmt"
	"slices"
	"sync"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	form "github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/legacy/containerlinux"
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
	// Facts returns what is known about the machine, by the names that cloud-configs use
	// ($private_ipv4 is private_ipv4; v1.local_hostname). It is asked at most once, and
	// only if a document uses one; nil means that nothing is known.
	Facts func() map[string]string
	// Files are the local files of a Butane document; nil if there are none.
	Files *sugar.FilesDir
	// Pack makes contents shorter; nil leaves them as they are.
	Pack sugar.Packer
	// Image is what cloud-configs take for granted about the image; nil for its zero value.
	Image *Image
	// Beside are documents that the platform gives beside a cloud-config; nil if there are
	// none. They have no effect on documents of other dialects.
	Beside *Beside
	// IsNetwork tells that the document is a network config of cloud-init, which nothing in
	// it shows for certain.
	IsNetwork bool
}

// facts are what is known; nil only where nobody can be asked.
func (o Options) facts() map[string]string {
	if o.Facts == nil {
		return nil
	}
	if known := o.Facts(); known != nil {
		return known
	}
	return map[string]string{}
}

// Image is what documents cannot tell about the image of the machine.
type Image struct {
	// Packages is the program that installs packages at the first boot: one of
	// cloudconfig.Packagers. Empty, or none, means that there is none.
	Packages string
	// DefaultUser is the account that is called default; empty means core.
	DefaultUser string
}

// Beside are documents that stand beside user data. Each may be nil.
type Beside struct {
	// Network is a network config of version 1 or 2.
	Network *source.File
	// Vendor is vendor data: a document that gives way to user data, key by key.
	Vendor *source.File
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
	// Tree is the Butane document that a cloud-config was translated to; its places are
	// those of the cloud-config. Nil for other dialects.
	Tree *source.Tree
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
	if facts := o.Facts; facts != nil {
		o.Facts = sync.OnceValue(facts)
	}
	if o.Limit == 0 {
		o.Limit = source.MaxJSON
	}
	if o.Image == nil {
		o.Image = &Image{}
	}
	if o.Beside == nil {
		o.Beside = &Beside{}
	}
	s := splitter{Options: o, left: o.Limit}
	if o.IsNetwork {
		return readNetwork(f, o.Pack)
	}
	s.document(part{file: f}, 0)
	doc := Document{Form: s.whole.form, Encodings: s.encodings, File: s.whole.file}
	found := s.found
	if !found.HasErrors() || len(s.parts) > 0 { // what is wrong in the parts is told at once
		found = append(found, doc.join(s.parts, o)...)
	}
	if o.Beside.Network != nil && !found.HasErrors() && hasCloud(s.parts) {
		found = append(found, doc.addNetwork(o.Beside.Network, o.Pack)...)
	}
	return doc, append(found, lossesOf(doc.Notes, found)...).Sorted()
}

// join merges the configs of all parts, in order. Cloud-configs and scripts take the place
// of the first of them.
func (d *Document) join(parts []part, o Options) diag.List {
	var found diag.List
	var clouds []part
	for _, p := range parts {
		if _, ok := p.cloudKind(); ok {
			clouds = append(clouds, p)
		}
	}
	if o.Beside.Vendor != nil && len(clouds) > 0 {
		clouds, found = o.withVendor(clouds)
	}
	first, isCloud := true, hasCloud(parts)
	for _, p := range parts {
		var cfg config.Config
		var more diag.List
		if _, ok := p.cloudKind(); ok && !isCloud {
			continue
		} else if ok {
			cfg, more = d.cloud(clouds, o)
			isCloud = false
		} else {
			var notes legacy.Notes
			cfg, notes, more = translate(p.inPlace(), p.form, o)
			d.Notes = append(d.Notes, notes...)
		}
		if found = append(found, more...); first {
			d.Config = cfg
		} else if !found.HasErrors() {
			d.Config = config.Merge(d.Config, cfg)
		}
		first = false
	}
	switch {
	case first:
		d.Config = config.New(types.Config{Ignition: types.Ignition{Version: spec.Newest.String()}}, nil)
	case len(parts) > 1 && !found.HasErrors():
		found = append(found, config.Check(d.Config)...)
	}
	if slices.ContainsFunc(parts, func(p part) bool { _, ok := p.cloudKind(); return !ok }) {
		d.Tree = nil // it is not all there is
	}
	return found
}

// translate makes a config of a part.
func translate(f *source.File, is form.Form, o Options) (config.Config, legacy.Notes, diag.List) {
	switch kind := is.Kind; {
	case is.Template:
	case kind == form.Butane:
		cfg, found := transpiler.Model(f, o.Files, o.Pack)
		return cfg, nil, found
	case kind == form.OldIgnition:
		cfg, where, notes, found := ignition2.Translate(f)
		return config.New(cfg, where), notes, found
	case kind == form.ContainerLinux:
		options := containerlinux.Options{}
		if containerlinux.UsesFacts(f.Data) {
			options.Facts = o.facts()
		}
		cfg, where, notes, found := containerlinux.Translate(f, options)
		return config.New(cfg, where), notes, found
	case kind == form.Ignition, kind == form.JSON, kind == form.BrokenJSON, kind == form.Blank:
		cfg, found := config.Parse(f)
		return cfg, nil, found
	case kind == form.Unknown, kind == form.Binary:
		return config.Config{}, nil, diag.List{{
			Rule: ruleUnknown, Message: "the document is in no dialect that is known: it is " + is.Name(), At: f.LineRange(1), Help: form.Help(f.Data),
		}}
	}
	return config.Config{}, nil, diag.List{{
		Rule: ruleUnsupported, Message: fmt.Sprintf("%s cannot be carried out", is), At: f.LineRange(1), Help: insteadOf(is),
	}}
}

// insteadOf says what to write instead of a kind of document that cannot be carried out;
// empty if the rule says it.
func insteadOf(is form.Form) string {
	switch {
	case is.Template:
		return "fill in the template before; only that of a cloud-config is filled in here"
	case is.Kind == form.PartHandler:
		return "it is code for cloud-init, which nothing else can run: write what it makes of its parts"
	case is.Kind == form.Patch:
		return "write the document as it is after the patch"
	}
	return ""
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
