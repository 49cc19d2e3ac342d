// Package op holds the operations of the engine, one file each: accounts, ssh keys,
// directories, files, links, units, presets, the result file. Each is a struct with
// what is wanted; Check and Apply compare it with what is there.
//
// An operation whose target is as wanted does nothing, so that a config can be
// applied again after any interruption. New files get their owner and mode before
// they get their name.
package op

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Refused is an operation that the planner already knows to be impossible. It is
// part of the plan so that all conflicts are reported together.
type Refused struct {
	About exec.Description
	Err   error
}

// Describe implements exec.Operation.
func (o *Refused) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Refused) Check(context.Context, *exec.Env) (exec.Finding, error) {
	return exec.Finding{}, o.Err
}

// Apply implements exec.Operation.
func (o *Refused) Apply(context.Context, *exec.Env) (exec.Outcome, error) {
	return exec.Outcome{}, o.Err
}

// look returns what is at a path. A directory missing on the way, or something else
// in the place of one that the plan provides, means that there is nothing.
func look(env *exec.Env, name string) (sysroot.Info, error) {
	info, err := env.Root.Lstat(name)
	if errors.Is(err, sysroot.ErrNotDirectory) {
		if env.PromisesAbove(name) {
			return sysroot.Info{}, nil
		}
		return info, exec.WithHelp(err, "remove the file that stands where a directory must be, or give a directory with overwrite: true for it")
	}
	return info, err
}

// hasLeftOver reports whether a run was interrupted after it had put an entry in the
// place of a directory and before it had removed that.
func hasLeftOver(env *exec.Env, name string) (bool, error) {
	e, err := env.Root.Entry(name)
	if err != nil {
		return false, err
	}
	defer e.Close()
	return e.LeftOver()
}

// there words the conflict with something that must not be replaced.
func there(info sysroot.Info) error {
	return exec.WithHelp(fmt.Errorf("%s is already there: %w", info.Kind, unix.EEXIST), "set overwrite: true to replace it")
}

// defaultOwner is the owner that a new entry gets by itself in a directory, and the bit of
// its mode if it is a directory.
func defaultOwner(env *exec.Env, dir string) (uid, gid int, bit uint32) {
	uid, gid = os.Geteuid(), os.Getegid()
	// inode(7): new entries of a set-group-ID directory have its group, directories the bit
	if info, err := env.Root.Lstat(dir); err == nil && info.Mode&setGroupID != 0 {
		gid, bit = info.GID, setGroupID
	}
	return uid, gid, bit
}

const setGroupID = 0o2000

// digest is a hash in hex over what of a config and a machine can be written as JSON.
func digest(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "" // never: texts and booleans
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func isTrue(p *bool) bool { return p != nil && *p }
