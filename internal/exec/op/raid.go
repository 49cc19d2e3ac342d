package op

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
)

const mdadmCmd = "mdadm"

// raidNames are the ways to write a level, by the one that mdadm reports.
var raidNames = map[string]string{
	"0": "raid0", "stripe": "raid0", "1": "raid1", "mirror": "raid1", "4": "raid4", "5": "raid5", "6": "raid6", "10": "raid10",
}

// RAID is an array of block devices, running.
type RAID struct {
	About exec.Description
	On    *Machine
	Want  types.Raid
	// Wipe are the members whose content the config allows to destroy: those on a disk
	// whose table is wiped, or on a partition that may be.
	Wipe map[string]bool
}

// RAIDDevice is the device of an array.
func RAIDDevice(name string) string {
	if strings.HasPrefix(name, "/dev") {
		return name
	}
	return "/dev/md/" + name
}

// Describe implements exec.Operation.
func (o *RAID) Describe() *exec.Description { return &o.About }

func (o *RAID) device() string { return RAIDDevice(o.Want.Name) }

func (o *RAID) level() string {
	if l, ok := raidNames[deref(o.Want.Level)]; ok {
		return l
	}
	return deref(o.Want.Level)
}

func (o *RAID) spares() int {
	if o.Want.Spares == nil {
		return 0
	}
	return *o.Want.Spares
}

const helpMembers = "erase the members (wipefs -a), or let the config wipe them: wipeTable of the disk, wipePartitionEntry of the partition"

// raidState is what an array is and must become.
type raidState struct {
	create, assemble bool
	reason           string
	missing          []string // members that it runs without
}

// Check implements exec.Operation.
func (o *RAID) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{Action: exec.Create, Details: []string{o.level(), strconv.Itoa(len(o.Want.Devices)) + " devices"}}
	if o.spares() > 0 {
		f.Details = append(f.Details, strconv.Itoa(o.spares())+" of them spares")
	}
	tools := errors.Join(needTool(env, mdadmCmd), needTool(env, wipefsCmd))
	nodes, made, err := o.members(ctx, env, true)
	if made {
		err = o.checkFormer(ctx, env)
	}
	if err = errors.Join(err, tools); err != nil || made {
		return f, err
	}
	s, err := o.inspect(ctx, env, nodes)
	switch {
	case err != nil:
		return f, err
	case s.assemble:
		f.Action = exec.Change
		f.Details = append(f.Details, "start it")
	case s.missing != nil:
		f.Action = exec.Change
		f.Details = append(f.Details, "it runs without "+strings.Join(s.missing, ", ")+": add them")
		return f, nil
	case !s.create:
		f.Action = exec.Keep
	default:
		if s.reason != "" {
			f.Action = exec.Replace
			f.Details = append(f.Details, s.reason)
			f.Destroys = lost(s.reason)
		}
		if err := o.On.checkHeldByArrays(nodes); err != nil {
			return f, fmt.Errorf("member %w", err)
		}
	}
	return f, nil
}

// checkFormer looks at what lies where members will be made.
func (o *RAID) checkFormer(ctx context.Context, env *exec.Env) error {
	var errs []error
	for _, d := range o.Want.Devices {
		if o.Wipe[d] {
			continue
		}
		if err := o.On.checkFormer(ctx, env, d, func(is sight.Signature) bool { return is.Format == "linux_raid_member" }, helpMembers); err != nil {
			errs = append(errs, fmt.Errorf("member %s: %w", d, err))
		}
	}
	return errors.Join(errs...)
}

// members returns the nodes of the members. Made is true if some are not what they will be.
func (o *RAID) members(ctx context.Context, env *exec.Env, early bool) (nodes []string, made bool, err error) {
	var errs []error
	for _, d := range o.Want.Devices {
		node, later, err := "", false, error(nil)
		if early {
			node, later, err = o.On.find(ctx, env, &o.About, d)
		} else {
			node, err = o.On.node(ctx, env, d)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("member %s: %w", d, err))
		}
		made = made || later
		nodes = append(nodes, node)
	}
	if errs == nil && !made {
		sorted := slices.Sorted(slices.Values(nodes))
		if len(slices.Compact(sorted)) < len(nodes) {
			errs = append(errs, errors.New("two members are the same device"))
		}
	}
	return nodes, made, errors.Join(errs...)
}

// keeps implements keeper.
func (o *RAID) keeps(ctx context.Context, env *exec.Env) bool {
	nodes, made, err := o.members(ctx, env, true)
	if err != nil || made {
		return false
	}
	s, err := o.inspect(ctx, env, nodes)
	return err == nil && !s.create
}

// inspect compares what is on the members with what is wanted.
func (o *RAID) inspect(ctx context.Context, env *exec.Env, nodes []string) (s raidState, err error) {
	member := make([]map[string]string, len(nodes)) // what mdadm says about each; nil without a superblock
	empty := 0
	var other, begun []string
	for i, n := range nodes {
		is, err := o.On.sight().Signature(n)
		if err != nil {
			return s, err
		}
		if work, ok := o.On.work(n); ok && !work.Done {
			begun = append(begun, work.What)
		}
		switch {
		case is.Format == "":
			empty++
		case is.Format == "linux_raid_member":
			if member[i], err = o.On.sight().Member(ctx, env.Run, n); err != nil {
				return s, err
			}
		}
		if is.Format != "" && !o.Wipe[o.Want.Devices[i]] {
			other = append(other, fmt.Sprintf("%s on %s", is, o.Want.Devices[i]))
		}
	}
	switch {
	case len(begun) > 0:
		return raidState{create: true, reason: "the making of " + begun[0] + " was interrupted"}, nil
	case o.isArray(member):
		if !o.runs(ctx, env) {
			return raidState{assemble: true}, nil
		}
		return raidState{missing: o.missing(nodes)}, nil
	case empty == len(nodes):
		return raidState{create: true}, nil
	case o.neverStarted(member, empty):
		return raidState{create: true, reason: "the array was never completed"}, nil
	case len(other) == 0:
		return raidState{create: true, reason: wipes + "what is on the members"}, nil
	}
	return s, exec.WithHelp(fmt.Errorf("%w, and not this array: %s", errOther, strings.Join(other, ", ")), helpMembers)
}

// isOurs reports whether a superblock is of an array like the wanted one.
func (o *RAID) isOurs(m map[string]string) bool {
	name := m["MD_NAME"] // [HOST:]NAME
	if i := strings.LastIndexByte(name, ':'); i >= 0 {
		name = name[i+1:]
	}
	return m["MD_LEVEL"] == o.level() && m["MD_DEVICES"] == strconv.Itoa(len(o.Want.Devices)-o.spares()) && name == path.Base(o.device())
}

// isArray reports whether the members are those of the wanted array, and all of them.
func (o *RAID) isArray(member []map[string]string) bool {
	for _, m := range member {
		if m == nil || !o.isOurs(m) || m["MD_UUID"] != member[0]["MD_UUID"] {
			return false
		}
	}
	return true
}

// neverStarted reports whether the machine lost its power while mdadm wrote superblocks:
// an array that has run has counted events.
func (o *RAID) neverStarted(member []map[string]string, empty int) bool {
	found := 0
	for _, m := range member {
		if m == nil {
			continue
		}
		if !o.isOurs(m) || m["MD_EVENTS"] != "0" {
			return false
		}
		found++
	}
	return found > 0 && found+empty == len(member)
}

// missing are the members that the array runs without: after a loss of power the kernel takes
// none that is behind the others, and mdadm none that a rule of udev looks at.
func (o *RAID) missing(nodes []string) (out []string) {
	array, err := o.On.sight().Node(o.device())
	if err != nil {
		return nil
	}
	members := o.On.sight().MadeOf(array)
	for _, n := range nodes {
		if !slices.Contains(members, n) {
			out = append(out, n)
		}
	}
	return out
}

// runs reports whether the array is there.
func (o *RAID) runs(ctx context.Context, env *exec.Env) bool {
	array := o.On.sight().Array(ctx, env.Run, o.device())
	return array != nil && o.isOurs(array)
}

// Apply implements exec.Operation.
func (o *RAID) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	nodes, _, err := o.members(ctx, env, false)
	if err != nil {
		return out, err
	}
	s, err := o.inspect(ctx, env, nodes)
	switch {
	case err != nil:
		return out, err
	case s.assemble:
		if err := o.assemble(ctx, env, nodes); err != nil {
			return out, err
		}
	case s.create:
		if err := o.create(ctx, env, nodes, s.reason == ""); err != nil {
			return out, err
		}
	case s.missing == nil:
		return out, nil
	}
	if missing := o.missing(nodes); missing != nil && !s.create {
		args := append([]string{"--manage", o.device(), "--add"}, missing...)
		if _, err := env.Run(ctx, run.Command{Name: mdadmCmd, Args: args}); err != nil {
			return out, err
		}
	}
	return out, o.verify(ctx, env, nodes)
}

// assemble starts an array that is there. A rule of udev may have a member at that moment, to
// start the array itself (mdadm --incremental): an array that was started without it would be
// degraded for good, so only after a while is started what is there.
func (o *RAID) assemble(ctx context.Context, env *exec.Env, nodes []string) error {
	for deadline := time.Now().Add(busyTime); ; time.Sleep(pollPause) {
		if o.runs(ctx, env) && o.missing(nodes) == nil {
			return nil // udev was faster
		}
		if err := o.release(ctx, env, nodes); err != nil { // it runs under another name, or in part
			return err
		}
		args, isLast := append([]string{"--assemble", o.device()}, nodes...), !time.Now().Before(deadline)
		if isLast {
			args = append(args, "--run") // also if there are fewer than the last time
		}
		_, err := env.Run(ctx, run.Command{Name: mdadmCmd, Args: args})
		if err == nil || isLast || ctx.Err() != nil {
			return err
		}
	}
}

func (o *RAID) create(ctx context.Context, env *exec.Env, nodes []string, areEmpty bool) error {
	if err := o.release(ctx, env, nodes); err != nil {
		return err
	}
	for _, n := range nodes {
		if err := o.On.begin(n, "RAID "+o.Want.Name); err != nil {
			return err
		}
		if areEmpty {
			continue
		}
		if err := wipe(ctx, env, n); err != nil {
			return err
		}
	}
	args := []string{
		// a bare name is also looked for in the current directory, where var or home may be
		"--create", RAIDDevice(o.Want.Name), "--force", "--run", "--homehost", "any", "--level", deref(o.Want.Level),
		"--raid-devices", strconv.Itoa(len(nodes) - o.spares()),
	}
	if o.spares() > 0 {
		args = append(args, "--spare-devices", strconv.Itoa(o.spares()))
	}
	_, err := env.Run(ctx, run.Command{Name: mdadmCmd, Args: append(append(args, o.Want.Options...), nodes...), Limit: limitWith(o.Want.Options)})
	return err
}

// release stops what holds the members: an array that an interrupted run, or udev, has left.
func (o *RAID) release(ctx context.Context, env *exec.Env, nodes []string) error {
	if err := o.On.checkHeldByArrays(nodes); err != nil {
		return err
	}
	return o.On.stopArrays(ctx, env, nodes)
}

// verify looks whether the array runs, and only then takes it for done.
func (o *RAID) verify(ctx context.Context, env *exec.Env, nodes []string) error {
	node, err := o.On.node(ctx, env, o.device())
	if err != nil {
		return err
	}
	o.On.touch(node)
	if !o.runs(ctx, env) {
		return errors.New("the array that runs is not the wanted one")
	}
	for _, n := range nodes {
		if err := o.On.finish(n, "RAID "+o.Want.Name, o.Want.Name); err != nil {
			return err
		}
	}
	return nil
}
