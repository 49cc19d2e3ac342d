package providers

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
)

// ovfNamespace is that of an environment and its attributes: DSP0243, DMTF.
const ovfNamespace = "http://schemas.dmtf.org/ovf/environment/1"

// errNoXML shows nothing of the document, which may hold secrets.
var errNoXML = errors.New("it is no XML")

// parseOVF reads the properties of an OVF environment document.
func parseOVF(text string) (map[string]string, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	found := map[string]string{}
	s := tagScanner{text: text}
	for s.next() {
		if around := s.around; !s.closes && len(around) == 3 && around[1] == "PropertySection" && around[2] == "Property" {
			found[s.attributes["key"]] = s.attributes["value"]
		}
	}
	if s.broken || !s.any {
		return nil, errNoXML
	}
	return found, nil
}

// cutOVF returns the document without some properties, and otherwise byte by byte as it
// was.
func cutOVF(text string, cut func(key string) bool) (string, error) {
	var out strings.Builder
	kept, cutting := 0, 0 // what is written from where on; how deep the element is that is cut
	s := tagScanner{text: text}
	for s.next() {
		depth := len(s.around)
		if !s.closes && cutting == 0 && s.around[depth-1] == "Property" && cut(s.attributes["key"]) {
			out.WriteString(text[kept:s.start])
			cutting = depth
		}
		if s.ends && depth == cutting {
			kept, cutting = s.at, 0
		}
	}
	if s.broken {
		return "", errNoXML
	}
	out.WriteString(text[kept:])
	return out.String(), nil
}

// tagScanner goes through the tags of an XML document, as far as OVF environments need it:
// for encoding/xml, which has 41 KB, there is no room (docs/adr/0171). It knows no document
// types, and takes each prefix for one namespace. The zero value with a text is ready.
type tagScanner struct {
	text string
	// around are the local names of the elements around the place, with that of the tag.
	around []string
	// closes is set for </a>, ends for that and for <a/>.
	closes, ends bool
	// attributes are those of the OVF namespace, by their local names.
	attributes map[string]string
	// start and at are where the tag is in the text.
	start, at int
	// broken is set when next has stopped because the text is no XML. any is set when
	// there was an element.
	broken, any bool

	prefixes map[string]string
	over     bool // the tag before ended its element
	names    []string
}

// next goes to the next tag.
func (s *tagScanner) next() bool {
	if s.over {
		s.around, s.names, s.over = s.around[:len(s.around)-1], s.names[:len(s.names)-1], false
	}
	for {
		rest := s.text[s.at:]
		i := strings.IndexByte(rest, '<')
		if i < 0 {
			s.broken = len(s.around) > 0
			return false
		}
		s.start = s.at + i
		rest = rest[i:]
		skipped := false
		for _, quoted := range [][2]string{{"<?", "?>"}, {"<!--", "-->"}, {"<![CDATA[", "]]>"}} {
			if strings.HasPrefix(rest, quoted[0]) {
				end := strings.Index(rest[len(quoted[0]):], quoted[1])
				if end < 0 {
					s.broken = true
					return false
				}
				s.at, skipped = s.start+len(quoted[0])+end+len(quoted[1]), true
				break
			}
		}
		if !skipped {
			s.broken = !s.tag(rest)
			return !s.broken
		}
	}
}

// tag reads a tag at the start of a text.
func (s *tagScanner) tag(rest string) bool {
	rest, s.closes = strings.CutPrefix(rest[1:], "/")
	name := rest[:nameLength(rest)]
	rest = rest[len(name):]
	if name == "" {
		return false
	}
	s.attributes, s.ends = map[string]string{}, s.closes
	given := [][2]string{}
	for {
		trimmed := strings.TrimLeft(rest, xmlSpace)
		if after, ok := strings.CutPrefix(trimmed, "/>"); ok && !s.closes {
			s.ends, rest = true, after
			break
		}
		if after, ok := strings.CutPrefix(trimmed, ">"); ok {
			rest = after
			break
		}
		key := trimmed[:nameLength(trimmed)]
		trimmed = strings.TrimLeft(trimmed[len(key):], xmlSpace)
		if key == "" || s.closes || !strings.HasPrefix(trimmed, "=") {
			return false
		}
		trimmed = strings.TrimLeft(trimmed[1:], xmlSpace)
		if trimmed == "" || trimmed[0] != '"' && trimmed[0] != '\'' {
			return false
		}
		end := strings.IndexByte(trimmed[1:], trimmed[0])
		if end < 0 {
			return false
		}
		value, ok := xmlText(trimmed[1 : 1+end])
		if !ok {
			return false
		}
		given = append(given, [2]string{key, value})
		rest = trimmed[end+2:]
	}
	s.at = len(s.text) - len(rest)
	if s.closes {
		s.over = true
		return len(s.names) > 0 && s.names[len(s.names)-1] == name
	}
	s.any, s.over = true, s.ends
	_, local := xmlName(name)
	s.around, s.names = append(s.around, local), append(s.names, name)
	s.setAttributes(given)
	return true
}

// setAttributes picks the attributes of the OVF namespace.
func (s *tagScanner) setAttributes(given [][2]string) {
	if s.prefixes == nil {
		s.prefixes = map[string]string{}
	}
	for _, a := range given {
		if prefix, local := xmlName(a[0]); prefix == "xmlns" {
			s.prefixes[local] = a[1]
		}
	}
	for _, a := range given {
		if prefix, local := xmlName(a[0]); prefix != "" && s.prefixes[prefix] == ovfNamespace {
			s.attributes[local] = a[1]
		}
	}
}

const xmlSpace = " \t\r\n"

// xmlName takes the prefix off a name.
func xmlName(name string) (prefix, local string) {
	prefix, local, found := strings.Cut(name, ":")
	if !found {
		return "", prefix
	}
	return prefix, local
}

// nameLength is the number of bytes of the name at the start of a text.
func nameLength(s string) int {
	if i := strings.IndexAny(s, xmlSpace+"<>/=&'\""); i >= 0 {
		return i
	}
	return len(s)
}

// entities are the names of characters that XML has without a document type.
var entities = [...][2]string{{"lt", "<"}, {"gt", ">"}, {"amp", "&"}, {"quot", `"`}, {"apos", "'"}}

// xmlText undoes the references of an attribute, and makes line breaks what XML has for
// them: XML 1.0 §2.11.
func xmlText(s string) (string, bool) {
	if strings.Contains(s, "<") {
		return "", false
	}
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "&")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name, after, closed := strings.Cut(rest, ";")
		text := ""
		if digits, number := strings.CutPrefix(name, "#"); number {
			base := 10
			if hex, ok := strings.CutPrefix(digits, "x"); ok {
				digits, base = hex, 16
			}
			if r, err := strconv.ParseUint(digits, base, 32); err == nil && r <= unicode.MaxRune {
				text = string(rune(r))
			}
		}
		for _, e := range entities {
			if e[0] == name {
				text = e[1]
			}
		}
		if !closed || text == "" {
			return "", false
		}
		b.WriteString(text)
		s = after
	}
}
