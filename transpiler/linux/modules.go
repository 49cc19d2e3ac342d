package linux

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var ruleModule = &diag.Rule{
	ID: "kernel-module", Why: "modprobe finds a module by its name, which has letters, digits, hyphens and underscores",
	Help: "give the name without a path and without .ko",
}

// KernelModules is the sugar of kernel modules.
type KernelModules struct {
	KernelModules struct {
		// Load lists modules to load on every boot.
		Load []string `json:"load"`
		// Blacklist lists modules that are not loaded for a device by themselves.
		Blacklist []string `json:"blacklist"`
		// Options maps modules to their parameters, NAME=VALUE with spaces between.
		Options map[string]string `json:"options"`
	} `json:"kernelModules"`
}

func isModule(name string) bool { return only(name, alphanumeric+"_-") }

// sameModule writes a name in its only form: modprobe(8) takes hyphens for
// underscores.
func sameModule(name string) string { return strings.ReplaceAll(name, "-", "_") }

// Check reports what is no module, and modules that are wanted and unwanted.
func (s *KernelModules) Check(c *sugar.Ctx) {
	m := &s.KernelModules
	place := at("kernel_modules")
	list := func(key string, names []string) repeated {
		seen := repeated{}
		for i, name := range names {
			place := place.At(key, i)
			switch {
			case !isModule(name):
				c.Errorf(ruleModule, place, "%q is no name of a module", name)
			case seen.is(sameModule(name)):
				c.ErrorHelp(ruleModule, place, "remove one of the two", "module %q is listed twice", name)
			}
		}
		return seen
	}
	unwanted := list("blacklist", m.Blacklist)
	list("load", m.Load)
	for i, name := range m.Load {
		if unwanted[sameModule(name)] {
			c.ErrorHelp(ruleModule, place.At("load", i), "remove it from one of the two lists",
				"module %q is to be loaded, and on the blacklist, which keeps it from that", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Options)) {
		if !isModule(name) {
			c.KeyError(ruleModule, place.At("options", name), "", "%q is no name of a module", name)
		}
		checkModuleOptions(c, place.At("options", name), m.Options[name])
	}
}

func checkModuleOptions(c *sugar.Ctx, place source.Path, options string) {
	if !checkLine(c, place, "the options", options) {
		return
	}
	if strings.Contains(options, `\`) || strings.Count(options, `"`)%2 != 0 {
		c.ErrorHelp(ruleModule, place, "write NAME=VALUE, with double quotes around a value with spaces",
			"the options have a backslash or a quote that is not closed")
	}
}

// Desugar writes a file of modules-load.d(5) and one of modprobe.d(5).
func (s *KernelModules) Desugar(c *sugar.Ctx) {
	m := &s.KernelModules
	p := newParent(c)
	if len(m.Load) > 0 {
		p.file("/etc/modules-load.d/butane.conf", 0o644, owner{},
			sugar.Header+strings.Join(m.Load, "\n")+"\n", at("kernel_modules", "load"))
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(m.Options)) {
		fmt.Fprintf(&b, "options %s %s\n", name, m.Options[name])
	}
	for _, name := range m.Blacklist {
		fmt.Fprintf(&b, "blacklist %s\n", name)
	}
	if b.Len() > 0 {
		p.file("/etc/modprobe.d/butane.conf", 0o644, owner{}, sugar.Header+b.String(), at("kernel_modules"))
	}
	p.add()
}
