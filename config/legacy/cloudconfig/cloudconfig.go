// Package cloudconfig translates cloud-configs into Butane documents of the variant
// linux: Translate. It knows the dialect of coreos-cloudinit and that of cloud-init, and
// reads YAML as their parsers do.
//
// What the translated machine does not do as those programs would is said by a note; what
// cannot be done is an error. No key is left out without a word. Nothing is read but the
// documents, and no program is run.
package cloudconfig

import (
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/source"
)

// Dialect is one of the two programs that read documents with the line #cloud-config.
type Dialect uint8

// The dialects.
const (
	// Any means that the document tells: with a key coreos it is of coreos-cloudinit.
	Any Dialect = iota
	// CoreOS is that of coreos-cloudinit: Container Linux.
	CoreOS
	// CloudInit is that of cloud-init: everybody else.
	CloudInit
)

// Options are what a document does not say. The zero Options are those of a desk, where
// nothing is known about the machine.
type Options struct {
	Dialect Dialect
	// Facts are what the platform knows: v1.local_hostname, ds.meta_data.NAME,
	// private_ipv4, public_ipv4, private_ipv6, public_ipv6. Nil means that nothing is
	// known; a document that asks is refused then.
	Facts map[string]string
	// DefaultUser is the account of the image that the word default means; empty means
	// core.
	DefaultUser string
	// Packages is the program that installs packages at the first boot, one of
	// Packagers. Empty means that the machine has none, and packages are refused.
	Packages string
}

// Kind is what a part of user data is.
type Kind uint8

// The kinds of parts.
const (
	// Config is a cloud-config.
	Config Kind = iota
	// Script runs once, at the end of the first boot.
	Script
	// ScriptPerBoot runs at the end of every boot.
	ScriptPerBoot
	// Boothook runs early in every boot.
	Boothook
)

// Part is one part of user data.
type Part struct {
	Kind Kind
	// Text of the part, without encodings around it.
	Text []byte
	// Name of the part; scripts run in the order of their names.
	Name string
	// Merge is the header Merge-Type of the part: how it is merged into the parts before.
	Merge string
	// Vendor tells that the part is vendor data: it gives way to user data, which can
	// refuse it as a whole. Such parts stand behind all others.
	Vendor bool
}

// Translate turns a cloud-config into a Butane document of the variant linux, whose values
// have the places of what asked for them. The tree is usable only if the list has no error.
// The notes, in order of position, tell what became of each key.
//
// The file of the tree has the text with all variables replaced: its lines are those of the
// document, the columns behind a variable are not.
func Translate(f *source.File, o Options) (*source.Tree, legacy.Notes, diag.List) {
	return TranslateParts(f.Name, []Part{{Text: f.Data}}, o)
}

// TranslateParts is Translate for several parts, which are merged in order as cloud-init
// does. Places are those in the texts of all parts, joined.
func TranslateParts(name string, parts []Part, o Options) (*source.Tree, legacy.Notes, diag.List) {
	t := &translator{options: o, out: newValue(source.Object)}
	if t.read(name, parts) {
		t.translate()
	}
	return t.finish()
}

// translator is one translation.
type translator struct {
	options Options
	tree    *source.Tree // the parts, joined and merged
	scripts []script
	// unfilled tells that a template could not be filled in.
	unfilled bool
	coreos   bool // the dialect
	folded   bool // dashes in keys are underscores
	notes    legacy.Notes
	found    diag.List
	out      *value

	accounts accounts
	// written are files by their paths, writtenBy the items of write_files for them.
	written   map[string]*value
	writtenBy map[string]node
	names     names
	disks     disks
	services  []*service
	iface     *value // the interface, or part of one, whose keys are being read
}

// translate goes through the keys, in the order of the table, and finishes what several of
// them decide.
func (t *translator) translate() {
	root := node{Node: &t.tree.Root}
	t.out.text("variant", "linux", root)
	t.out.text("version", "1.0.0-experimental", root)
	t.coreos = t.options.Dialect == CoreOS || t.options.Dialect == Any && root.Member("coreos") != nil
	t.folded = t.coreos
	if root.Kind != source.Null {
		t.members(root, topRows())
	}
	t.finishNames()
	t.finishAccounts()
	t.finishScripts()
	t.finishServices()
}

// finish ends a translation.
func (t *translator) finish() (*source.Tree, legacy.Notes, diag.List) {
	var notes legacy.Notes
	lossy := map[string]bool{}
	for _, n := range t.notes {
		if n.Fate != legacy.Exact {
			lossy[n.Path.String()] = true
		}
	}
	for _, n := range t.notes {
		if n.Fate != legacy.Exact || !lossy[n.Path.String()] {
			notes = append(notes, n)
		}
	}
	notes.Sort()
	t.out.sort()
	return t.out.tree(t.tree.File), notes, t.found.Sorted()
}
