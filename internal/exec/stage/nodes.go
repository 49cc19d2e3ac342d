package stage

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/resource"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// node is a directory, a file or a link of the config, with where its path leads in
// the target before anything is changed.
type node struct {
	kind     string
	origin   exec.Origin
	path     string // as in the config, cleaned
	resolved string
	node     *types.Node
	mode     *int

	file *types.File // of a file
	link *types.Link // of a link
	err  error       // why it is impossible
}

func (n *node) isHard() bool {
	return n.link != nil && n.link.Hard != nil && *n.link.Hard
}

func (n *node) overwrites() bool { return n.node.Overwrite != nil && *n.node.Overwrite }

// nodePlan are the operations of nodes.
type nodePlan struct {
	ops         []exec.Operation
	needs       []exec.Key      // of each
	paths       map[string]bool // resolved, of all nodes
	overwritten []*op.Directory
	fetched     map[string][]*node // files from the network that others may be copies of, by source
}

// planNodes plans directories, files and symbolic links, the shallow ones first, and
// then hard links.
func planNodes(in *Input) *nodePlan {
	nodes := collectNodes(in)
	resolveNodes(in, nodes)
	findClashes(nodes)
	sort.SliceStable(nodes, func(i, j int) bool {
		a, b := nodes[i], nodes[j]
		if a.isHard() || b.isHard() {
			return !a.isHard() // among each other in the order of the config
		}
		return strings.Count(a.resolved, "/") < strings.Count(b.resolved, "/")
	})
	emptied := map[string]bool{}
	for _, n := range nodes {
		if n.kind == "directory" && n.overwrites() {
			emptied[n.resolved] = true
		}
	}
	plan := &nodePlan{
		ops: make([]exec.Operation, 0, len(nodes)), needs: slices.Clip(after(accountsDone)),
		paths: make(map[string]bool, len(nodes)), fetched: map[string][]*node{},
	}
	for _, n := range nodes {
		plan.paths[n.resolved] = plan.paths[n.resolved] || n.err == nil
	}
	for _, n := range nodes {
		plan.add(in, n, emptied)
	}
	return plan
}

func collectNodes(in *Input) []*node {
	s := &in.Config.Storage
	nodes := make([]*node, 0, len(s.Directories)+len(s.Files)+len(s.Links))
	directories, files, links := in.origin("storage", "directories"), in.origin("storage", "files"), in.origin("storage", "links")
	for i := range s.Directories {
		d := &s.Directories[i]
		nodes = append(nodes, &node{kind: "directory", origin: item(directories, i), node: &d.Node, mode: d.Mode})
	}
	for i := range s.Files {
		f := &s.Files[i]
		nodes = append(nodes, &node{kind: "file", origin: item(files, i), node: &f.Node, mode: f.Mode, file: f})
	}
	for i := range s.Links {
		l := &s.Links[i]
		n := &node{kind: "link", origin: item(links, i), node: &l.Node, link: l}
		if n.isHard() {
			n.kind = "hard link"
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		n.path = path.Clean(n.node.Path)
		n.resolved = n.path
	}
	return nodes
}

// resolveNodes finds where the paths lead, all before anything is created.
func resolveNodes(in *Input, nodes []*node) {
	replaced := map[string]bool{} // directories that take the place of what is there
	for _, n := range nodes {
		if n.kind == "directory" && n.overwrites() {
			replaced[n.path] = true
		}
	}
	for _, n := range nodes {
		resolved, err := in.Root.Resolve(n.path)
		if errors.Is(err, sysroot.ErrNotDirectory) {
			if top := replacedAbove(n.path, replaced); top != "" {
				if resolved, err = in.Root.Resolve(top); err == nil {
					resolved = path.Join(resolved, strings.TrimPrefix(n.path, top))
				}
			}
		}
		switch {
		case err == nil:
			n.resolved = resolved
		case errors.Is(err, sysroot.ErrNotDirectory):
			n.err = exec.WithHelp(err, "remove the file that stands where a directory must be, or give a directory with overwrite: true for it")
		case errors.Is(err, sysroot.ErrLoop):
			n.err = exec.WithHelp(err, "remove the link that leads back to itself")
		default:
			n.err = err
		}
	}
}

func replacedAbove(name string, replaced map[string]bool) string {
	for dir := path.Dir(name); dir != "/" && dir != "."; dir = path.Dir(dir) {
		if replaced[dir] {
			return dir
		}
	}
	return ""
}

// findClashes finds nodes that lead to the same path, and those below what is no
// directory.
func findClashes(nodes []*node) {
	at := make(map[string]*node, len(nodes))
	for _, n := range nodes {
		if n.err != nil {
			continue
		}
		if other := at[n.resolved]; other != nil {
			n.err = exec.WithHelp(
				fmt.Errorf("it leads to %s, and so does %s %s", n.resolved, other.kind, other.path),
				"a link in the target makes two paths of one: keep one of the entries",
			)
			continue
		}
		at[n.resolved] = n
	}
	for _, n := range nodes {
		if n.err != nil {
			continue
		}
		for dir := path.Dir(n.resolved); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if above := at[dir]; above != nil && above.kind != "directory" {
				n.err = fmt.Errorf("it leads to %s, which lies below the %s %s", n.resolved, above.kind, above.path)
			}
		}
	}
}

// add plans one node.
func (p *nodePlan) add(in *Input, n *node, emptied map[string]bool) {
	owner := op.Owner{User: n.node.User, Group: n.node.Group}
	about := exec.Description{
		Kind: n.kind, Target: n.path, AskedBy: n.origin,
		Step:     "createFilesystemsFiles: createFiles",
		Needs:    append(p.needs, owner.Needs()...),
		Provides: []exec.Key{exec.MilestoneKey(nodesDone), exec.PathKey(n.resolved)},
	}
	if n.err != nil {
		about.Provides = about.Provides[:1]
		p.ops = append(p.ops, &op.Refused{About: about, Err: n.err})
		return
	}
	overwrite := n.overwrites() || replacedAbove(n.resolved, emptied) != "" // nothing is there then
	switch {
	case n.kind == "directory":
		about.Doing, about.Outside = "creating directory", in.Root.Outside(n.path)
		d := &op.Directory{About: about, Path: n.resolved, Overwrite: n.overwrites(), Mode: modeOf(n.mode), Owner: owner}
		if d.Overwrite {
			p.overwritten = append(p.overwritten, d)
		}
		p.ops = append(p.ops, d)
	case n.kind == "file":
		about.Doing, about.Outside = "writing file", in.Root.Outside(n.path)
		about.Fetches = resource.NeedsNet(n.file.Contents) || slices.ContainsFunc(n.file.Append, resource.NeedsNet)
		twin := p.twinOf(n)
		if twin != "" {
			about.Needs = append(about.Needs, exec.PathKey(twin))
		}
		p.ops = append(p.ops, &op.File{
			About: about, Path: n.resolved, Contents: n.file.Contents, Append: n.file.Append, Twin: twin,
			Overwrite: overwrite && n.file.Contents.Source != nil, Mode: modeOf(n.mode), Owner: owner,
		})
	case n.isHard():
		p.addHardLink(in, n, about, overwrite)
	default:
		target := ""
		if n.link.Target != nil {
			target = *n.link.Target
		}
		about.Doing = fmt.Sprintf("writing link %s -> %q", in.outside(n.path), target)
		if target == "" {
			p.ops = append(p.ops, &op.Refused{About: about, Err: exec.WithHelp(errors.New("the link has no target"), "give a target")})
			return
		}
		p.ops = append(p.ops, &op.Symlink{About: about, Path: n.resolved, Target: target, Overwrite: overwrite, Owner: owner})
	}
}

// twinOf returns the resolved path of the first file whose contents are the same from the
// network, with nothing appended; empty if that is the file itself, or none.
func (p *nodePlan) twinOf(n *node) string {
	if !resource.NeedsNet(n.file.Contents) {
		return ""
	}
	for _, other := range p.fetched[*n.file.Contents.Source] {
		if areSame(other.file.Contents, n.file.Contents) {
			return other.resolved
		}
	}
	if len(n.file.Append) == 0 {
		source := *n.file.Contents.Source
		p.fetched[source] = append(p.fetched[source], n)
	}
	return ""
}

func areSame(a, b types.Resource) bool {
	one, err := json.Marshal(a)
	if err != nil {
		return false
	}
	other, err := json.Marshal(b)
	return err == nil && bytes.Equal(one, other)
}

// addHardLink finds the target: from the root, or for a relative one from the
// directory of the link. The reference takes relative targets from the root; that is
// tried second.
func (p *nodePlan) addHardLink(in *Input, n *node, about exec.Description, overwrite bool) {
	given := *n.link.Target
	candidates := []string{given}
	if !path.IsAbs(given) {
		candidates = []string{path.Dir(n.path) + "/" + given, "/" + given}
	}
	about.Doing = fmt.Sprintf("writing hard link %s -> %q", in.outside(n.path), given)
	about.Needs = after(nodesDone)
	about.Provides[0] = exec.MilestoneKey(hardLinksDone)
	target := ""
	for _, c := range candidates {
		resolved, err := in.Root.Resolve(c)
		if err != nil && !errors.Is(err, sysroot.ErrNotDirectory) {
			p.ops = append(p.ops, &op.Refused{About: about, Err: err})
			return
		}
		if target == "" {
			target = resolved
		}
		if err == nil && (p.paths[resolved] || exists(in.Root, resolved)) {
			target = resolved
			break
		}
	}
	if target == "" {
		p.ops = append(p.ops, &op.Refused{About: about, Err: fmt.Errorf("the target %s: %w", given, unix.ENOTDIR)})
		return
	}
	about.Needs = append(about.Needs, exec.PathKey(target))
	p.ops = append(p.ops, &op.HardLink{About: about, Path: n.resolved, Target: target, Overwrite: overwrite})
}

func exists(root *sysroot.Root, name string) bool {
	info, err := root.Lstat(name)
	return err == nil && info.Kind != sysroot.Absent
}

// setOurs tells directories that are emptied what to leave alone.
func (p *nodePlan) setOurs(others []exec.Operation) {
	if len(p.overwritten) == 0 {
		return
	}
	ours := map[string]bool{}
	for _, ops := range [][]exec.Operation{p.ops, others} {
		for _, o := range ops {
			for _, k := range o.Describe().Provides {
				if path.IsAbs(k.Name) {
					aboves(ours, k.Name)
				}
			}
		}
	}
	for _, d := range p.overwritten {
		d.Ours = ours
	}
}

func modeOf(mode *int) *uint32 {
	if mode == nil {
		return nil
	}
	bits := uint32(*mode) & 0o7777 // the config was checked: twelve bits
	return &bits
}
