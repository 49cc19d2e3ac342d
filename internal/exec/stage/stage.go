// Package stage plans: each stage turns a rendered config and the machine as it is
// into operations (package op) for the engine. Stages lists them in boot order; their
// names are the contract with the units of the initramfs.
package stage

import (
	"path"
	"strconv"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Input is what a stage plans from.
type Input struct {
	// Config is rendered, and the base config is merged in.
	Config config.Config
	Root   *sysroot.Root
	// KeysFragment puts ssh keys into authorized_keys.d/ignition.
	KeysFragment bool
	// Report asks for the result file.
	Report bool
	// LookEarly lets the disks stage look for sources that the files stage will fetch.
	LookEarly bool
	// UserConfigProvided is written to it.
	UserConfigProvided bool
	// Events gives the file with the events so far, for the target; nil if none are
	// recorded.
	Events func() (name string, err error)
	// Account is what goes into it besides; nil adds nothing.
	Account op.Account
	// SkipAccounts leaves out users, groups and ssh keys.
	SkipAccounts bool
	// Directory tells that the target is a directory, and no machine is to be changed.
	Directory bool
	// State is what stages tell each other. It is not nil, nor is Machine.
	State *acquire.State
	// Machine is what operations on block devices share.
	Machine *op.Machine
}

// Stage is one part of provisioning.
type Stage struct {
	Name string
	// Acquires tells that the stage gets the config itself instead of reading it from
	// the cache.
	Acquires bool
	// Plan returns the operations; what is impossible is among them. It changes nothing.
	Plan func(*Input) []exec.Operation
	// Undo plans what takes back a stage that has failed; nil leaves everything as it is.
	Undo func(*Input) []exec.Operation
}

// Stages in boot order.
var Stages = []Stage{
	{Name: "fetch-offline", Acquires: true, Plan: nothing},
	{Name: "fetch", Acquires: true, Plan: nothing},
	{Name: "kargs", Plan: planKargs},
	{Name: "disks", Plan: planDisks},
	{Name: "mount", Plan: planMount, Undo: planUmount},
	{Name: "files", Plan: planFiles},
	{Name: "umount", Plan: planUmount},
}

// Find returns a stage by name.
func Find(name string) (Stage, bool) {
	for _, s := range Stages {
		if s.Name == name {
			return s, true
		}
	}
	return Stage{}, false
}

// Names are the names of all stages, in boot order.
func Names() []string {
	names := make([]string, len(Stages))
	for i, s := range Stages {
		names[i] = s.Name
	}
	return names
}

// nothing is the plan of the stages that get the config: having it is all they do.
func nothing(*Input) []exec.Operation { return nil }

// The points in the course of the files stage. Each waits for all before it.
const (
	accountsDone  = "accounts"
	nodesDone     = "nodes"
	hardLinksDone = "hard links"
	unitsDone     = "units"
	presetsDone   = "presets"
	enablingDone  = "enabling"
	volumesDone   = "volumes"
	resultDone    = "result"
	filesDone     = "files"
)

// after lists the points up to and including one.
func after(point string) []exec.Key {
	var keys []exec.Key
	for _, p := range []string{accountsDone, nodesDone, hardLinksDone, unitsDone, presetsDone, enablingDone, volumesDone, resultDone, filesDone} {
		keys = append(keys, exec.MilestoneKey(p))
		if p == point {
			break
		}
	}
	return keys
}

// planFiles plans the files stage: accounts, then directories, files and symbolic
// links, then hard links, then units, then presets, then what LUKS volumes need, then the
// report, then labels. The volumes are finished when all else is.
func planFiles(in *Input) []exec.Operation {
	var ops []exec.Operation
	if !in.SkipAccounts {
		ops = append(ops, planAccounts(in)...)
	}
	nodes := planNodes(in)
	units := planUnits(in)
	nodes.setOurs(units)
	ops = append(append(ops, nodes.ops...), units...)
	ops = append(append(ops, planVolumes(in)...), planArrays(in)...)
	if in.Report {
		ops = append(append(ops, planReport(in)...), planEvents(in)...)
	}
	ops = append(ops, planLabels(in, ops)...)
	if in.Report {
		ops = append(ops, planVolumeEnds(in)...)
	}
	return ops
}

// planLabels plans the SELinux labels of all that the stage makes, for a target that has, or
// will have, a policy. In a directory that is no machine, whoever makes an image of it does
// that.
func planLabels(in *Input, ops []exec.Operation) []exec.Operation {
	if in.Directory {
		return nil
	}
	uses := op.HasSELinux(in.Root)
	made := make([]exec.Key, 0, len(ops))
	for _, o := range ops {
		for _, k := range o.Describe().Provides {
			if path.IsAbs(k.Name) {
				made = append(made, k)
				uses = uses || sysroot.IsBelow(k.Name, "/etc/selinux")
			}
		}
	}
	if !uses || len(ops) == 0 {
		return nil
	}
	l := &op.Labels{About: exec.Description{
		Kind: "labels", Target: "SELinux", Step: "relabelFiles", Doing: "labelling what was made", Needs: append(after(resultDone), made...),
		Provides: []exec.Key{exec.MilestoneKey(filesDone)},
	}}
	for _, k := range made {
		l.Paths = append(l.Paths, k.Name)
	}
	for _, u := range in.Config.Passwd.Users {
		if !isAbsent(u.ShouldExist) {
			l.Users = append(l.Users, u.Name)
			l.About.Needs = append(l.About.Needs, exec.UserKey(u.Name))
		}
	}
	return []exec.Operation{l}
}

// origin is a place in the config.
func (in *Input) origin(steps ...any) exec.Origin {
	return exec.Origin{Path: source.Path{}.At(steps...), Where: in.Config}
}

// item is one item of a list of the config.
func item(list exec.Origin, i int) exec.Origin {
	n := len(list.Path)
	list.Path = append(list.Path[:n:n], source.Step{Index: i, IsIndex: true})
	return list
}

func (in *Input) outside(name string) string { return strconv.Quote(in.Root.Outside(name)) }

// aboves adds all directories above a path to a set, and the path itself.
func aboves(set map[string]bool, name string) {
	for ; name != "/" && name != "." && !set[name]; name = path.Dir(name) {
		set[name] = true
	}
}
