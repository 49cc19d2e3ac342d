// Package variant is the table of Butane variants: which spec each version of a
// variant makes, which sugar it has, what it forbids and what is checked.
package variant

import (
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/transpiler/sugar"
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
	// Forbid lists what the config made may not have. Where the config is wrapped,
	// that is up to the reader of the wrapped config: as it is, it may have all.
	Forbid []Forbidden
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

type (
	steps  = []func() sugar.Step
	checks = []Check
	forbid = []Forbidden
)

// All lists every version of every variant.
var All = []Variant{
	{Name: "fcos", Version: "1.0.0", Target: spec.V3_0, FinalChecks: checks{reservedLabels}},
	{Name: "fcos", Version: "1.1.0", Target: spec.V3_1, FinalChecks: checks{reservedLabels}},
	{Name: "fcos", Version: "1.2.0", Target: spec.V3_2, FinalChecks: checks{reservedLabels}},
	{Name: "fcos", Version: "1.3.0", Target: spec.V3_2, Sugar: steps{bootDevice}, FinalChecks: checks{reservedLabels, rootPartition}},
	{Name: "fcos", Version: "1.4.0", Target: spec.V3_3, Sugar: steps{bootDevice}, FinalChecks: checks{reservedLabels, rootPartition}},
	{Name: "fcos", Version: "1.5.0", Target: spec.V3_4, Sugar: steps{bootDevice, grub}, FinalChecks: checks{reservedLabels, rootPartition}},
	{Name: "fcos", Version: "1.6.0", Target: spec.V3_5, Sugar: steps{bootDeviceS390x, grub}, Checks: checks{reuseByLabel, mountPoints}, FinalChecks: checks{reservedLabels, rootPartition}},
	{Name: "fcos", Version: "1.7.0", Target: spec.V3_6, Sugar: steps{bootDeviceStrict, grub}, Checks: checks{reuseByLabel, mountPoints}, FinalChecks: checks{reservedLabels, rootPartition}},
	{Name: "fcos", Version: "1.8.0-experimental", Target: spec.V3_7, Sugar: steps{bootDeviceStrict, grub}, Checks: checks{reuseByLabel, mountPoints}, FinalChecks: checks{reservedLabels, rootPartition}},

	{Name: "flatcar", Version: "1.0.0", Target: spec.V3_3, Forbid: forbid{noClevis}},
	{Name: "flatcar", Version: "1.1.0", Target: spec.V3_4, Forbid: forbid{noClevis}},
	{Name: "flatcar", Version: "1.2.0-experimental", Target: spec.V3_7, Forbid: forbid{noCex}},

	{Name: "r4e", Version: "1.0.0", Target: spec.V3_3, Forbid: noDisks},
	{Name: "r4e", Version: "1.1.0", Target: spec.V3_4, Forbid: noDisks},
	{Name: "r4e", Version: "1.2.0-experimental", Target: spec.V3_7, Forbid: noDisks},

	{Name: "fiot", Version: "1.0.0", Target: spec.V3_4, Forbid: noDisks},
	{Name: "fiot", Version: "1.1.0-experimental", Target: spec.V3_7, Forbid: noDisks},
}

// Find returns a version of a variant. known tells whether the variant exists in
// any version.
func Find(name, version string) (v *Variant, known bool) {
	for i := range All {
		if All[i].Name != name {
			continue
		}
		known = true
		if All[i].Version == version {
			return &All[i], true
		}
	}
	return nil, known
}

// Names returns the variants, each once, in the order of the table.
func Names() []string {
	var out []string
	for _, v := range All {
		if len(out) == 0 || out[len(out)-1] != v.Name {
			out = append(out, v.Name)
		}
	}
	return out
}

// Versions returns the versions of a variant, oldest first.
func Versions(name string) []string {
	var out []string
	for _, v := range All {
		if v.Name == name {
			out = append(out, v.Version)
		}
	}
	return out
}

// ForTarget returns the first version of a variant that writes a spec, or a later
// one.
func ForTarget(name string, target spec.Version) (version string, ok bool) {
	for _, v := range All {
		if v.Name == name && v.Target >= target {
			return v.Version, true
		}
	}
	return "", false
}
