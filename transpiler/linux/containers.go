package linux

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var (
	ruleContainer = &diag.Rule{
		ID: "container", Why: "Podman makes a service of each container; it would not start as it is described",
	}
	ruleContainerImage = &diag.Rule{
		ID: "container-image", Why: "a tag can mean another image tomorrow: machines made from one document would differ, and an image could be exchanged",
	}
)

// Containers is the sugar of containers that systemd starts at boot, as quadlets.
type Containers struct {
	Containers []container `json:"containers"`
}

// container is one container.
type container struct {
	// Name of the service, without .service.
	Name string `json:"name"`
	// Image with its registry and its digest.
	Image       string  `json:"image"`
	Description *string `json:"description"`
	// Command are the arguments; none leaves it to the image.
	Command []string `json:"command"`
	// Environment maps variables to their values.
	Environment map[string]string `json:"environment" secret:"true"`
	// Ports are published: [ADDRESS:]PORT:CONTAINERPORT[/PROTOCOL].
	Ports []string `json:"ports"`
	// Volumes are mounted: PATH or NAME, :PATH, and :OPTIONS if there are.
	Volumes []string `json:"volumes"`
	// Networks to join; none means the default one.
	Networks []string `json:"networks"`
	// ReadOnly makes the root of the container unchangeable.
	ReadOnly *bool `json:"readOnly"`
	// Restart is no, on-failure or always, which is the default.
	Restart *string `json:"restart"`
}

var restarts = []string{"always", "no", "on-failure"}

// Check reports containers that could not be started.
func (s *Containers) Check(c *sugar.Ctx) {
	checkContainers(c, s.Containers, at("containers"), repeated{})
}

// checkContainers checks containers of one account. ports are those of the machine.
func checkContainers(c *sugar.Ctx, list []container, place source.Path, ports repeated) {
	names := repeated{}
	for i := range list {
		k, place := &list[i], place.At(i)
		switch {
		case !only(k.Name, alphanumeric+"_.-") || !only(k.Name[:1], alphanumeric):
			c.ErrorHelp(ruleContainer, place.At("name"), "use letters, digits and _ . -", "%q is no name of a container", k.Name)
		case names.is(k.Name):
			c.ErrorHelp(ruleContainer, place.At("name"), "give each container a name of its own", "two containers have the name %q", k.Name)
		}
		k.checkImage(c, place.At("image"))
		k.checkTexts(c, place)
		for j, port := range k.Ports {
			checkPort(c, place.At("ports", j), port, ports)
		}
		for j, volume := range k.Volumes {
			checkVolume(c, place.At("volumes", j), volume)
		}
		for j, network := range k.Networks {
			if !only(network, alphanumeric+"_.:=,-") || !only(network[:1], alphanumeric) {
				c.ErrorHelp(ruleContainer, place.At("networks", j), "write host, none or the name of a network", "%q is no network", network)
			}
		}
		if k.Restart != nil {
			c.OneOf(ruleContainer, place.At("restart"), "way to restart", *k.Restart, restarts)
		}
	}
}

// digestLength is the number of hex digits of a digest, 0 if registries have none of the
// kind.
func digestLength(function string) int {
	switch function {
	case "sha256":
		return 64
	case "sha512":
		return 128
	}
	return 0
}

func (k *container) checkImage(c *sugar.Ctx, place source.Path) {
	name, digest, pinned := strings.Cut(k.Image, "@")
	registry, rest, nested := strings.Cut(name, "/")
	switch {
	case !only(name, alphanumeric+"/._:-") || !only(name[:1], alphanumeric) || nested && rest == "":
		c.ErrorHelp(ruleContainerImage, place, "write REGISTRY/NAME@sha256:DIGEST", "%q is no image", k.Image)
		return
	case !nested || !strings.ContainsAny(registry, ".:") && registry != "localhost":
		c.ErrorHelp(ruleContainerImage, place, "write for example docker.io/library/"+name, "the image %q does not name its registry", k.Image)
		return
	case !pinned:
		c.ErrorHelp(ruleContainerImage, place,
			"ask for the digest with: skopeo inspect --format '{{.Name}}@{{.Digest}}' docker://"+name+", and write what it prints",
			"the image %q is not pinned by a digest", k.Image)
		return
	}
	function, value, _ := strings.Cut(digest, ":")
	if length := digestLength(function); length == 0 || len(value) != length || !only(value, "0123456789abcdef") {
		c.ErrorHelp(ruleContainerImage, place, "write sha256: and 64 hex digits", "%q is no digest", digest)
	}
}

func (k *container) checkTexts(c *sugar.Ctx, place source.Path) {
	if k.Description != nil {
		checkLine(c, place.At("description"), "the description", *k.Description)
	}
	for i, argument := range k.Command {
		place := place.At("command", i)
		if argument == "" { // Podman 5.3 ends the command at an empty argument
			c.ErrorHelp(ruleContainer, place, "let a shell pass it: [sh, -c, ...]", "the argument is empty")
			continue
		}
		checkLine(c, place, "the argument", inQuotes(argument))
	}
	for _, name := range slices.Sorted(maps.Keys(k.Environment)) {
		place := place.At("environment", name)
		if !only(name, alphanumeric+"_") || !only(name[:1], letters+"_") {
			c.KeyError(ruleContainer, place, "use letters, digits and underscores", "%q is no name of a variable", name)
		}
		checkLine(c, place, "the value", inQuotes(k.Environment[name]))
	}
}

// inQuotes is a text as checkLine has to see it: in quotes it may be empty and have
// white space around it.
func inQuotes(s string) string { return `"` + s + `"` }

// checkPort checks one port to publish, podman-run(1) --publish.
func checkPort(c *sugar.Ctx, place source.Path, port string, taken repeated) {
	rest, protocol, hasProtocol := strings.Cut(port, "/")
	if !hasProtocol {
		protocol = "tcp"
	}
	i := strings.LastIndexByte(rest, ':')
	ok := i > 0 && slices.Contains([]string{"tcp", "udp", "sctp"}, protocol) && isPorts(rest[i+1:])
	if ok {
		host, address := rest[:i], ""
		if j := strings.LastIndexByte(host, ':'); j >= 0 {
			address, host = host[:j], host[j+1:]
		}
		ok = isPorts(host) && (address == "" || isAddress(strings.Trim(address, "[]")))
		if ok && taken.is(rest[:i]+"/"+protocol) {
			c.ErrorHelp(ruleContainer, place, "publish it on another port of the machine", "port %s of the machine is published twice", rest[:i])
		}
	}
	if !ok {
		c.ErrorHelp(ruleContainer, place, "write PORT:CONTAINERPORT, for example 8080:80 or 127.0.0.1:5353:53/udp", "%q publishes no port", port)
	}
}

// isPorts reports whether a text is a port or a range of ports.
func isPorts(s string) bool {
	first, last, ranged := strings.Cut(s, "-")
	if !ranged {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	return errA == nil && errB == nil && 0 < a && a <= b
}

// checkVolume checks one volume, podman-run(1) --volume.
func checkVolume(c *sugar.Ctx, place source.Path, volume string) {
	parts := strings.Split(volume, ":")
	ok := len(parts) == 2 || len(parts) == 3 && only(parts[2], alphanumeric+",=_-")
	if ok {
		from, to := parts[0], parts[1]
		ok = isPlainPath(to) && (isPlainPath(from) || only(from, alphanumeric+"_.-") && only(from[:1], alphanumeric))
	}
	if !ok {
		c.ErrorHelp(ruleContainer, place, "write PATH:PATH or NAME:PATH, with :ro at the end to make it read-only", "%q is no volume", volume)
	}
}

// rootfulQuadlets is where Podman looks for the quadlets of the system:
// podman-systemd.unit(5).
const rootfulQuadlets = "/etc/containers/systemd"

// Desugar writes one quadlet for each container.
func (s *Containers) Desugar(c *sugar.Ctx) {
	p := newParent(c)
	for i := range s.Containers {
		k := &s.Containers[i]
		p.file(path.Join(rootfulQuadlets, k.Name+".container"), 0o600, owner{}, k.quadlet(false), at("containers", i))
	}
	p.add()
}

// quadlet writes the container for Podman. Its values become arguments of a command
// line in a unit, and systemd replaces specifiers and variables in them.
func (k *container) quadlet(ofUser bool) string {
	var unit ini
	unit.section("Unit")
	description := "Container " + k.Name
	if k.Description != nil {
		description = *k.Description
	}
	unit.set("Description", specifiers(description))
	wantedBy := "default.target" // of users, who know nothing of the network either
	if !ofUser {
		wantedBy = "multi-user.target"
		unit.set("Wants", "network-online.target")
		unit.set("After", "network-online.target")
	}
	unit.section("Container")
	unit.set("ContainerName", k.Name)
	unit.set("Image", k.Image)
	if len(k.Command) > 0 {
		var words []string
		for _, argument := range k.Command {
			words = append(words, quoted(argument))
		}
		unit.set("Exec", strings.Join(words, " "))
	}
	for _, name := range slices.Sorted(maps.Keys(k.Environment)) {
		unit.set("Environment", quoted(name+"="+k.Environment[name]))
	}
	unit.each("PublishPort", k.Ports)
	unit.each("Volume", k.Volumes)
	unit.each("Network", k.Networks)
	if isTrue(k.ReadOnly) {
		unit.set("ReadOnly", "true")
	}
	unit.section("Service")
	restart := restarts[0]
	if k.Restart != nil {
		restart = *k.Restart
	}
	unit.set("Restart", restart)
	unit.set("TimeoutStartSec", "900") // the image may have to be fetched
	unit.section("Install")
	unit.set("WantedBy", wantedBy)
	return unit.String()
}
