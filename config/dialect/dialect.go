// Package dialect recognises the language of a document by its bytes (Of), names what
// was probably meant when it is none (Help), and undoes the encodings around documents
// (Unwrap). It is the only place that knows how documents begin. It judges nothing: that
// a document is recognised does not mean that it is valid.
package dialect

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/kindling-boot/kindling/config/source"
)

// Kind is the kind of a document.
type Kind uint8

// The kinds. The zero Kind is text that is none of the others.
const (
	Unknown Kind = iota
	// Blank has nothing but white space and zero bytes, if anything.
	Blank
	// Binary is no text.
	Binary
	// JSON is neither an Ignition config nor a Butane document.
	JSON
	// BrokenJSON begins like a config and is no JSON.
	BrokenJSON
	// Ignition is a config of spec 3 or newer; OldIgnition is one of spec 1 or 2.
	Ignition
	OldIgnition
	// Butane is a document that names a variant.
	Butane
	// ContainerLinux is a Container Linux Config: YAML with the keys of spec 2 and no
	// variant.
	ContainerLinux
	// CloudConfig is a document of cloud-init or coreos-cloudinit.
	CloudConfig
	// Archive, Patch, MIME and the kinds below are the other forms of user data that
	// cloud-init knows: a list of parts, a JSON patch, a message with parts,
	Archive
	Patch
	MIME
	// a list of addresses,
	Include
	// a script that runs once, one that runs early on every boot, and code that reads
	// parts of other types.
	Script
	Boothook
	PartHandler
)

// String names the kind for people.
func (k Kind) String() string {
	return [...]string{
		"unknown text", "blank", "binary data", "JSON that is no Ignition config", "broken JSON", "Ignition", "Ignition",
		"Butane", "Container Linux Config", "cloud-config", "cloud-config archive", "cloud-config patch", "multipart MIME",
		"list of includes", "script", "boothook", "part handler",
	}[k]
}

// Form is what is known about a document from how it begins.
type Form struct {
	Kind Kind
	// Version that an Ignition config names.
	Version string
	// Template tells that the text is a template to be filled in first: its first line
	// says so, the second one begins the document.
	Template bool
}

// Name names the form for people: Ignition 3.4.0, template of a cloud-config.
func (f Form) Name() string {
	name := f.Kind.String()
	if f.Version != "" {
		name += " " + f.Version
	}
	if f.Template {
		name = "template of a " + name
	}
	return name
}

// String names the form in a sentence: an Ignition 3.4.0 config, a cloud-config.
func (f Form) String() string {
	name := f.Name()
	switch f.Kind {
	case Unknown, Blank, Binary, JSON, BrokenJSON:
		return name
	case Ignition, OldIgnition:
		return "an " + name + " config"
	case Butane, MIME:
		name += " document"
	}
	return "a " + name
}

// Known reports whether the form is a dialect at all.
func (f Form) Known() bool { return f.Kind >= Ignition }

// byteOrderMark is U+FEFF in UTF-8.
const byteOrderMark = "\ufeff"

// header is how a kind of document begins.
type header struct {
	start string
	kind  Kind
}

// templateHeader makes the document below it a template.
const templateHeader = "## template: jinja"

// headers are compared without regard to case, as cloud-init does; the longest that fits
// counts. They are those of cloud-init's user_data.py and of coreos-cloudinit.
func headers() []header {
	return []header{
		{"#cloud-config-archive", Archive},
		{"#cloud-config-jsonp", Patch},
		{"#cloud-config", CloudConfig},
		{"#include", Include},
		{"#cloud-boothook", Boothook},
		{"#part-handler", PartHandler},
		{"#!", Script},
		{"Content-Type:", MIME},
		{"MIME-Version:", MIME},
		{"From ", MIME},
	}
}

// blanks may stand before a document.
const blanks = " \t\r\n\x00"

// Of tells the form of a document, whose encodings are undone.
func Of(data []byte) Form {
	text := bytes.TrimLeft(bytes.TrimPrefix(data, []byte(byteOrderMark)), blanks)
	switch {
	case len(text) == 0:
		return Form{Kind: Blank}
	case text[0] == '{' || text[0] == '[':
		return ofJSON(text)
	case begins(text, templateHeader):
		_, rest, _ := bytes.Cut(text, []byte("\n"))
		f := Of(rest)
		f.Template = true
		return f
	}
	for _, h := range headers() {
		if begins(text, h.start) && (h.kind != Script || namesProgram(text)) {
			return Form{Kind: h.kind}
		}
	}
	switch kind := ofKeys(text); {
	case kind != Unknown:
		return Form{Kind: kind}
	case !utf8.Valid(text):
		return Form{Kind: Binary}
	}
	return Form{}
}

// namesProgram reports whether the first line of a script names a program that the kernel
// would find: #!cloud-config is a slip, and nobody would see it fail.
func namesProgram(text []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(text[len("#!"):], " \t"), []byte("/"))
}

func begins(text []byte, start string) bool {
	return len(text) >= len(start) && bytes.EqualFold(text[:len(start)], []byte(start))
}

// ofJSON tells versions of Ignition configs apart: spec 1 has its version at the top. It
// reads no further than to the version of spec 3: what follows is the parser's matter.
func ofJSON(text []byte) Form {
	if text[0] == '[' {
		return Form{Kind: JSON}
	}
	var version, old, variant string
	sound := true
	is := func(n *source.Node, kind source.Kind) bool {
		sound = sound && (n.Kind == kind || n.Kind == source.Null)
		return n.Kind == kind
	}
	isOld := func() bool { return strings.HasPrefix(version, "1.") || strings.HasPrefix(version, "2.") }
	err := source.Members(source.NewFile("", text), func(n *source.Node) bool {
		switch {
		case strings.EqualFold(n.Key, "ignition") && is(n, source.Object):
			for i := range n.Children {
				if c := &n.Children[i]; strings.EqualFold(c.Key, "version") && is(c, source.String) {
					version = c.Text
				}
			}
		case strings.EqualFold(n.Key, "ignitionVersion") && is(n, source.Number):
			old = n.Text
		case strings.EqualFold(n.Key, "variant") && is(n, source.String):
			variant = n.Text
		}
		return sound && (version == "" || isOld())
	})
	sound = sound && err == nil
	switch {
	case !sound && begins(bytes.TrimLeft(text[1:], blanks+`"'`), "variant"):
		return Form{Kind: Butane} // YAML in braces
	case isOld() && sound:
		return Form{Kind: OldIgnition, Version: version}
	case version != "" && !isOld():
		return Form{Kind: Ignition, Version: version}
	case old != "":
		return Form{Kind: OldIgnition, Version: old}
	case variant != "":
		return Form{Kind: Butane}
	case !sound:
		return Form{Kind: BrokenJSON}
	}
	return Form{Kind: JSON}
}

// ofKeys tells documents apart by the words at their left margin: MIME has a header that
// ends with an empty line, Butane names a variant, a Container Linux Config has sections
// and names none.
func ofKeys(text []byte) Kind {
	sections, inHeader := false, true
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			inHeader = false
			continue
		}
		key, _, isKey := strings.Cut(string(line[:min(len(line), maxKey)]), ":")
		switch key = strings.Trim(key, `"' `); {
		case strings.IndexByte(" \t#-.", line[0]) >= 0: // goes on, or says nothing
		case !isKey:
			inHeader = false
		case key == "variant":
			return Butane
		case inHeader && strings.EqualFold(key, "MIME-Version"):
			return MIME
		case isSection(key):
			sections = true
		}
	}
	if sections {
		return ContainerLinux
	}
	return Unknown
}

// maxKey is more than the number of bytes of any key with its colon.
const maxKey = 32

// isSection reports whether a Container Linux Config may have a key at its top.
func isSection(key string) bool {
	switch key {
	case "ignition", "storage", "systemd", "networkd", "passwd", "etcd", "flannel", "docker", "update", "locksmith":
		return true
	}
	return false
}
