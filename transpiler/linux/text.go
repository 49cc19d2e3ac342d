package linux

import (
	"path"
	"strings"
	"unicode"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleLine = &diag.Rule{
	ID: "one-line", Why: "the value becomes a part of a line in a generated file, and must not start another one",
	Help: "give text in one line, without control characters, without white space around it, without a backslash at its end",
}

// isLine reports whether a text can stand at the end of a line in a file: no line
// feed or other control character, no white space that readers strip, and no
// backslash that joins the next line.
func isLine(s string) bool {
	return strings.TrimSpace(s) == s && !strings.HasSuffix(s, `\`) &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' })
}

// checkLine reports a text that cannot stand in a line of a file, or is empty.
func checkLine(c *sugar.Ctx, place source.Path, what, s string) bool {
	switch {
	case s == "":
		c.Errorf(ruleLine, place, "%s is empty", what)
	case !isLine(s):
		c.Errorf(ruleLine, place, "%s is not the text of one line", what)
	default:
		return true
	}
	return false
}

const (
	digits       = "0123456789"
	letters      = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alphanumeric = letters + digits
)

// only reports whether a text is not empty and has no characters but some.
func only(s, characters string) bool {
	return s != "" && strings.Trim(s, characters) == ""
}

// plainPath are the characters of paths that mean nothing special to anyone.
const plainPath = alphanumeric + "/._+-@:,="

// isPlainPath reports whether a path is absolute, in its shortest form, and has
// no characters that need quotes.
func isPlainPath(p string) bool {
	return strings.HasPrefix(p, "/") && path.Clean(p) == p && only(p, plainPath)
}

// specifiers keeps systemd from replacing what starts with a percent sign:
// systemd.unit(5), specifiers.
func specifiers(s string) string { return strings.ReplaceAll(s, "%", "%%") }

// quoted writes an argument of a command line in a unit: in double quotes, with
// nothing in it that systemd replaces. systemd.service(5), command lines.
func quoted(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", "$$").Replace(s)
	return `"` + specifiers(s) + `"`
}

// ini writes files that consist of sections: units, those of networkd, keyfiles.
type ini struct{ text strings.Builder }

// section starts a section.
func (f *ini) section(name string) {
	if f.text.Len() == 0 {
		f.text.WriteString(sugar.Header)
	} else {
		f.text.WriteByte('\n')
	}
	f.text.WriteString("[" + name + "]\n")
}

// set adds an option. The value was checked: it has no line feed.
func (f *ini) set(name string, value string) {
	f.text.WriteString(name + "=" + value + "\n")
}

// setIf adds an option that has a value.
func (f *ini) setIf(name, value string) {
	if value != "" {
		f.set(name, value)
	}
}

// each adds an option for each value.
func (f *ini) each(name string, values []string) {
	for _, v := range values {
		f.set(name, v)
	}
}

func (f *ini) String() string { return f.text.String() }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
