// Package variant is the table of Butane variants: which spec each version of a
// variant makes, which sugar it has, what it forbids and what is checked.
package variant

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/transpiler/linux"
	"github.com/kindling-boot/kindling/transpiler/sugar"
	"github.com/kindling-boot/kindling/transpiler/systems"
)

// Variant is one version of one variant.
type Variant struct {
	// Name and Version as documents write them.
	Name, Version string
	// Target is the spec that is written.
	Target spec.Version
	// Sugar makes the steps that this version has besides those all have.
	Sugar []func() sugar.Step
	// Checks look at the document before it is desugared, FinalChecks at the config
	// made from it.
	Checks, FinalChecks []Check
	// Forbid lists what the config made may not have. Where it is wrapped, that is
	// up to the reader of the wrapped config: by itself the config may have it.
	Forbid []Forbidden
	// NoCompression keeps embedded contents as they are.
	NoCompression bool
	// Wrap makes the step that puts the config into another document; nil if the
	// config is the output.
	Wrap func() Wrapper
}

// Check looks at the config of a context.
type Check func(c *sugar.Ctx)

// CheckGenerated looks at the config of any variant, besides the rules of its spec.
func CheckGenerated(c *sugar.Ctx) { absentNextToNew(c) }

// Experimental reports whether the version may still change.
func (v Variant) Experimental() bool { return v.Target.Experimental() }

// common makes the steps that every variant has, in the order they run. What a
// target does not have is kept out by the since tags of the steps.
var common = []func() sugar.Step{
	func() sugar.Step { return &sugar.Resources{} },
	func() sugar.Step { return &sugar.SSHKeys{} },
	func() sugar.Step { return &sugar.Units{} },
	func() sugar.Step { return &sugar.Trees{} },
	func() sugar.Step { return &sugar.Quadlets{} },
	func() sugar.Step { return &sugar.MountUnits{} },
}

// Steps makes the steps of the version, in the order they run.
func (v Variant) Steps() []sugar.Step {
	var steps []sugar.Step
	for _, list := range [][]func() sugar.Step{common, v.Sugar} {
		for _, make := range list {
			steps = append(steps, make())
		}
	}
	return steps
}

func bootDevice() sugar.Step { return &sugar.BootDevice{} }

// bootDeviceS390x knows the layouts of s390x, from fcos 1.6.0 on.
func bootDeviceS390x() sugar.Step { return &sugar.BootDevice{S390x: true} }

// bootDeviceStrict takes no mirror without a layout and no volume without a way
// to unlock it, from fcos 1.7.0 on.
func bootDeviceStrict() sugar.Step {
	return &sugar.BootDevice{S390x: true, MirrorNeedsLayout: true}
}

func grub() sugar.Step { return &sugar.Grub{} }

// grubWhole writes the whole file, where none can be appended to.
func grubWhole() sugar.Step { return &sugar.Grub{Whole: true} }

type (
	steps  = []func() sugar.Step
	checks = []Check
	forbid = []Forbidden
)

// tables are the versions of each variant. They are made when they are asked for: a
// program that starts for one document has no time for the others.
var tables = []func() []Variant{fcos, others, openshift}

// All lists every version of every variant.
func All() []Variant {
	var out []Variant
	for _, table := range tables {
		out = append(out, table()...)
	}
	return out
}

// fcos is Fedora CoreOS.
func fcos() []Variant {
	return []Variant{
		{Name: "fcos", Version: "1.0.0", Target: spec.V3_0, FinalChecks: checks{reservedLabels}},
		{Name: "fcos", Version: "1.1.0", Target: spec.V3_1, FinalChecks: checks{reservedLabels}},
		{Name: "fcos", Version: "1.2.0", Target: spec.V3_2, FinalChecks: checks{reservedLabels}},
		{Name: "fcos", Version: "1.3.0", Target: spec.V3_2, Sugar: steps{bootDevice}, FinalChecks: checks{reservedLabels, rootPartition}},
		{Name: "fcos", Version: "1.4.0", Target: spec.V3_3, Sugar: steps{bootDevice}, FinalChecks: checks{reservedLabels, rootPartition}},
		{Name: "fcos", Version: "1.5.0", Target: spec.V3_4, Sugar: steps{bootDevice, grub}, FinalChecks: checks{reservedLabels, rootPartition}},
		{Name: "fcos", Version: "1.6.0", Target: spec.V3_5, Sugar: steps{bootDeviceS390x, grub}, Checks: checks{reuseByLabel, mountPoints}, FinalChecks: checks{reservedLabels, rootPartition}},
		{Name: "fcos", Version: "1.7.0", Target: spec.V3_6, Sugar: steps{bootDeviceStrict, grub}, Checks: checks{reuseByLabel, mountPoints}, FinalChecks: checks{reservedLabels, rootPartition}},
		{Name: "fcos", Version: "1.8.0-experimental", Target: spec.V3_7, Sugar: steps{bootDeviceStrict, grub}, Checks: checks{reuseByLabel, mountPoints}, FinalChecks: checks{reservedLabels, rootPartition}},
	}
}

func others() []Variant {
	return []Variant{
		{Name: "flatcar", Version: "1.0.0", Target: spec.V3_3, Forbid: forbid{noClevis}},
		{Name: "flatcar", Version: "1.1.0", Target: spec.V3_4, Forbid: forbid{noClevis}},
		{Name: "flatcar", Version: "1.2.0-experimental", Target: spec.V3_7, Forbid: forbid{noCex}},
		{Name: "flatcar", Version: "1.3.0-experimental", Target: spec.V3_7, Forbid: forbid{noCex}, Sugar: systems.FlatcarSteps},

		{Name: "r4e", Version: "1.0.0", Target: spec.V3_3, Forbid: noDisks},
		{Name: "r4e", Version: "1.1.0", Target: spec.V3_4, Forbid: noDisks},
		{Name: "r4e", Version: "1.2.0-experimental", Target: spec.V3_7, Forbid: noDisks},

		{Name: "fiot", Version: "1.0.0", Target: spec.V3_4, Forbid: noDisks},
		{Name: "fiot", Version: "1.1.0-experimental", Target: spec.V3_7, Forbid: noDisks},

		{Name: "linux", Version: "1.0.0-experimental", Target: spec.V3_7, Sugar: slices.Concat(linux.Steps, systems.LinuxSteps)},
	}
}

// openshift is OpenShift: each version stands on one of fcos.
func openshift() []Variant {
	mco10 := with(mco13, Forbidden{Path: "passwd.users[].passwordHash", Rule: ruleMCOUserField})
	mco8 := with(mco10, Forbidden{Path: "storage.files[].contents.compression", Rule: ruleMCOCompression, UnlessEmptyText: true})
	mco14 := with(mco13, Forbidden{Path: "kernelArguments", Rule: ruleMCOKernelArguments})
	rhcos8 := checks{onlyCore, embeddedFiles, noFormats("btrfs")}
	rhcos10 := with(rhcos8, plainModes)
	rhcos14 := checks{onlyCore, embeddedFiles, noFormats("btrfs", "none"), plainModes}
	return slices.Concat(
		on("1.3.0", Variant{FinalChecks: rhcos8, Forbid: mco8, Wrap: machineConfigFIPS, NoCompression: true}, "4.8.0", "4.9.0"),
		on("1.3.0", Variant{FinalChecks: rhcos10, Forbid: mco10, Wrap: machineConfigFIPS}, "4.10.0", "4.11.0", "4.12.0"),
		on("1.3.0", Variant{FinalChecks: rhcos10, Forbid: mco13, Wrap: machineConfigFIPS}, "4.13.0"),
		on("1.5.0", Variant{FinalChecks: rhcos14, Forbid: mco14, Wrap: machineConfigFIPS}, "4.14.0", "4.15.0", "4.16.0", "4.17.0", "4.18.0"),
		on("1.6.0", Variant{FinalChecks: rhcos14, Forbid: mco14, Wrap: machineConfigFIPS}, "4.19.0"),
		on("1.6.0", Variant{FinalChecks: rhcos14, Forbid: mco14, Wrap: machineConfig}, "4.20.0", "4.21.0", "4.22.0"),
		on("1.8.0-experimental", Variant{Sugar: steps{bootDeviceStrict, grubWhole}, FinalChecks: rhcos14, Forbid: mco14, Wrap: machineConfig}, "4.23.0-experimental"),
	)
}

// on makes rows of openshift. They have in common with a version of fcos the
// target, the checks of the config made and, if they name none, the sugar. The
// checks of the document are those of fcos alone, as in the reference.
func on(base string, row Variant, versions ...string) []Variant {
	from := fcos()[slices.IndexFunc(fcos(), func(v Variant) bool { return v.Version == base })]
	row.Name, row.Target = "openshift", from.Target
	if row.Sugar == nil {
		row.Sugar = from.Sugar
	}
	row.FinalChecks = slices.Concat(from.FinalChecks, row.FinalChecks)
	var rows []Variant
	for _, version := range versions {
		row.Version = version
		rows = append(rows, row)
	}
	return rows
}

// Find returns a version of a variant. known tells whether the variant exists in
// any version.
func Find(name, version string) (v *Variant, known bool) {
	for _, table := range tables {
		for _, v := range table() {
			if v.Name == name && v.Version == version {
				return &v, true
			}
			known = known || v.Name == name
		}
		if known {
			break
		}
	}
	return nil, known
}

// Names returns the variants, each once, in the order of the table.
func Names() []string {
	var out []string
	for _, v := range All() {
		if len(out) == 0 || out[len(out)-1] != v.Name {
			out = append(out, v.Name)
		}
	}
	return out
}

// Versions returns the versions of a variant, oldest first.
func Versions(name string) []string {
	var out []string
	for _, v := range All() {
		if v.Name == name {
			out = append(out, v.Version)
		}
	}
	return out
}

// NameOf returns what authors of documents of this variant call a spec.
func (v *Variant) NameOf(target spec.Version) string {
	if target == v.Target {
		return v.Name + " " + v.Version // several versions may have one target
	}
	if version, ok := ForTarget(v.Name, target); ok {
		return v.Name + " " + version
	}
	return target.Name()
}

// ExplainUnknown completes what was found about unknown keys at the top of a document:
// a later version of its variant may have them, or another variant.
func ExplainUnknown(found diag.List, v *Variant) {
	for i := range found {
		d := &found[i]
		if d.Rule != schema.UnknownKey || len(d.Path) != 1 {
			continue
		}
		version, others := haveSection(d.Path[0].Key, v.Name)
		switch {
		case version != "":
			d.Rule = schema.TooNewKey
			d.Message = fmt.Sprintf("unused key %s: it exists from %s %s", d.Path[0].Key, v.Name, version)
			d.Help = fmt.Sprintf("remove it, or raise the version (this document names %s %s)", v.Name, v.Version)
		case len(others) > 0:
			d.Help = "it is a key of variant " + strings.Join(others, " and ")
		}
	}
}

// haveSection returns the first version of the named variant that reads a key at the
// top of a document, if any, and the other variants that do.
func haveSection(key, name string) (version string, others []string) {
	all := All()
	for i := range all {
		switch v := &all[i]; {
		case !v.hasSection(key):
		case v.Name != name && !slices.Contains(others, v.Name):
			others = append(others, v.Name)
		case v.Name == name && version == "":
			version = v.Version
		}
	}
	return version, others
}

// hasSection reports whether a step of the version reads a key at the top of a document.
func (v *Variant) hasSection(key string) bool {
	steps := v.Steps()
	if v.Wrap != nil {
		steps = append(steps, v.Wrap())
	}
	return slices.ContainsFunc(steps, func(s sugar.Step) bool {
		return schema.Of(reflect.TypeOf(s).Elem()).HasKey(key)
	})
}

// ForTarget returns the first version of a variant that writes a spec, or a later
// one.
func ForTarget(name string, target spec.Version) (version string, ok bool) {
	for _, v := range All() {
		if v.Name == name && v.Target >= target {
			return v.Version, true
		}
	}
	return "", false
}
