package stage

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/resource"
)

// errNotHere is the refusal of what belongs to a machine and not to a directory.
var errNotHere = errors.New("only a machine has that, a directory has none")

const helpNotHere = "remove the section, or leave it out with --ignore-unsupported"

// planKargs plans the kargs stage: one call of the distribution's helper.
func planKargs(in *Input) []exec.Operation {
	k := &in.Config.KernelArguments
	if in.Directory {
		var ops []exec.Operation
		for i, a := range k.ShouldExist {
			ops = append(ops, refuseHere(in, "kernel argument", a, "kernelArguments", "shouldExist", i))
		}
		for i, a := range k.ShouldNotExist {
			ops = append(ops, refuseHere(in, "kernel argument", a, "kernelArguments", "shouldNotExist", i))
		}
		return ops
	}
	o := op.KernelArguments{ShouldExist: k.ShouldExist, ShouldNotExist: k.ShouldNotExist}
	if len(o.ShouldExist)+len(o.ShouldNotExist) == 0 {
		return nil
	}
	// an entry has a place in the config that later stages know
	first := "shouldExist"
	if len(o.ShouldExist) == 0 {
		first = "shouldNotExist"
	}
	o.About = exec.Description{
		Kind: "kernel arguments", Target: strings.Join(append(slices.Clone(o.ShouldExist), o.ShouldNotExist...), " "),
		Doing: "updating kernel arguments", AskedBy: in.origin("kernelArguments", first, 0),
	}
	return []exec.Operation{&o}
}

// planDisks plans the disks stage: partitions, then RAID, LUKS, file systems. What does not
// depend on each other runs side by side.
func planDisks(in *Input) []exec.Operation {
	if in.Directory {
		return refuseDisks(in)
	}
	m := newMaking(in)
	var ops []exec.Operation
	for i, d := range in.Config.Storage.Disks {
		ops = append(ops, m.planDisk(i, d))
	}
	for i, r := range in.Config.Storage.Raid {
		ops = append(ops, m.planRAID(i, r))
	}
	for i, l := range in.Config.Storage.Luks {
		ops = append(ops, m.planLUKS(i, l))
	}
	for i, f := range in.Config.Storage.Filesystems {
		ops = append(ops, m.planFilesystem(i, f)...)
	}
	if len(ops) > 0 {
		ops = append(ops, m.planLinks())
	}
	if len(ops) > 0 && in.LookEarly {
		ops = append(ops, lookForSources(in)...)
	}
	return ops
}

// lookForSources plans to ask for what the files stage will fetch, once for each source.
func lookForSources(in *Input) []exec.Operation {
	var ops []exec.Operation
	asked := map[string]bool{}
	look := func(r types.Resource, steps ...any) {
		if !op.HasEarlyAnswer(r) || asked[*r.Source] {
			return
		}
		asked[*r.Source] = true
		ops = append(ops, &op.Source{
			About: exec.Description{Kind: "source", Target: resource.Show(*r.Source), Step: "lookForSources", AskedBy: in.origin(steps...), Fetches: true},
			On:    in.Machine, Want: r,
		})
	}
	for i := range in.Config.Storage.Files {
		f := &in.Config.Storage.Files[i]
		look(f.Contents, "storage", "files", i, "contents")
		for j, a := range f.Append {
			look(a, "storage", "files", i, "append", j)
		}
	}
	return ops
}

// refuseDisks plans the refusal of everything that the disks stage makes.
func refuseDisks(in *Input) []exec.Operation {
	s := &in.Config.Storage
	var ops []exec.Operation
	for i, d := range s.Disks {
		ops = append(ops, refuseHere(in, "disk", d.Device, "storage", "disks", i))
	}
	for i, r := range s.Raid {
		ops = append(ops, refuseHere(in, "RAID", r.Name, "storage", "raid", i))
	}
	for i, l := range s.Luks {
		ops = append(ops, refuseHere(in, "LUKS volume", l.Name, "storage", "luks", i))
	}
	for i, f := range s.Filesystems {
		ops = append(ops, refuseHere(in, "filesystem", f.Device, "storage", "filesystems", i))
	}
	return ops
}

func refuseHere(in *Input, kind, target string, steps ...any) exec.Operation {
	return &op.Refused{
		About: exec.Description{Kind: kind, Target: target, AskedBy: in.origin(steps...)},
		Err:   exec.WithHelp(errNotHere, helpNotHere),
	}
}

// mounted are the file systems that have a path, shallow paths first, and their places in
// the config.
func mounted(in *Input) (indices []int) {
	all := in.Config.Storage.Filesystems
	for i, f := range all {
		if deref(f.Path) == "" || slices.Contains([]string{"", "swap", "none"}, deref(f.Format)) {
			continue
		}
		indices = append(indices, i)
	}
	sort.SliceStable(indices, func(i, j int) bool { return depth(*all[indices[i]].Path) < depth(*all[indices[j]].Path) })
	return indices
}

// depth is the number of components of a path.
func depth(name string) int {
	if name = path.Clean(name); name == "/" {
		return 0
	}
	return strings.Count(name, "/")
}

// planMount plans the mount stage.
func planMount(in *Input) []exec.Operation {
	var ops []exec.Operation
	for _, i := range mounted(in) {
		f := in.Config.Storage.Filesystems[i]
		point := path.Clean(*f.Path)
		ops = append(ops, &op.Mount{
			About: exec.Description{
				Kind: "mount", Target: point, Step: "mountFilesystems",
				Doing:    fmt.Sprintf("mounting %q at %s with type %q and options %q", f.Device, in.outside(point), *f.Format, joined(f.MountOptions)),
				AskedBy:  in.origin("storage", "filesystems", i),
				Provides: []exec.Key{exec.PathKey(point)},
			},
			On: in.Machine, Want: f, State: in.State,
		})
	}
	return ops
}

// planUmount plans the umount stage: one after another, the deepest first.
func planUmount(in *Input) []exec.Operation {
	var ops []exec.Operation
	turn := func() exec.Key { return exec.MilestoneKey(fmt.Sprintf("unmounted %d", len(ops))) }
	for _, i := range slices.Backward(mounted(in)) {
		point := path.Clean(*in.Config.Storage.Filesystems[i].Path)
		about := exec.Description{
			Kind: "unmount", Target: point, Step: "umountFilesystems",
			Doing:   "umounting " + in.outside(point),
			AskedBy: in.origin("storage", "filesystems", i),
			Needs:   []exec.Key{turn()},
		}
		o := &op.Unmount{Path: point}
		ops = append(ops, o)
		about.Provides = []exec.Key{turn()}
		o.About = about
	}
	return ops
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func joined(options []string) string { return strings.Join(options, ",") }
