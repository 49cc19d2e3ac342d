// Package config reads Ignition configs of every 3.x spec into one model, the
// newest, and merges and writes them: Parse, Merge, Render. It fetches nothing
// and changes nothing; it can be used as a library.
package config

import (
	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/merge"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

// Config is a config in the newest model that knows where each of its values was
// written. The zero Config is empty.
type Config struct {
	types.Config
	where source.Locator
}

// New returns a config with the places of its values; where may be nil.
func New(c types.Config, where source.Locator) Config {
	return Config{Config: c, where: where}
}

// Upgraded is New for a config of an older spec, which it brings to the newest.
func Upgraded(c types.Config, where source.Locator, from spec.Version) Config {
	upgrade(&c, from)
	return New(c, where)
}

// Locate implements source.Locator for paths with the keys of the model.
func (c Config) Locate(path source.Path) (source.Range, bool) {
	if c.where == nil {
		return source.Range{}, false
	}
	return c.where.Locate(path)
}

// Place implements source.Placer.
func (c Config) Place(path source.Path) source.Path {
	if c.where == nil {
		return path
	}
	return source.PlaceIn(c.where, path)
}

// Parse reads a config of any supported spec and returns it in the newest model.
// It is judged by the spec it names. The config is usable only if the list, in
// order of position, has no error; warnings never stop a caller.
func Parse(f *source.File) (Config, diag.List) {
	c, v, ds := Read(f)
	upgrade(&c.Config, v)
	return c, ds
}

// Read is Parse without bringing the config to the newest model: it is meant as in the spec that it names.
func Read(f *source.File) (Config, spec.Version, diag.List) {
	if len(f.Data) == 0 {
		return Config{}, 0, diag.List{{
			Rule: ruleEmpty, Message: "the config is empty", At: source.Range{File: f}, Reported: diag.NoPosition,
		}}
	}
	tree, bad := source.ParseJSON(f)
	if bad != nil {
		schema.HideSecrets(tree, modelSchema())
		schema.HideSecretsIn([]*source.SyntaxError{bad}, modelSchema())
		return Config{}, 0, diag.List{syntaxError(bad)}
	}
	v, ds := versionOf(tree)
	if ds.HasErrors() {
		schema.HideSecrets(tree, modelSchema())
		return Config{}, 0, ds
	}
	var cfg types.Config
	if ds := schema.Decode(tree, &cfg, v); ds.HasErrors() {
		return Config{}, 0, ds
	}
	gated := make(chan diag.List) // the text is looked at while the config is
	go func() { gated <- schema.Gate(tree, v, spec.Version.Name, modelSchema()) }()
	ds = check.Walk(&cfg, tree, v, spec.Version.Name)
	ds = append(<-gated, ds...).Sorted()
	if ds.HasErrors() {
		return Config{}, 0, ds
	}
	return Config{Config: cfg, where: tree}, v, ds
}

// Inspect returns what Parse finds, and the version that the document names, even
// if it is not a supported one; empty when it names none.
func Inspect(f *source.File) (version string, ds diag.List) {
	if tree, bad := source.ParseJSON(f); bad == nil {
		version, _ = versionText(tree)
		if _, wellFormed, _ := spec.Parse(version); !wellFormed {
			version = ""
		}
	}
	_, ds = Parse(f)
	return version, ds
}

// Merge returns the child merged over the parent.
func Merge(parent, child Config) Config {
	merged, transcript := merge.Merge(parent.Config, child.Config)
	return Config{
		Config: merged,
		where:  merge.Locator{Parent: parent, Child: child, Transcript: transcript},
	}
}

// Check judges a merged config by the rules of the newest spec: valid configs can
// give an invalid one.
func Check(c Config) diag.List {
	return check.Merged(&c.Config, c).Sorted()
}

// Render writes a config as one line of JSON in the newest spec: absent scalars
// and lists are left out, objects are always there.
func Render(c Config) []byte {
	return schema.AppendJSON(nil, &c.Config, false)
}
