// Package transpiler turns Butane documents into Ignition configs: Translate. It
// reads nothing but the document and the files directory, and uses no network.
package transpiler

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/transpiler/lint"
	"github.com/kindling-boot/kindling/transpiler/sugar"
	"github.com/kindling-boot/kindling/transpiler/variant"
)

// Options change how a document is translated. The zero Options are the usual ones.
type Options struct {
	// Files is the directory of local files; nil means that there is none.
	Files *sugar.FilesDir
	// Pretty indents the output.
	Pretty bool
	// Raw writes the Ignition config even where the variant wraps it.
	Raw bool
	// Lint looks at the config that was made for what is surely not meant.
	Lint bool
}

// Outcome says how far a translation came.
type Outcome uint8

const (
	// Translated means that there is output.
	Translated Outcome = iota
	// NotReadable means that the document could not be read: no YAML, no known
	// variant, values of the wrong type.
	NotReadable
	// SourceInvalid means that the document itself is wrong.
	SourceInvalid
	// GeneratedInvalid means that the config made from the document is wrong.
	GeneratedInvalid
)

// Translate turns a Butane document into the config of its variant, one document
// without a line feed at its end. The output is nil unless the outcome is
// Translated. The list is in order of position.
func Translate(f *source.File, o Options) (output []byte, outcome Outcome, found diag.List) {
	tree, found := parse(f)
	if tree == nil {
		return nil, NotReadable, found.Sorted()
	}
	t, found := read(tree, new(sugar.Compressor).Shorter)
	if t == nil {
		return nil, NotReadable, found.Sorted()
	}
	if o.Files != nil {
		t.ctx.Files = o.Files
	}
	t.ctx.KeepTexts = o.Lint
	if !t.check() || !t.desugar(o.Raw) {
		return nil, SourceInvalid, t.ctx.Found.Sorted()
	}
	if !t.checkGenerated(o.Raw) {
		return nil, GeneratedInvalid, t.ctx.Found.Sorted()
	}
	output = schema.AppendJSON(make([]byte, 0, len(f.Data)), &t.ctx.Config, true)
	compact := len(output)
	switch {
	case t.wrapper != nil && !o.Raw:
		output = t.wrapper.Wrap(output)
	case o.Pretty:
		output = json.Indent(output)
	}
	if o.Lint {
		options := lint.Options{Variant: t.variant.Name}
		if t.wrapper == nil || o.Raw {
			options.UserData, options.Compact = len(output), compact
		}
		t.ctx.Found = append(t.ctx.Found, lint.Run(t.ctx, options)...)
	}
	return output, Translated, t.ctx.Found.Sorted()
}

// Model turns a Butane document into a config of the newest model. What a variant wraps
// configs in is left out. Local files are those of a directory, none if it is nil; nor are
// contents packed without a packer. The config is usable only if the list, in order of
// position, has no error.
func Model(f *source.File, files *sugar.FilesDir, pack sugar.Packer) (config.Config, diag.List) {
	tree, found := parse(f)
	if tree == nil {
		return config.Config{}, found.Sorted()
	}
	return ModelOf(tree, files, pack)
}

// ModelOf is Model for a document that was read, or made from one in another dialect:
// its nodes then have the places in the text of that.
func ModelOf(tree *source.Tree, files *sugar.FilesDir, pack sugar.Packer) (config.Config, diag.List) {
	t, found := read(tree, pack)
	if t == nil {
		return config.Config{}, found.Sorted()
	}
	if files != nil {
		t.ctx.Files = files
	}
	if !t.check() || !t.desugar(true) || !t.checkGenerated(true) {
		return config.Config{}, t.ctx.Found.Sorted()
	}
	return config.Upgraded(t.ctx.Config, t.ctx.Where(), t.ctx.Target), t.ctx.Found.Sorted()
}

// translation is one document on its way.
type translation struct {
	variant *variant.Variant
	steps   []sugar.Step
	wrapper variant.Wrapper // nil if the config is the output; else one of the steps
	ctx     *sugar.Ctx
}

// parse reads the YAML of a document; the tree is nil if it is none.
func parse(f *source.File) (*source.Tree, diag.List) {
	tree, bad := source.ParseYAML(f)
	if len(bad) == 0 {
		return tree, nil
	}
	var found diag.List
	schema.HideSecretsIn(bad, schema.Of(reflect.TypeFor[types.Config]()))
	for _, e := range bad {
		found = append(found, diag.Diagnostic{Rule: ruleSyntax, Message: e.Message, At: e.At, Help: syntaxHelp(e)})
	}
	return nil, found
}

// read finds the variant of a document and decodes its keys.
func read(tree *source.Tree, pack sugar.Packer) (*translation, diag.List) {
	model := schema.Of(reflect.TypeFor[types.Config]())
	v, found := findVariant(tree)
	if v == nil {
		schema.HideSecrets(tree, model)
		return nil, found
	}
	cfg := types.Config{}
	found = append(found, schema.Decode(tree, &cfg, v.Target)...)
	steps := v.Steps()
	var wrapper variant.Wrapper
	if v.Wrap != nil {
		wrapper = v.Wrap()
		steps = append(steps, wrapper)
	}
	structs := []*schema.Struct{model, schema.Of(reflect.TypeFor[head]())}
	for _, s := range steps {
		found = append(found, schema.Decode(tree, s, v.Target)...)
		structs = append(structs, schema.Of(reflect.TypeOf(s).Elem()))
	}
	cfg.Ignition.Version = v.Target.String()
	ctx := sugar.NewCtx(tree, v.Target, cfg)
	ctx.Files = &sugar.FilesDir{}
	if !v.NoCompression {
		ctx.Pack = pack
	}
	ctx.Found = schema.Gate(tree, v.Target, v.NameOf, structs...)
	variant.ExplainUnknown(ctx.Found, v)
	if found.HasErrors() {
		return nil, append(oncePerPlace(found), ctx.Found...)
	}
	return &translation{variant: v, steps: steps, wrapper: wrapper, ctx: ctx}, nil
}

// oncePerPlace drops what was found again at the same place: the model and the
// steps are decoded from the same tree.
func oncePerPlace(found diag.List) diag.List {
	var out diag.List
	seen := map[source.Range]bool{}
	var add func(list []diag.Diagnostic)
	add = func(list []diag.Diagnostic) {
		for _, d := range list {
			more := d.Related
			if d.Related = nil; !seen[d.At] {
				seen[d.At] = true
				out = append(out, d)
			}
			add(more)
		}
	}
	add(found)
	return out
}

// check looks at the document as it was written.
func (t *translation) check() bool {
	for _, s := range t.steps {
		s.Check(t.ctx)
	}
	decimalModes(t.ctx)
	for _, look := range t.variant.Checks {
		look(t.ctx)
	}
	return !t.ctx.Found.HasErrors()
}

// desugar makes the config. raw tells that it is not wrapped.
func (t *translation) desugar(raw bool) bool {
	for _, s := range t.steps {
		s.Desugar(t.ctx)
	}
	if t.ctx.Found.HasErrors() {
		return false
	}
	for _, look := range t.variant.FinalChecks {
		look(t.ctx)
	}
	if raw && t.wrapper != nil {
		t.wrapper.WarnRaw(t.ctx)
	} else if !t.ctx.Found.HasErrors() {
		t.variant.CheckForbidden(t.ctx)
	}
	return !t.ctx.Found.HasErrors()
}

// checkGenerated judges the config by the rules of its spec, and what it is wrapped in.
func (t *translation) checkGenerated(raw bool) bool {
	variant.CheckGenerated(t.ctx)
	if t.wrapper != nil && !raw {
		t.wrapper.CheckWrapped(t.ctx)
	}
	t.ctx.Found = append(t.ctx.Found, t.ctx.FoundInFiles...)
	t.ctx.Found = append(t.ctx.Found, check.Walk(&t.ctx.Config, t.ctx.Where(), t.ctx.Target, t.variant.NameOf)...)
	return !t.ctx.Found.HasErrors()
}

// head are the keys that name the variant.
type head struct {
	Variant string `json:"variant"`
	Version string `json:"version"`
}

// findVariant reads the head of a document.
func findVariant(tree *source.Tree) (*variant.Variant, diag.List) {
	var h head
	if found := schema.Decode(tree, &h, spec.Newest); found.HasErrors() {
		return nil, found
	}
	fail := func(rule *diag.Rule, key, help, format string, args ...any) (*variant.Variant, diag.List) {
		path := source.Path{}.At(key)
		at, _ := tree.Locate(path)
		return nil, diag.List{{Rule: rule, Message: fmt.Sprintf(format, args...), Path: path, At: at, Help: help}}
	}
	if h.Variant == "" {
		return fail(ruleVariant, "variant", otherDialect(tree.File), "the document names no variant")
	}
	if h.Variant == "rhcos" {
		return fail(ruleVariant, "variant", "use variant openshift", "variant rhcos does not exist any more")
	}
	if _, known := variant.Find(h.Variant, ""); !known {
		help := sugar.DidYouMean(h.Variant, variant.Names())
		if help == "" {
			help = "the variants are " + strings.Join(variant.Names(), ", ")
		}
		return fail(ruleVariant, "variant", help, "unknown variant %q", h.Variant)
	}
	if h.Version == "" {
		return fail(ruleVersion, "version", "", "the document names no version")
	}
	if v, _ := variant.Find(h.Variant, h.Version); v != nil {
		return v, nil
	}
	given, ok := spec.ParseSemver(h.Version)
	if !ok {
		return fail(ruleVersion, "version", "", "version %q is not of the form MAJOR.MINOR.PATCH", h.Version)
	}
	versions := variant.Versions(h.Variant)
	for _, version := range versions {
		if known, _ := spec.ParseSemver(version); known == given {
			v, _ := variant.Find(h.Variant, version)
			return v, nil
		}
	}
	newest := versions[len(versions)-1]
	help := fmt.Sprintf("variant %s has versions %s to %s", h.Variant, versions[0], newest)
	if known, _ := spec.ParseSemver(newest); given.Newer(known) {
		help += "; a newer version needs a newer butane"
	}
	return fail(ruleVersion, "version", help, "variant %s has no version %q", h.Variant, h.Version)
}
