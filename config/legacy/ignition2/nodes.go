package ignition2

import (
	"fmt"
	"maps"
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

// rootName is the file system that every config of spec 2 has.
const rootName = "root"

// isOEM reports whether a file system is the OEM partition of Container Linux.
func isOEM(name string) bool { return strings.EqualFold(name, "oem") }

// oemPath is where Flatcar mounts the OEM partition.
const oemPath = "/oem"

// initramfsRoot is where the root file system is mounted while a config is applied.
const initramfsRoot = "/sysroot"

// filesystems writes the file systems, and the nodes at the paths where they are
// mounted.
func (t *translation) filesystems() {
	paths := t.paths()
	for i, f := range t.doc.Storage.Filesystems {
		at := doc("storage", "filesystems", i)
		switch {
		case f.Name == rootName && !t.ways.exact:
			t.drop(at, "the reference leaves the root to the machine")
		case f.Mount == nil && t.ways.exact: // its path is in paths
		default:
			t.filesystem(f, at, paths[i])
		}
	}
	at := maps.Clone(t.mapped)
	if at == nil {
		at = map[string]string{}
	}
	for i, f := range t.doc.Storage.Filesystems {
		at[f.Name] = paths[i] // of several the last counts
	}
	if _, ok := at[rootName]; !ok || !t.ways.exact {
		at[rootName] = ""
	}
	t.nodes(at)
}

// paths returns where each file system of the document is mounted; empty when
// nowhere.
func (t *translation) paths() []string {
	out := make([]string, len(t.doc.Storage.Filesystems))
	made := 0
	for i, f := range t.doc.Storage.Filesystems {
		at := doc("storage", "filesystems", i)
		mapped, isMapped := t.mapped[f.Name]
		switch {
		case f.Mount == nil && t.ways.exact:
			out[i] = t.mounted(f, at)
		case isMapped:
			out[i] = mapped
		case f.Name == rootName:
		case !t.ways.ownPaths:
			t.errorf(at, "say where it is mounted", "it is not known where the file system %q is mounted", f.Name)
		case f.Name == "":
			made++
		case f.Name == "oem", isOEM(f.Name) && t.ways.exact:
			made++
			out[i] = oemPath
		default:
			made++
			out[i] = fmt.Sprintf("/tmp/%s-ign%d", f.Name, made)
			t.approximate(at.At("name"), "mounted at "+out[i]+" while the config is applied; give it a path of spec 3 to choose")
		}
	}
	return out
}

// mounted returns the path, below the root, of a file system that is mounted already.
func (t *translation) mounted(f filesystem, at source.Path) string {
	clean := path.Clean(*f.Path)
	rest, below := strings.CutPrefix(clean, initramfsRoot)
	switch {
	case below && (rest == "" || rest[0] == '/'):
		return rest
	case clean == oemPath || clean == "/usr/share/oem":
		return oemPath
	case t.isUsed(f.Name):
		t.errorf(at.At("path"), "name the device in mount, or a path below "+initramfsRoot,
			"files on a file system that is mounted at %q in the initramfs cannot be said in spec 3", *f.Path)
	default:
		t.drop(at, "nothing is written to it")
	}
	return ""
}

func (t *translation) isUsed(name string) (used bool) {
	t.eachNode(func(_ source.Path, n *node) { used = used || n.Filesystem == name })
	return used
}

func (t *translation) filesystem(f filesystem, place source.Path, mountedAt string) {
	out := types.Filesystem{Path: given(mountedAt)}
	at := doc("storage", "filesystems", len(t.config.Storage.Filesystems))
	t.origins.Add(at, place.At("mount"))
	t.origins.Add(at.At("path"), place.At("name"))
	if m := f.Mount; m != nil {
		out.Device, out.Format = m.Device, given(m.Format)
		out.WipeFilesystem, out.Label, out.UUID, out.Options = given(m.WipeFilesystem), m.Label, m.UUID, m.Options
		if m.Create != nil {
			t.create(&out, m.Create, at, place.At("mount", "create"))
		}
	}
	if t.ways.oemBtrfs && isOEM(f.Name) && out.WipeFilesystem == nil {
		btrfs := "btrfs"
		out.Format = &btrfs
		t.approximate(place.At("mount", "format"), "the OEM file system of Flatcar is btrfs")
	}
	t.config.Storage.Filesystems = append(t.config.Storage.Filesystems, out)
}

// create says by the members of a file system what its create object asked for.
func (t *translation) create(out *types.Filesystem, c *create, at, place source.Path) {
	switch t.ways.create {
	case ignoreCreate:
		t.drop(place, "the reference ignores it")
		return
	case forcedCreate:
		if !c.Force {
			t.errorf(place, "set force to true", "a file system is created only if that is forced")
			return
		}
	}
	if c.Force {
		out.WipeFilesystem = &c.Force
		t.origins.Add(at.At("wipeFilesystem"), place.At("force"))
	} else {
		t.approximate(place, "a file system of that format which is there already is kept; Ignition 2 gave up")
	}
	if len(c.Options) > 0 {
		t.origins.Add(at.At("options"), place.At("options"))
	}
	out.Options = append(out.Options, c.Options...)
}

// nodes writes files, directories and links; mounted has the paths of the file
// systems by name.
func (t *translation) nodes(mounted map[string]string) {
	seen := map[string]int{} // by path: item of files, or -1
	for i, f := range t.doc.Storage.Files {
		place := doc("storage", "files", i)
		f.Path = t.join(mounted, &f.node, place)
		out := types.File{Node: f.node.Node, Contents: f.Contents, Mode: f.Mode}
		content(&out.Contents)
		if at, again := seen[out.Path]; again && t.ways.exact && f.Append {
			t.appendTo(at, out, place)
			continue
		}
		at := doc("storage", "files", len(t.config.Storage.Files))
		t.origins.Add(at, place)
		switch no, yes := false, true; {
		case f.Append:
			out.Append, out.Contents, out.Overwrite = []types.Resource{out.Contents}, types.Resource{}, &no
			t.origins.Add(at.At("append", 0), place.At("contents"))
		case out.Overwrite == nil:
			out.Overwrite = &yes
		}
		t.once(seen, out.Path, place)
		seen[out.Path] = len(t.config.Storage.Files)
		t.config.Storage.Files = append(t.config.Storage.Files, out)
	}
	for i, d := range t.doc.Storage.Directories {
		place := doc("storage", "directories", i)
		d.Path = t.join(mounted, &d.node, place)
		t.once(seen, d.Path, place)
		t.config.Storage.Directories = append(t.config.Storage.Directories, types.Directory{Node: d.node.Node, Mode: d.Mode})
	}
	for i, l := range t.doc.Storage.Links {
		place := doc("storage", "links", i)
		l.Path = t.join(mounted, &l.node, place)
		t.once(seen, l.Path, place)
		t.config.Storage.Links = append(t.config.Storage.Links, types.Link{Node: l.node.Node, Hard: given(l.Hard), Target: &l.Target})
	}
	if t.ways.linkPrefixes {
		t.linkPrefixes()
	}
}

// content completes the contents of a file: without a source a file of spec 2 is empty.
func content(r *types.Resource) {
	fill(&r.Source)
	unset(&r.Compression)
}

// join returns the path of a node below the root.
func (t *translation) join(mounted map[string]string, n *node, place source.Path) string {
	above, known := mounted[n.Filesystem]
	if !known && !t.ways.undefinedIsRoot {
		t.errorf(place.At("filesystem"), `name one of the config, or "root"`, "the config defines no file system %q", n.Filesystem)
	}
	unset(&n.User.Name, &n.Group.Name)
	return path.Join("/", above, n.Path)
}

// once reports a second node at a path.
func (t *translation) once(seen map[string]int, path string, place source.Path) {
	if _, again := seen[path]; again {
		t.errorf(place, "join the two, or remove one", "there is another file, directory or link at %q", path)
	}
	seen[path] = -1
}

// appendTo adds the contents of a file to one that is at the same path already, or
// reports that it is none.
func (t *translation) appendTo(i int, f types.File, place source.Path) {
	if i < 0 {
		t.errorf(place, "append to a file", "what is at %q already is no file", f.Path)
		return
	}
	to, at := &t.config.Storage.Files[i], doc("storage", "files", i)
	t.origins.Add(at.At("append", len(to.Append)), place.At("contents"))
	to.Append = append(to.Append, f.Contents)
	if f.Mode != nil {
		to.Mode = f.Mode
		t.origins.Add(at.At("mode"), place.At("mode"))
	}
	if f.User != (types.NodeOwner{}) {
		to.User = f.User
		t.origins.Add(at.At("user"), place.At("user"))
	}
	if f.Group != (types.NodeOwner{}) {
		to.Group = f.Group
		t.origins.Add(at.At("group"), place.At("group"))
	}
}

// linkPrefixes reports nodes whose path starts with the path of a link as text.
func (t *translation) linkPrefixes() {
	s := &t.config.Storage
	look := func(at source.Path, path string) {
		for _, l := range s.Links {
			if path != l.Path && strings.HasPrefix(path, l.Path) {
				t.errorf(at, "use the path that the link leads to", "path %q starts with the path of the link %q", path, l.Path)
			}
		}
	}
	for i := range s.Files {
		look(t.origins.Place(doc("storage", "files", i)), s.Files[i].Path)
	}
	for i := range s.Directories {
		look(doc("storage", "directories", i), s.Directories[i].Path)
	}
	for i := range s.Links {
		look(doc("storage", "links", i), s.Links[i].Path)
	}
}
