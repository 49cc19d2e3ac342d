package variant

import (
	"reflect"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// Forbidden is a part of configs that a variant does not take. It is looked for in
// the config that was made, so that sugar cannot bring it in.
type Forbidden struct {
	// Path has the keys of the model; [] stands for every item of a list.
	Path string
	// Rule tells why.
	Rule *diag.Rule
	// UnlessEmptyText takes the part, an optional text, when it is given but empty.
	UnlessEmptyText bool
}

var (
	ruleNoClevis = &diag.Rule{
		ID: "flatcar-clevis", Why: "Flatcar has clevis from version 1.2.0 of the variant on: before, nothing would unlock the volume",
		Help: "use a key file, or a newer version of the variant",
	}
	ruleNoCex = &diag.Rule{
		ID: "flatcar-cex", Why: "CryptoExpress cards are part of IBM Z, which Flatcar does not run on",
		Help: "use clevis or a key file",
	}
	ruleInstalledDisks = &diag.Rule{
		ID: "installed-disks", Why: "the installer of this system lays out its disks; the first boot does not change them",
		Help: "set up disks with the installer, or use files and mount units",
	}
	ruleInstalledKernelArguments = &diag.Rule{
		ID: "installed-kernel-arguments", Why: "the installer of this system sets the kernel command line; the first boot does not change it",
		Help: "give kernel arguments to the installer",
	}
)

var (
	noClevis = Forbidden{Path: "storage.luks[].clevis", Rule: ruleNoClevis}
	noCex    = Forbidden{Path: "storage.luks[].cex", Rule: ruleNoCex}
)

// noDisks is for systems that are installed before their first boot.
var noDisks = []Forbidden{
	{Path: "kernelArguments", Rule: ruleInstalledKernelArguments},
	{Path: "storage.disks", Rule: ruleInstalledDisks},
	{Path: "storage.filesystems", Rule: ruleInstalledDisks},
	{Path: "storage.luks", Rule: ruleInstalledDisks},
	{Path: "storage.raid", Rule: ruleInstalledDisks},
}

// CheckForbidden reports what the variant does not take in the config. A list that
// the document does not have is reported where its first item comes from.
func (v *Variant) CheckForbidden(c *sugar.Ctx) {
	for _, f := range v.Forbid {
		f.find(reflect.ValueOf(&c.Config).Elem(), f.Path, nil, func(at source.Path, isList bool) {
			if _, written := c.Where().Locate(at); isList && !written {
				at = at.At(0)
			}
			c.ErrorGenerated(f.Rule, at, "variant %s %s does not take %s", v.Name, v.Version, schema.Snake(f.Path))
		})
	}
}

// find visits the parts below a value that have the path and content.
func (f Forbidden) find(v reflect.Value, path string, at source.Path, visit func(at source.Path, isList bool)) {
	if path == "" {
		if !isEmpty(v) && !(f.UnlessEmptyText && v.Elem().IsZero()) {
			visit(at, v.Kind() == reflect.Slice)
		}
		return
	}
	key, rest, _ := strings.Cut(path, ".")
	key, each := strings.CutSuffix(key, "[]")
	v, at = schema.Of(v.Type()).Field(key).In(v), at.At(key)
	if !each {
		f.find(v, rest, at, visit)
		return
	}
	for i := range v.Len() {
		f.find(v.Index(i), rest, at.At(i), visit)
	}
}

// isEmpty reports whether a value has no content. What is optional and given has
// content, whatever its value.
func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice:
		return v.Len() == 0
	case reflect.Struct:
		for i := range v.NumField() {
			if !isEmpty(v.Field(i)) {
				return false
			}
		}
		return true
	}
	return v.IsZero()
}
