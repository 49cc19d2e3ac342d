package op

import (
	"context"
	"errors"
	"path"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Enable writes the links by which systemd starts a unit. The preset file says the
// same, but only to a systemd that takes the boot for the first one.
type Enable struct {
	About exec.Description
	Unit  string
	Units *Units
}

// Describe implements exec.Operation.
func (o *Enable) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Enable) Check(_ context.Context, env *exec.Env) (f exec.Finding, err error) {
	links, missing, err := o.absent(env)
	for _, m := range missing {
		f.Warnings = append(f.Warnings, "unit "+m+" is enabled, but there is no such unit in the config or the target")
	}
	if err != nil || len(links) == 0 {
		return f, err
	}
	f.Action = exec.Create
	for _, l := range links {
		f.Details = append(f.Details, l.path+" -> "+l.target)
	}
	return f, env.CheckWritable(path.Join(UnitDir, "x"))
}

// absent returns the links that are not there. Where something else is, it stays.
func (o *Enable) absent(env *exec.Env) (out []unitLink, missing []string, err error) {
	links, missing, err := o.Units.links(env, o.Unit)
	if err != nil {
		return nil, nil, err
	}
	for _, l := range links {
		info, err := env.Root.Lstat(l.path)
		if err != nil {
			return nil, nil, err
		}
		if info.Kind == sysroot.Absent {
			out = append(out, l)
		}
	}
	return out, missing, nil
}

// Apply implements exec.Operation.
func (o *Enable) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	links, _, err := o.absent(env)
	if err != nil {
		return out, err
	}
	for _, l := range links {
		if err := makeLink(env, l); err != nil && !errors.Is(err, unix.EEXIST) {
			return out, err
		}
	}
	return out, nil
}

func makeLink(env *exec.Env, l unitLink) error {
	e, err := env.Root.MakeEntry(l.path)
	if err != nil {
		return err
	}
	defer e.Close()
	s, err := e.StageSymlink(l.target)
	if err != nil {
		return err
	}
	return commit(s, false)
}

// Disable removes the links by which systemd starts a unit.
type Disable struct {
	About exec.Description
	Unit  string
	Units *Units
}

// Describe implements exec.Operation.
func (o *Disable) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Disable) Check(_ context.Context, env *exec.Env) (f exec.Finding, err error) {
	links, err := o.Units.enabling(env, o.Unit)
	if err != nil || len(links) == 0 {
		return f, err
	}
	f.Action = exec.Delete
	for _, l := range links {
		f.Details = append(f.Details, "remove "+l)
	}
	return f, env.CheckWritable(path.Join(UnitDir, "x"))
}

// Apply implements exec.Operation.
func (o *Disable) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	links, err := o.Units.enabling(env, o.Unit)
	if err != nil {
		return out, err
	}
	for _, l := range links {
		if err := removePath(env, l); err != nil {
			return out, err
		}
	}
	return out, nil
}
