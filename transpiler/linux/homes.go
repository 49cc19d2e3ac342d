package linux

import (
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/unitfile"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var (
	ruleHome = &diag.Rule{
		ID: "home", Why: "what is below a home directory belongs to its user, so both must be known",
	}
	ruleHomeUnit = &diag.Rule{
		ID: "home-unit", Why: "the service manager of the user would not load or start the unit",
	}
)

// Homes is the sugar of what is below the home directories of users: their units,
// containers and directories.
type Homes struct {
	Homes []home `json:"homes"`
}

// home is the home directory of one user.
type home struct {
	// User is the name of the account.
	User string `json:"user"`
	// Path of the home directory; unset means what passwd says in the document, else
	// /home and the name.
	Path *string `json:"path"`
	// Group that what is made belongs to; unset means the group of the account in
	// the document, else root's.
	Group *string `json:"group"`
	// Linger starts the service manager of the user at boot; unset means that it is
	// started if there is something for it to start.
	Linger *bool `json:"linger"`
	// Units of the user.
	Units []homeUnit `json:"units"`
	// Containers that run as the user.
	Containers []container `json:"containers"`
	// Directories to make.
	Directories []homeDirectory `json:"directories"`
}

// homeUnit is one unit of a user.
type homeUnit struct {
	// Name with its extension.
	Name string `json:"name"`
	// Contents of the unit.
	Contents string `json:"contents"`
	// Enabled makes the links that its [Install] section asks for.
	Enabled *bool `json:"enabled"`
}

// homeDirectory is one directory below a home directory.
type homeDirectory struct {
	// Path below the home directory.
	Path string `json:"path"`
	// Mode of the directory; unset means 0700. Directories above it have 0700.
	Mode *int `json:"mode"`
}

// extensions are those of the units that users have: systemd.unit(5).
var extensions = []string{".service", ".socket", ".path", ".timer", ".target", ".slice", ".mount", ".automount", ".swap"}

// Check reports what could not be put below a home directory.
func (s *Homes) Check(c *sugar.Ctx) {
	users, ports := repeated{}, repeated{}
	for i := range s.Homes {
		h, place := &s.Homes[i], at("homes", i)
		switch {
		case !only(h.User, alphanumeric+"_.-") || strings.Trim(h.User, ".") == "" || h.User[0] == '-':
			c.ErrorHelp(ruleHome, place.At("user"), "give the name of an account", "%q is no name of a user", h.User)
		case users.is(h.User):
			c.ErrorHelp(ruleHome, place.At("user"), "put both into one", "two homes are of the user %q", h.User)
		}
		if h.Path != nil && (!isPlainPath(*h.Path) || *h.Path == "/") {
			c.ErrorHelp(ruleHome, place.At("path"), "write for example /srv/"+path.Base(path.Join("/", *h.Path)), "%q is no path of a home directory", *h.Path)
		}
		if h.Group != nil && !only(*h.Group, alphanumeric+"_.-") {
			c.ErrorHelp(ruleHome, place.At("group"), "give the name of a group", "%q is no name of a group", *h.Group)
		}
		h.checkUnits(c, place)
		checkContainers(c, h.Containers, place.At("containers"), ports)
		h.checkDirectories(c, place)
	}
}

func (h *home) checkUnits(c *sugar.Ctx, place source.Path) {
	names := repeated{}
	for j := range h.Units {
		u, place := &h.Units[j], place.At("units", j)
		base := strings.TrimSuffix(u.Name, path.Ext(u.Name))
		if !slices.Contains(extensions, path.Ext(u.Name)) || !only(base, alphanumeric+`:_.@\-`) {
			c.ErrorHelp(ruleHomeUnit, place.At("name"), "end it in one of "+strings.Join(extensions, ", "), "%q is no name of a unit", u.Name)
		} else if names.is(u.Name) {
			c.ErrorHelp(ruleHomeUnit, place.At("name"), "join the two", "the user has two units %q", u.Name)
		}
		parsed, err := unitfile.Load(u.Contents)
		switch {
		case err != nil:
			c.Errorf(ruleHomeUnit, place.At("contents"), "the unit cannot be parsed: %v", err)
		case len(parsed.Options) == 0:
			c.ErrorHelp(ruleHomeUnit, place.At("contents"), "give the text of the unit", "the unit has no contents")
		case isTrue(u.Enabled):
			u.checkInstall(c, place)
		}
	}
}

func (u *homeUnit) checkInstall(c *sugar.Ctx, place source.Path) {
	links := u.links()
	if len(links) == 0 {
		c.ErrorHelp(ruleHomeUnit, place.At("enabled"), "add [Install] with WantedBy=default.target, or do not enable the unit",
			"unit %q is enabled, but its [Install] section has neither WantedBy, RequiredBy nor Alias", u.Name)
	}
	if strings.Contains(u.Name, "@.") {
		c.ErrorHelp(ruleHomeUnit, place.At("enabled"), "enable an instance of it", "the template %q cannot be enabled", u.Name)
	}
	for _, l := range links {
		if !only(l.path, alphanumeric+`:_.@\-/`) {
			c.ErrorHelp(ruleHomeUnit, place.At("contents"), "write the name out, without specifiers", "the [Install] section has a name that is no unit: %q", l.path)
		}
	}
}

// unitLink is a link that enables a unit, below the directory of units.
type unitLink struct{ path, target string }

// links returns what enabling the unit makes: systemd.unit(5), [Install]. An empty
// value resets the list.
func (u *homeUnit) links() []unitLink {
	parsed, err := unitfile.Load(u.Contents)
	if err != nil {
		return nil
	}
	lists := map[string][]string{}
	for _, o := range parsed.Options {
		switch {
		case o.Section != "Install":
		case o.Value == "":
			lists[o.Name] = nil
		default:
			lists[o.Name] = append(lists[o.Name], strings.Fields(o.Value)...)
		}
	}
	var out []unitLink
	add := func(l unitLink) {
		if !slices.Contains(out, l) {
			out = append(out, l)
		}
	}
	for _, alias := range lists["Alias"] {
		add(unitLink{alias, u.Name})
	}
	for option, suffix := range map[string]string{"WantedBy": ".wants/", "RequiredBy": ".requires/"} {
		for _, by := range lists[option] {
			add(unitLink{by + suffix + u.Name, "../" + u.Name})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].path < out[j].path })
	return out
}

func (h *home) checkDirectories(c *sugar.Ctx, place source.Path) {
	paths := repeated{}
	for j, d := range h.Directories {
		place := place.At("directories", j)
		switch {
		case !isPlainPath("/"+d.Path) || strings.HasPrefix(d.Path, "../") || d.Path == "..":
			c.ErrorHelp(ruleHome, place.At("path"), "write for example .config/app: letters, digits and / . _ + - @ : , =", "%q is no path below a home directory", d.Path)
		case paths.is(d.Path):
			c.ErrorHelp(ruleHome, place.At("path"), "remove one of the two", "the directory %q is given twice", d.Path)
		}
		if d.Mode != nil && (*d.Mode < 0 || *d.Mode > 0o7777) {
			c.ErrorHelp(ruleHome, place.At("mode"), "write for example 0755", "%d is no mode", *d.Mode)
		}
	}
}

// resolve finds the home directory and the group of the user in the document.
func (h *home) resolve(c *sugar.Ctx) (dir string, o owner) {
	dir, o = "/home/"+h.User, owner{user: h.User}
	if h.User == "root" {
		dir = "/root"
	}
	for _, u := range c.Config.Passwd.Users {
		if u.Name != h.User {
			continue
		}
		if u.HomeDir != nil && *u.HomeDir != "" {
			dir = *u.HomeDir
		}
		switch {
		case u.PrimaryGroup != nil:
			o.group = *u.PrimaryGroup
		case !isTrue(u.NoUserGroup):
			o.group = h.User
		}
	}
	if h.Path != nil {
		dir = *h.Path
	}
	if h.Group != nil {
		o.group = *h.Group
	}
	return dir, o
}

// Desugar writes the units, quadlets and directories, and all directories that lead
// to them.
func (s *Homes) Desugar(c *sugar.Ctx) {
	p := newParent(c)
	for i := range s.Homes {
		h, place := &s.Homes[i], at("homes", i)
		b := below{parent: p}
		b.dir, b.owner = h.resolve(c)
		starts := len(h.Containers) > 0
		for j, d := range h.Directories { // before those that lead to others: they have modes of their own
			mode := privateMode
			if d.Mode != nil {
				mode = *d.Mode
			}
			p.directory(path.Join(b.dir, d.Path), mode, b.owner, place.At("directories", j))
		}
		for j, d := range h.Directories {
			b.leadTo(d.Path, place.At("directories", j))
		}
		for j := range h.Units {
			u, place := &h.Units[j], place.At("units", j)
			b.file(".config/systemd/user/"+u.Name, 0o644, u.Contents, place)
			if !isTrue(u.Enabled) {
				continue
			}
			starts = true
			for _, l := range u.links() {
				b.link(".config/systemd/user/"+l.path, l.target, place)
			}
		}
		for j := range h.Containers {
			k := &h.Containers[j]
			b.file(".config/containers/systemd/"+k.Name+".container", 0o600, k.quadlet(true), place.At("containers", j))
		}
		if h.Linger != nil {
			starts = *h.Linger
		}
		if starts { // loginctl(1), enable-linger
			p.file("/var/lib/systemd/linger/"+h.User, 0o644, owner{}, "", place)
		}
	}
	p.add()
}

// below adds what is below one home directory.
type below struct {
	parent *parent
	dir    string
	owner  owner
}

// privateMode is that of directories in a home directory: the XDG Base Directory
// Specification wants it of those that programs make.
const privateMode = 0o700

// leadTo adds the directories above a path.
func (b *below) leadTo(name string, from source.Path) {
	for i := range len(name) {
		if name[i] == '/' {
			b.parent.directory(path.Join(b.dir, name[:i]), privateMode, b.owner, from)
		}
	}
}

func (b *below) file(name string, mode int, text string, from source.Path) {
	b.leadTo(name, from)
	b.parent.file(path.Join(b.dir, name), mode, b.owner, text, from)
}

func (b *below) link(name, target string, from source.Path) {
	b.leadTo(name, from)
	b.parent.link(path.Join(b.dir, name), target, b.owner, from)
}
