package op

import (
	"errors"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/unitfile"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// UnitDir is where units of the administrator live: systemd.unit(5).
const UnitDir = "/etc/systemd/system"

// unitDirs are the directories that hold unit files, the first that has one wins:
// systemd.unit(5).
var unitDirs = []string{UnitDir, "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"}

// maxUnit bounds a unit file, in bytes.
const maxUnit = 4 << 20

// Units are the units of the target as they will be: those of the config, then those
// on disk. It knows what systemctl(1) with --root would do to enable and disable
// them, without a running systemd.
type Units struct {
	// Contents of units, and of drop-ins by unit and name, that the config writes.
	Contents map[string]string
	Dropins  map[string]map[string]string
	// Masks of the config; false is a mask that is removed.
	Masks map[string]bool
	// Enabled by the config, in its order.
	Enabled []string

	mu     sync.Mutex
	seen   []foundLink
	seenIn uint64 // generation of the machine, plus one
}

// installation is the [Install] section of a unit.
type installation struct {
	name            string // the unit's own, if an alias was given
	path            string // of the unit file; empty for a unit that nobody knows
	masked          bool   // it cannot be started
	wantedBy        []string
	requiredBy      []string
	upheldBy        []string
	alias           []string
	also            []string
	defaultInstance string
}

// load finds a unit, or the template of an instance.
func (u *Units) load(env *exec.Env, name string) (*installation, error) {
	i := &installation{name: name}
	for _, n := range []string{name, templateOf(name)} {
		if n == "" {
			continue
		}
		text, err := u.find(env, n, i)
		if err != nil || i.masked {
			return i, err
		}
		if i.path == "" {
			continue
		}
		n = path.Base(i.path)
		i.name = instanceOf(n, instance(name))
		i.read(text)
		texts, err := u.dropins(env, n)
		for _, t := range texts {
			i.read(t)
		}
		return i, err
	}
	return i, nil
}

// find returns the text of a unit file, and notes its path, or that it is masked.
func (u *Units) find(env *exec.Env, name string, i *installation) (string, error) {
	mask, given := u.Masks[name]
	if i.masked = mask; mask {
		return "", nil
	}
	if text := u.Contents[name]; text != "" {
		i.path = path.Join(UnitDir, name)
		return text, nil
	}
	for _, dir := range unitDirs {
		file := path.Join(dir, name)
		info, err := env.Root.Lstat(file)
		if err != nil {
			return "", err
		}
		switch info.Kind {
		case sysroot.Symlink:
			target, err := readlink(env, file)
			if err == nil && target == maskTarget {
				if given && dir == UnitDir {
					continue // the mask is removed
				}
				i.masked = true
				return "", nil
			}
			if err == nil && path.Base(target) != name { // an alias
				file, err = env.Root.Follow(file)
			}
			if err != nil {
				return "", err
			}
		case sysroot.Regular:
		default:
			continue
		}
		data, err := env.Root.ReadFile(file, maxUnit)
		if errors.Is(err, unix.ENOENT) {
			continue
		}
		i.path = file
		return string(data), err
	}
	return "", nil
}

// dropins returns the texts of the fragments of a unit, in the order they apply.
func (u *Units) dropins(env *exec.Env, name string) ([]string, error) {
	texts := map[string]string{}
	for _, dir := range slices.Backward(unitDirs) {
		dir := path.Join(dir, name+".d")
		names, err := namesIn(env, dir)
		if err != nil {
			return nil, err
		}
		for _, n := range names {
			if path.Ext(n) != ".conf" {
				continue
			}
			data, err := env.Root.ReadFile(path.Join(dir, n), maxUnit)
			if err != nil && !errors.Is(err, unix.ENOENT) {
				return nil, err
			}
			texts[n] = string(data)
		}
	}
	for n, text := range u.Dropins[name] {
		texts[n] = text
	}
	names := make([]string, 0, len(texts))
	for n := range texts {
		names = append(names, n)
	}
	slices.Sort(names)
	for i, n := range names {
		names[i] = texts[n]
	}
	return names, nil
}

// read adds the [Install] section of a text. An empty value takes back the values
// before it.
func (i *installation) read(text string) {
	f, err := unitfile.Load(text)
	if err != nil {
		return // systemd could not load it either
	}
	for _, o := range f.Options {
		if o.Section != "Install" {
			continue
		}
		lists := map[string]*[]string{
			"WantedBy": &i.wantedBy, "RequiredBy": &i.requiredBy, "UpheldBy": &i.upheldBy, "Alias": &i.alias, "Also": &i.also,
		}
		if list := lists[o.Name]; list != nil {
			if o.Value == "" {
				*list = nil
			}
			*list = append(*list, strings.Fields(o.Value)...)
		} else if o.Name == "DefaultInstance" {
			i.defaultInstance = o.Value
		}
	}
}

// unitLink is a link that enables a unit.
type unitLink struct{ path, target string }

// family returns a unit and those it names in Also.
func (u *Units) family(env *exec.Env, name string) (all []*installation, err error) {
	todo := []string{name}
	for k := 0; k < len(todo); k++ {
		if slices.Contains(todo[:k], todo[k]) {
			continue
		}
		i, err := u.load(env, todo[k])
		if err != nil {
			return nil, err
		}
		all = append(all, i)
		todo = append(todo, i.also...)
	}
	return all, nil
}

// links returns the links that enable a unit and those it names in Also. Units
// without an [Install] section, masked and unknown ones have none; unknown ones are
// named in missing.
func (u *Units) links(env *exec.Env, name string) (links []unitLink, missing []string, err error) {
	all, err := u.family(env, name)
	for _, i := range all {
		n := i.name
		if i.path == "" && !i.masked {
			missing = append(missing, n)
		}
		if isTemplate(n) {
			if i.defaultInstance == "" {
				continue // nothing to start
			}
			n = instanceOf(n, i.defaultInstance)
		}
		for _, by := range []struct {
			units  []string
			suffix string
		}{{i.wantedBy, ".wants"}, {i.requiredBy, ".requires"}, {i.upheldBy, ".upholds"}} {
			for _, target := range by.units {
				if target, ok := expand(target, n); ok {
					links = append(links, unitLink{path.Join(UnitDir, target+by.suffix, n), i.path})
				}
			}
		}
		for _, alias := range i.alias {
			alias, ok := expand(alias, n)
			// systemd.unit(5): of the same type, and an instance for the same one
			if ok && alias != n && path.Ext(alias) == path.Ext(n) && instance(alias) == instance(n) &&
				strings.Contains(alias, "@") == strings.Contains(n, "@") {
				links = append(links, unitLink{path.Join(UnitDir, alias), i.path})
			}
		}
	}
	return links, missing, err
}

// foundLink is a link of the unit directory, or of a directory of wants below it.
type foundLink struct {
	path, target string
	top          bool // stands in the unit directory itself
}

// linksThere are the links that enable units now. They are read once for a state of
// the machine: there may be thousands of units to compare with.
func (u *Units) linksThere(env *exec.Env) ([]foundLink, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	generation := env.Generation() + 1
	if u.seenIn == generation {
		return u.seen, nil
	}
	names, err := namesIn(env, UnitDir)
	if err != nil {
		return nil, err
	}
	var out []foundLink
	add := func(at string, top bool) {
		if target, err := readlink(env, at); err == nil { // else it is no link
			out = append(out, foundLink{at, target, top})
		}
	}
	for _, n := range names {
		at := path.Join(UnitDir, n)
		switch path.Ext(n) {
		case ".wants", ".requires", ".upholds":
			below, err := namesIn(env, at)
			if err != nil {
				return nil, err
			}
			for _, l := range below {
				add(path.Join(at, l), false)
			}
		default:
			add(at, true)
		}
	}
	u.seen, u.seenIn = out, generation
	return out, nil
}

// enabling returns the links in the target that enable a unit now, and those it names in
// Also; but for what the config enables.
func (u *Units) enabling(env *exec.Env, name string) (out []string, err error) {
	all, err := u.family(env, name)
	if err != nil {
		return nil, err
	}
	is, err := u.isEnabled(env, all[0])
	if !is {
		return nil, err
	}
	there, err := u.linksThere(env)
	for _, i := range all {
		for _, l := range there {
			if l.enables(i.name) && !slices.Contains(u.Enabled, i.name) {
				out = append(out, l.path)
			}
		}
	}
	return out, err
}

// enables reports whether the link enables a unit: by its name, or as an alias by
// what it leads to. A template is enabled by its instances.
func (l foundLink) enables(name string) bool {
	base := path.Base(l.path)
	switch {
	case l.top && (base == name || base == templateOf(name)):
		return false // the unit itself
	case base == name, path.Base(l.target) == name && !strings.Contains(name, "@"):
		return true
	}
	return isTemplate(name) && templateOf(base) == name
}

// isEnabled reports whether systemctl is-enabled succeeds: for units that are
// enabled, and for those that cannot be (static ones).
func (u *Units) isEnabled(env *exec.Env, i *installation) (bool, error) {
	there, err := u.linksThere(env)
	is := i.path != "" && len(i.wantedBy)+len(i.requiredBy)+len(i.upheldBy)+len(i.alias) == 0
	for _, l := range there {
		is = is || l.enables(i.name)
	}
	return is && !i.masked && err == nil, err
}

// namesIn returns the sorted names in a directory; none if it is not there.
func namesIn(env *exec.Env, dir string) ([]string, error) {
	info, err := env.Root.Lstat(dir)
	if errors.Is(err, sysroot.ErrNotDirectory) || err == nil && info.Kind != sysroot.Directory && info.Kind != sysroot.Symlink {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	resolved, err := env.Root.Follow(dir)
	if err != nil {
		return nil, err
	}
	e, err := env.Root.Entry(resolved)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer e.Close()
	names, err := sortedNames(e)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, nil
	}
	return names, err
}

// templateOf returns t@.service for t@a.service, and nothing for what is no instance.
func templateOf(name string) string {
	prefix, rest, ok := strings.Cut(name, "@")
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot <= 0 {
		return ""
	}
	return prefix + "@" + rest[dot:]
}

// instance returns what stands between the @ and the extension.
func instance(name string) string {
	_, rest, ok := strings.Cut(name, "@")
	dot := strings.LastIndexByte(rest, '.')
	if !ok || dot < 0 {
		return ""
	}
	return rest[:dot]
}

func isTemplate(name string) bool { return strings.Contains(name, "@.") }

func instanceOf(template, instance string) string {
	return strings.Replace(template, "@.", "@"+instance+".", 1)
}

// expand replaces the specifiers of a name in an [Install] section that do not depend
// on the running machine: systemd.unit(5). The rest cannot be known here.
func expand(s, unit string) (string, bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	stem := strings.TrimSuffix(unit, path.Ext(unit))
	prefix, _, _ := strings.Cut(stem, "@")
	out := strings.NewReplacer("%%", "%", "%i", instance(unit), "%n", unit, "%N", stem, "%p", prefix).Replace(s)
	return out, !strings.Contains(out, "%")
}
