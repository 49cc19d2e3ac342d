// Package systems has the sugar for the systems of a CoreOS machine: etcd, flannel,
// docker, updates and what reboots after them, Kubernetes. config/systems makes the units
// and files; the steps here put them below the config of a document. Disks with two slots
// for the system are [ABDisk], here alone: Container Linux Configs have nothing of the kind.
package systems

import (
	"github.com/kindling-boot/kindling/config/systems"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// The steps, by variant.
var (
	FlatcarSteps = []func() sugar.Step{func() sugar.Step { return &Flatcar{} }, func() sugar.Step { return &ABDisk{Default: "flatcar"} }}
	LinuxSteps   = []func() sugar.Step{func() sugar.Step { return &Linux{} }, func() sugar.Step { return &ABDisk{Default: "linux"} }}
)

// Flatcar are the sections of the variant flatcar.
type Flatcar struct {
	systems.Sections
	step
}

// Linux are the sections of the variant linux: there, systemd starts the programs of the
// distribution, or containers.
type Linux struct {
	// Etcd are options of etcd by name, and image.
	Etcd map[string]string `json:"etcd"`
	// Docker is the daemon of Docker.
	Docker *systems.Docker `json:"docker"`
	// Kubernetes makes the machine a node of a cluster.
	Kubernetes *systems.Kubernetes `json:"kubernetes"`
	// Reboot reboots after updates.
	Reboot *systems.Reboot `json:"reboot"`
	step
}

// step is what was made between Check and Desugar.
type step struct{ made systems.Result }

// Check reports what would not work.
func (s *Flatcar) Check(c *sugar.Ctx) { s.render(c, &s.Sections, systems.Flatcar) }

// Check reports what would not work.
func (s *Linux) Check(c *sugar.Ctx) {
	s.render(c, &systems.Sections{Etcd: s.Etcd, Docker: s.Docker, Kubernetes: s.Kubernetes, Reboot: s.Reboot}, systems.Linux)
}

func (s *step) render(c *sugar.Ctx, sections *systems.Sections, m systems.Machine) {
	s.made = systems.Render(sections, m, c.Tree, nil)
	c.Found = append(c.Found, s.made.Found...)
}

// Desugar adds the units and files, which those of the document win over.
func (s *step) Desugar(c *sugar.Ctx) {
	if len(s.made.From) == 0 {
		return
	}
	origins := c.NewOrigins()
	for _, from := range s.made.From {
		origins.AddWhole(from.Value, from.Place)
	}
	c.AddParent(s.made.Config, origins)
}
