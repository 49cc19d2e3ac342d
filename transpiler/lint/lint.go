// Package lint warns of what a config may say and nobody means: mistakes inside of
// unit files and quadlets, modes that make a program ignore its file, files that
// nothing can read or everybody can. Run looks at a config that is valid already.
//
// Findings are warnings of rules whose ids start with lint-. They point to the text
// that the user wrote, also inside of a block of YAML or a local file, and never
// show a secret. What cannot be judged from the config alone is not reported.
package lint

import (
	"fmt"
	"sort"
	"strings"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// prefix starts the id of each rule.
const prefix = "lint-"

// Is reports whether a diagnostic comes from this package.
func Is(d *diag.Diagnostic) bool { return strings.HasPrefix(d.Rule.ID, prefix) }

// Options say what the config is for.
type Options struct {
	// Variant is the name of the variant.
	Variant string
	// UserData is the size in bytes of the config as a platform gets it; 0 when it is
	// part of another document. Compact is the size without indentation.
	UserData, Compact int
}

// Run looks at the final config of a context. The context must have kept its texts.
func Run(c *sugar.Ctx, o Options) diag.List {
	l := &linter{Ctx: c, variant: o.Variant}
	l.units()
	l.files()
	l.belowMounts()
	l.passwords()
	l.flatcarDisks()
	l.size(o)
	return l.found
}

// Rules lists the rules of the package.
func Rules() []*diag.Rule {
	return []*diag.Rule{
		ruleUnitLine, ruleUnitSection, ruleUnitSectionMissing, ruleUnitSectionRepeated, ruleUnitDirective,
		ruleUnitValue, ruleUnitPath, ruleUnitRefused, ruleUnitInstall, ruleUnitMount,
		ruleQuadletSection, ruleQuadletKey, ruleQuadletIncomplete,
		ruleNotExecutable, ruleSudoers, ruleSSHDConfig, ruleCron, ruleConnection, ruleSSHFiles,
		ruleBelowMount, ruleReadOnly, ruleSecretFile, ruleSecretEnvironment, rulePasswordHash, ruleSize,
		ruleBootDisk, ruleRootLabel,
	}
}

// linter is one run.
type linter struct {
	*sugar.Ctx
	variant string
	found   diag.List

	keys keyTable
	// What is made when first asked for.
	texts     map[*string]*sugar.Text // by value
	locals    map[string]*source.File
	templates map[string]*unit // by name; nil if the config does not have it
	dropins   map[string][]int // files of drop-in directories, by directory
	closed    map[string]bool  // directories that others cannot enter
	modes     map[string]int   // modes of files, by path
	mounted   map[string]bool  // where Ignition mounts file systems
	luksKeys  map[string]bool  // sources of key files
}

// most is the number of findings of a document at most. Who has more does not read
// them, and the time for a document must not grow with the square of its size.
const most = 1000

// isFull reports that it is of no use to look further.
func (l *linter) isFull() bool { return len(l.found) >= most }

// warn reports at a place of the text that the user wrote.
func (l *linter) warn(rule *diag.Rule, at place, help, format string, args ...any) {
	if l.isFull() {
		return
	}
	l.found = append(l.found, diag.Diagnostic{
		Severity: diag.Warning, Rule: rule, Message: fmt.Sprintf(format, args...), Path: at.path, At: at.at, Inside: at.inside, Help: help,
	})
}

// place is where a finding belongs: the path in the document, the text there, and the
// part of the local file that this names, if it does.
type place struct {
	path       source.Path
	at, inside source.Range
}

// value is the place of a value of the config.
func (l *linter) value(steps ...any) place {
	path := source.Path{}.At(steps...)
	at, _ := l.Where().Locate(path)
	return place{path: source.PlaceIn(l.Where(), path), at: at}
}

// text is a content that can be looked into.
type text struct {
	body  string
	kept  *sugar.Text // if a step put it into the config
	path  source.Path // where the config has it
	lines []int       // offsets in the document of the lines of a block; nil if not known yet
	own   []int       // offsets in the body of its lines; nil if not known yet
	quiet bool        // its secrets are hidden, or it has none; false if not known yet
}

// given is the place that has the content, or names the file that does.
func (l *linter) given(t *text) place {
	if t.kept == nil {
		at, _ := l.Where().Locate(t.path)
		return place{path: source.PlaceIn(l.Where(), t.path), at: at}
	}
	path := t.kept.At()
	at, _ := l.Tree.Locate(path)
	return place{path: path, at: at}
}

// contents returns the text of a resource of the config; ok is false when it comes
// from elsewhere.
func (l *linter) contents(r *types.Resource, steps ...any) (t *text, ok bool) {
	if r.Source == nil {
		return nil, false
	}
	if kept := l.keptAt(r.Source); kept != nil {
		return &text{body: kept.Data, kept: kept}, true
	}
	body, ok := l.body(r)
	if !ok {
		return nil, false
	}
	return &text{body: body, path: source.Path{}.At(append(steps, "source")...)}, true
}

// body returns the content of a resource alone: places cost more.
func (l *linter) body(r *types.Resource) (body string, ok bool) {
	switch {
	case r.Source == nil:
		return "", false
	case l.keptAt(r.Source) != nil:
		return l.keptAt(r.Source).Data, true
	case r.Compression != nil && *r.Compression != "" || !strings.HasPrefix(*r.Source, "data:"):
		return "", false
	}
	data, err := dataurl.Decode(*r.Source)
	return string(data), err == nil
}

// keptAt returns the text that a step put at a value of the config; nil if none did.
func (l *linter) keptAt(value *string) *sugar.Text {
	if l.texts == nil {
		l.texts = make(map[*string]*sugar.Text, len(l.Texts))
		for i := range l.Texts {
			l.texts[l.Texts[i].Value] = &l.Texts[i]
		}
	}
	return l.texts[value]
}

// whole is the place of a text as a whole. For a local file that is its first line.
func (l *linter) whole(t *text) place {
	if !t.isLocal() {
		given := l.given(t)
		l.hideSecrets(t, given)
		return given
	}
	first, _, _ := strings.Cut(t.body, "\n")
	if namesSecret(first) {
		l.hide(t, 0, len(first))
	}
	return l.at(t, 0, len(first))
}

func (t *text) isLocal() bool { return t.kept != nil && t.kept.Local != "" }

// hideSecrets keeps a text of the document out of excerpts if it speaks of secrets:
// the excerpt would show more than what the finding is about.
func (l *linter) hideSecrets(t *text, given place) {
	if !t.quiet && namesSecret(t.body) {
		l.hideAll(given)
	}
	t.quiet = true
}

// at is the place of a part of the text: in the local file or in the block of the
// document, else that of the whole.
func (l *linter) at(t *text, start, end int) place {
	given := l.given(t)
	part, known := l.part(t, given, start, end)
	switch {
	case !known:
		l.hideSecrets(t, given)
	case t.isLocal():
		given.inside = part
	default:
		given.at = part
	}
	return given
}

// part is where a part of the text is written; known is false when it is not written
// line by line anywhere.
func (l *linter) part(t *text, given place, start, end int) (at source.Range, known bool) {
	if t.isLocal() {
		return source.Range{File: l.localFile(t), Start: start, End: end}, true
	}
	if t.lines == nil {
		t.lines = source.BlockLines(given.at, t.body)
	}
	line := t.line(start)
	if line >= len(t.lines) {
		return source.Range{}, false
	}
	from := t.lines[line] + start - t.own[line]
	return source.Range{File: given.at.File, Start: from, End: from + end - start}, true
}

// line returns the line of an offset, from 0.
func (t *text) line(offset int) int {
	if t.own == nil {
		t.own = []int{0}
		for i := range len(t.body) {
			if t.body[i] == '\n' {
				t.own = append(t.own, i+1)
			}
		}
	}
	return sort.SearchInts(t.own, offset+1) - 1
}

// localFile returns the file that excerpts of a local text show.
func (l *linter) localFile(t *text) *source.File {
	name := l.Files.Name(t.kept.Local)
	f := l.locals[name]
	if f == nil {
		f = source.NewFile(name, []byte(t.body))
		if l.locals == nil {
			l.locals = map[string]*source.File{}
		}
		l.locals[name] = f
	}
	return f
}

// hide keeps a part of the text out of excerpts.
func (l *linter) hide(t *text, start, end int) {
	given := l.given(t)
	for start < end { // a block goes on behind the margin of the next line
		stop := end
		if i := strings.IndexByte(t.body[start:end], '\n'); i >= 0 {
			stop = start + i
		}
		part, known := l.part(t, given, start, stop)
		if !known {
			l.hideAll(given)
			return
		}
		part.File.Hide(part.Start, part.End)
		start = stop + 1
	}
}

// hideAll keeps a text of the document out of excerpts.
func (l *linter) hideAll(given place) {
	if n, exact := l.Tree.Find(given.path); exact {
		l.Tree.Hide(n)
	}
}
