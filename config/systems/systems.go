// Package systems sets up the systems of a CoreOS machine, and of other machines that run
// the same: etcd, flannel, docker, the agent that reboots after updates, the updates
// themselves. Container Linux Configs have a section for each, and so have documents of
// the Butane variants flatcar and linux; [Sections] reads all of them, and [Render] makes
// the units and files. What differs between machines is a [Machine].
package systems

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

// Sections are the keys of a document, at its top.
type Sections struct {
	// Etcd are options of etcd by name, with underscores, and version. An empty section
	// starts it with none.
	Etcd map[string]string `json:"etcd"`
	// Flannel is the network of containers across machines.
	Flannel *Flannel `json:"flannel"`
	// Docker is the daemon of Docker.
	Docker *Docker `json:"docker"`
	// Locksmith reboots after updates.
	Locksmith *Locksmith `json:"locksmith"`
	// Update says where updates come from.
	Update *Update `json:"update"`
	// Kubernetes makes the machine a node of a cluster.
	Kubernetes *Kubernetes `json:"kubernetes"`
	// Reboot reboots machines without locksmith; only the variant linux has the key.
	Reboot *Reboot
	// Dynamic says where values in braces come from.
	Dynamic *Dynamic `json:"dynamic"`
}

// Machine is what differs between the machines that sections are for.
type Machine struct {
	// Lib has the wrappers that start etcd and flannel in containers; empty on machines
	// where systemd starts a program of the distribution.
	Lib string
	// UpdateConf is the file that says where updates come from; empty if none does.
	UpdateConf string
	// Metadata is the file with what the platform knows of the machine, MetadataUnit the
	// unit that writes it.
	Metadata, MetadataUnit string
	// Prefix of the names of drop-ins.
	Prefix string
	// Plain keeps systemd from replacing anything in a value: otherwise %m, ${VARIABLE}
	// and the like keep their meaning, as they had in Container Linux Configs.
	Plain bool
}

// The machines.
var (
	// ContainerLinux is Container Linux; Flatcar has links at these paths.
	ContainerLinux = Machine{
		Lib: "/usr/lib/coreos", UpdateConf: "/etc/coreos/update.conf",
		Metadata: "/run/metadata/coreos", MetadataUnit: "coreos-metadata.service", Prefix: "20-clct-",
	}
	// Flatcar is Flatcar Container Linux.
	Flatcar = Machine{
		Lib: "/usr/lib/flatcar", UpdateConf: "/etc/flatcar/update.conf",
		Metadata: "/run/metadata/flatcar", MetadataUnit: "coreos-metadata.service", Prefix: "20-butane-", Plain: true,
	}
	// Linux is any distribution with systemd.
	Linux = Machine{Prefix: "20-butane-", Plain: true}
)

// Result is what was made of sections.
type Result struct {
	// Config has units and files, as parts of a config of any spec from 3.0.0 on.
	Config types.Config
	// From tells which place of the document asked for a value, with all inside.
	From []Origin
	// Found has what is wrong. The config is usable only if it has no error.
	Found diag.List
}

// Origin is the place of the document that asked for a value of the config.
type Origin struct{ Value, Place source.Path }

// Render makes units and files of sections. Problems are placed by where, by paths with
// the keys of the document. Facts are what is known about the machine that the document is
// for, by the names of dialect.Options; they stand in for the words in braces if the
// document names no platform. Nil means that nothing is known.
func Render(s *Sections, m Machine, where source.Locator, facts map[string]string) Result {
	r := &renderer{machine: m, where: where, facts: facts}
	if s.Dynamic != nil {
		r.platform = s.Dynamic.Platform
		r.checkPlatform()
	}
	if s.Etcd != nil {
		r.etcd(s.Etcd)
	}
	if s.Flannel != nil {
		r.flannel(s.Flannel)
	}
	if s.Docker != nil {
		r.docker(s.Docker)
	}
	if s.Kubernetes != nil {
		r.kubernetes(s.Kubernetes)
	}
	if s.Reboot != nil {
		r.reboot(s.Reboot)
	}
	r.updates(s.Update, s.Locksmith)
	r.locks(s)
	if r.found.HasErrors() {
		return Result{Found: r.found}
	}
	return Result{Config: r.config, From: r.from, Found: r.found}
}

type renderer struct {
	machine  Machine
	where    source.Locator
	platform string
	facts    map[string]string

	config types.Config
	from   []Origin
	found  diag.List
}

func at(steps ...any) source.Path { return source.Path{}.At(steps...) }

func (r *renderer) errorf(rule *diag.Rule, place source.Path, help, format string, args ...any) {
	r.report(diag.Error, rule, place, help, format, args...)
}

func (r *renderer) warnf(rule *diag.Rule, place source.Path, help, format string, args ...any) {
	r.report(diag.Warning, rule, place, help, format, args...)
}

func (r *renderer) report(s diag.Severity, rule *diag.Rule, place source.Path, help, format string, args ...any) {
	where, _ := r.where.Locate(place)
	r.found = append(r.found, diag.Diagnostic{
		Severity: s, Rule: rule, Path: place, At: where, Help: help, Message: fmt.Sprintf(format, args...),
	})
}

// oneOf reports a value that is none of the legal ones.
func (r *renderer) oneOf(rule *diag.Rule, place source.Path, what, value string, legal ...string) {
	for _, l := range legal {
		if value == l {
			return
		}
	}
	help := "write one of " + strings.Join(legal, ", ")
	if near := schema.Nearest(value, legal); near != "" {
		help = fmt.Sprintf("did you mean %q?", near)
	}
	r.errorf(rule, place, help, "%q is no %s", value, what)
}

// line reports a value that cannot stand in a line of a unit or file.
func (r *renderer) line(rule *diag.Rule, place source.Path, value string) bool {
	if strings.ContainsFunc(value, func(c rune) bool { return unicode.IsControl(c) || c == '\u2028' || c == '\u2029' }) {
		r.errorf(rule, place, "write it in one line", "the value is not the text of one line")
		return false
	}
	return true
}

// unit adds a unit that is enabled. An empty text leaves that to the machine, which has
// the unit already.
func (r *renderer) unit(name, text string, place source.Path) *types.Unit {
	units := &r.config.Systemd.Units
	r.from = append(r.from, Origin{at("systemd", "units", len(*units)), place})
	enabled := true
	u := types.Unit{Name: name, Enabled: &enabled}
	if text != "" {
		u.Contents = &text
	}
	*units = append(*units, u)
	return &(*units)[len(*units)-1]
}

// dropin adds a drop-in to a unit of the machine and enables that.
func (r *renderer) dropin(unit, name, text string, place source.Path) {
	u := r.unit(unit, "", place)
	u.Dropins = []types.Dropin{{Name: r.machine.Prefix + name + ".conf", Contents: &text}}
}

// file adds a file in the place of whatever is there.
func (r *renderer) file(path, text string, mode int, place source.Path) {
	files := &r.config.Storage.Files
	r.from = append(r.from, Origin{at("storage", "files", len(*files)), place})
	source, overwrite := escaped(text), true
	f := types.File{Mode: &mode, Contents: types.Resource{Source: &source}}
	f.Path, f.Overwrite = path, &overwrite
	*files = append(*files, f)
}
