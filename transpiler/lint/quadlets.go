package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleQuadletSection = &diag.Rule{
		ID: "lint-quadlet-section", Why: "Podman turns one section of a quadlet into a unit, and systemd reads those of services; others have no effect",
		Help: "names that start with X- are free for other programs",
	}
	ruleQuadletKey = &diag.Rule{
		ID: "lint-quadlet-key", Why: "Podman refuses a quadlet with a key it does not know, and makes no unit from it",
		Help: "PodmanArgs= takes options of podman that have no key of their own",
	}
	ruleQuadletIncomplete = &diag.Rule{
		ID: "lint-quadlet-incomplete", Why: "Podman makes no unit from a quadlet that lacks what it needs: podman-systemd.unit(5)",
	}
)

// quadletKinds are the quadlets by their extension: the section of each, and the
// keys of which one must be there, if any.
var quadletKinds = []struct {
	extension, section string
	needs              []string
}{
	{".container", "Container", []string{"Image", "Rootfs"}},
	{".pod", "Pod", nil},
	{".kube", "Kube", []string{"Yaml"}},
	{".network", "Network", nil},
	{".volume", "Volume", nil},
	{".image", "Image", []string{"Image"}},
	{".build", "Build", []string{"ImageTag"}},
	{".artifact", "Artifact", []string{"Artifact"}},
}

// quadletDir reports whether Podman looks for quadlets in a directory, or below it:
// podman-systemd.unit(5).
func quadletDir(file string) bool {
	return strings.HasPrefix(file, "/etc/containers/systemd/") || strings.HasPrefix(file, "/usr/share/containers/systemd/") ||
		strings.HasPrefix(file, "/run/containers/systemd/") || strings.Contains(file, "/.config/containers/systemd/")
}

// quadlet looks at a file that Podman takes for a quadlet or for a drop-in of one.
func (l *linter) quadlet(i int, f *types.File) {
	name, isDropin := f.Path, false
	if dir := path.Dir(name); strings.HasSuffix(dir, ".d") && path.Ext(name) == ".conf" {
		name, isDropin = strings.TrimSuffix(dir, ".d"), true
	}
	extension := path.Ext(name)
	at := slices.IndexFunc(quadletKinds, func(k struct {
		extension, section string
		needs              []string
	},
	) bool {
		return k.extension == extension
	})
	if at < 0 {
		return
	}
	body, ok := l.contents(&f.Contents, "storage", "files", i, "contents")
	if !ok {
		return
	}
	kind := &quadletKinds[at]
	p := newPart(body)
	d := dialect{
		what: "a " + extension + " quadlet", own: kind.section,
		sections:       []string{"Unit", "Service", "Install", "Quadlet", kind.section},
		unknownSection: ruleQuadletSection, unknownKey: ruleQuadletKey,
	}
	l.lines(&p, &d)
	if isDropin {
		return
	}
	header := p.header(kind.section)
	switch {
	case header == nil:
		l.warn(ruleQuadletIncomplete, l.whole(body), "add a section ["+kind.section+"]", "the quadlet %q has no [%s] section", path.Base(name), kind.section)
	case len(kind.needs) > 0 && !l.quadletHas(f.Path, &p, kind.section, kind.needs):
		needs := strings.Join(kind.needs, "= or ") + "="
		l.warn(ruleQuadletIncomplete, l.at(body, header.Start, header.End), "add "+needs, "the quadlet %q has no %s", path.Base(name), needs)
	}
}

// quadletHas reports whether a quadlet or a drop-in of it in the config has one of
// the keys.
func (l *linter) quadletHas(file string, p *part, section string, keys []string) bool {
	has := func(lines []unitLine) bool {
		return slices.ContainsFunc(lines, func(line unitLine) bool {
			return line.Kind == assignmentLine && line.Section == section && line.Value != "" && slices.Contains(keys, line.Name)
		})
	}
	if has(p.lines) {
		return true
	}
	for _, i := range l.dropinsOf(file) {
		f := &l.Config.Storage.Files[i]
		if body, ok := l.contents(&f.Contents, "storage", "files", i, "contents"); ok && has(newPart(body).lines) {
			return true
		}
	}
	return false
}
