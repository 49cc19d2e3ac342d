package linux

import (
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var (
	ruleTimezone = &diag.Rule{
		ID: "timezone", Why: "the time zone is the name of a file below /usr/share/zoneinfo; without such a file the machine keeps UTC",
		Help: "write for example Europe/Berlin or UTC; timedatectl list-timezones lists them",
	}
	ruleTimezoneArea = &diag.Rule{
		ID: "timezone-area", Why: "time zones lie in directories for parts of the world; without the file the machine keeps UTC",
		Help: "timedatectl list-timezones lists the time zones",
	}
)

// timezoneAreas are the directories of the time zone database, and those of its
// old names: https://data.iana.org/time-zones/theory.html.
var timezoneAreas = []string{
	"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Brazil", "Canada", "Chile",
	"Etc", "Europe", "Indian", "Mexico", "Pacific", "US",
}

// Timezone is the sugar of the time zone of the machine.
type Timezone struct {
	// Timezone is a name of the time zone database, such as Europe/Berlin.
	Timezone *string `json:"timezone"`
}

// Check reports what is no name of a time zone, and warns of unknown areas.
func (s *Timezone) Check(c *sugar.Ctx) {
	if s.Timezone == nil {
		return
	}
	name := *s.Timezone
	if !only(name, alphanumeric+"/_+-") || path.Clean(name) != name || path.IsAbs(name) {
		c.Errorf(ruleTimezone, at("timezone"), "%q is no name of a time zone", name)
		return
	}
	area, rest, nested := strings.Cut(name, "/")
	if !nested {
		return
	}
	for _, known := range timezoneAreas {
		if area == known {
			return
		}
	}
	hint := ""
	if near := schema.Nearest(area, timezoneAreas); near != "" {
		hint = "; did you mean " + near + "/" + rest + "?"
	}
	c.Warnf(ruleTimezoneArea, at("timezone"), "the time zone database has no area %q%s", area, hint)
}

// Desugar links /etc/localtime, and writes /etc/timezone, which programs of Debian
// read.
func (s *Timezone) Desugar(c *sugar.Ctx) {
	if s.Timezone == nil {
		return
	}
	p := newParent(c)
	// relative, as timedatectl writes it: localtime(5)
	p.link("/etc/localtime", "../usr/share/zoneinfo/"+*s.Timezone, owner{}, at("timezone"))
	p.file("/etc/timezone", 0o644, owner{}, *s.Timezone+"\n", at("timezone"))
	p.add()
}
