// Package exec is the engine: it takes the operations that a stage has planned
// (package stage) and checks, orders and runs them. An Operation (package op) is the
// only way to change a machine.
//
// Engine.Plan looks at everything and changes nothing; Engine.Run does the same,
// refuses with all conflicts at once, and then carries out what is needed. Work that
// does not depend on each other runs in parallel; the report is in the order of the
// plan, the same on every run. Everything that happens is an Event, and journal,
// console and files are readers of that one stream.
//
// Run may be interrupted at any point and started again: every operation checks what
// is there, and puts its result in place in one step.
package exec

import (
	"context"
	"strconv"

	"github.com/kindling-boot/kindling/config/source"
)

// Operation is one thing to do to the machine.
type Operation interface {
	// Describe tells what the operation is about. It is called before anything else
	// and always returns the same.
	Describe() *Description
	// Check compares what is there with what is wanted and changes nothing. An error
	// is a conflict: the operation cannot or must not be carried out.
	Check(ctx context.Context, env *Env) (Finding, error)
	// Apply makes it so, whatever Check has found: what it depends on may have
	// changed since.
	Apply(ctx context.Context, env *Env) (Outcome, error)
}

// Description is what an operation is about.
type Description struct {
	// Kind of what is changed, in words: file, ssh keys.
	Kind string
	// Target is its name or path on the machine.
	Target string
	// Step is the part of the stage, for the log: createFilesystems: createFiles.
	Step string
	// Doing says what happens, for the log, up to the path: writing file.
	Doing string
	// Outside is the path outside the root that it happens to, or nothing.
	Outside string
	// AskedBy is the place in the config.
	AskedBy Origin
	// Needs are the keys whose providers come first. Keys without a provider do not
	// matter. What provides a path also needs the providers of the paths above it.
	Needs []Key
	// Fetches tells that Check and Apply wait for the network: many such operations run
	// at the same time.
	Fetches bool
	// Provides are the keys that exist after the operation.
	Provides []Key
}

// AppendSentence adds what happens to a text, for the log: writing file "/sysroot/etc/motd".
func (d *Description) AppendSentence(to []byte) []byte {
	to = append(to, d.Doing...)
	if d.Outside != "" {
		to = strconv.AppendQuote(append(to, ' '), d.Outside)
	}
	return to
}

// Origin is the part of a config that asks for an operation.
type Origin struct {
	Path source.Path
	// Where finds places of paths; nil if nothing is known.
	Where source.Locator
}

// String writes the origin as people know it: storage.files[0] (config.ign:11:15).
func (o Origin) String() string {
	if at := o.Place(); at != "" {
		return o.Path.String() + " (" + at + ")"
	}
	return o.Path.String()
}

// Place is the place in the text, NAME:LINE:COLUMN, or nothing.
func (o Origin) Place() string {
	if o.Where == nil {
		return ""
	}
	at, _ := o.Where.Locate(o.Path)
	return at.String()
}

// Key is something that operations provide and need.
type Key struct{ Space, Name string }

// The spaces of keys.
const (
	spacePath      = "path"
	spaceUser      = "user"
	spaceGroup     = "group"
	spaceDevice    = "device"
	spaceMilestone = "milestone"
)

// PathKey is an entry of the target root, by its resolved path.
func PathKey(path string) Key { return Key{spacePath, path} }

// UserKey is a user of the target.
func UserKey(name string) Key { return Key{spaceUser, name} }

// GroupKey is a group of the target.
func GroupKey(name string) Key { return Key{spaceGroup, name} }

// DeviceKey is a block device of the machine, by a path that leads to it. The empty path
// stands for any device that nobody names.
func DeviceKey(path string) Key { return Key{spaceDevice, path} }

// MilestoneKey is a point in the course of a stage: it is reached when all
// operations that provide it are done.
func MilestoneKey(name string) Key { return Key{spaceMilestone, name} }

// Action is what an operation does to its target.
type Action uint8

// The actions. Keep is the zero value: everything is as it should be.
const (
	Keep Action = iota
	Create
	Change
	Replace
	Delete
	// Conflict is the action of an operation whose Check gave an error.
	Conflict
)

// String returns the word of the action.
func (a Action) String() string {
	return [...]string{"keep", "create", "change", "replace", "delete", "conflict"}[a]
}

// Finding is the result of a Check.
type Finding struct {
	Action Action
	// Details are the properties that will hold or change, such as "mode 0644",
	// without secrets.
	Details []string
	// Destroys names the data that will be lost, for people to see before anything else.
	Destroys []string
	// Diff is a unified diff of text content, given only when Env.Detailed is set and
	// nothing in it can be a secret.
	Diff string
	// Disk is the table of a disk, given only when Env.Detailed is set.
	Disk *DiskPlan
	// Warnings are for the user, and no reason to stop.
	Warnings []string
}

// Outcome is the result of an Apply.
type Outcome struct {
	// Bytes written.
	Bytes int64
}
