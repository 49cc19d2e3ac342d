package cloudconfig

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

func (t *translator) runcmd(n node) {
	t.service(&service{name: "runcmd", description: "Commands of the cloud-config", script: t.commands(n), network: true, from: n})
}

func (t *translator) bootcmd(n node) {
	script := t.commands(n)
	for _, key := range []string{"disk_setup", "fs_setup"} {
		if t.tree.Root.Member(key) != nil && regexp.MustCompile(`/dev/(sd|vd|xvd|nvme|disk/)|\b(mkfs|parted|sgdisk|sfdisk|wipefs)\b`).MatchString(script) {
			t.refuse(n, "write what the commands do to disks below storage in a Butane document", "commands of bootcmd that are about disks would run after %s", key)
			return
		}
	}
	t.service(&service{
		name: "bootcmd", description: "Commands of the cloud-config, early in each boot", script: script,
		always: true, hook: true, from: n, environment: []string{"INSTANCE_ID=" + t.instanceID()},
	})
}

// packagers install packages without questions.
var packagers = [...]packager{
	{"apt", "apt-get update", "apt-get -y dist-upgrade", "apt-get -y install", "="},
	{"dnf", "dnf -y makecache", "dnf -y upgrade", "dnf -y install", "-"},
	{"zypper", "zypper --non-interactive refresh", "zypper --non-interactive update", "zypper --non-interactive install", "="},
}

// packager is a program and its commands; version goes between a name and a version.
type packager struct{ name, update, upgrade, install, version string }

// Packagers are the programs that can install packages.
func Packagers() []string {
	var names []string
	for _, p := range packagers {
		names = append(names, p.name)
	}
	return names
}

func (t *translator) packager() (packager, bool) {
	for _, p := range packagers {
		if p.name == t.options.Packages {
			return p, true
		}
	}
	return packager{}, false
}

const noPackager = "say which one: --packages apt, dnf or zypper here, ignition.cloud.packages=NAME on the kernel command line of a machine; or use an image that has them"

// packages translates all keys about packages at once.
func (t *translator) packages(n node) {
	if n.Kind == source.List && len(n.Children) == 0 {
		t.drop(n, "the list is empty")
		return
	}
	p, ok := t.packager()
	if !ok {
		t.keyError(ruleRefused, n, noPackager, "packages cannot be kept: which program installs them on this machine is not known, if there is one")
		return
	}
	var words []string
	for _, item := range t.list(n) {
		switch item.Kind {
		case source.List:
			parts, _ := t.lines(t.items(item))
			if len(parts) == 0 || len(parts) > 2 {
				t.fail(item, "write [NAME, VERSION]", "this is no package with its version")
				continue
			}
			words = append(words, shellWord(strings.Join(parts, p.version)))
		case source.Object:
			t.refuse(item, "write the names in the list itself", "packages for a certain program are not told apart")
		default:
			if s, ok := t.word(item); ok {
				words = append(words, shellWord(s))
			}
		}
	}
	t.packageScript(p.install+" "+strings.Join(words, " "), n)
}

func (t *translator) packageFlag(n node) {
	yes, ok := t.boolean(n)
	if !ok {
		return
	}
	if !yes {
		t.drop(n, "nothing is updated here anyway")
		return
	}
	p, ok := t.packager()
	switch {
	case !ok:
		t.keyError(ruleRefused, n, noPackager, "%s cannot be kept: which program installs packages on this machine is not known, if there is one", n.Key)
	case n.Key == "package_update":
		t.packageScript("", n)
	case n.Key == "package_upgrade":
		t.packageScript(p.upgrade, n)
	default:
		t.packageScript("[ ! -e /var/run/reboot-required ] || systemctl reboot", n)
	}
}

// packageScript adds a command to the service, in the order of cloud-init: update,
// upgrade, install, reboot.
func (t *translator) packageScript(command string, n node) {
	i := slices.IndexFunc(t.services, func(s *service) bool { return s.name == "packages" })
	p, _ := t.packager()
	if i < 0 {
		t.service(&service{
			name: "packages", description: "Install packages of the cloud-config", network: true, from: n,
			script: "export DEBIAN_FRONTEND=noninteractive\n" + p.update + "\n",
		})
		i = len(t.services) - 1
	}
	if command == "" {
		return
	}
	if command == p.upgrade {
		lines := strings.SplitAfterN(t.services[i].script, "\n", 3)
		t.services[i].script = lines[0] + lines[1] + command + "\n" + lines[2]
		return
	}
	t.services[i].script += command + "\n"
}

func phoneRows() []row {
	return []row{
		{name: "url", how: "where the values are sent"},
		{name: "post", how: "which values"},
		{name: "tries", how: "`--retry` of curl"},
	}
}

// phoneKeys are what can be sent, and the arguments of curl for that.
var phoneKeys = [...][2]string{
	{"pub_key_rsa", "--data-urlencode pub_key_rsa@/etc/ssh/ssh_host_rsa_key.pub"},
	{"pub_key_ecdsa", "--data-urlencode pub_key_ecdsa@/etc/ssh/ssh_host_ecdsa_key.pub"},
	{"pub_key_ed25519", "--data-urlencode pub_key_ed25519@/etc/ssh/ssh_host_ed25519_key.pub"},
	{"instance_id", `--data-urlencode "instance_id=$INSTANCE_ID"`},
	{"hostname", `--data-urlencode "hostname=$(hostname)"`},
	{"fqdn", `--data-urlencode "fqdn=$(hostname --fqdn)"`},
}

func (t *translator) phoneHome(n node) {
	address, tries, post := "", int64(10), []string{"all"}
	rows := phoneRows()
	rows[0].do = func(t *translator, n node) {
		s, ok := t.line(n)
		if !ok {
			return
		}
		if strings.ContainsAny(s, "?@") { // a token, a password
			t.tree.Hide(n.Node)
		}
		if u, err := url.Parse(strings.ReplaceAll(s, "$INSTANCE_ID", "id")); err != nil || u.Scheme != "http" && u.Scheme != "https" {
			t.fail(n, "write a URL of the scheme http or https", "this is no address to send something to")
			return
		}
		address = s
	}
	rows[1].do = func(t *translator, n node) { post, _ = t.lines(t.list(n)) }
	rows[2].do = func(t *translator, n node) {
		if tries, _ = t.integer(n); tries < 1 || tries > 1000 {
			t.fail(n, "write a number from 1 to 1000", "this is no number of tries")
		}
	}
	t.members(n, rows)
	var args []string
	for _, k := range phoneKeys {
		if slices.Contains(post, "all") || slices.Contains(post, k[0]) {
			args = append(args, k[1])
		}
	}
	for _, name := range post {
		if name == "pub_key_dsa" {
			t.approximate(n, "pub_key_dsa is left out: there are no such keys any more")
			continue
		}
		if name != "all" && !slices.ContainsFunc(phoneKeys[:], func(k [2]string) bool { return k[0] == name }) {
			t.fail(n, "write all, or some of the keys", "%q is nothing that can be sent", name)
		}
	}
	if address == "" {
		t.fail(n, "write url", "phone_home has no address")
		return
	}
	target := strings.ReplaceAll(shellWord(address), "$INSTANCE_ID", `'"$INSTANCE_ID"'`)
	t.service(&service{
		name: "phone-home", description: "Tell the address of the cloud-config that the machine is up", network: true, from: n,
		script:      "curl --fail --silent --show-error --retry " + strconv.FormatInt(tries-1, 10) + " --retry-delay 3 \\\n  " + strings.Join(args, " \\\n  ") + " \\\n  " + target + "\n",
		environment: []string{"INSTANCE_ID=" + t.instanceID()},
	})
}

func powerRows() []row {
	return []row{
		{name: "mode", how: "`poweroff`, `reboot` or `halt`"},
		{name: "delay", how: "`now`, minutes, or a time of the day"},
		{name: "message", how: "what users see"},
		{name: "condition", how: "a command that decides, or true or false"},
		{name: "timeout", class: Ignored, how: "the service waits for the others without one", do: func(t *translator, n node) { t.integer(n) }},
	}
}

func (t *translator) powerState(n node) {
	mode, delay, message, condition := "", "now", "", ""
	rows := powerRows()
	rows[0].do = func(t *translator, n node) {
		if s, ok := t.oneOf(n, "poweroff", "reboot", "halt"); ok {
			mode = map[string]string{"poweroff": "-P", "reboot": "-r", "halt": "-H"}[s]
		}
	}
	rows[1].do = func(t *translator, n node) {
		s := n.Text // 12:30 is a number to YAML 1.1
		if m := meaning(n.Node); m.kind == source.Number && m.whole {
			s = "+" + strconv.FormatInt(m.number, 10)
		}
		if !regexp.MustCompile(`^(now|\+?[0-9]+|[0-9]{1,2}:[0-9]{2})$`).MatchString(s) {
			t.fail(n, `write now, "+5" or "12:30"`, "%q is no delay", n.Text)
			return
		}
		delay = s
	}
	rows[2].do = func(t *translator, n node) {
		if s, ok := t.text(n); ok && s != "" {
			message = " " + shellWord(s)
		}
	}
	rows[3].do = func(t *translator, n node) { condition = t.condition(n) }
	t.members(n, rows)
	if mode == "" {
		if !t.found.HasErrors() {
			t.fail(n, "write mode: poweroff, reboot or halt", "power_state has no mode")
		}
		return
	}
	if condition == "false" {
		t.drop(n, "its condition is false")
		return
	}
	t.service(&service{
		name: "power-state", description: "Switch the machine off as the cloud-config says", stamped: true, from: n,
		script: condition + "shutdown " + mode + " " + delay + message + "\n",
	})
}

// condition is what a shell checks before it goes on; false for never.
func (t *translator) condition(n node) string {
	if n.Kind == source.List {
		words, _ := t.lines(t.items(n))
		for i := range words {
			words[i] = shellWord(words[i])
		}
		return strings.Join(words, " ") + " || exit 0\n"
	}
	if m := meaning(n.Node); m.kind == source.Bool {
		if m.yes {
			return ""
		}
		return "false"
	}
	s, ok := t.word(n)
	if !ok {
		return ""
	}
	return "sh -c " + shellWord(s) + " || exit 0\n"
}
