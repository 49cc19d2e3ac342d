package schema

import (
	"regexp"
	"sort"
	"strings"
	"sync"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

// SecretAt reports whether the value at a path of the model is a secret, or part
// of one.
func (s *Struct) SecretAt(path source.Path) bool {
	for _, step := range path {
		if step.IsIndex {
			continue
		}
		var f *Field
		if s != nil {
			f = s.Field(step.Key)
		}
		if f == nil {
			return false
		}
		if f.Secret {
			return true
		}
		s = f.Struct()
	}
	return false
}

// HideSecrets keeps the secrets of a document from being shown in excerpts, as Gate
// does on its way. Documents that do not get as far as Gate need it.
func HideSecrets(t *source.Tree, structs ...*Struct) {
	Gate(t, spec.Newest, spec.Version.String, structs...)
}

// hideNamed keeps what has the name of a secret from being shown, in a value that Gate
// does not look into.
func (g *gate) hideNamed(n *source.Node) {
	if g.root.secretName().MatchString(n.Key + ":") {
		g.tree.Hide(n)
		return
	}
	for i := range n.Children {
		g.hideNamed(&n.Children[i])
	}
}

// fieldNamed returns a member by its name in any case, nil if there is none.
func (s *Struct) fieldNamed(key string, yaml bool) *Field {
	for _, f := range s.Fields {
		if strings.EqualFold(f.Name(yaml), key) {
			return f
		}
	}
	return nil
}

// HideSecretsIn keeps secrets from being shown in the lines where the text of a
// document breaks off, as far as that can be told without a tree: what follows the
// name of a secret, and what stands deeper than such a name in a line above.
func HideSecretsIn(errs []*source.SyntaxError, s *Struct) {
	done := map[int]bool{} // by line: long ones may have many errors
	for _, e := range errs {
		place := e.At.Position()
		if start := e.At.Start - (place.ByteColumn - 1); !done[place.Line] {
			hideInLine(e.At.File, place.Line, start, s.secretName())
			done[place.Line] = true
		}
	}
}

func hideInLine(f *source.File, number, start int, name *regexp.Regexp) {
	text := f.Line(number)
	if found := name.FindStringIndex(text); found != nil {
		f.Hide(start+found[1], start+len(text))
	}
	indent := len(text) - len(strings.TrimLeft(text, " "))
	for line := number - 1; line > 0 && indent > 0; line-- {
		above := f.Line(line)
		depth := len(above) - len(strings.TrimLeft(above, " "))
		if depth >= indent || depth == len(above) {
			continue
		}
		if indent = depth; name.MatchString(above) {
			f.Hide(start, start+len(text))
			return
		}
	}
}

var secretNames sync.Map // *Struct → *regexp.Regexp

// secretName matches the name of a secret with its colon, in either syntax. Where
// the name alone could mean something else, the name of what holds it stands for it.
func (s *Struct) secretName() *regexp.Regexp {
	if name, ok := secretNames.Load(s); ok {
		return name.(*regexp.Regexp)
	}
	secret, plain := map[string]string{}, map[string]bool{} // name → name of the holder
	seen := map[*Struct]bool{}
	var visit func(s *Struct, holder string)
	visit = func(s *Struct, holder string) {
		if s == nil || seen[s] {
			return
		}
		seen[s] = true
		for _, f := range s.Fields {
			if f.Secret {
				secret[f.YAML] = holder
				continue
			}
			plain[f.YAML] = true
			visit(f.Struct(), f.YAML)
		}
	}
	visit(s, "")
	words := []string{"\x00"} // there is always one, which no document has
	for name, holder := range secret {
		if plain[name] {
			name = holder
		}
		words = append(words, strings.ReplaceAll(name, "_", "_?"))
	}
	sort.Strings(words)
	name := regexp.MustCompile(`(?i)\b(?:` + strings.Join(words, "|") + `)["']?\s*:`)
	secretNames.Store(s, name)
	return name
}
