package gpt

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Want is one partition as a config asks for it. What is nil does not matter.
type Want struct {
	Number int // 0: the one with this GUID or Label, else the lowest free number
	// Start and Size are in sectors. 0 means the largest free block: its start, its
	// end. For a new partition nil is as 0.
	Start, Size *uint64
	Label       *string // "" is a label too
	Type, GUID  *GUID
	Absent      bool // the partition should not exist
	Wipe        bool // one that differs may be replaced or deleted
	Resize      bool // one that differs in size only may be resized
}

// String names the partition as the config does.
func (w Want) String() string {
	switch {
	case w.Number != 0:
		return fmt.Sprintf("partition %d", w.Number)
	case w.Label != nil && *w.Label != "":
		return fmt.Sprintf("partition %q", *w.Label)
	}
	return "partition without number"
}

// Action is what happens to one partition.
type Action string

// The actions. None of them touches the data of a partition; Replace and Delete lose
// the way to it, Resize to a smaller size the end of it.
const (
	Keep    Action = "keep"
	Create  Action = "create"
	Resize  Action = "resize"
	Replace Action = "replace"
	Delete  Action = "delete"
)

// Change is what happens to one partition of a disk.
type Change struct {
	Action Action
	Want   int        // which Want asks for it, -1 for a partition that none names
	Before *Partition // nil for Create
	After  *Partition // nil for Delete
}

// ConflictError reports a partition that cannot become what is wanted.
type ConflictError struct {
	Want    int      // index
	Name    string   // partition 9 "ROOT"
	Problem string   // what is in the way
	Differs []string // the attributes that differ: size is 2048 sectors, wanted 4096
	Help    string   // how to get on, may be empty
	Cause   error    // what Problem was made of, may be nil
}

func (e *ConflictError) Error() string {
	text := e.Name + ": " + e.Problem
	if len(e.Differs) > 0 {
		text += ": " + strings.Join(e.Differs, ", ")
	}
	return text
}

func (e *ConflictError) Unwrap() error { return e.Cause }

// Plan makes the table what is wanted and lists what happens to each partition: one
// Change for each partition there is or will be, by number. If all are Keep, the table
// is the old one and need not be written. Random GUIDs come from newGUID, nil for
// RandomGUID. The error is one *ConflictError or several that are joined, all that were
// found; then nothing is to be written.
//
// The rules are those of the original: a number is the identity; one that differs is
// resized, replaced or refused; numbers and places are chosen as sgdisk chooses them
// when it deletes all named partitions and makes them again in order, those without a
// number last. A partition without a number that is already there, found by its GUID or
// label, is that one: the second run changes nothing.
func (t Table) Plan(wants []Want, newGUID func() GUID) (Table, []Change, error) {
	if newGUID == nil {
		newGUID = RandomGUID
	}
	p := planner{old: t, wants: wants, newGUID: newGUID, extents: make([]extent, len(wants)), align: t.alignment()}
	if err := p.identify(); err != nil {
		return t, nil, err
	}
	// First as the table is: a partition that fills it to the end is right although the
	// disk has grown since. Only if there is something to do, the new space counts.
	p.arrange(t, nil)
	kept := map[int]bool{}
	for _, i := range p.order {
		if p.settled(i) {
			kept[i] = true
		}
	}
	// Places are those of sgdisk, for which what stays is not there before its turn; unless
	// something would then be in its place.
	grown := t.grown()
	if len(kept) < len(wants) && (grown.LastUsable() > t.LastUsable() || p.collides()) {
		p.arrange(grown, kept)
	}
	return p.decide(kept)
}

// collides reports whether wants are in each other's way.
func (p *planner) collides() bool {
	return slices.ContainsFunc(p.extents, func(e extent) bool { return e.err != nil })
}

// extent is where a want goes, or why it goes nowhere.
type extent struct {
	block
	err error
}

type planner struct {
	old     Table
	wants   []Want
	newGUID func() GUID
	align   uint64
	numbers []int // by want: its number; 0 if it is absent and has lost its number to another
	order   []int // indices of wants: numbered first, each as in the config
	extents []extent
}

// identify gives each want its number.
func (p *planner) identify() error {
	var conflicts []error
	for i := range p.wants {
		p.order = append(p.order, i)
	}
	sort.SliceStable(p.order, func(i, j int) bool { return p.wants[p.order[i]].Number != 0 && p.wants[p.order[j]].Number == 0 })
	p.numbers = make([]int, len(p.wants))
	owner := map[int]int{} // number → want
	for _, i := range p.order {
		n := p.wants[i].Number
		if n == 0 {
			break
		}
		if _, taken := owner[n]; taken {
			conflicts = append(conflicts, p.conflict(i, nil, "two entries have this number", ""))
			continue
		}
		owner[n], p.numbers[i] = i, n
	}
	claim := func(i, n int) {
		if absent, named := owner[n]; named {
			p.numbers[absent] = 0
		}
		owner[n], p.numbers[i] = i, n
	}
	free := func(n int) bool {
		i, named := owner[n]
		return !named || p.wants[i].Absent
	}
	var fresh []int
	for _, i := range p.order {
		if p.wants[i].Number != 0 {
			continue
		}
		n, err := p.find(i, owner)
		if err != nil {
			conflicts = append(conflicts, err)
			continue
		}
		switch {
		case n != 0:
			claim(i, n)
		case !p.wants[i].Absent:
			fresh = append(fresh, i)
		}
	}
	for _, i := range fresh {
		n := 1
		for _, used := p.old.Partition(n); !free(n) || used && !hasKey(owner, n); _, used = p.old.Partition(n) {
			n++
		}
		if n > p.old.count() {
			conflicts = append(conflicts, p.conflict(i, nil, fmt.Sprintf("all %d entries of the table are taken", p.old.count()), ""))
			continue
		}
		claim(i, n)
	}
	return errors.Join(conflicts...)
}

// find returns the number of the partition that a want without number means, or 0. A
// partition that another want deletes is meant only if it is already as wanted: then
// this want made it in an earlier run.
func (p *planner) find(i int, owner map[int]int) (int, error) {
	w := p.wants[i]
	var found []Partition
	for _, part := range p.old.Partitions() {
		switch {
		case w.GUID != nil && part.GUID != *w.GUID, w.GUID == nil && (w.Label == nil || *w.Label == "" || part.Label != *w.Label):
			continue
		}
		other, named := owner[part.Number]
		if !named || p.wants[other].Absent && p.wants[other].Number != 0 && len(differences(w, part, extent{}, true)) == 0 {
			found = append(found, part)
		}
	}
	if len(found) > 1 {
		exact := slices.DeleteFunc(slices.Clone(found), func(part Partition) bool { return len(differences(w, part, extent{}, true)) > 0 })
		if len(exact) != 1 {
			return 0, p.conflict(i, nil, fmt.Sprintf("%s and %s both have this label", found[0], found[1]), "give the number of the one that is meant")
		}
		found = exact
	}
	if len(found) == 0 {
		return 0, nil
	}
	return found[0].Number, nil
}

// arrange finds the sectors of each want in a table that has none of those that are
// named, except the kept ones.
func (p *planner) arrange(t Table, kept map[int]bool) {
	t.mbr = make(mbr, len(t.mbr)) // this is only a draft
	for _, i := range p.order {
		if _, used := t.Partition(p.numbers[i]); used && !kept[i] {
			t, _ = t.Delete(p.numbers[i])
		}
	}
	for _, i := range p.order {
		w, n := p.wants[i], p.numbers[i]
		if w.Absent || kept[i] {
			continue
		}
		start, size := value(w.Start), value(w.Size)
		if existing, used := p.old.Partition(n); used && !w.Wipe {
			if w.Start == nil {
				start = existing.First
			}
			if w.Size == nil {
				size = existing.Sectors()
			}
		}
		b, err := t.place(start, size, p.align)
		p.extents[i] = extent{b, err}
		if err == nil {
			// The GUID must only differ from all others.
			t, _ = t.Create(Partition{Number: n, Type: LinuxFilesystem, GUID: GUID{byte(n), byte(n >> 8), 0xff}, First: b.first, Last: b.last})
		}
	}
}

// settled says that nothing is to be done for a want.
func (p *planner) settled(i int) bool {
	part, used := p.old.Partition(p.numbers[i])
	if p.wants[i].Absent {
		return !used
	}
	return used && len(differences(p.wants[i], part, p.extents[i], false)) == 0
}

// differences are the attributes in which a partition is not what is wanted. With
// loose, a start or size of 0 is any.
func differences(w Want, part Partition, e extent, loose bool) []string {
	var d []string
	sectors := func(what string, want *uint64, have, resolved uint64) {
		switch {
		case want == nil, *want == have, *want == 0 && (loose || e.err == nil && resolved == have):
		case *want != 0:
			d = append(d, fmt.Sprintf("%s is %d sectors, wanted %d", what, have, *want))
		case e.err != nil:
			d = append(d, fmt.Sprintf("%s is %d sectors, wanted that of the largest free block (%v)", what, have, e.err))
		default:
			d = append(d, fmt.Sprintf("%s is %d sectors, wanted that of the largest free block, %d", what, have, resolved))
		}
	}
	sectors("start", w.Start, part.First, e.first)
	sectors(sizeAttribute, w.Size, part.Sectors(), e.last-e.first+1)
	if w.Label != nil && *w.Label != part.Label {
		d = append(d, fmt.Sprintf("label is %q, wanted %q", part.Label, *w.Label))
	}
	if w.Type != nil && *w.Type != part.Type {
		d = append(d, fmt.Sprintf("type is %s, wanted %s", part.Type, *w.Type))
	}
	if w.GUID != nil && *w.GUID != part.GUID {
		d = append(d, fmt.Sprintf("GUID is %s, wanted %s", part.GUID, *w.GUID))
	}
	return d
}

// sizeAttribute begins the difference that Want.Resize allows.
const sizeAttribute = "size"

// decide applies the table of decisions and makes the new table.
func (p *planner) decide(kept map[int]bool) (Table, []Change, error) {
	changes := make([]Change, 0, len(p.wants))
	var conflicts []error
	t := p.old
	for _, i := range p.order {
		w, n := p.wants[i], p.numbers[i]
		part, used := p.old.Partition(n)
		var c Change
		switch d := differences(w, part, p.extents[i], false); {
		case w.Absent && !used:
			continue
		case w.Absent && w.Wipe:
			c = Change{Action: Delete, Before: &part}
		case w.Absent:
			conflicts = append(conflicts, p.conflict(i, nil, "it exists and should not", "allow its deletion with wipePartitionEntry"))
			continue
		case !used:
			c = Change{Action: Create}
		case kept[i] || len(d) == 0:
			c = Change{Action: Keep, Before: &part, After: &part}
		case len(d) == 1 && strings.HasPrefix(d[0], sizeAttribute) && w.Resize && !w.Wipe:
			c = Change{Action: Resize, Before: &part}
		case w.Wipe:
			c = Change{Action: Replace, Before: &part}
		default:
			err := p.conflict(i, nil, "it exists and differs", "change the config, or allow to replace it with wipePartitionEntry")
			err.Differs = d
			conflicts = append(conflicts, err)
			continue
		}
		c.Want = i
		if c.After == nil && c.Action != Delete {
			if err := p.extents[i].err; err != nil {
				conflicts = append(conflicts, p.conflict(i, err, err.Error(), ""))
				continue
			}
		}
		changes = append(changes, c)
	}
	if conflicts != nil {
		return p.old, nil, errors.Join(conflicts...)
	}
	if !slices.ContainsFunc(changes, func(c Change) bool { return c.Action != Keep }) {
		return p.old, p.complete(changes), nil
	}
	t, err := p.apply(t.grown(), changes)
	if err != nil {
		return p.old, nil, err
	}
	return t, p.complete(changes), nil
}

// apply makes the new table and fills in what the partitions become: first room is
// made, then it is taken in order.
func (p *planner) apply(t Table, changes []Change) (Table, error) {
	var err error
	fail := func(c Change) error {
		cause := err
		if named := errors.Unwrap(err); named != nil {
			cause = named // the name of the partition comes before it again
		}
		return p.conflict(c.Want, err, cause.Error(), "")
	}
	for _, c := range changes {
		switch {
		case c.Action == Delete || c.Action == Replace:
			t, err = t.Delete(c.Before.Number)
		case c.Action == Resize && p.size(c) < c.Before.Sectors():
			t, err = t.Resize(c.Before.Number, p.size(c))
		}
		if err != nil {
			return t, fail(c)
		}
	}
	for i, c := range changes {
		switch c.Action {
		case Resize:
			t, err = t.Resize(c.Before.Number, p.size(c))
		case Create, Replace:
			t, err = t.Create(p.partition(c.Want))
		default:
			continue
		}
		if err != nil {
			return t, fail(c)
		}
		after, _ := t.Partition(p.numbers[c.Want])
		changes[i].After = &after
	}
	return t, nil
}

func (p *planner) size(c Change) uint64 {
	e := p.extents[c.Want]
	return e.last - e.first + 1
}

// partition is what a want looks like when it is made.
func (p *planner) partition(i int) Partition {
	w, e := p.wants[i], p.extents[i]
	part := Partition{Number: p.numbers[i], Type: LinuxFilesystem, First: e.first, Last: e.last}
	if w.Type != nil {
		part.Type = *w.Type
	}
	if w.Label != nil {
		part.Label = *w.Label
	}
	if w.GUID != nil {
		part.GUID = *w.GUID
	} else {
		part.GUID = p.newGUID()
	}
	return part
}

// complete adds the partitions that nobody names, and orders by number.
func (p *planner) complete(changes []Change) []Change {
	for _, part := range p.old.Partitions() {
		if !slices.ContainsFunc(changes, func(c Change) bool { return c.Before != nil && c.Before.Number == part.Number }) {
			changes = append(changes, Change{Action: Keep, Want: -1, Before: &part, After: &part})
		}
	}
	sort.SliceStable(changes, func(i, j int) bool { return changes[i].Number() < changes[j].Number() })
	return changes
}

// Number is that of the partition.
func (c Change) Number() int {
	if c.After != nil {
		return c.After.Number
	}
	return c.Before.Number
}

func (p *planner) conflict(i int, cause error, problem, help string) *ConflictError {
	name := p.wants[i].String()
	if part, used := p.old.Partition(p.numbers[i]); used {
		name = part.String()
	} else if w := p.wants[i]; w.Label != nil {
		name = Partition{Number: w.Number, Label: *w.Label}.String()
		if w.Number == 0 {
			name = w.String()
		}
	}
	return &ConflictError{Want: i, Name: name, Problem: problem, Help: help, Cause: cause}
}

func value(p *uint64) uint64 {
	if p == nil {
		return 0
	}
	return *p
}

func hasKey(m map[int]int, k int) bool {
	_, has := m[k]
	return has
}
