package containerlinux

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/systems"
)

func sectionsSchema() *schema.Struct { return schema.Of(reflect.TypeFor[systems.Sections]()) }

// restructure makes of a document one with the keys of Ignition 2.4.0 alone. Its nodes
// keep their places.
type restructure struct {
	tree  *source.Tree
	paths map[[2]int]source.Path // of the values of the document, by place; leaves first
	found diag.List
}

// document returns the document without its sections for systems.
func (r *restructure) document() *source.Tree {
	r.paths = map[[2]int]source.Path{}
	r.remember(&r.tree.Root, nil)
	root := r.tree.Root
	root.Children = nil
	for _, c := range r.tree.Root.Children {
		if !isSection(c.Key) {
			root.Children = append(root.Children, c)
		}
	}
	out := *r.tree
	out.Root = edit(root, map[string]change{
		"ignition": objects(map[string]change{
			"config": objects(map[string]change{
				"append":  items(r.verified),
				"replace": r.verified,
			}),
			"security": objects(map[string]change{"tls": objects(map[string]change{
				"certificate_authorities": items(r.verified),
			})}),
		}),
		"storage": objects(map[string]change{
			"disks":       items(objects(map[string]change{"partitions": items(r.partition)})),
			"files":       items(r.file),
			"directories": items(inRoot),
			"links":       items(inRoot),
		}),
		"systemd": objects(map[string]change{"units": items(r.unit)}),
	})
	return &out
}

func (r *restructure) remember(n *source.Node, path source.Path) {
	for i := range n.Children {
		if c := &n.Children[i]; n.Kind == source.List {
			r.remember(c, path.At(i))
		} else {
			r.remember(c, path.At(c.Key))
		}
	}
	at := r.tree.Range(n)
	if place := [2]int{at.Start, at.End}; len(n.Children) == 0 || r.paths[place] == nil {
		r.paths[place] = path
	}
}

// change makes a node into another one.
type change func(n source.Node) source.Node

// edit applies changes to members of an object, by key.
func edit(n source.Node, changes map[string]change) source.Node {
	if n.Kind != source.Object {
		return n
	}
	children := make([]source.Node, len(n.Children))
	for i, c := range n.Children {
		if do := changes[c.Key]; do != nil {
			c = do(c)
		}
		children[i] = c
	}
	n.Children = children
	return n
}

func objects(changes map[string]change) change {
	return func(n source.Node) source.Node { return edit(n, changes) }
}

// items applies a change to the items of a list.
func items(do change) change {
	return func(n source.Node) source.Node {
		if n.Kind != source.List {
			return n
		}
		children := make([]source.Node, len(n.Children))
		for i, c := range n.Children {
			children[i] = do(c)
		}
		n.Children = children
		return n
	}
}

// text is a node in the place of another one.
func text(n source.Node, key, value string) source.Node {
	return source.Node{
		Kind: source.String, Text: value, Key: key, KeyStart: n.KeyStart, KeyEnd: n.KeyEnd, Start: n.Start, End: n.End,
	}
}

// inRoot names the root for a node that names no file system.
func inRoot(n source.Node) source.Node {
	if n.Kind == source.Object && n.Member("filesystem") == nil {
		root := text(n, "filesystem", "root")
		root.End = root.Start
		n.Children = append(n.Children[:len(n.Children):len(n.Children)], root)
	}
	return n
}

func (r *restructure) file(n source.Node) source.Node {
	return inRoot(edit(n, map[string]change{"contents": r.contents}))
}

// contents are given in the document, or at a URL.
func (r *restructure) contents(n source.Node) source.Node {
	if n.Kind != source.Object {
		return n
	}
	out := n
	out.Children = nil
	given := 0
	for _, c := range n.Children {
		switch c.Key {
		case "inline":
			given++
			if c.Kind >= source.List {
				r.errorf(&c, "write a text", "the contents are not a text")
				continue
			}
			out.Children = append(out.Children, text(c, "source", dataurl.Escaped([]byte(c.Text))))
		case "local":
			r.errorf(&c, "write the contents as inline, or translate the document where the file is",
				"the contents stand in a local file, which the machine does not have")
		case "remote":
			given++
			remote := edit(r.verified(c), map[string]change{
				"url": func(n source.Node) source.Node { n.Key = "source"; return n },
			})
			out.Children = append(out.Children, remote.Children...)
		default:
			out.Children = append(out.Children, c)
		}
	}
	if given > 1 {
		r.errorf(&n, "keep one of the two", "the contents are given in the document and at a URL")
	}
	return out
}

// verified writes a hash as one text.
func (r *restructure) verified(n source.Node) source.Node {
	return edit(n, map[string]change{"verification": objects(map[string]change{"hash": func(n source.Node) source.Node {
		if n.Kind != source.Object {
			return n
		}
		function, sum := n.Member("function"), n.Member("sum")
		if function == nil || sum == nil {
			r.errorf(&n, "give function and sum", "the hash is not complete")
			return n
		}
		return text(n, "hash", function.Text+"-"+sum.Text)
	}})})
}

func (r *restructure) unit(n source.Node) source.Node {
	local := func(n source.Node) source.Node {
		if c := n.Member("contents_local"); n.Kind == source.Object && c != nil {
			r.errorf(c, "write the text as contents, or translate the document where the file is",
				"the text stands in a local file, which the machine does not have")
		}
		return n
	}
	return edit(local(n), map[string]change{"dropins": items(local)})
}

// partitionTypes are the names of types: Container Linux Config Transpiler 0.9.4.
func partitionTypes() map[string]string {
	return map[string]string{
		"linux_filesystem_data": "0fc63daf-8483-4772-8e79-3d69d8477de4",
		"raid_partition":        "a19d880f-05fc-4d3b-a006-743f0f84911e",
		"swap_partition":        "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f",
		"raid_containing_root":  "be9067b9-ea49-4f15-b4f6-f36f8c9e1818",
	}
}

func (r *restructure) partition(n source.Node) source.Node {
	return edit(n, map[string]change{
		"size":  func(n source.Node) source.Node { return r.mebibytes(n, "size_mib") },
		"start": func(n source.Node) source.Node { return r.mebibytes(n, "start_mib") },
		"type_guid": func(n source.Node) source.Node {
			if guid := partitionTypes()[n.Text]; guid != "" {
				return text(n, n.Key, guid)
			}
			return n
		},
	})
}

// prefixes of units of bytes, each 1024 times the one before. KB is KiB, as
// ParseBase2Bytes of github.com/alecthomas/units has it, by which Container Linux Config
// Transpiler read sizes.
const prefixes = "KMGTPE"

// bytesOf reads a size: numbers with units, one after the other, as in 1.5GiB or 1GiB512MiB.
// A number without a unit counts bytes.
func bytesOf(size string) (bytes float64, ok bool) {
	rest := strings.TrimSpace(size)
	for rest != "" {
		unit := strings.TrimLeft(rest, "0123456789.")
		number, err := strconv.ParseFloat(rest[:len(rest)-len(unit)], 64)
		if err != nil {
			return 0, false
		}
		unit = strings.TrimLeft(unit, " ")
		if i := strings.IndexByte(prefixes, (unit + "B")[0]); i >= 0 {
			for range i + 1 {
				number *= 1024
			}
			unit = strings.TrimPrefix(unit[1:], "i")
			if unit == "" {
				return 0, false
			}
		}
		bytes += number
		var isUnit bool
		if rest, isUnit = strings.CutPrefix(unit, "B"); !isUnit && unit != "" {
			return 0, false
		}
	}
	return bytes, bytes < 1<<62
}

// mebibytes reads a size with its unit. An empty one is as good as none.
func (r *restructure) mebibytes(n source.Node, key string) source.Node {
	size, ok := bytesOf(n.Text)
	out := text(n, key, "")
	switch {
	case n.Kind >= source.List:
		r.errorf(&n, "write for example 10GiB", "the size is not a text")
		return n
	case !ok:
		r.errorf(&n, "write for example 10GiB", "%q is no size", n.Text)
		return n
	case n.Text == "":
		out.Kind = source.Null
		return out
	case size != float64(int64(size)) || int64(size)%(1<<20) != 0:
		r.errorf(&n, "write full MiB", "%s is not a number of full MiB", n.Text)
	}
	out.Kind, out.Text = source.Number, strconv.FormatInt(int64(size)>>20, 10)
	return out
}
