package systems

import (
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
)

var ruleDocker = &diag.Rule{
	ID: "docker-flags", Why: "the daemon would not start, or the option would not reach it",
}

// Docker is the daemon of Docker.
type Docker struct {
	// Flags are options of dockerd.
	Flags []string `json:"flags"`
}

// docker starts the daemon at boot: by itself it starts when somebody asks for it, and
// containers that are to be restarted would wait for that.
func (r *renderer) docker(d *Docker) {
	for i, flag := range d.Flags {
		place := at("docker", "flags", i)
		switch {
		case !r.line(ruleDocker, place, flag):
		case flag == "" || strings.ContainsAny(flag, `"\`) || r.machine.Plain && strings.ContainsAny(flag, "'"):
			r.errorf(ruleDocker, place, "write it to /etc/docker/daemon.json", "the option has a quote or a backslash, or is empty")
		case r.machine.Plain && strings.ContainsAny(flag, " \t"):
			r.errorf(ruleDocker, place, "write each option as an item of its own, as --NAME=VALUE", "the option has a blank")
		}
	}
	flags := strings.Join(d.Flags, " ")
	if r.machine.Plain {
		flags = strings.ReplaceAll(flags, "%", "%%")
	}
	switch {
	case len(d.Flags) == 0:
		r.unit("docker.service", "", at("docker"))
	case r.machine.Lib != "":
		r.dropin("docker.service", "docker", "[Service]\nEnvironment=\"DOCKER_OPTS="+flags+"\"\n", at("docker"))
	default: // units of distributions differ in what variables they use
		var quoted []string
		for _, f := range d.Flags {
			quoted = append(quoted, r.quoted(f))
		}
		r.dropin("docker.service", "docker", "[Service]\nExecStart=\nExecStart="+
			command("dockerd --host=fd:// $DOCKER_OPTS", quoted)+"\n", at("docker"))
	}
}
