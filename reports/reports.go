// Package reports prints diagnostics in the form that the user of a program asked for:
// for people, for other programs, for services that show findings beside the code.
// Write is all of them.
package reports

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

// Formats are the forms that Write knows, by the names that users give.
func Formats() []string { return []string{"text", "json", "sarif", "github"} }

// Tool is the program that found the diagnostics, as reports name it.
type Tool struct{ Name, Version string }

// Write prints the list, in the order it has, in one of the Formats. The options
// are those of text.
func Write(w io.Writer, format string, l diag.List, by Tool, o Options) error {
	switch format {
	case "text":
		return Text(w, l, o)
	case "json":
		return JSON(w, l)
	case "sarif":
		return SARIF(w, l, by)
	case "github":
		return GitHub(w, l)
	}
	return fmt.Errorf("there is no format %q; use one of %s", format, strings.Join(Formats(), ", "))
}

// Colors reports whether text that goes to w should have colors: w is a terminal
// that knows them, and nobody asked for none (no-color.org). Another character device,
// such as /dev/null, is taken for a terminal, and shows nothing anyway.
func Colors(w io.Writer) bool {
	f, isFile := w.(*os.File)
	if term := os.Getenv("TERM"); !isFile || term == "" || term == "dumb" || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// each visits the diagnostics and what is related to them.
func each(l []diag.Diagnostic, visit func(d *diag.Diagnostic)) {
	for i := range l {
		visit(&l[i])
		each(l[i].Related, visit)
	}
}

// innermost is the place for programs that show one only: Inside, if that is in a file.
func innermost(d *diag.Diagnostic) source.Range {
	if d.Inside.IsZero() || d.Inside.File.Name == "" {
		return d.At
	}
	return d.Inside
}
