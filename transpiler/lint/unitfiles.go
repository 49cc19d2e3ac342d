package lint

import (
	"path"
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/types"
)

// unitDirs are where the administrator's units are, of the system and of all users;
// those of one user are below their home directory. systemd.unit(5), unit load path.
var unitDirs = []string{
	"/etc/systemd/system/", "/etc/systemd/user/", "/usr/local/lib/systemd/system/", "/usr/local/lib/systemd/user/", "/.config/systemd/user/",
}

// unitTypes are the extensions of files that systemd takes for units.
var unitTypes = []string{".service", ".socket", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".slice"}

// unitFile looks at a file that systemd reads as a unit or as a drop-in of one.
func (l *linter) unitFile(i int, f *types.File) {
	name := ""
	for _, dir := range unitDirs {
		if at := strings.Index(f.Path, dir); at == 0 || at > 0 && dir[1] == '.' {
			name = f.Path[at+len(dir):]
		}
	}
	unitName, dropin, isDropin := strings.Cut(name, ".d/")
	extension := path.Ext(unitName)
	if strings.Contains(unitName, "/") || !slices.Contains(unitTypes, extension) || isDropin && (path.Ext(dropin) != ".conf" || strings.Contains(dropin, "/")) {
		return
	}
	u := unit{Unit: &types.Unit{Name: unitName}}
	add := func(i int) {
		if body, ok := l.contents(&l.Config.Storage.Files[i].Contents, "storage", "files", i, "contents"); ok && body.body != "" {
			u.parts = append(u.parts, newPart(body))
		}
	}
	add(i)
	if len(u.parts) == 0 {
		return
	}
	l.judge(&u) // line by line, without the drop-ins: they come by themselves
	if isDropin {
		return
	}
	for _, i := range l.dropinsOf(f.Path) {
		add(i)
	}
	u.file = &u.parts[0]
	l.together(&u, ownSection(extension))
}

// dropinsOf returns the files of the config that are drop-ins of a unit or quadlet,
// in the order in which they count.
func (l *linter) dropinsOf(file string) []int {
	files := l.Config.Storage.Files
	if l.dropins == nil {
		l.dropins = map[string][]int{}
		for i := range files {
			if dir, name := path.Split(files[i].Path); strings.HasSuffix(dir, ".d/") && path.Ext(name) == ".conf" {
				l.dropins[dir] = append(l.dropins[dir], i)
			}
		}
		for _, list := range l.dropins {
			slices.SortFunc(list, func(a, b int) int { return strings.Compare(files[a].Path, files[b].Path) })
		}
	}
	return l.dropins[file+".d/"]
}
