// Package archive reads and writes several texts in one file, in the form of
// golang.org/x/tools/txtar: a comment, then files, each after a line -- NAME --.
package archive

import "strings"

// Archive is such a file. The zero Archive has no comment and no files.
type Archive struct {
	// Comment is the text above the first file, with its line feeds.
	Comment string
	// Files in the order of the text.
	Files []File
}

// File is one text of an archive.
type File struct {
	Name string
	// Text with its line feeds; in a well-formed archive it ends with one.
	Text string
}

// Parse reads an archive. Every text is one, so there are no errors.
func Parse(text string) Archive {
	var a Archive
	at := &a.Comment
	for line := range strings.Lines(text) {
		if marker, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(marker, " --\n") {
			a.Files = append(a.Files, File{Name: strings.TrimSuffix(marker, " --\n")})
			at = &a.Files[len(a.Files)-1].Text
			continue
		}
		*at += line
	}
	return a
}

// Format writes the archive in the form that [Parse] reads.
func (a Archive) Format() string {
	var b strings.Builder
	b.WriteString(a.Comment)
	for _, f := range a.Files {
		b.WriteString("-- " + f.Name + " --\n" + f.Text)
	}
	return b.String()
}

// Find returns the text of a file; ok is false if there is none of that name.
func (a Archive) Find(name string) (text string, ok bool) {
	for _, f := range a.Files {
		if f.Name == name {
			return f.Text, true
		}
	}
	return "", false
}

// Set gives a file its text, in the place it has or at the end.
func (a *Archive) Set(name, text string) {
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Text = text
			return
		}
	}
	a.Files = append(a.Files, File{Name: name, Text: text})
}
