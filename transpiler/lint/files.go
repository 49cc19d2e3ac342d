package lint

import (
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/types"
)

var ruleReadOnly = &diag.Rule{
	ID: "lint-read-only", Why: "the system keeps its own files on a file system that cannot be written, so that the first boot fails",
	Help: "use a directory below /etc or /var; programs belong in /usr/local/bin, which is writable on Fedora CoreOS and its relatives, or in /opt/bin on Flatcar",
}

// ostree are the variants whose /usr is part of an OSTree deployment. There,
// /usr/local leads to /var/usrlocal, which can be written.
func ostree(variant string) bool {
	switch variant {
	case "fcos", "openshift", "r4e", "fiot":
		return true
	}
	return false
}

// readOnly reports whether a path of a system of the variant cannot be written.
func readOnly(variant, path string) bool {
	if variant != "flatcar" && !ostree(variant) {
		return false
	}
	top, rest, below := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch top {
	case "bin", "sbin", "lib", "lib64":
		return below // itself it is a link of the image
	case "usr":
		return !ostree(variant) || rest != "local" && !strings.HasPrefix(rest, "local/")
	}
	return false
}

// cannotWrite reports whether a path is on what the image keeps read-only: a file
// system of the config that is mounted there can be written.
func (l *linter) cannotWrite(file string) bool {
	if !readOnly(l.variant, file) || len(file) > longestPath {
		return false
	}
	for dir := file; len(dir) > 1; dir = path.Dir(dir) {
		if l.isMounted(dir) {
			return false
		}
	}
	return true
}

// files looks at files, directories and links one by one.
func (l *linter) files() {
	s := &l.Config.Storage
	for i := range s.Directories {
		d := &s.Directories[i]
		l.node(&node{Node: &d.Node, mode: mode(d.Mode, dirDefault), given: d.Mode != nil, list: "directories", index: i}, d)
	}
	for i := range s.Links {
		if p := s.Links[i].Path; l.cannotWrite(p) {
			l.warn(ruleReadOnly, l.value("storage", "links", i, "path"), "", "%q cannot be written on %s", p, l.variant)
		}
	}
	for i := range s.Files {
		f := &s.Files[i]
		n := node{Node: &f.Node, mode: mode(f.Mode, fileDefault), given: f.Mode != nil, list: "files", index: i}
		l.node(&n, nil)
		l.secretFile(&n, f)
		switch {
		case quadletDir(f.Path):
			l.quadlet(i, f)
		case strings.Contains(f.Path, "/systemd/"):
			l.unitFile(i, f)
		}
	}
}

// node looks at the path, mode and owner of a file, or of the directory if given.
func (l *linter) node(n *node, directory *types.Directory) {
	if l.cannotWrite(n.Path) {
		l.warn(ruleReadOnly, l.pathAt(n), "", "%q cannot be written on %s", n.Path, l.variant)
	}
	if !strings.HasPrefix(n.Path, "/etc/") && !strings.Contains(n.Path, "/.ssh") {
		return
	}
	if directory == nil {
		l.access(n)
	} else if strings.HasSuffix(n.Path, "/.ssh") {
		l.sshFile(n)
	}
}
