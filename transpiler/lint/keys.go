package lint

import (
	"strings"

	"github.com/kindling-boot/kindling/config/schema"
)

// keyTable answers what the sections of units know. It reads the tables by
// searching them: nothing is built before a unit asks, and an answer is kept, since
// units say the same things again and again.
type keyTable struct {
	sections map[string][]string // name → its text and the texts it takes in
	answers  map[[2]string]answer
}

// answer says what a section knows about a directive.
type answer struct{ known, boolean bool }

// section returns the texts of a section; none when there is no such section.
func (t *keyTable) section(name string) []string {
	if texts, asked := t.sections[name]; asked {
		return texts
	}
	var texts []string
	if !strings.HasPrefix(name, "/") { // parts are no sections
		texts = sectionIn(systemdKeys, name)
	}
	if texts == nil {
		texts = sectionIn(quadletKeys, name)
	}
	if t.sections == nil {
		t.sections = map[string][]string{}
	}
	t.sections[name] = texts
	return texts
}

func sectionIn(table, name string) []string {
	_, rest, found := strings.Cut(table, "\n["+name+"]")
	if !found {
		return nil
	}
	head, rest, _ := strings.Cut(rest, "\n")
	own, _, _ := strings.Cut(rest, "\n[")
	texts := []string{own}
	for part := range strings.FieldsSeq(head) {
		texts = append(texts, sectionIn(table, part[1:])...)
	}
	return texts
}

// look returns what a section knows about a directive.
func (t *keyTable) look(section, key string) answer {
	if a, asked := t.answers[[2]string{section, key}]; asked {
		return a
	}
	var a answer
	for _, text := range t.section(section) {
		if a = lookIn(text, key); a.known {
			break
		}
	}
	if t.answers == nil {
		t.answers = map[[2]string]answer{}
	}
	t.answers[[2]string{section, key}] = a
	return a
}

// lookIn finds a whole word in a text.
func lookIn(text, key string) answer {
	const ends = " \n?"
	if strings.ContainsAny(key, ends) {
		return answer{}
	}
	for at := 0; key != ""; {
		i := strings.Index(text[at:], key)
		if i < 0 {
			break
		}
		start := at + i
		end := start + len(key)
		if (start == 0 || strings.IndexByte(ends, text[start-1]) >= 0) && (end == len(text) || strings.IndexByte(ends, text[end]) >= 0) {
			return answer{known: true, boolean: end < len(text) && text[end] == '?'}
		}
		at = end
	}
	return answer{}
}

// nearest returns the directive of a section that a word was meant to be.
func (t *keyTable) nearest(section, word string) string {
	var all []string
	for _, text := range t.section(section) {
		for key := range strings.FieldsSeq(text) {
			all = append(all, strings.TrimSuffix(key, "?"))
		}
	}
	return schema.Nearest(word, all)
}

// holder returns the first of the sections that knows a directive.
func (t *keyTable) holder(sections []string, key string) string {
	for _, s := range sections {
		if t.look(s, key).known {
			return s
		}
	}
	return ""
}
