package cloudconfig

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

// jinja starts the first line of a template: cloud-init, instance metadata.
const jinja = "## template:"

// addresses are the variables of coreos-cloudinit.
var addresses = [...]string{"public_ipv4", "private_ipv4", "public_ipv6", "private_ipv6"}

// replaceVariables replaces what the platform knows, in the text of a document. It keeps
// the lines of the text.
func (t *translator) replaceVariables(name string, text []byte) []byte {
	r := replacer{t: t, file: source.NewFile(name, text)}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	if kind, is := bytes.CutPrefix(bytes.ToLower(first), []byte(jinja)); is {
		if word := string(bytes.TrimSpace(kind)); word != "jinja" {
			r.fail(0, len(first), `write "## template: jinja"`, "there are no templates of the kind %q here", word)
		} else {
			text = r.templates(text)
		}
		t.unfilled = t.found.HasErrors()
		return text
	}
	if t.options.Dialect == CoreOS || t.options.Dialect == Any && (bytes.HasPrefix(text, []byte("coreos:")) || bytes.Contains(text, []byte("\ncoreos:"))) {
		return r.addresses(text)
	}
	return text
}

// replacer replaces the variables of one text.
type replacer struct {
	t    *translator
	file *source.File
}

func (r *replacer) fail(start, end int, help, format string, args ...any) {
	r.t.report(diag.Error, ruleVariable, node{}, source.Range{File: r.file, Start: start, End: end}, help, fmt.Sprintf(format, args...))
}

// addresses replaces $private_ipv4 and its like; \$private_ipv4 is that text itself.
func (r *replacer) addresses(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		next := bytes.IndexByte(text[i:], '$')
		if next < 0 {
			out = append(out, text[i:]...)
			break
		}
		out = append(out, text[i:i+next]...)
		i += next
		name := ""
		for _, a := range addresses {
			if bytes.HasPrefix(text[i+1:], []byte(a)) {
				name = a
			}
		}
		value, known := r.t.options.Facts[name]
		switch {
		case name == "":
			out = append(out, '$')
			i++
			continue
		case len(out) > 0 && out[len(out)-1] == '\\':
			out = append(out[:len(out)-1], "$"+name...)
		case !known:
			r.fail(i, i+1+len(name), "write the address, or read it in the unit from the metadata service of the platform",
				"$%s is not known here", name)
			out = append(out, "$"+name...)
		default:
			out = r.put(out, value, i, i+1+len(name))
		}
		i += 1 + len(name)
	}
	return out
}

// put adds a value, which must not make lines of its own.
func (r *replacer) put(out []byte, value string, start, end int) []byte {
	if strings.ContainsAny(value, "\r\n") {
		r.fail(start, end, "", "the value of this variable has more than one line")
		return out
	}
	return append(out, value...)
}

// templates replaces {{ variables }} of Jinja, and leaves out comments.
func (r *replacer) templates(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); {
		next := bytes.IndexByte(text[i:], '{')
		if next < 0 || i+next+1 >= len(text) {
			out = append(out, text[i:]...)
			break
		}
		out = append(out, text[i:i+next]...)
		i += next
		closing := map[byte]string{'{': "}}", '#': "#}", '%': "%}"}[text[i+1]]
		if closing == "" {
			out = append(out, '{')
			i++
			continue
		}
		length := bytes.Index(text[i+2:], []byte(closing))
		if length < 0 {
			r.fail(i, i+2, "close it by "+closing, "%s is not closed", text[i:i+2])
			return append(out, text[i:]...)
		}
		end := i + 2 + length + 2
		inside := string(text[i+2 : i+2+length])
		switch text[i+1] {
		case '#':
			out = append(out, strings.Repeat("\n", strings.Count(inside, "\n"))...)
		case '%':
			r.fail(i, end, "write the lines that you need, without conditions and loops", "statements of Jinja are not carried out")
		default:
			if value, ok := r.expression(inside, i, end); ok {
				out = r.put(out, value, i, end)
			}
		}
		i = end
	}
	return out
}

// expression evaluates a variable with filters.
func (r *replacer) expression(text string, start, end int) (string, bool) {
	steps := strings.Split(strings.Trim(text, "-"), "|")
	name := strings.TrimSpace(steps[0])
	if name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != "" {
		r.fail(start, end, "only {{ v1.NAME }} and {{ ds.NAME }} are replaced, with the filters default, lower and upper",
			"%q is no variable", name)
		return "", false
	}
	value, known := r.fact(name)
	for _, step := range steps[1:] {
		step = strings.TrimSpace(step)
		filter, argument, _ := strings.Cut(step, "(")
		argument = strings.TrimSpace(strings.TrimSuffix(argument, ")"))
		quoted := len(argument) >= 2 && (argument[0] == '"' || argument[0] == '\'') && argument[len(argument)-1] == argument[0]
		switch {
		case strings.TrimSpace(filter) == "default" && quoted:
			if !known {
				value, known = argument[1:len(argument)-1], true
			}
		case step == "lower":
			value = strings.ToLower(value)
		case step == "upper":
			value = strings.ToUpper(value)
		default:
			r.fail(start, end, "the filters are default('TEXT'), lower and upper", "%q is no filter that is known here", step)
			return "", false
		}
	}
	if !known {
		r.fail(start, end, "", "the variable %s is not known here", name)
	}
	return value, known
}

// fact finds a variable. Those of v1 have short names too, and where a name has other
// characters than letters, underscores are allowed in their place.
func (r *replacer) fact(name string) (string, bool) {
	for _, n := range []string{name, "v1." + name} {
		if v, ok := r.t.options.Facts[n]; ok {
			return v, true
		}
		for key, v := range r.t.options.Facts {
			if strings.ReplaceAll(key, "-", "_") == n {
				return v, true
			}
		}
	}
	return "", false
}
