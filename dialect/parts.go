package dialect

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	form "github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/source"
)

// Limits of documents that consist of others.
const (
	maxParts = 500
	// maxDepth limits parts in parts, and lists of addresses behind addresses.
	maxDepth = 8
)

// part is one document of those that a document consists of.
type part struct {
	// file is the text. line is where it starts in the whole document, counted from 0;
	// negative if it is not written there as it is.
	file *source.File
	line int
	form form.Form
	// name and merge are from the header of the part.
	name, merge string
	// everyBoot tells that a script runs on every boot, vendor that the part is vendor
	// data.
	everyBoot, vendor bool
}

// inPlace returns the text with empty lines before it, so that its lines are those of the
// whole document.
func (p part) inPlace() *source.File {
	if p.line <= 0 {
		return p.file
	}
	return source.NewFile(p.file.Name, append(bytes.Repeat([]byte("\n"), p.line), p.file.Data...))
}

// splitter takes documents apart.
type splitter struct {
	Options
	parts []part
	found diag.List
	// whole is the document without the encodings around it.
	whole     part
	encodings []string
	// left is the number of bytes that everything may still unpack to.
	left int
	// way are the addresses that led to the document that is being split.
	way []string
}

func (s *splitter) fail(rule *diag.Rule, at source.Range, help, format string, args ...any) {
	s.found = append(s.found, diag.Diagnostic{Rule: rule, Message: fmt.Sprintf(format, args...), At: at, Help: help})
}

// contentTypes are the types of parts that say what a part is; others are looked at. They
// are those of cloud-init's user_data.py, and ours.
func contentTypes() map[string]form.Kind {
	return map[string]form.Kind{
		"text/cloud-config": form.CloudConfig, "text/cloud-config-archive": form.Archive, "text/cloud-config-jsonp": form.Patch,
		"text/cloud-boothook": form.Boothook, "text/x-include-url": form.Include, "text/x-include-once-url": form.Include,
		"text/part-handler": form.PartHandler, perBoot: form.Script, "text/x-shellscript-per-instance": form.Script,
		"text/x-shellscript-per-once": form.Script,
	}
}

// perBoot is the type of scripts that run on every boot.
const perBoot = "text/x-shellscript-per-boot"

// sniffed are the types that say nothing, or are often wrong: the text tells.
func sniffed(kind string) bool {
	switch kind {
	case "text/plain", "text/x-shellscript", "text/jinja2", "application/octet-stream", "application/vnd.coreos.ignition+json",
		"application/gzip", "application/x-gzip", "application/gunzip", "application/x-gunzip", "application/x-compress":
		return true
	}
	return false
}

// document adds the parts of a document: of itself, if it has none.
func (s *splitter) document(p part, depth int) {
	data, undone, err := form.Unwrap(p.file.Data, s.left)
	if s.left -= len(data); err != nil {
		s.fail(ruleEncoding, source.Range{File: source.NewFile(p.file.Name, nil)}, "", "%v", err)
		return
	}
	if len(undone) > 0 {
		p.file, p.line = source.NewFile(p.file.Name, data), -1
	}
	if p.form == (form.Form{}) {
		p.form = form.Of(data)
	}
	if depth == 0 {
		s.whole, s.encodings = p, undone
	}
	s.add(p, depth)
}

// add adds a part whose form is known.
func (s *splitter) add(p part, depth int) {
	at := p.file.LineRange(1)
	switch {
	case depth > maxDepth:
		s.fail(ruleUnsupported, at, "join what belongs together", "parts are nested more than %d deep", maxDepth)
	case len(s.parts) == maxParts:
		s.fail(ruleUnsupported, at, "join what belongs together", "the document has more than %d parts", maxParts)
	case p.form.Kind == form.MIME:
		m, err := parseMessage(p.file.Data, 0)
		if err != nil {
			s.fail(ruleParts, at, "", "%v", err)
			return
		}
		s.message(m, p, depth, "")
	case p.form.Kind == form.Archive:
		s.archive(p, depth)
	case p.form.Kind == form.Include:
		s.includes(p, depth)
	case depth > 0 && p.form.Kind == form.Blank: // says nothing
	default:
		s.parts = append(s.parts, p)
	}
}

// message adds the parts of a message, or the message itself if it has none. The number of
// the part is for errors.
func (s *splitter) message(m message, whole part, depth int, number string) {
	at := whole.file.LineRange(1)
	if m.start >= 0 && whole.line == 0 {
		// the last line of its header, above an empty one
		at = whole.file.LineRange(max(1, bytes.Count(whole.file.Data[:m.start], []byte("\n"))-1))
	}
	fail := func(format string, args ...any) { s.fail(ruleParts, at, "", number+format, args...) }
	kind, parameters := m.contentType()
	if strings.HasPrefix(kind, "multipart/") {
		parts, err := m.parts(parameters["boundary"])
		if depth++; err != nil {
			fail("%v", err)
		} else if depth > maxDepth {
			fail("parts are nested more than %d deep", maxDepth)
		} else {
			for i, sub := range parts {
				s.message(sub, whole, depth, fmt.Sprintf("%spart %d: ", number, i+1))
			}
		}
		return
	}
	if err := m.decode(); err != nil {
		fail("%v", err)
		return
	}
	p := part{name: m.name(), merge: strings.TrimSpace(m.header["merge-type"] + " " + m.header["x-merge-type"]), line: -1, everyBoot: kind == perBoot}
	if p.file = source.NewFile(whole.file.Name, m.body); m.start >= 0 && whole.line == 0 {
		p.line = bytes.Count(whole.file.Data[:m.start], []byte("\n"))
	}
	if p.name == "" {
		p.name = fmt.Sprintf("part-%03d", len(s.parts)+1) // as cloud-init calls them
	}
	if p.line < 0 {
		p.file.Name += "#" + p.name
	}
	if index := m.header["launch-index"]; index != "" {
		fail("%s is for the machine with Launch-Index %s of several that were started together, and nobody knows which one this is", p.name, index)
		return
	}
	switch forced, ok := contentTypes()[kind]; {
	case ok && !form.Of(m.body).Template:
		p.form.Kind = forced
	case !ok && !sniffed(kind):
		fail("%s has the content type %s, which nothing here can read", p.name, kind)
		return
	}
	s.document(p, depth+1)
}

// archive adds the parts of a cloud-config archive: a list of texts, or of mappings with a
// type and a content.
func (s *splitter) archive(p part, depth int) {
	tree, bad := source.ParseYAML(p.file)
	for _, e := range bad {
		s.fail(ruleParts, e.At, "", "%s", e.Message)
	}
	if tree == nil {
		return
	}
	if tree.Root.Kind != source.List {
		s.fail(ruleParts, tree.Range(&tree.Root), "write a list of parts", "a cloud-config archive is a list, not %s", tree.Root.Kind)
		return
	}
	for i := range tree.Root.Children {
		item := &tree.Root.Children[i]
		at := tree.Range(item)
		content, kind, name := item, "", fmt.Sprintf("part-%03d", i+1)
		merge := ""
		if item.Kind == source.Object {
			content = nil
			for j := range item.Children {
				switch c := &item.Children[j]; c.Key {
				case "content":
					content = c
				case "type":
					kind = c.Text
				case "filename":
					name = c.Text
				case "merge_how", "merge_type", "merge-type":
					merge = c.Text
				default:
					s.fail(ruleParts, tree.KeyRange(c), "a part has content, type, filename and merge_type", "a part of an archive has no key %q here", c.Key)
				}
			}
		}
		if content == nil || content.Kind != source.String {
			s.fail(ruleParts, at, "write the text of the part, or content: TEXT", "the part has no content")
			continue
		}
		sub := part{file: source.NewFile(p.file.Name+"#"+name, []byte(content.Text)), line: -1, name: name, merge: merge, everyBoot: kind == perBoot}
		switch forced, ok := contentTypes()[kind]; {
		case ok:
			sub.form.Kind = forced
		case kind == "" && form.Of(sub.file.Data).Kind == form.Unknown:
			sub.form.Kind = form.CloudConfig
		case kind != "" && !sniffed(kind):
			s.fail(ruleParts, at, "", "%s has the content type %s, which nothing here can read", name, kind)
			continue
		}
		s.document(sub, depth+1)
	}
}

// includes adds what a list of addresses refers to.
func (s *splitter) includes(p part, depth int) {
	number := 0
	for line := range bytes.Lines(p.file.Data) {
		number++
		address := strings.TrimSpace(string(line))
		for _, start := range []string{"#include-once", "#include"} {
			if len(address) >= len(start) && strings.EqualFold(address[:len(start)], start) {
				address = strings.TrimSpace(address[len(start):])
			}
		}
		if address == "" || address[0] == '#' {
			continue
		}
		at := p.file.LineRange(number)
		if strings.ContainsAny(address, "?@") { // a token, a password
			p.file.Hide(at.Start, at.End)
		}
		switch {
		case s.Include == nil:
			s.fail(ruleInclude, at, "give the documents themselves", "what the address refers to is fetched on the machine only")
			return
		case slices.Contains(s.way, address):
			s.fail(ruleInclude, at, "remove it", "the list refers to itself, directly or by way of others")
			continue
		case len(s.way) >= maxDepth:
			s.fail(ruleInclude, at, "name the documents themselves", "lists of addresses refer to others more than %d deep", maxDepth)
			continue
		}
		f, err := s.Include(address, at)
		if err != nil {
			s.fail(ruleInclude, at, "", "%v", err)
			continue
		}
		s.way = append(s.way, address)
		s.document(part{file: f, line: -1}, depth+1)
		s.way = s.way[:len(s.way)-1]
	}
}
