package sugar

import (
	"io/fs"
	"path"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleTreeLocal = &diag.Rule{
		ID: "tree-local", Why: "a tree is copied from a directory of the files directory", Help: "give local the path of a directory",
	}
	ruleTreeConflict = &diag.Rule{
		ID: "tree-conflict", Why: "the tree and another part of the document both say what is at this path",
		Help: "keep it in one of the two places",
	}
	ruleTreeEntry = &diag.Rule{
		ID: "tree-entry", Why: "only files, directories and symbolic links can be put on a machine",
		Help: "remove it from the tree",
	}
)

// Trees is the sugar of whole directories: storage.trees.
type Trees struct {
	Storage struct {
		Trees []tree `json:"trees" since:"3.1"`
	} `json:"storage"`
}

// tree copies a local directory to the machine.
type tree struct {
	// Local is the directory, below the files directory.
	Local string `json:"local"`
	// Path is where its content goes; unset means /.
	Path *string `json:"path"`
	// User and Group own everything in it.
	User  types.NodeOwner `json:"user" since:"3.6"`
	Group types.NodeOwner `json:"group" since:"3.6"`
	// FileMode is the mode of its files; unset means 0644, or 0755 for files that
	// may be executed.
	FileMode *int `json:"fileMode" since:"3.6"`
	// DirMode is the mode of its directories; unset means 0755 if they have an
	// owner, else directories are left alone.
	DirMode *int `json:"dirMode" since:"3.6"`
}

// Check reports trees without a directory.
func (s *Trees) Check(c *Ctx) {
	for i, t := range s.Storage.Trees {
		if t.Local == "" {
			c.Errorf(ruleTreeLocal, doc("storage", "trees", i), "the tree has no local directory")
		}
	}
}

// Desugar adds the files, links and, where they have an owner or a mode, the
// directories of the trees, after those of the document.
func (s *Trees) Desugar(c *Ctx) {
	if len(s.Storage.Trees) == 0 {
		return
	}
	if !c.Files.exists(c, doc("storage", "trees", 0)) {
		return
	}
	w := treeWalker{Ctx: c, nodes: indexNodes(&c.Config.Storage), written: len(c.Config.Storage.Directories)}
	for i, t := range s.Storage.Trees {
		w.at, w.tree = doc("storage", "trees", i), t
		w.copy()
	}
}

// nodeIndex finds the nodes of a config by their paths.
type nodeIndex struct{ files, directories, links map[string]int }

func indexNodes(s *types.Storage) nodeIndex {
	x := nodeIndex{files: map[string]int{}, directories: map[string]int{}, links: map[string]int{}}
	for i, f := range s.Files {
		x.files[f.Path] = i
	}
	for i, d := range s.Directories {
		x.directories[d.Path] = i
	}
	for i, l := range s.Links {
		x.links[l.Path] = i
	}
	return x
}

func (x nodeIndex) isFile(path string) bool      { _, ok := x.files[path]; return ok }
func (x nodeIndex) isDirectory(path string) bool { _, ok := x.directories[path]; return ok }
func (x nodeIndex) isLink(path string) bool      { _, ok := x.links[path]; return ok }

// has reports whether the config has a node of any kind at a path.
func (x nodeIndex) has(path string) bool {
	return x.isFile(path) || x.isDirectory(path) || x.isLink(path)
}

// treeWalker copies one tree.
type treeWalker struct {
	*Ctx
	nodes nodeIndex
	// written is the number of directories of the document.
	written int
	at      source.Path
	tree    tree
}

func (w *treeWalker) copy() {
	base, ok := w.Files.name(w.Ctx, w.tree.Local, w.at)
	if !ok {
		return
	}
	info, err := w.Files.root.Stat(base)
	switch {
	case err != nil:
		w.Files.fail(w.Ctx, w.tree.Local, w.at, err)
		return
	case !info.IsDir():
		w.Errorf(ruleTreeLocal, w.at, "the tree %q is not a directory", w.tree.Local)
		return
	}
	target := "/"
	if w.tree.Path != nil && *w.tree.Path != "" {
		target = *w.tree.Path
	}
	if info, err := w.Files.root.Lstat(base); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		w.addLink(base, target) // a tree that is a link stays one, as in the reference
		return
	}
	w.directory(base, target)
}

// directory copies what is in a directory, in order of names.
func (w *treeWalker) directory(local, target string) {
	if w.ownsDirectories() {
		w.addDirectory(target)
	}
	entries, err := fs.ReadDir(w.Files.root.FS(), local)
	if err != nil {
		w.Files.fail(w.Ctx, local, w.at, err)
		return
	}
	for _, e := range entries {
		from, to := path.Join(local, e.Name()), path.Join(target, e.Name())
		info, err := w.Files.root.Lstat(from)
		switch {
		case err != nil:
			w.Files.fail(w.Ctx, from, w.at, err)
		case info.IsDir():
			w.directory(from, to)
		case info.Mode().IsRegular():
			w.addFile(from, to, info)
		case info.Mode()&fs.ModeSymlink != 0:
			w.addLink(from, to)
		default:
			w.Errorf(ruleTreeEntry, w.at, "%q is neither a file, a directory nor a symbolic link", from)
		}
	}
}

func (w *treeWalker) ownsDirectories() bool {
	owner := func(o types.NodeOwner) bool { return o.ID != nil || o.Name != nil }
	return owner(w.tree.User) || owner(w.tree.Group) || w.tree.DirMode != nil
}

// conflict reports that the config says something else about a path.
func (w *treeWalker) conflict(target string) {
	w.Errorf(ruleTreeConflict, w.at, "the config already has contents or another kind of node at %q", target)
}

func (w *treeWalker) node(target string) types.Node {
	return types.Node{Path: target, User: w.tree.User, Group: w.tree.Group}
}

func (w *treeWalker) addDirectory(target string) {
	s := &w.Config.Storage
	if w.nodes.isFile(target) || w.nodes.isLink(target) {
		w.conflict(target)
		return
	}
	if i, found := w.nodes.directories[target]; found {
		if i >= w.written {
			w.Errorf(ruleTreeConflict, w.at, "another tree already makes the directory %q", target)
		}
		return // the document says all about it
	}
	w.nodes.directories[target] = len(s.Directories)
	w.From(doc("storage", "directories", len(s.Directories)), w.at)
	mode := 0o755
	if w.tree.DirMode != nil {
		mode = *w.tree.DirMode
	}
	s.Directories = append(s.Directories, types.Directory{Node: w.node(target), Mode: &mode})
}

func (w *treeWalker) addFile(local, target string, info fs.FileInfo) {
	s := &w.Config.Storage
	if w.nodes.isDirectory(target) || w.nodes.isLink(target) {
		w.conflict(target)
		return
	}
	i, found := w.nodes.files[target]
	if found && !isEmpty(s.Files[i].Contents.Source) {
		w.conflict(target)
		return
	}
	if !found {
		i = len(s.Files)
		w.nodes.files[target] = i
		w.From(doc("storage", "files", i), w.at)
		s.Files = append(s.Files, types.File{Node: w.node(target)})
	} else {
		w.From(doc("storage", "files", i, "contents"), w.at)
	}
	data, err := w.Files.root.ReadFile(local)
	if err != nil {
		w.Files.fail(w.Ctx, local, w.at, err)
		return
	}
	f := &s.Files[i]
	w.Embed(&f.Contents, data)
	w.keep(Text{Value: f.Contents.Source, Data: string(data), Local: local, In: w.at})
	if f.Mode == nil {
		mode := 0o644
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		if w.tree.FileMode != nil {
			mode = *w.tree.FileMode
		}
		f.Mode = &mode
	}
}

func (w *treeWalker) addLink(local, target string) {
	s := &w.Config.Storage
	if w.nodes.isDirectory(target) || w.nodes.isFile(target) {
		w.conflict(target)
		return
	}
	i, found := w.nodes.links[target]
	if found && !isEmpty(s.Links[i].Target) {
		w.conflict(target)
		return
	}
	to, err := w.Files.root.Readlink(local)
	if err != nil {
		w.Files.fail(w.Ctx, local, w.at, err)
		return
	}
	if !found {
		i = len(s.Links)
		w.nodes.links[target] = i
		w.From(doc("storage", "links", i), w.at)
		s.Links = append(s.Links, types.Link{Node: w.node(target)})
	} else {
		w.From(doc("storage", "links", i, "target"), w.at)
	}
	s.Links[i].Target = &to
}
