// Package rulebook holds a page for each rule that a diagnostic can name: what is
// wrong, why that matters, a document that breaks the rule with what is said about
// it, and the same document put right. [IDs] lists them, [Find] opens one.
//
// A page is a file pages/ID.txtar. The comment of the archive is the text, its
// first line the title. Its files are:
//
//	bad.bu or bad.ign      a document that breaks the rule; bad.yaml or bad.json is one
//	                       in another dialect, for butane convert
//	bad.flags              flags for it, if others than --files-dir
//	said                   what butane or ignition-validate prints about it
//	good.bu or good.ign    the document put right (or good.yaml, good.json); nothing is
//	                       said about it
//	files/...              the files directory of both documents
//	fifo files/...         a named pipe in it
//
// tests/golden runs the documents, so a page is also the golden file of its rule.
// Nothing is read before a page is asked for.
package rulebook

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/rulebook/archive"
)

//go:embed pages
var pages embed.FS

// Page explains one rule.
type Page struct {
	// ID of the rule.
	ID string
	// Title says in one line what is wrong, without capital and period.
	Title string
	// Text says more, in paragraphs.
	Text string
	// Archive are the examples, by the names in the comment of the package.
	Archive archive.Archive
}

// Documents of a page, by the extension of their names.
const (
	Butane   = ".bu"
	Ignition = ".ign"
	// YAML and JSON are in other dialects.
	YAML = ".yaml"
	JSON = ".json"
)

// IDs returns the ids of all rules, sorted.
func IDs() []string {
	var ids []string
	entries, _ := fs.ReadDir(pages, "pages") // embedded: it is there
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".txtar"); ok {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids) // a.txtar comes after a-b.txtar
	return ids
}

// Find returns the page of a rule; ok is false if there is none.
func Find(id string) (p Page, ok bool) {
	text, err := pages.ReadFile("pages/" + id + ".txtar") // not joined: that would follow ..
	if err != nil {
		return Page{}, false
	}
	return Parse(id, string(text)), true
}

// Parse reads a page.
func Parse(id, text string) Page {
	p := Page{ID: id, Archive: archive.Parse(text)}
	title, rest, _ := strings.Cut(p.Archive.Comment, "\n")
	p.Title, p.Text = title, strings.TrimSpace(rest)
	return p
}

// Example returns the name and the text of the document that is named bad or good.
func (p Page) Example(kind string) (name, text string) {
	for _, extension := range []string{Butane, Ignition, YAML, JSON} {
		if text, ok := p.Archive.Find(kind + extension); ok {
			return kind + extension, text
		}
	}
	return "", ""
}

// Command is the command line for an example, as somebody would type it in a
// directory with the files of the page.
func (p Page) Command(kind string) []string {
	name, _ := p.Example(kind)
	if path.Ext(name) == Ignition {
		return []string{"ignition-validate", name}
	}
	command := []string{"butane"}
	if extension := path.Ext(name); extension == YAML || extension == JSON {
		command = append(command, "convert")
	}
	if flags, ok := p.Archive.Find(kind + ".flags"); ok {
		command = append(command, strings.Fields(flags)...)
	} else if p.hasFiles() {
		command = append(command, "--files-dir", "files")
	}
	return append(command, name)
}

func (p Page) hasFiles() bool {
	for _, f := range p.Archive.Files {
		if strings.HasPrefix(strings.TrimPrefix(f.Name, "fifo "), "files/") {
			return true
		}
	}
	return false
}

// Near returns what somebody who wrote an unknown id may have meant: the id that
// differs least, or those with that word in them. It returns nothing when there are too
// many to be of help.
func Near(word string) []string {
	ids := IDs()
	if near := schema.Nearest(word, ids); near != "" {
		return []string{near}
	}
	const fewest, most = 3, 12 // letters of the word, ids
	if len(word) < fewest {
		return nil
	}
	var with []string
	for _, id := range ids {
		if strings.Contains(id, strings.ToLower(word)) {
			with = append(with, id)
		}
	}
	if len(with) > most {
		return nil
	}
	return with
}
