package op

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Symlink is a symbolic link of the config.
type Symlink struct {
	About exec.Description
	// Path is resolved; Target is stored as it is.
	Path, Target string
	Overwrite    bool
	Owner        Owner
}

// Describe implements exec.Operation.
func (o *Symlink) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Symlink) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	is, action, err := o.inspect(env)
	if err != nil {
		return exec.Finding{}, err
	}
	finding := exec.Finding{Action: action}
	if action == exec.Keep {
		return finding, nil
	}
	finding.Details = append([]string{"to " + o.Target}, o.Owner.details()...)
	if action == exec.Replace {
		finding.Details = append(finding.Details, "in place of "+is.Kind.String())
	}
	return finding, env.CheckWritable(o.Path)
}

// inspect tells what has to be done: Change means that the link itself is right.
func (o *Symlink) inspect(env *exec.Env) (is sysroot.Info, action exec.Action, err error) {
	if is, err = look(env, o.Path); err != nil {
		return is, action, err
	}
	uid, gid, err := o.Owner.ids(env)
	switch {
	case err != nil:
		return is, action, err
	case is.Kind == sysroot.Absent:
		return is, exec.Create, nil
	}
	if is.Kind == sysroot.Symlink {
		target, err := readlink(env, o.Path)
		if err != nil {
			return is, action, err
		}
		if path.Clean(target) == path.Clean(o.Target) {
			left, err := hasLeftOver(env, o.Path)
			if err == nil && (left || differ(uid, is.UID) || differ(gid, is.GID)) {
				return is, exec.Change, nil
			}
			return is, exec.Keep, err
		}
		if !o.Overwrite {
			return is, action, exec.WithHelp(fmt.Errorf("a symbolic link to %s is already there: %w", target, unix.EEXIST),
				"set overwrite: true to replace it")
		}
	}
	if !o.Overwrite {
		return is, action, there(is)
	}
	return is, exec.Replace, nil
}

// Apply implements exec.Operation.
func (o *Symlink) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	_, action, err := o.inspect(env)
	if err != nil || action == exec.Keep {
		return out, err
	}
	uid, gid, err := o.Owner.ids(env)
	if err != nil {
		return out, err
	}
	e, err := env.Root.MakeEntry(o.Path)
	if err != nil {
		return out, err
	}
	defer e.Close()
	if action == exec.Change {
		if err := e.RemoveLeftOver(); err != nil {
			return out, err
		}
		return out, e.Chown(uid, gid)
	}
	staged, err := e.StageSymlink(o.Target)
	if err != nil {
		return out, err
	}
	if err := staged.Chown(uid, gid); err != nil {
		return out, errors.Join(err, staged.Discard())
	}
	return out, commit(staged, action == exec.Replace)
}

// HardLink is a further name for what another path names.
type HardLink struct {
	About exec.Description
	// Path and Target are resolved.
	Path, Target string
	Overwrite    bool
}

// Describe implements exec.Operation.
func (o *HardLink) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *HardLink) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	action, err := o.inspect(env, env.Promises(exec.PathKey(o.Target)))
	finding := exec.Finding{Action: action}
	if err != nil || action == exec.Keep {
		return finding, err
	}
	finding.Details = []string{"to " + o.Target}
	return finding, env.CheckWritable(o.Path)
}

func (o *HardLink) inspect(env *exec.Env, targetComes bool) (action exec.Action, err error) {
	is, err := look(env, o.Path)
	if err != nil {
		return action, err
	}
	target, err := look(env, o.Target)
	if err != nil {
		return action, err
	}
	switch {
	case target.Kind == sysroot.Absent && !targetComes:
		return action, exec.WithHelp(fmt.Errorf("the target %s does not exist", o.Target), "create it in the same config, or make the link symbolic")
	case target.Kind == sysroot.Directory:
		return action, exec.WithHelp(fmt.Errorf("the target %s is a directory", o.Target), "make the link symbolic")
	case is.Kind == sysroot.Absent:
		return exec.Create, nil
	case is.SameFile(target):
		if left, err := hasLeftOver(env, o.Path); err != nil || !left {
			return exec.Keep, err
		}
		return exec.Change, nil
	case !o.Overwrite:
		return action, there(is)
	}
	return exec.Replace, nil
}

// Apply implements exec.Operation.
func (o *HardLink) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	action, err := o.inspect(env, false)
	if err != nil || action == exec.Keep {
		return out, err
	}
	target, err := env.Root.Entry(o.Target)
	if err != nil {
		return out, err
	}
	defer target.Close()
	e, err := env.Root.MakeEntry(o.Path)
	if err != nil {
		return out, err
	}
	defer e.Close()
	if action == exec.Change {
		return out, e.RemoveLeftOver()
	}
	staged, err := e.StageLink(target)
	if err != nil {
		return out, err
	}
	return out, commit(staged, action == exec.Replace)
}

// commit puts something prepared in place, or removes it.
func commit(staged *sysroot.Staged, replace bool) error {
	if err := staged.Commit(replace); err != nil {
		return errors.Join(err, staged.Discard())
	}
	return nil
}

func readlink(env *exec.Env, name string) (string, error) {
	e, err := env.Root.Entry(name)
	if err != nil {
		return "", err
	}
	defer e.Close()
	return e.Readlink()
}

func sortedNames(e sysroot.Entry) ([]string, error) {
	names, err := e.Names()
	slices.Sort(names)
	return names, err
}
