package lint

import (
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var (
	ruleUnitMount = &diag.Rule{
		ID: "lint-unit-mount", Why: "systemd refuses a mount, automount or swap whose name is not that of its path: systemd.mount(5)",
	}
	ruleBelowMount = &diag.Rule{
		ID: "lint-below-mount", Why: "Ignition mounts only file systems that have a path in storage.filesystems; it writes the file below the mount point, which the mount then covers",
		Help: "give the file system in storage.filesystems the path, or remove the file",
	}
)

// longestPath is PATH_MAX of Linux.
const longestPath = 4096

// mountName compares the name of a unit with the path it is about.
func (l *linter) mountName(u *unit, section string) {
	key := "Where"
	if section == "Swap" {
		key = "What"
	}
	value := u.last(section, key)
	if !strings.HasPrefix(value, "/") || strings.Contains(value, "%") {
		return // without the path, systemd takes that of the name
	}
	if want := sugar.EscapePath(value) + u.extension(); want != u.Name {
		l.warn(ruleUnitMount, l.headerAt(u.file, section), "name the unit "+want, "unit %q says %s=%s", u.Name, key, value)
	}
}

// isMounted reports whether Ignition mounts a file system at a directory.
func (l *linter) isMounted(dir string) bool {
	if l.mounted == nil {
		l.mounted = map[string]bool{}
		for _, f := range l.Config.Storage.Filesystems {
			if f.Path != nil {
				l.mounted[path.Clean(*f.Path)] = true
			}
		}
	}
	return l.mounted[dir]
}

// belowMounts warns of nodes that a mount of the running system covers.
func (l *linter) belowMounts() {
	mounts := map[string]string{} // where → unit
	for i := range l.Config.Systemd.Units {
		u := &l.Config.Systemd.Units[i]
		if path.Ext(u.Name) != ".mount" || u.Contents == nil || isTrue(u.Mask) || u.Enabled != nil && !*u.Enabled {
			continue
		}
		if read := l.unit(i); read.file != nil {
			if where := read.last("Mount", "Where"); len(where) > 1 && where[0] == '/' && !strings.Contains(where, "%") {
				mounts[path.Clean(where)] = u.Name
			}
		}
	}
	if len(mounts) == 0 {
		return
	}
	s := &l.Config.Storage
	look := func(node, list string, i int) {
		if len(node) > longestPath {
			return
		}
		for dir := path.Dir(node); len(dir) > 1; dir = path.Dir(dir) {
			if l.isMounted(dir) {
				return
			}
			if unit := mounts[dir]; unit != "" {
				l.warn(ruleBelowMount, l.value("storage", list, i, "path"), "", "%q disappears when %q mounts %s", node, unit, dir)
				return
			}
		}
	}
	for i := range s.Directories {
		look(s.Directories[i].Path, "directories", i)
	}
	for i := range s.Files {
		look(s.Files[i].Path, "files", i)
	}
	for i := range s.Links {
		look(s.Links[i].Path, "links", i)
	}
}
