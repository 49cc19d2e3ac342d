// Package ignition2 reads Ignition configs of the specs before 3.0.0, that is version 1
// and 2.0.0 to 2.4.0, and brings them to the model of spec 3: [Translate]. What spec 3
// cannot say is refused with the place and what to write instead. [Write] goes the other
// way, to 2.2.0 and 2.4.0.
//
// Two programs of the field translate such configs, and differ: the converter of
// CoreOS, and the engine of Flatcar. Each is a row of a table here ([Flavour]). By
// default what either of them accepts is accepted, and more where spec 3 can say
// exactly what was asked for: docs/dialects.md has the whole of it.
package ignition2

import (
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

var ruleOld = &diag.Rule{
	ID:  "older-spec",
	Why: "the specs before 3.0.0 say some things that spec 3 cannot, and the other way round: nothing may be lost unnoticed",
}

// target is the spec that the reference translates to, and whose rules the result
// must follow.
const target = spec.V3_1

// Options tell how to translate. The zero value is right where nothing is known about
// the machine.
type Options struct {
	// Flavour whose translation to follow.
	Flavour Flavour
	// Filesystems are the paths, by name, where file systems of the config are mounted;
	// others get one as the flavour says.
	Filesystems map[string]string
}

// Translate reads a config of a spec before 3.0.0 and returns it in the newest model,
// with the places of its values and what became of each key. The config is usable
// only if the list, in order of position, has no error.
func Translate(f *source.File) (types.Config, source.Locator, legacy.Notes, diag.List) {
	cfg, where, notes, ds := TranslateAs(f, Options{})
	if !ds.HasErrors() {
		cfg = config.Upgraded(cfg, nil, target).Config
	}
	return cfg, where, notes, ds
}

// TranslateAs is Translate with options. The config is one of spec 3.1.0, as in the
// reference; [config.Upgraded] brings it to the newest.
func TranslateAs(f *source.File, o Options) (types.Config, source.Locator, legacy.Notes, diag.List) {
	t, bad := source.ParseJSON(f)
	if bad != nil {
		_, ds := config.Parse(f) // says it as for any other config
		return types.Config{}, t, nil, ds
	}
	v, ds := versionOf(t)
	if ds.HasErrors() {
		return types.Config{}, t, nil, ds
	}
	return run(t, t, v, o)
}

// TranslateTree is TranslateAs for a document in YAML, with the keys of 2.4.0 in
// snake_case. Its version is not looked at.
func TranslateTree(t *source.Tree, o Options) (types.Config, source.Locator, legacy.Notes, diag.List) {
	return run(t, snake{t}, v24, o)
}

// snake finds the places of values in a document with keys in snake_case.
type snake struct{ tree *source.Tree }

// Place implements source.Placer.
func (s snake) Place(path source.Path) source.Path {
	out := path.At()
	for i := range out {
		out[i].Key = schema.Snake(out[i].Key)
	}
	return out
}

// Locate implements source.Locator.
func (s snake) Locate(path source.Path) (source.Range, bool) { return s.tree.Locate(s.Place(path)) }

// Text implements source.Texts.
func (s snake) Text(path source.Path) *source.File { return s.tree.Text(s.Place(path)) }

func run(t *source.Tree, where source.Locator, v version, o Options) (types.Config, source.Locator, legacy.Notes, diag.List) {
	tr := &translation{
		tree: t, version: v, ways: flavours[o.Flavour], mapped: o.Filesystems,
		source: legacy.NewOrigins(where), account: &legacy.Account{},
	}
	tr.origins = legacy.NewOrigins(tr.source)
	tr.read()
	if !tr.found.HasErrors() {
		tr.judge()
	}
	if !tr.found.HasErrors() {
		tr.translate()
	}
	if !tr.found.HasErrors() {
		for _, d := range check.Walk(&tr.config, tr.origins, target, spec.Version.Name) {
			if !tr.isKnownScheme(d) {
				tr.found = append(tr.found, d)
			}
		}
	}
	if tr.found.HasErrors() {
		return types.Config{}, tr.origins, nil, tr.found.Sorted()
	}
	return tr.config, tr.origins, tr.account.Notes(t), tr.found.Sorted()
}

// translation is one document on its way.
type translation struct {
	tree    *source.Tree
	version version
	ways    ways
	mapped  map[string]string

	doc document
	// source tells where the values of doc stand, which differs in version 1.
	source  *legacy.Origins
	config  types.Config
	origins *legacy.Origins
	account *legacy.Account
	found   diag.List
}

func doc(steps ...any) source.Path { return source.Path{}.At(steps...) }

// errorf refuses what stands at a path of the document.
func (t *translation) errorf(at source.Path, help, format string, args ...any) {
	place, _ := t.source.Locate(at)
	t.found = append(t.found, diag.Diagnostic{
		Rule: ruleOld, Message: fmt.Sprintf(format, args...), Path: t.source.Place(at), At: place, Help: help,
	})
}

// approximate notes that what stands at a path of doc is taken over nearly.
func (t *translation) approximate(at source.Path, how string) {
	t.account.Approximate(t.source.Place(at), how)
}

// drop notes that what stands at a path of doc has no effect.
func (t *translation) drop(at source.Path, why string) { t.account.Drop(t.source.Place(at), why) }

// read decodes the document into the struct of 2.4.0.
func (t *translation) read() {
	known := t.tree
	if !known.YAML { // in YAML there is no version that could lack keys
		known, t.found = prune(known, t.version)
	}
	for _, d := range t.found {
		t.account.Drop(d.Path, "spec "+t.version.String()+" has no such key")
	}
	var into any = &t.doc
	if t.version == v1 {
		into = &document1{}
	}
	if ds := schema.Decode(known, into, target); ds.HasErrors() {
		t.found = append(t.found, ds...)
		return
	}
	name := func(v spec.Version) string {
		if v > target {
			return v.Name()
		}
		return "spec " + t.version.String()
	}
	ds := schema.Gate(known, target, name, schema.Of(typeOf(into)))
	for _, d := range ds {
		if d.Rule == schema.UnknownKey || d.Rule == schema.TooNewKey {
			t.account.Drop(d.Path, "spec "+t.version.String()+" has no such key")
		}
	}
	t.found = append(t.found, ds...)
	if d, ok := into.(*document1); ok {
		t.fromVersion1(d)
	}
	t.fillAbsent()
}

// isKnownScheme reports whether a finding is about a URL of the scheme oem, which
// Flatcar's engine knows.
func (t *translation) isKnownScheme(d diag.Diagnostic) bool {
	if !t.ways.oemScheme || d.Rule.ID != "url-scheme" && d.Rule.ID != "source-unusable" {
		return false
	}
	text := strings.TrimPrefix(string(d.At.File.Data[d.At.Start:d.At.End]), `"`)
	return strings.HasPrefix(text, "oem:") || strings.Contains(text, `"oem:`)
}
