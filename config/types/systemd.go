package types

import (
	"errors"
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/check"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/unitfile"
)

// Systemd holds the units to write, enable or mask.
type Systemd struct {
	// Units in order.
	Units []Unit `json:"units,omitempty" merge:"key"`
}

// Unit is one systemd unit.
type Unit struct {
	// Contents of the unit file; unset or empty writes none.
	Contents *string `json:"contents,omitempty"`
	// Dropins are fragments that change the unit.
	Dropins []Dropin `json:"dropins,omitempty" merge:"key"`
	// Enabled true enables, false disables, unset leaves it to presets.
	Enabled *bool `json:"enabled,omitempty"`
	// Mask true makes the unit impossible to start, false undoes that.
	Mask *bool `json:"mask,omitempty"`
	// Name of the unit with its extension.
	Name string `json:"name" merge:"identity"`
}

// Dropin is a fragment that changes a unit.
type Dropin struct {
	// Contents of the fragment; unset writes none, empty an empty file.
	Contents *string `json:"contents,omitempty"`
	// Name of the fragment, ending in .conf.
	Name string `json:"name" merge:"identity"`
}

var (
	ruleUnitName = &diag.Rule{
		ID: "unit-name", Why: "systemd tells the kind of a unit by its extension",
	}
	ruleUnitSyntax = &diag.Rule{
		ID: "unit-syntax", Why: "systemd would not load the unit",
		Help: "a unit has [SECTION] lines and NAME=VALUE lines below them; comments start with #",
	}
	ruleUnitInstall = &diag.Rule{
		ID: "unit-install", Why: "enabling follows the [Install] section; without one it does nothing",
		Help: "add an [Install] section, for example with WantedBy=multi-user.target, or do not enable the unit",
	}
	ruleDropinName = &diag.Rule{
		ID: "dropin-name", Why: "systemd reads only drop-ins whose name ends in .conf", Help: "name the drop-in NN-what.conf",
	}
)

// unitTypes are the extensions of system units: systemd.unit(5).
var unitTypes = spec.Values{"3.0 .service .socket .device .mount .automount .swap .target .path .timer .snapshot .slice .scope"}

// unitDir is where units of the administrator live: systemd.unit(5).
const unitDir = "/etc/systemd/system"

// Path is where the unit file is written.
func (u Unit) Path() string { return unitDir + "/" + u.Name }

// DropinPath is where a drop-in of the unit is written.
func (u Unit) DropinPath(d Dropin) string { return u.Path() + ".d/" + d.Name }

// Check reports units that are enabled by templates without effect.
func (s Systemd) Check(c *check.Ctx) {
	templates := map[string]bool{} // name → has something to install
	for _, u := range s.Units {
		if u.Contents == nil || *u.Contents == "" || !strings.Contains(u.Name, "@.") {
			continue
		}
		if f, err := unitfile.Parse(*u.Contents); err == nil {
			templates[u.Name] = f.HasOptions("Install")
		}
	}
	for i, u := range s.Units {
		template, ok := instanceOf(u.Name)
		if installs, known := templates[template]; ok && known && !installs && u.Enabled != nil && *u.Enabled {
			c.At("units", i, "contents").Warnf(ruleUnitInstall, "%q is enabled, but its template %q has nothing in an [Install] section", u.Name, template)
		}
	}
}

// instanceOf returns the template that an instance such as a@b.service is made
// from; ok is false when the unit is no instance of a service template.
func instanceOf(name string) (template string, ok bool) {
	prefix, rest, found := strings.Cut(name, "@")
	if !found || !strings.HasSuffix(rest, ".service") || rest == ".service" {
		return "", false
	}
	return prefix + "@.service", true
}

// Check reports what is wrong with the unit by itself.
func (u Unit) Check(c *check.Ctx) {
	if extension := path.Ext(u.Name); extension == "" {
		c.At("name").Errorf(ruleUnitName, "the unit name %q has no extension such as .service", u.Name)
	} else {
		c.At("name").OneOf(ruleUnitName, "unit type", extension, unitTypes)
	}
	if u.Contents == nil {
		return
	}
	f, err := unitfile.Parse(*u.Contents)
	switch {
	case err != nil:
		unitError(c.At("contents"), "the unit cannot be parsed: %v", err)
	case u.Enabled != nil && *u.Enabled && *u.Contents != "" && !f.HasOptions("Install"):
		c.At("contents").Warnf(ruleUnitInstall, "unit %q is enabled, but has nothing in an [Install] section", u.Name)
	}
}

// Check reports what is wrong with the drop-in.
func (d Dropin) Check(c *check.Ctx) {
	if path.Ext(d.Name) != ".conf" {
		c.At("name").Errorf(ruleDropinName, "the drop-in name %q does not end in .conf", d.Name)
	}
	if d.Contents == nil {
		return
	}
	if _, err := unitfile.Parse(*d.Contents); err != nil {
		unitError(c.At("contents"), "the drop-in cannot be parsed: %v", err)
	}
}

// unitError reports a text that is no unit file, with the line that breaks off.
func unitError(c *check.Ctx, format string, err error) {
	line := 0
	var syntax *unitfile.Error
	if errors.As(err, &syntax) {
		line = syntax.Line
	}
	c.ErrorInLine(ruleUnitSyntax, line, format, err)
}
