package rulebook

import (
	"fmt"
	"io"
	"strings"
)

// Write prints a page for a terminal.
func (p Page) Write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n%s\n", p.ID, p.Title, p.Text)
	_, bad := p.Example("bad")
	fmt.Fprintf(&b, "\nWrong:\n\n%s", indent(bad))
	said, _ := p.Archive.Find("said")
	fmt.Fprintf(&b, "\n  $ %s\n%s", strings.Join(p.Command("bad"), " "), indent(said))
	_, good := p.Example("good")
	fmt.Fprintf(&b, "\nRight:\n\n%s", indent(good))
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteList prints a line for each rule.
func WriteList(w io.Writer) error {
	var b strings.Builder
	for _, id := range IDs() {
		p, _ := Find(id) // it was listed
		fmt.Fprintf(&b, "%-28s %s\n", id, p.Title)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// Markdown returns pages as one document: docs/rules.md.
func Markdown(pages []Page) string {
	var b strings.Builder
	b.WriteString("# Rules\n\n" +
		"Every problem that `butane` and `ignition-validate` report names its rule in brackets or,\n" +
		"with `--format json`, as data. `butane explain ID` prints the part of this page about it.\n\n" +
		"<!-- Written by `make golden` from rulebook/pages. -->\n\n")
	for _, p := range pages {
		fmt.Fprintf(&b, "- [`%s`](#%s): %s\n", p.ID, p.ID, p.Title)
	}
	for _, p := range pages {
		p.markdown(&b)
	}
	return b.String()
}

// markdown writes one page. The languages of its blocks are not those of the blocks
// that tests of the documentation run: bad examples are bad.
func (p Page) markdown(b *strings.Builder) {
	languages := map[string]string{"bad.bu": "yml", "good.bu": "yml", "bad.yaml": "yml", "good.yaml": "yml"}
	block := func(name, text string) { fmt.Fprintf(b, "\n```%s\n%s```\n", languages[name], text) }
	fmt.Fprintf(b, "\n## %s\n\n%s.\n\n%s\n\nWrong:\n", p.ID, strings.ToUpper(p.Title[:1])+p.Title[1:], p.Text)
	name, bad := p.Example("bad")
	block(name, bad)
	said, _ := p.Archive.Find("said")
	block("", "$ "+strings.Join(p.Command("bad"), " ")+"\n"+said)
	b.WriteString("\nRight:\n")
	name, good := p.Example("good")
	block(name, good)
}
