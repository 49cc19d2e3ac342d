package reports

import (
	"io"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/source"
)

// jsonDiagnostic is the JSON form of a diagnostic. Lines and columns count from
// 1, columns in characters; end is the place after the last character.
type jsonDiagnostic struct {
	Severity string        `json:"severity"`
	Rule     string        `json:"rule"`
	Message  string        `json:"message"`
	Path     string        `json:"path,omitempty"`
	File     string        `json:"file,omitempty"`
	Start    *jsonPosition `json:"start,omitempty"`
	End      *jsonPosition `json:"end,omitempty"`
	Why      string        `json:"why,omitempty"`
	Help     string        `json:"help,omitempty"`
	// Inside is where the problem is within the text between start and end.
	Inside  *jsonRange       `json:"inside,omitempty"`
	Related []jsonDiagnostic `json:"related,omitempty"`
}

type jsonRange struct {
	File  string        `json:"file"`
	Start *jsonPosition `json:"start"`
	End   *jsonPosition `json:"end"`
}

type jsonPosition struct {
	Line       int `json:"line"`
	Column     int `json:"column"`
	ByteColumn int `json:"byteColumn"`
	Offset     int `json:"offset"`
}

// JSON prints the list as one JSON array, an object for each diagnostic, in the
// order it has.
func JSON(w io.Writer, l diag.List) error {
	return json.Write(w, toJSON(l))
}

func toJSON(l []diag.Diagnostic) []jsonDiagnostic {
	out := make([]jsonDiagnostic, 0, len(l))
	for i := range l {
		d := &l[i]
		j := jsonDiagnostic{
			Severity: d.Severity.String(),
			Rule:     d.Rule.ID,
			Message:  d.Message,
			Path:     d.Path.String(),
			Why:      d.Rule.Why,
			Help:     d.Advice(),
		}
		if !d.At.IsZero() {
			j.File = d.At.File.Name
			j.Start = position(d.At.File, d.At.Start)
			j.End = position(d.At.File, d.At.End)
		}
		if in := d.Inside; !in.IsZero() {
			j.Inside = &jsonRange{in.File.Name, position(in.File, in.Start), position(in.File, in.End)}
		}
		if len(d.Related) > 0 {
			j.Related = toJSON(d.Related)
		}
		out = append(out, j)
	}
	return out
}

func position(f *source.File, offset int) *jsonPosition {
	p := f.Position(offset)
	return &jsonPosition{Line: p.Line, Column: p.Column, ByteColumn: p.ByteColumn, Offset: offset}
}
