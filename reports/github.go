package reports

import (
	"fmt"
	"io"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
)

// GitHub prints the list as workflow commands, which GitHub Actions shows beside the
// lines of a change: docs.github.com, "Workflow commands for GitHub Actions". Columns
// count characters; the end column is the one after the last character.
func GitHub(w io.Writer, l diag.List) error {
	var b strings.Builder
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	each(l, func(d *diag.Diagnostic) {
		command := [...]string{"error", "warning", "notice"}[d.Severity]
		fmt.Fprintf(&b, "::%s title=%s", command, property.Replace(d.Rule.ID))
		if at := innermost(d); !at.IsZero() {
			start, end := at.Position(), at.File.Position(at.End)
			fmt.Fprintf(&b, ",file=%s,line=%d,endLine=%d", property.Replace(at.File.Name), start.Line, end.Line)
			if start.Line == end.Line { // only then columns are allowed
				fmt.Fprintf(&b, ",col=%d,endColumn=%d", start.Column, end.Column)
			}
		}
		message := printable(d.Message)
		if help := d.Advice(); help != "" {
			message += "\nhelp: " + printable(help)
		}
		fmt.Fprintf(&b, "::%s\n", data.Replace(message))
	})
	_, err := io.WriteString(w, b.String())
	return err
}
