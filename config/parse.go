package config

import (
	"fmt"
	"reflect"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleEmpty = &diag.Rule{
		ID: "empty", Why: "an empty document asks for nothing, which is hardly meant",
		Help: `the smallest config is {"ignition": {"version": "3.4.0"}}`,
	}
	ruleSyntax = &diag.Rule{
		ID: "json-syntax", Why: "a config is one JSON document; a text that is not cannot be read at all",
		Help: "look just before the place that is marked; JSON has no comments and no comma after the last member",
	}
	ruleVersion = &diag.Rule{
		ID: "version", Why: "the version decides which keys and rules a document is read by",
		Help: "set ignition.version to a version of the spec, such as 3.4.0",
	}
)

func modelSchema() *schema.Struct { return schema.Of(reflect.TypeFor[types.Config]()) }

// syntaxError reports text that is no JSON. The reference places it one byte
// after the offending one.
func syntaxError(e *source.SyntaxError) diag.Diagnostic {
	return diag.Diagnostic{
		Rule: ruleSyntax, Message: e.Message, At: e.At, Reported: e.At.Start + 1, Help: dialect.Help(e.At.File.Data),
	}
}

// versionDocument is what has to be understood before the version is known.
type versionDocument struct {
	Ignition struct {
		Version string `json:"version"`
	} `json:"ignition"`
}

// versionText reads the version as it is written.
func versionText(tree *source.Tree) (string, diag.List) {
	var stub versionDocument
	ds := schema.Decode(tree, &stub, spec.Newest)
	return stub.Ignition.Version, ds
}

// versionOf reads the version of a document.
func versionOf(tree *source.Tree) (spec.Version, diag.List) {
	text, ds := versionText(tree)
	if ds.HasErrors() {
		return 0, ds
	}
	v, wellFormed, known := spec.Parse(text)
	if known {
		return v, nil
	}
	path := source.Path{}.At("ignition", "version")
	at, _ := tree.Locate(path)
	d := diag.Diagnostic{Rule: ruleVersion, Path: path, At: at, Reported: diag.NoPosition}
	switch {
	case text == "":
		d.Message = "invalid config version: ignition.version is missing"
	case !wellFormed:
		d.Message = fmt.Sprintf("invalid config version: %q is not of the form MAJOR.MINOR.PATCH", text)
	case spec.Newer(text):
		d.Message = fmt.Sprintf("unsupported config version: %q is newer than the newest known one, %s", text, spec.Newest)
		d.Help = "update this program, or write the config for an older spec"
	default:
		d.Message = fmt.Sprintf("unsupported config version: %q", text)
		d.Help = dialect.Help(tree.File.Data)
	}
	return 0, diag.List{d}
}
