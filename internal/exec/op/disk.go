package op

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/blockdev"
	"github.com/kindling-boot/kindling/internal/blockdev/gpt"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
)

// kpartxCmd makes the partitions of device-mapper devices (multipath).
const kpartxCmd = "kpartx"

// host is this machine.
var host blockdev.Host

// Disk is the partition table of a disk.
type Disk struct {
	About exec.Description
	On    *Machine
	Want  types.Disk

	once sync.Once
	seen diskSight
}

// diskSight is a disk before anything is changed.
type diskSight struct {
	node  string
	made  bool // it is not there yet
	state tableState
	err   error
}

// Describe implements exec.Operation.
func (o *Disk) Describe() *exec.Description { return &o.About }

// tableState is what a disk is and must become.
type tableState struct {
	before, after gpt.Table
	had           bool // there was a table
	wipe          bool // what is there goes
	tell          bool // the kernel may not know the table
	changes       []gpt.Change
	users         []blockdev.User
	found         sight.Signature // on the disk as a whole, without a table
	size          int64           // bytes
}

// isKept reports whether there is nothing to do.
func (s *tableState) isKept() bool { return !s.wipe && !s.tell && !s.writes() }

// writes reports whether there is a new table to write.
func (s *tableState) writes() bool {
	for _, c := range s.changes {
		if c.Action != gpt.Keep {
			return true
		}
	}
	return false
}

// Check implements exec.Operation.
func (o *Disk) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{Action: exec.Change}
	d := o.early(ctx, env)
	if d.node != "" {
		if err := o.On.claim("disk", d.node, o.Want.Device); err != nil {
			return f, err
		}
	}
	if d.err != nil || d.made {
		return f, d.err
	}
	s, node := &d.state, d.node
	f.Details = s.lines()
	switch {
	case s.isKept():
		f.Action = exec.Keep
		f.Details = nil
	case s.wipe:
		f.Action = exec.Replace
	case !s.had:
		f.Action = exec.Create
	}
	f.Destroys = s.lost()
	if !s.isKept() && !s.wipe {
		for _, problem := range s.before.Problems() {
			f.Warnings = append(f.Warnings, problem+"; it is repaired")
		}
	}
	if env.Detailed {
		f.Disk = o.drawing(node, s)
	}
	if f.Action != exec.Keep {
		return f, o.On.checkWritable(node)
	}
	return f, nil
}

// keeps implements keeper: the disk as a whole has on it what it had.
func (o *Disk) keeps(ctx context.Context, env *exec.Env) bool {
	d := o.early(ctx, env)
	return d.err == nil && !d.made && d.state.isKept()
}

// early looks at the disk before anything is changed, once for all who ask. Some are made
// first: arrays with partitions.
func (o *Disk) early(ctx context.Context, env *exec.Env) *diskSight {
	o.once.Do(func() {
		d := &o.seen
		if len(o.About.Needs) > 0 {
			d.node, d.made, d.err = o.On.find(ctx, env, &o.About, o.Want.Device)
		} else {
			d.node, d.err = o.On.node(ctx, env, o.Want.Device)
		}
		if d.err == nil && !d.made {
			d.state, d.err = o.inspect(d.node)
		}
	})
	return &o.seen
}

// inspect compares the table with what is wanted.
func (o *Disk) inspect(node string) (s tableState, err error) {
	if !isTrue(o.Want.WipeTable) && len(o.Want.Partitions) == 0 {
		return s, nil
	}
	work, begun := o.On.State.Work(tableOf(node))
	s.tell = begun && !work.Done
	see := o.On.sight()
	size, sector, err := see.Size(node)
	if err != nil {
		return s, err
	}
	s.size = size
	s.before, err = see.Table(node)
	s.had = err == nil
	s.wipe = isTrue(o.Want.WipeTable) && !(begun && work.Done && (s.had && work.Result == s.before.DiskGUID().String() || errors.Is(err, gpt.ErrNone) && work.Result == noTable))
	var corrupt *gpt.CorruptError
	switch {
	case s.wipe || errors.Is(err, gpt.ErrNone):
		if s.found, err = see.Signature(node); err != nil {
			return s, err
		}
		if s.found.Format != "" && !s.wipe && !s.tell && wantsAny(o.Want) {
			return s, exec.WithHelp(fmt.Errorf("%w: %s, without a partition table", errOther, s.found), "set wipeTable: true to replace it")
		}
		s.after, err = gpt.New(size, sector, gpt.RandomGUID(), nil)
		if err != nil {
			return s, err
		}
	case errors.Is(err, gpt.ErrMBR), errors.As(err, &corrupt):
		return s, exec.WithHelp(err, "set wipeTable: true to replace the table")
	case err != nil:
		return s, err
	default:
		s.after = s.before
	}
	if err := o.plan(&s); err != nil {
		return s, err
	}
	if s.isKept() {
		return s, nil
	}
	return s, o.checkUsers(node, &s)
}

// wantsAny reports whether any partition should be there.
func wantsAny(d types.Disk) bool {
	for _, p := range d.Partitions {
		if p.ShouldExist == nil || *p.ShouldExist {
			return true
		}
	}
	return false
}

// plan finds the new table.
func (o *Disk) plan(s *tableState) error {
	wants := make([]gpt.Want, len(o.Want.Partitions))
	for i := range o.Want.Partitions {
		w, err := wantOf(s.after, &o.Want.Partitions[i])
		if err != nil {
			return err
		}
		wants[i] = w
	}
	after, changes, err := s.after.Plan(wants, nil)
	if err != nil {
		return inOne(err)
	}
	s.after, s.changes = after, changes
	return nil
}

// inOne makes one error with one advice of all conflicts of a table.
func inOne(err error) error {
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	var texts, helps []string
	for _, e := range all {
		texts = append(texts, e.Error())
		var conflict *gpt.ConflictError
		if errors.As(e, &conflict) && conflict.Help != "" && !slices.Contains(helps, conflict.Help) {
			helps = append(helps, conflict.Help)
		}
	}
	if len(all) > 1 {
		err = fmt.Errorf("%d conflicts: %s", len(all), strings.Join(texts, "; "))
	}
	if helps == nil {
		return err
	}
	return exec.WithHelp(err, strings.Join(helps, "; "))
}

// wantOf translates an entry of the config.
func wantOf(t gpt.Table, p *types.Partition) (w gpt.Want, err error) {
	w = gpt.Want{
		Number: p.Number, Label: p.Label, Absent: p.ShouldExist != nil && !*p.ShouldExist,
		Wipe: isTrue(p.WipePartitionEntry), Resize: isTrue(p.Resize),
		Start: sectors(t, p.StartMiB), Size: sectors(t, p.SizeMiB),
	}
	for _, g := range []struct {
		text *string
		into **gpt.GUID
	}{{p.TypeGUID, &w.Type}, {p.GUID, &w.GUID}} {
		if deref(g.text) == "" {
			continue
		}
		guid, err := gpt.ParseGUID(*g.text)
		if err != nil {
			return w, err
		}
		*g.into = &guid
	}
	return w, nil
}

func sectors(t gpt.Table, mib *int) *uint64 {
	if mib == nil {
		return nil
	}
	n := t.SectorsOfMiB(uint64(max(*mib, 0)))
	return &n
}

// checkUsers refuses to change what somebody works with. Others on the same disk may go on
// with theirs.
func (o *Disk) checkUsers(node string, s *tableState) error {
	var err error
	if s.users, err = o.On.sight().DiskUsers(node); err != nil {
		return err
	}
	var in []blockdev.User
	for _, u := range s.users {
		changed := s.wipe || u.Number == 0
		for _, c := range s.changes {
			changed = changed || c.Action != gpt.Keep && c.Before != nil && c.Before.Number == u.Number
		}
		if changed {
			in = append(in, u)
		}
	}
	if in == nil {
		return nil
	}
	return exec.WithHelp(fmt.Errorf("%w: %s", errInUse, namesOf(in)), "unmount it, or stop what holds it")
}

// tableOf is the name of the work on the table of a disk.
func tableOf(node string) string { return identity(node) + "#table" }

// noTable is the result of wiping a table and making no partition.
const noTable = "none"

// Apply implements exec.Operation.
func (o *Disk) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	node, err := o.On.node(ctx, env, o.Want.Device)
	if err != nil {
		return out, err
	}
	if err := o.On.claim("disk", node, o.Want.Device); err != nil {
		return out, err
	}
	s, err := o.inspect(node)
	if err != nil || s.isKept() {
		return out, err
	}
	work := acquire.Work{What: "partition table"}
	if err := o.On.State.SetWork(tableOf(node), work); err != nil {
		return out, err
	}
	known, err := o.write(ctx, env, node, &s)
	if err != nil {
		return out, err
	}
	if err := o.settle(ctx, env, node, &s, known); err != nil {
		return out, err
	}
	if err := o.On.stopOldArrays(ctx, env, o.fresh(node, &s)); err != nil {
		return out, err
	}
	work.Done, work.Result = true, noTable
	if s.had && !s.wipe || s.writes() {
		work.Result = s.after.DiskGUID().String()
	}
	return out, o.On.State.SetWork(tableOf(node), work)
}

// write changes the disk, and tells the kernel. It returns the partitions that the kernel
// knew before.
func (o *Disk) write(ctx context.Context, env *exec.Env, node string, s *tableState) (known []blockdev.Part, err error) {
	known, err = writeTable(ctx, node, s)
	if !errors.Is(err, blockdev.ErrMapper) {
		return known, err
	}
	// the disk is closed now: partitions of device-mapper cannot be made of what we hold
	if _, err := run.Find(kpartxCmd); err != nil {
		return known, nil //nolint:nilerr // then rules of udev do it
	}
	_, err = env.Run(ctx, run.Command{Name: kpartxCmd, Args: []string{"-u", node}})
	return known, err
}

// writeTable does that for disks whose partitions are the kernel's. For the others, the error
// is blockdev.ErrMapper when the table is written.
func writeTable(ctx context.Context, node string, s *tableState) (known []blockdev.Part, err error) {
	mode := blockdev.Writing
	if len(s.users) > 0 {
		mode = blockdev.SharedWriting
	}
	var d *blockdev.Device
	err = retryBusy(ctx, func() error { d, err = host.Open(node, mode, 0); return err }) // udev may be looking at it
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.File.Close()) }()
	if s.wipe {
		if _, err := d.Zap(); err != nil {
			return nil, err
		}
	}
	if s.writes() {
		if err := s.after.Write(d.File); err != nil {
			return nil, err
		}
	}
	known = host.Partitions(d.Node)
	// udev may be looking at a partition that has to go
	return known, retryBusy(ctx, func() error { return host.TellKernel(d, s.after) })
}

// settle waits until each partition has its node and its links. New partitions have events
// of the kernel, for which later events of the disk wait (systemd, udevd.c,
// event_is_blocked()); others have none and get one.
func (o *Disk) settle(ctx context.Context, env *exec.Env, node string, s *tableState, known []blockdev.Part) error {
	n, err := host.Resolve(node)
	if err != nil {
		return err
	}
	nodes := []string{node}
	for _, p := range s.after.Partitions() {
		part, err := o.On.node(ctx, env, host.PartitionPath(n, p.Number))
		if err != nil {
			return fmt.Errorf("wait for %s: %w", p, err)
		}
		start := p.First * uint64(s.after.SectorSize()) / 512
		wasThere := slices.ContainsFunc(known, func(k blockdev.Part) bool { return k.Number == p.Number && k.Start == start })
		if s.tell || wasThere && s.isNew(p.Number) {
			nodes = append(nodes, part)
		}
	}
	return settle(ctx, nodes...)
}

// isNew reports whether the entry of a partition is another than before.
func (s *tableState) isNew(number int) bool {
	return s.wipe || slices.ContainsFunc(s.changes, func(c gpt.Change) bool {
		return c.Action != gpt.Keep && c.After != nil && c.After.Number == number
	})
}

// fresh are the nodes of the partitions that are new.
func (o *Disk) fresh(node string, s *tableState) []string {
	n, err := host.Resolve(node)
	if err != nil {
		return nil // it was there a moment ago, and somebody will say that it is gone
	}
	var out []string
	for _, c := range s.changes {
		if c.Action != gpt.Create && c.Action != gpt.Replace {
			continue
		}
		if part, err := o.On.sight().Node(host.PartitionPath(n, c.After.Number)); err == nil {
			out = append(out, part)
		}
	}
	return out
}

// lines describe the table before and after, a line for each partition.
func (s *tableState) lines() []string {
	var out []string
	if s.wipe {
		what := s.found.String()
		if s.had {
			what = fmt.Sprintf("the table with %d partitions", len(s.before.Partitions()))
		}
		if what != "" {
			out = append(out, wipes+what)
		}
	}
	if s.tell {
		out = append(out, "a former run was interrupted")
	}
	mib := func(n uint64) string {
		return strings.TrimSuffix(fmt.Sprintf("%.2f", float64(n)*float64(s.after.SectorSize())/(1<<20)), ".00") + " MiB"
	}
	for _, c := range s.changes {
		line := fmt.Sprintf("%-7s %s:", actionWord(c.Action), nameOf(c))
		if c.Before != nil {
			line += fmt.Sprintf(" %s from %s", mib(c.Before.Sectors()), mib(c.Before.First))
		}
		if c.After != nil && c.Action != gpt.Keep {
			if c.Before != nil {
				line += ", then"
			}
			line += fmt.Sprintf(" %s from %s", mib(c.After.Sectors()), mib(c.After.First))
		}
		out = append(out, line)
	}
	return out
}

// actionWord shouts where the way to data is lost.
func actionWord(a gpt.Action) string {
	if a == gpt.Replace || a == gpt.Delete {
		return "WIPE"
	}
	return string(a)
}

func nameOf(c gpt.Change) string {
	if c.After != nil {
		return c.After.String()
	}
	return c.Before.String()
}

// lost names the partitions whose data cannot be reached any more.
func (s *tableState) lost() []string {
	var out []string
	if s.wipe && s.had {
		for _, p := range s.before.Partitions() {
			out = append(out, p.String())
		}
		return out
	}
	if s.wipe && s.found.Format != "" {
		return []string{s.found.String()}
	}
	for _, c := range s.changes {
		if losesData(c) {
			out = append(out, c.Before.String())
		}
	}
	return out
}
