package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleUnitLine = &diag.Rule{
		ID: "lint-unit-line", Why: "systemd skips lines that are neither a section nor an assignment, and assignments before the first section",
		Help: "start comments with #, and continue a value by a backslash at the end of its line",
	}
	ruleUnitSection = &diag.Rule{
		ID: "lint-unit-section", Why: "systemd ignores sections that it does not know for the type of the unit",
		Help: "names that start with X- are free for other programs",
	}
	ruleUnitSectionMissing = &diag.Rule{
		ID: "lint-unit-section-missing", Why: "the section of its type says what the unit is; without it systemd refuses the unit",
	}
	ruleUnitSectionRepeated = &diag.Rule{
		ID: "lint-unit-section-repeated", Why: "systemd joins the two, so that what counts depends on what stands in both",
		Help: "join the two sections",
	}
	ruleUnitDirective = &diag.Rule{
		ID: "lint-unit-directive", Why: "systemd ignores directives that it does not know, and the unit starts without what they ask for",
		Help: "names that start with X- are free for other programs",
	}
	ruleUnitInstall = &diag.Rule{
		ID: "lint-unit-install", Why: "enabling a unit makes the links that its [Install] section asks for; where it asks for none, the unit is never started",
		Help: "add for example WantedBy=multi-user.target",
	}
)

// dialect is what a kind of unit file may have.
type dialect struct {
	// what it is called in messages.
	what string
	// own is the section of its type; empty if there is none.
	own      string
	sections []string

	unknownSection, unknownKey *diag.Rule
}

// ownSection is the section of a type of unit. Those of targets and devices have no
// directives, but systemd knows them.
func ownSection(extension string) string {
	if extension == "" {
		return ""
	}
	return strings.ToUpper(extension[1:2]) + extension[2:]
}

// part is one text of a unit: its file or one of its drop-ins.
type part struct {
	*text
	lines []unitLine
}

func newPart(t *text) part {
	lines := make([]unitLine, 0, 1+strings.Count(t.body, "\n"))
	for line := range linesOf(t.body) {
		lines = append(lines, line)
	}
	return part{t, lines}
}

// unit is a unit with the texts that the config has of it.
type unit struct {
	*types.Unit
	// file is the unit file; nil if the config has only drop-ins.
	file *part
	// parts are the file and the drop-ins in the order in which they count.
	parts []part
}

// extension tells the type of the unit.
func (u *unit) extension() string { return path.Ext(u.Name) }

// assigned returns the values of a directive. An empty one drops those before it.
func (u *unit) assigned(section, key string) []string {
	var out []string
	for _, p := range u.parts {
		for _, line := range p.lines {
			switch {
			case line.Kind != assignmentLine || line.Section != section || line.Name != key:
			case line.Value == "":
				out = nil
			default:
				out = append(out, line.Value)
			}
		}
	}
	return out
}

// last returns the value of a directive that has one value.
func (u *unit) last(section, key string) string {
	if all := u.assigned(section, key); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

func (u *unit) hasSection(name string) bool {
	return slices.ContainsFunc(u.parts, func(p part) bool { return p.header(name) != nil })
}

// header returns the line that starts a section; nil if there is none.
func (p *part) header(section string) *unitLine {
	for i := range p.lines {
		if p.lines[i].Kind == headerLine && p.lines[i].Section == section {
			return &p.lines[i]
		}
	}
	return nil
}

// headerAt is the place where a section starts; that of the text if it does not.
func (l *linter) headerAt(p *part, section string) place {
	if line := p.header(section); line != nil {
		return l.at(p.text, line.Start, line.End)
	}
	return l.whole(p.text)
}

// units looks at all units of the config.
func (l *linter) units() {
	list := l.Config.Systemd.Units
	for i := range list {
		if l.isFull() {
			return
		}
		u := l.unit(i)
		if len(u.parts) == 0 && !isTrue(u.Enabled) {
			continue
		}
		l.judge(&u)
		l.install(&u)
	}
}

// judge looks at the texts of a unit, each by itself and all together.
func (l *linter) judge(u *unit) {
	own := ownSection(u.extension())
	d := dialect{
		what: "a " + u.extension() + " unit", own: own, sections: []string{"Unit", "Install", own},
		unknownSection: ruleUnitSection, unknownKey: ruleUnitDirective,
	}
	for j := range u.parts {
		l.lines(&u.parts[j], &d)
	}
	if u.file != nil {
		l.together(u, own)
	}
}

// unit reads the texts of a unit.
func (l *linter) unit(i int) unit {
	u := unit{Unit: &l.Config.Systemd.Units[i]}
	if u.Contents != nil && *u.Contents != "" {
		u.parts = append(u.parts, newPart(l.unitText(u.Contents, "systemd", "units", i, "contents")))
	}
	dropins := make([]int, 0, len(u.Dropins))
	for j := range u.Dropins {
		if d := &u.Dropins[j]; d.Contents != nil && *d.Contents != "" {
			dropins = append(dropins, j)
		}
	}
	slices.SortFunc(dropins, func(a, b int) int { return strings.Compare(u.Dropins[a].Name, u.Dropins[b].Name) })
	for _, j := range dropins {
		u.parts = append(u.parts, newPart(l.unitText(u.Dropins[j].Contents, "systemd", "units", i, "dropins", j, "contents")))
	}
	if len(u.parts) > len(dropins) {
		u.file = &u.parts[0]
	}
	return u
}

// unitText returns the text of a unit or drop-in.
func (l *linter) unitText(contents *string, steps ...any) *text {
	if kept := l.keptAt(contents); kept != nil {
		return &text{body: kept.Data, kept: kept}
	}
	return &text{body: *contents, path: source.Path{}.At(steps...)}
}

// required are the sections without which systemd refuses a unit of their type. What
// a service needs is more than its section.
var required = []string{"Socket", "Timer", "Path", "Mount"}

// together looks at a unit file together with its drop-ins.
func (l *linter) together(u *unit, own string) {
	if slices.Contains(required, own) && !u.hasSection(own) {
		l.warn(ruleUnitSectionMissing, l.whole(u.file.text), "add a section ["+own+"]", "unit %q has no [%s] section", u.Name, own)
		return
	}
	l.lacks(u, own)
	switch own {
	case "Service":
		l.service(u)
	case "Mount", "Automount", "Swap":
		l.mountName(u, own)
	}
}

// lines looks at each line of a unit file by itself.
func (l *linter) lines(p *part, d *dialect) {
	ignored := false // the section that the lines stand in
	var seen []string
	for i := range p.lines {
		if l.isFull() {
			return
		}
		line := &p.lines[i]
		switch line.Kind {
		case strayLine:
			if namesSecret(p.body[line.Start:line.End]) {
				l.hide(p.text, line.Start, line.End)
			}
			l.warn(ruleUnitLine, l.at(p.text, line.Start, line.End), "", "this line is neither a section nor an assignment")
		case headerLine:
			ignored = l.header(p, line, d, seen)
			if !ignored && !slices.Contains(seen, line.Section) {
				seen = append(seen, line.Section)
			}
		case assignmentLine:
			l.secretEnvironment(p, line, d)
			switch {
			case line.Section == "":
				l.warnLine(ruleUnitLine, p, line, "", "%q stands before the first section", line.Name)
			case !ignored && !strings.HasPrefix(line.Name, "X-"):
				l.assignment(p, line, d)
			}
		}
	}
}

// warnLine reports at the name of an assignment.
func (l *linter) warnLine(rule *diag.Rule, p *part, line *unitLine, help, format string, args ...any) {
	if namesSecret(line.Name) || namesSecret(line.Value) {
		l.hide(p.text, line.ValueStart, line.ValueEnd)
	}
	l.warn(rule, l.at(p.text, line.Start, line.End), help, format, args...)
}

// header looks at the start of a section, and tells whether systemd ignores what
// stands in it.
func (l *linter) header(p *part, line *unitLine, d *dialect, seen []string) (ignored bool) {
	at := func() place { return l.at(p.text, line.Start, line.End) }
	name := line.Section
	switch {
	case strings.HasPrefix(name, "X-"):
		return true
	case slices.Contains(d.sections, name) && name != "":
		if slices.Contains(seen, name) {
			l.warn(ruleUnitSectionRepeated, at(), "", "section [%s] stands in this file already", name)
		}
		return false
	}
	help := ""
	if near := schema.Nearest(name, d.sections); near != "" {
		help = "did you mean [" + near + "]?"
	}
	switch {
	case len(l.keys.section(name)) > 0:
		if help == "" {
			help = "remove it, or move it to a unit of that type"
		}
		l.warn(d.unknownSection, at(), help, "section [%s] has no meaning in %s", name, d.what)
	default:
		l.warn(d.unknownSection, at(), help, "there is no section [%s] in %s", name, d.what)
	}
	return true
}

// assignment looks at a directive.
func (l *linter) assignment(p *part, line *unitLine, d *dialect) {
	a := l.keys.look(line.Section, line.Name)
	if a.known {
		l.checkValue(p, line, a.boolean)
		return
	}
	help := ""
	if holder := l.keys.holder(d.sections, line.Name); holder != "" {
		help = "it belongs in section [" + holder + "]"
	} else if near := l.keys.nearest(line.Section, line.Name); near != "" {
		help = "did you mean " + near + "=?"
	}
	rule := d.unknownKey
	if line.Section != d.own && line.Section != "Quadlet" { // systemd reads it, also from a quadlet
		rule = ruleUnitDirective
	}
	l.warnLine(rule, p, line, help, "section [%s] has no directive %q", line.Section, line.Name)
}

// pulls are the directives by which enabling a unit has an effect.
var pulls = []string{"WantedBy", "RequiredBy", "UpheldBy", "Alias", "Also"}

// install warns of units that are enabled without effect, where the rule unit-install
// does not: it looks at the file of a unit and at instances of services only.
func (l *linter) install(u *unit) {
	if !isTrue(u.Enabled) || isTrue(u.Mask) {
		return
	}
	installed := u
	if prefix, instance, _ := strings.Cut(strings.TrimSuffix(u.Name, u.extension()), "@"); instance != "" && u.file == nil {
		t := l.template(prefix + "@" + u.extension())
		if t == nil {
			return
		}
		if installed = t; t.file != nil && !t.hasOptions() && u.extension() == ".service" {
			return
		}
	}
	if installed.file == nil || installed == u && !u.hasOptions() {
		return
	}
	var wanted []string
	for _, key := range pulls {
		wanted = append(wanted, installed.assigned("Install", key)...)
	}
	at := func() place { return l.headerAt(installed.file, "Install") }
	isTemplate := strings.HasSuffix(strings.TrimSuffix(u.Name, u.extension()), "@")
	switch {
	case len(wanted) == 0:
		l.warn(ruleUnitInstall, at(), "", "unit %q is enabled, but nothing asks for it: there is no %s=", u.Name, strings.Join(pulls, "=, "))
	case isTemplate && len(u.assigned("Install", "DefaultInstance")) == 0 && !slices.ContainsFunc(wanted, func(w string) bool { return strings.Contains(w, "@") }):
		l.warn(ruleUnitInstall, at(), "enable an instance such as "+strings.Replace(u.Name, "@", "@NAME", 1)+", or add DefaultInstance=",
			"the template %q is enabled, but no instance of it", u.Name)
	}
}

// template returns a unit of the config by its name; nil if there is none.
func (l *linter) template(name string) *unit {
	if l.templates == nil {
		l.templates = map[string]*unit{}
		for i := range l.Config.Systemd.Units {
			if strings.Contains(l.Config.Systemd.Units[i].Name, "@.") {
				u := l.unit(i)
				l.templates[u.Name] = &u
			}
		}
	}
	return l.templates[name]
}

// hasOptions reports what the rule unit-install asks: whether the file by itself has
// anything to install.
func (u *unit) hasOptions() bool {
	return slices.ContainsFunc(u.file.lines, func(line unitLine) bool {
		return line.Kind == assignmentLine && line.Section == "Install"
	})
}

func isTrue(b *bool) bool { return b != nil && *b }
