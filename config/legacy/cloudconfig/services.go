package cloudconfig

import (
	"slices"
	"sort"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

// service is a unit that runs a script once, or at each boot.
type service struct {
	name, description string
	script            string
	from              node
	// interpreter says that the script names its own; else sh reads it.
	interpreter bool
	// always runs it at each boot; else it runs until it was done once.
	always bool
	// early runs it before logins are possible; network waits for the network; hook
	// runs it as soon as file systems are mounted. Otherwise it waits for nothing.
	early, network, hook bool
	// stamped remembers the run before it, for what ends the boot.
	stamped bool
	// environment are lines NAME=VALUE.
	environment []string
}

// serviceOrder is the order of services at the end of a boot, as cloud-init has it.
var serviceOrder = [...]string{"packages", "vendor-scripts", "runcmd", "scripts", "phone-home", "power-state"}

func (t *translator) service(s *service) { t.services = append(t.services, s) }

// unit returns the entry of a unit, which is made if it is not there.
func (t *translator) unit(name string, n node) *value {
	systemd := t.out.object("systemd", n)
	if u := systemd.find("units", "name", name); u != nil {
		return u
	}
	u := systemd.add("units", n)
	u.text("name", name, n)
	return u
}

const (
	// servicePrefix starts the names of all units made here.
	servicePrefix = "cloud-config-"
	// doneDir has a file for each service that was done.
	doneDir = "/var/lib/cloud-config"
)

// finishServices writes the scripts and their units.
func (t *translator) finishServices() {
	at := func(i int) int { return slices.Index(serviceOrder[:], t.services[i].name) }
	sort.SliceStable(t.services, func(i, j int) bool { return at(i) < at(j) })
	for _, s := range t.services {
		mode := int64(0o600)
		if s.interpreter {
			mode = 0o700
		}
		t.file(s.path(), mode, s.script, s.from)
		u := t.unit(servicePrefix+s.name+".service", s.from)
		u.flag("enabled", true, s.from)
		u.text("contents", s.unit(), s.from)
	}
}

func (s *service) path() string { return filesDir + s.name }

// command runs the script, and remembers that it ran. A failure does not make it run
// again: cloud-init does not run it again either.
func (s *service) command() string {
	run := s.path()
	if !s.interpreter {
		run = "/bin/sh " + run
	}
	done := doneDir + "/" + s.name
	switch {
	case s.always:
		return run
	case s.stamped:
		return "/bin/sh -c 'mkdir -p " + doneDir + " && : >" + done + " && sync && exec " + run + "'"
	}
	return "/bin/sh -c '" + run + "; s=$$?; mkdir -p " + doneDir + " && : >" + done + "; exit $$s'"
}

func (s *service) unit() string {
	var b strings.Builder
	set := func(name, value string) { b.WriteString(name + "=" + value + "\n") }
	b.WriteString("# Generated from a cloud-config.\n[Unit]\n")
	set("Description", s.description)
	if !s.always {
		set("ConditionPathExists", "!"+doneDir+"/"+s.name)
	}
	target := "multi-user.target"
	switch {
	case s.hook:
		target = "sysinit.target"
		set("DefaultDependencies", "no")
		set("Conflicts", "shutdown.target")
		set("After", "local-fs.target systemd-tmpfiles-setup.service")
		set("Before", "sysinit.target shutdown.target")
	case s.early:
		set("Before", "systemd-user-sessions.service")
	case s.network:
		set("Wants", "network-online.target")
		set("After", "network-online.target")
	}
	if i := slices.Index(serviceOrder[:], s.name); i > 0 {
		var after []string
		for _, name := range serviceOrder[:i] {
			after = append(after, servicePrefix+name+".service")
		}
		set("After", strings.Join(after, " "))
	}
	b.WriteString("\n[Service]\n")
	set("Type", "oneshot")
	set("RemainAfterExit", "yes")
	set("TimeoutStartSec", "infinity")
	for _, e := range s.environment {
		set("Environment", `"`+e+`"`)
	}
	set("ExecStart", s.command())
	set("StandardOutput", "journal+console")
	b.WriteString("\n[Install]\n")
	set("WantedBy", target)
	return b.String()
}

// instanceID is what scripts know as INSTANCE_ID: that of the platform, or the ID of the
// machine, which is the specifier %m.
func (t *translator) instanceID() string {
	id, ok := t.options.Facts["v1.instance_id"]
	if !ok || strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:-") != "" {
		return "%m"
	}
	return id
}

// script is a part of user data that is run.
type script struct {
	kind Kind
	name string
	text node
	// vendor scripts run before those of the user.
	vendor bool
}

// finishScripts makes services of parts that are scripts. Those that run at the end do so
// one after another, in the order of their names.
func (t *translator) finishScripts() {
	var vendor, once, always []script
	for _, s := range t.scripts {
		switch {
		case s.kind == Boothook:
			t.service(&service{
				name: "boothook-" + letter(len(t.services)), description: "Boot hook of the cloud-config", script: program(s.text.Text), from: s.text,
				interpreter: true, always: true, hook: true, environment: []string{"INSTANCE_ID=" + t.instanceID()},
			})
		case s.kind == ScriptPerBoot:
			always = append(always, s)
		case s.vendor:
			vendor = append(vendor, s)
		default:
			once = append(once, s)
		}
	}
	t.runParts("vendor-scripts", "Scripts of the vendor data", vendor, false)
	t.runParts("scripts", "Scripts of the user data", once, false)
	t.runParts("scripts-per-boot", "Scripts of the user data, for each boot", always, true)
}

// unixLines makes the lines of a script those of Unix if the first one ends as in DOS, as
// cloud-init does: the kernel would take the carriage return for a part of the program's name.
func unixLines(text string) string {
	if first, _, _ := strings.Cut(text, "\n"); strings.HasSuffix(first, "\r") {
		return strings.ReplaceAll(text, "\r\n", "\n")
	}
	return text
}

// program is a boothook without the line that says that it is one. The kernel wants to
// know what runs it.
func program(text string) string {
	text = strings.TrimLeft(unixLines(text), " \t\r\n")
	if first, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(strings.ToLower(first), "#cloud-boothook") {
		text = strings.TrimLeft(rest, " \t\r\n")
	}
	if !strings.HasPrefix(text, "#!") {
		text = "#!/bin/sh\n" + text
	}
	return text
}

func letter(i int) string { return string(rune('a' + i%26)) }

func (t *translator) runParts(name, description string, scripts []script, always bool) {
	if len(scripts) == 0 {
		return
	}
	sort.SliceStable(scripts, func(i, j int) bool { return scripts[i].name < scripts[j].name })
	run := "status=0\n"
	for i, s := range scripts {
		path := filesDir + name + ".d/" + letter(i/26) + letter(i)
		t.file(path, 0o700, unixLines(s.text.Text), s.text)
		run += path + " || status=$?\n"
	}
	t.service(&service{
		name: name, description: description, script: run + "exit $status\n", always: always, network: true, from: scripts[0].text,
	})
}

// shellWord writes an argument for a shell, as shellify of cloud-init does.
func shellWord(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// commands are the lines of a script: items that are texts are lines, items that are lists
// are commands with arguments.
func (t *translator) commands(n node) string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, item := range t.list(n) {
		switch {
		case item.Kind == source.List:
			var words []string
			for j := range item.Children {
				if s, ok := t.argument(item.item(j)); ok {
					words = append(words, shellWord(s))
				}
			}
			b.WriteString(strings.Join(words, " ") + "\n")
		case meaning(item.Node).kind == source.Null:
			t.drop(item, "it has no value")
		case item.Kind == source.Object:
			t.wrongKind(item, "a text or a list of texts; a text with a colon and a space needs quotes")
		default:
			if s, ok := t.word(item); ok {
				b.WriteString(s + "\n")
			}
		}
	}
	return b.String()
}

// argument is a word of a command, which may be a number or a boolean: cloud-init writes
// it as Python does.
func (t *translator) argument(n node) (string, bool) {
	if m := meaning(n.Node); m.kind == source.Bool {
		t.fail(n, `write "`+n.Text+`" in quotes`, "the argument %s is a boolean in YAML 1.1", n.Text)
		return "", false
	}
	return t.text(n)
}
