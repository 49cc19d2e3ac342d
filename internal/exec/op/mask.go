package op

import (
	"context"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// maskTarget is what a masked unit is a link to: systemd.unit(5).
const maskTarget = "/dev/null"

// Mask makes a unit impossible to start, or undoes that.
type Mask struct {
	About exec.Description
	// Path of the unit, resolved.
	Path string
	// Masked false removes a mask; anything else that is there stays.
	Masked bool
}

// Describe implements exec.Operation.
func (o *Mask) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Mask) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	action, err := o.inspect(env)
	finding := exec.Finding{Action: action}
	if err != nil || action == exec.Keep {
		return finding, err
	}
	return finding, env.CheckWritable(o.Path)
}

func (o *Mask) inspect(env *exec.Env) (exec.Action, error) {
	is, err := look(env, o.Path)
	if err != nil {
		return exec.Keep, err
	}
	isMask := false
	if is.Kind == sysroot.Symlink {
		target, err := readlink(env, o.Path)
		if err != nil {
			return exec.Keep, err
		}
		isMask = target == maskTarget
	}
	switch {
	case !o.Masked && isMask:
		return exec.Delete, nil
	case !o.Masked || isMask:
		return exec.Keep, nil
	case is.Kind == sysroot.Absent:
		return exec.Create, nil
	}
	return exec.Replace, nil
}

// Apply implements exec.Operation.
func (o *Mask) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	action, err := o.inspect(env)
	if err != nil || action == exec.Keep {
		return out, err
	}
	e, err := env.Root.MakeEntry(o.Path)
	if err != nil {
		return out, err
	}
	defer e.Close()
	if action == exec.Delete {
		return out, e.Remove()
	}
	s, err := e.StageSymlink(maskTarget)
	if err != nil {
		return out, err
	}
	return out, commit(s, true)
}
