package lint

import (
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
)

var (
	ruleUnitValue = &diag.Rule{
		ID: "lint-unit-value", Why: "systemd ignores an assignment whose value it cannot read, and the default stays",
	}
	ruleUnitPath = &diag.Rule{
		ID: "lint-unit-path", Why: "systemd refuses a unit with a relative command, and ignores other relative paths; a command without any slash is looked up",
		Help: "start the path with /",
	}
	ruleNotExecutable = &diag.Rule{
		ID: "lint-not-executable", Why: "systemd cannot run a file that is not executable, and the unit fails with status 203/EXEC",
		Help: "give the file mode 0755",
	}
	ruleUnitRefused = &diag.Rule{
		ID: "lint-unit-refused", Why: "systemd refuses to load such a unit, by the rules of systemd.service(5) and the pages of the other types",
	}
)

// choices are directives that take one of few words. A question mark stands for all
// ways to write a boolean. systemd.service(5), systemd.exec(5), systemd.kill(5),
// systemd.unit(5); up to systemd 258.
var choices = []struct{ section, key, values string }{
	{"Service", "Type", "simple exec forking oneshot dbus notify notify-reload idle"},
	{"Service", "Restart", "no on-success on-failure on-abnormal on-watchdog on-abort always"},
	{"Service", "RestartMode", "normal direct debug"},
	{"Service", "NotifyAccess", "none main exec all"},
	{"Service", "ExitType", "main cgroup"},
	{"Service", "OOMPolicy", "continue stop kill"},
	{"Service", "KillMode", "control-group mixed process none"},
	{"Service", "ProtectSystem", "? full strict"},
	{"Service", "ProtectHome", "? read-only tmpfs"},
	{"Unit", "CollectMode", "inactive inactive-or-failed"},
}

// absolute are the directives, besides commands, whose value is one absolute path.
// Characters of skip may stand before it, and those words instead of it.
var absolute = []struct{ section, key, skip, words string }{
	{"Service", "WorkingDirectory", "-", "~"},
	{"Service", "RootDirectory", "", ""},
	{"Service", "EnvironmentFile", "-", ""},
	{"Mount", "Where", "", ""},
	{"Automount", "Where", "", ""},
	{"Path", "PathExists", "", ""},
	{"Path", "PathChanged", "", ""},
	{"Path", "PathModified", "", ""},
	{"Path", "DirectoryNotEmpty", "", ""},
	{"Unit", "ConditionPathExists", "|!", ""},
	{"Unit", "ConditionPathIsDirectory", "|!", ""},
	{"Unit", "ConditionPathIsMountPoint", "|!", ""},
	{"Unit", "ConditionFileIsExecutable", "|!", ""},
	{"Unit", "ConditionFileNotEmpty", "|!", ""},
	{"Unit", "ConditionDirectoryNotEmpty", "|!", ""},
}

// commands are the directives that run programs.
var commands = []string{
	"ExecStart", "ExecStartPre", "ExecStartPost", "ExecCondition", "ExecReload", "ExecStop", "ExecStopPre", "ExecStopPost",
}

// checkValue looks at the value of a directive that is known.
func (l *linter) checkValue(p *part, line *unitLine, boolean bool) {
	if line.Value == "" {
		return
	}
	if boolean && !isBoolean(line.Value) {
		l.badValue(p, line, "yes or no", "")
		return
	}
	if strings.HasPrefix(line.Name, "Exec") && slices.Contains(commands, line.Name) {
		switch program := program(line.Value); {
		case isRelative(program):
			l.warnLine(ruleUnitPath, p, line, "", "the path of the program in %s= is relative", line.Name)
		case !isOfImage(program) && !l.isExecutable(program):
			l.warnLine(ruleNotExecutable, p, line, "", "the config writes %q, which %s= runs, without a mode to execute it", program, line.Name)
		}
		return
	}
	for _, c := range choices {
		if c.key != line.Name || c.section != line.Section {
			continue
		}
		words := strings.Fields(c.values)
		if slices.Contains(words, line.Value) || words[0] == "?" && isBoolean(line.Value) {
			return
		}
		near := schema.Nearest(line.Value, words)
		if words[0] == "?" {
			words[0] = "yes, no"
		}
		l.badValue(p, line, strings.Join(words, ", "), near)
	}
	for _, a := range absolute {
		if a.key == line.Name && a.section == line.Section {
			value := strings.TrimLeft(line.Value, a.skip+" ")
			if value != a.words && value != "" && !strings.HasPrefix(value, "/") && strings.IndexByte(`%"'`, value[0]) < 0 {
				l.warnLine(ruleUnitPath, p, line, "", "the path in %s= is relative", line.Name)
			}
		}
	}
}

func (l *linter) badValue(p *part, line *unitLine, values, near string) {
	help := "it takes " + values
	if near != "" {
		help = "did you mean " + near + "? It takes " + values
	}
	l.warnLine(ruleUnitValue, p, line, help, "%s= does not take this value", line.Name)
}

// isBoolean reports whether systemd reads a value as a boolean: systemd.syntax(7).
func isBoolean(value string) bool {
	switch strings.ToLower(value) {
	case "0", "no", "n", "false", "f", "off":
		return true
	}
	return isYes(value)
}

func isYes(value string) bool {
	switch strings.ToLower(value) {
	case "1", "yes", "y", "true", "t", "on":
		return true
	}
	return false
}

// program returns the path of the program in a command line, without the
// characters that change how it is run: systemd.service(5), command lines.
func program(command string) string {
	command = strings.TrimLeft(command, "@-:+!| \t")
	if command == "" {
		return ""
	}
	if quote := command[0]; quote == '"' || quote == '\'' {
		command, _, _ = strings.Cut(command[1:], string(quote))
		return command
	}
	if i := strings.IndexAny(command, " \t\n"); i >= 0 {
		command = command[:i]
	}
	return command
}

// isOfImage reports whether a program is where only the image has programs.
func isOfImage(program string) bool {
	return strings.HasPrefix(program, "/usr/bin/") || strings.HasPrefix(program, "/bin/") || strings.HasPrefix(program, "/usr/sbin/") ||
		strings.HasPrefix(program, "/usr/lib") || !strings.HasPrefix(program, "/")
}

// isExecutable reports whether a program can be executed, as far as the config knows.
func (l *linter) isExecutable(program string) bool {
	if l.modes == nil {
		l.modes = make(map[string]int, len(l.Config.Storage.Files))
		for i := range l.Config.Storage.Files {
			f := &l.Config.Storage.Files[i]
			if f.Mode == nil && f.Contents.Source == nil {
				continue // keeps the mode of the file that is there
			}
			l.modes[f.Path] = mode(f.Mode, fileDefault)
		}
	}
	given, written := l.modes[program]
	return !written || given&anyExecute != 0
}

// isRelative reports whether a program is neither absolute nor a name to look up.
// What specifiers and variables make of it is not known.
func isRelative(program string) bool {
	return strings.Contains(program, "/") && program[0] != '/' && program[0] != '%' && program[0] != '$'
}

// essential are the directives of which a unit of a type needs one.
var essential = []struct {
	section, what string
	keys          []string
}{
	{"Timer", "no time", []string{"OnCalendar", "OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec", "OnClockChange", "OnTimezoneChange"}},
	{"Socket", "nothing to listen on", []string{
		"ListenStream", "ListenDatagram", "ListenSequentialPacket", "ListenFIFO", "ListenSpecial", "ListenNetlink", "ListenMessageQueue", "ListenUSBFunction",
	}},
	{"Path", "no path to watch", []string{"PathExists", "PathExistsGlob", "PathChanged", "PathModified", "DirectoryNotEmpty"}},
	{"Mount", "nothing to mount", []string{"What"}},
}

// lacks warns of a unit that does not say what it is for.
func (l *linter) lacks(u *unit, section string) {
	for _, e := range essential {
		if e.section == section && !slices.ContainsFunc(e.keys, func(key string) bool { return len(u.assigned(section, key)) > 0 }) {
			l.warn(ruleUnitRefused, l.headerAt(u.file, section), "add "+e.keys[0]+"=", "unit %q has %s", u.Name, e.what)
		}
	}
}

// service applies the rules by which systemd refuses a service.
func (l *linter) service(u *unit) {
	start, stop := u.assigned("Service", "ExecStart"), u.assigned("Service", "ExecStop")
	kind := u.last("Service", "Type")
	if kind == "" { // what systemd chooses
		switch {
		case u.last("Service", "BusName") != "":
			kind = "dbus"
		case len(start) > 0:
			kind = "simple"
		default:
			kind = "oneshot"
		}
	}
	acts := u.last("Unit", "SuccessAction")
	hasAction := acts != "" && acts != "none"
	remains := isYes(u.last("Service", "RemainAfterExit"))
	restart := u.last("Service", "Restart")

	fail := func(help, format string, args ...any) {
		l.warn(ruleUnitRefused, l.headerAt(u.file, "Service"), help, format, args...)
	}
	switch {
	case len(start) == 0 && len(stop) == 0 && !hasAction:
		fail("add ExecStart=", "service %q has no ExecStart=", u.Name)
	case len(start) == 0 && kind != "oneshot":
		fail("add ExecStart=, or make it Type=oneshot", "service %q has no ExecStart=, which Type=%s needs", u.Name, kind)
	case len(start) == 0 && !remains && !hasAction:
		fail("add RemainAfterExit=yes", "service %q has no ExecStart= and does not remain after exit", u.Name)
	case len(start) > 1 && kind != "oneshot":
		fail("make it Type=oneshot, or move the other commands to ExecStartPre=; in a drop-in, an empty ExecStart= drops those before it",
			"service %q has %d ExecStart=, which only Type=oneshot can have", u.Name, len(start))
	case kind == "oneshot" && (restart == "always" || restart == "on-success"):
		fail("use Restart=on-failure", "service %q is of Type=oneshot, which cannot have Restart=%s", u.Name, restart)
	case kind == "dbus" && u.last("Service", "BusName") == "":
		fail("add BusName=", "service %q is of Type=dbus and has no BusName=", u.Name)
	}
}
