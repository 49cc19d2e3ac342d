package op

import (
	"context"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Homes hands directories that were made for mounting to the user in whose home they are:
// useradd takes a home that exists as it is.
type Homes struct {
	About exec.Description
	User  string
	// Home of a user that does not exist yet.
	Home string
	// Notated are the directories that the mount stage made.
	Notated []string
}

const homeMode = 0o700

// Describe implements exec.Operation.
func (o *Homes) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Homes) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{}
	accounts, err := env.Accounts()
	if err != nil {
		return f, err
	}
	u, exists := accounts.User(o.User)
	if !exists {
		u = sysroot.User{Home: o.Home, UID: sysroot.Keep, GID: sysroot.Keep}
	}
	for _, dir := range o.below(u.Home) {
		info, err := env.Root.Lstat(dir)
		if err != nil {
			return f, err
		}
		if info.Kind == sysroot.Directory && (info.UID != u.UID || info.GID != u.GID || info.Mode != homeMode) {
			f.Action = exec.Change
			f.Details = append(f.Details, dir+" mode 0700")
		}
	}
	return f, nil
}

// below are the directories that are the home, or in it.
func (o *Homes) below(home string) []string {
	var out []string
	for _, dir := range o.Notated {
		if dir == home || sysroot.IsBelow(dir, home) {
			out = append(out, dir)
		}
	}
	return out
}

// Apply implements exec.Operation.
func (o *Homes) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	accounts, err := env.Accounts()
	if err != nil {
		return out, err
	}
	u, exists := accounts.User(o.User)
	if !exists {
		return out, nil
	}
	for _, dir := range o.below(u.Home) {
		if err := own(env, dir, u); err != nil {
			return out, err
		}
	}
	return out, nil
}

func own(env *exec.Env, dir string, u sysroot.User) error {
	e, err := env.Root.Entry(dir)
	if err != nil {
		return err
	}
	defer e.Close()
	info, err := e.Lstat()
	if err != nil || info.Kind != sysroot.Directory {
		return err
	}
	if err := e.Chown(u.UID, u.GID); err != nil {
		return err
	}
	return e.Chmod(homeMode)
}
