// Package linux is the sugar of the variant linux: what servers of any distribution
// with systemd need, one file for each step, see [Steps]. All of it becomes plain
// files, links, directories and units: the engine knows none of these keys.
//
// A value of the document never gets into a generated file unchecked: what could
// start another line, option or argument there is refused, and what has a meaning to
// the reader of the file is escaped.
package linux

import (
	"slices"
	"strconv"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// Steps makes the steps of the variant, in the order they run.
var Steps = []func() sugar.Step{
	func() sugar.Step { return &Hostname{} },
	func() sugar.Step { return &Timezone{} },
	func() sugar.Step { return &Locale{} },
	func() sugar.Step { return &NTP{} },
	func() sugar.Step { return &Certificates{} },
	func() sugar.Step { return &Sysctl{} },
	func() sugar.Step { return &KernelModules{} },
	func() sugar.Step { return &Swap{} },
	func() sugar.Step { return &Mounts{} },
	func() sugar.Step { return &SSH{} },
	func() sugar.Step { return &Network{} },
	func() sugar.Step { return &Containers{} },
	func() sugar.Step { return &Homes{} },
}

// Rules lists the rules of the steps.
func Rules() []*diag.Rule {
	return []*diag.Rule{
		ruleLine, ruleHostname, ruleTimezone, ruleTimezoneArea, ruleLocale, ruleNTP, ruleCertificate, ruleSysctl, ruleModule, ruleSwap,
		ruleMount, ruleSSHOption, ruleSSHValue,
		ruleNetworkRenderer, ruleNetworkName, ruleNetworkReference, ruleNetworkMatch, ruleNetworkAddress,
		ruleNetworkRoute, ruleNetworkDNS, ruleNetworkMTU, ruleNetworkVLAN, ruleNetworkBond, ruleNetworkMember,
		ruleContainer, ruleContainerImage, ruleHome, ruleHomeUnit,
	}
}

// at returns the path of a place in the document, or of a value of the config.
func at(steps ...any) source.Path { return source.Path{}.At(steps...) }

func isTrue(b *bool) bool { return b != nil && *b }

// parent is what one step adds below the config of the user, with the places of the
// document that asked for it.
type parent struct {
	ctx     *sugar.Ctx
	config  types.Config
	origins *sugar.Origins
	made    map[string]bool // directories
}

func newParent(c *sugar.Ctx) *parent {
	return &parent{ctx: c, origins: c.NewOrigins(), made: map[string]bool{}}
}

// add puts what was gathered below the config.
func (p *parent) add() {
	s := &p.config.Storage
	if len(s.Files)+len(s.Directories)+len(s.Links)+len(p.config.Systemd.Units) > 0 {
		p.ctx.AddParent(p.config, p.origins)
	}
}

// owner is whose a node is: names, or a number for the group. The zero owner says
// nothing, which means root.
type owner struct{ user, group string }

func (o owner) node(path string) types.Node {
	n := types.Node{Path: path}
	if o.user != "" {
		n.User.Name = &o.user
	}
	if id, err := strconv.Atoi(o.group); err == nil {
		n.Group.ID = &id
	} else if o.group != "" {
		n.Group.Name = &o.group
	}
	return n
}

// file adds a file with a text. What an image has at the path is replaced: these
// files say all there is to say.
func (p *parent) file(path string, mode int, o owner, text string, from source.Path) {
	overwrite := true
	f := types.File{Node: o.node(path), Mode: &mode}
	f.Overwrite = &overwrite
	p.ctx.Embed(&f.Contents, []byte(text))
	p.origins.AddWhole(at("storage", "files", len(p.config.Storage.Files)), from)
	p.config.Storage.Files = append(p.config.Storage.Files, f)
}

// link adds a symbolic link, in the place of whatever an image has there.
func (p *parent) link(path, target string, o owner, from source.Path) {
	overwrite := true
	l := types.Link{Node: o.node(path), Target: &target}
	l.Overwrite = &overwrite
	p.origins.AddWhole(at("storage", "links", len(p.config.Storage.Links)), from)
	p.config.Storage.Links = append(p.config.Storage.Links, l)
}

// directory adds a directory, once for each path.
func (p *parent) directory(path string, mode int, o owner, from source.Path) {
	if p.made[path] {
		return
	}
	p.made[path] = true
	p.origins.AddWhole(at("storage", "directories", len(p.config.Storage.Directories)), from)
	p.config.Storage.Directories = append(p.config.Storage.Directories, types.Directory{Node: o.node(path), Mode: &mode})
}

// unit adds a unit of the system. An empty text enables a unit that is there already.
func (p *parent) unit(name, text string, enabled bool, from source.Path) {
	u := types.Unit{Name: name}
	if text != "" {
		u.Contents = &text
	}
	if enabled {
		u.Enabled = &enabled
	}
	p.origins.AddWhole(at("systemd", "units", len(p.config.Systemd.Units)), from)
	p.config.Systemd.Units = append(p.config.Systemd.Units, u)
}

// repeated reports an item whose key another one of its list has too.
type repeated map[string]bool

func (r repeated) is(key string) bool {
	was := r[key]
	r[key] = true
	return was
}

// hasUnit reports whether a file system of the document gets a unit of the same
// name from with_mount_unit.
func hasUnit(c *sugar.Ctx, name string) bool {
	return slices.Contains(mountUnitNames(c), name)
}

func mountUnitNames(c *sugar.Ctx) []string {
	var out []string
	for i, f := range c.Config.Storage.Filesystems {
		switch {
		case !c.MountUnits[i]:
		case f.Format != nil && *f.Format == "swap":
			out = append(out, sugar.EscapePath(f.Device)+".swap")
		case f.Path != nil:
			out = append(out, sugar.EscapePath(*f.Path)+".mount")
		}
	}
	return out
}
