package op

import (
	"context"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// interrupted is the detail of an account that a former run left half done.
const interrupted = "a former run was interrupted"

// noPassword is the hash that no password has.
const noPassword = "*"

// User is a user account.
type User struct {
	About exec.Description
	Want  types.PasswdUser
}

// Describe implements exec.Operation.
func (o *User) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *User) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	f, err := o.inspect(env)
	if err != nil || f.Action == exec.Keep {
		return f, err
	}
	if err := env.CheckWritable(sysroot.PasswdFile); err != nil {
		return f, err
	}
	tool := map[exec.Action]string{exec.Create: useraddCmd, exec.Change: usermodCmd, exec.Delete: userdelCmd}[f.Action]
	if err := needTool(env, tool); err != nil || f.Action == exec.Delete {
		return f, err
	}
	return f, o.checkGroups(env)
}

// checkGroups reports groups that will not exist.
func (o *User) checkGroups(env *exec.Env) error {
	accounts, err := env.Accounts()
	if err != nil {
		return err
	}
	for _, name := range o.groups() {
		if _, ok := accounts.Group(name); ok || isNumber(name) || env.Promises(exec.GroupKey(name)) {
			continue
		}
		return unknownGroup(name)
	}
	return nil
}

// groups are all groups that the user is to be in.
func (o *User) groups() []string {
	names := append([]string(nil), o.Want.Groups...)
	if p := deref(o.Want.PrimaryGroup); p != "" {
		names = append(names, p)
	}
	return names
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// inspect compares the account with what is wanted.
func (o *User) inspect(env *exec.Env) (f exec.Finding, err error) {
	accounts, err := env.Accounts()
	if err != nil {
		return f, err
	}
	u, exists := accounts.User(o.Want.Name)
	if exists, f.Details, err = finished(env, useraddCmd, usermodCmd, o.Want.Name, exists); err != nil {
		return f, err
	}
	if o.Want.ShouldExist != nil && !*o.Want.ShouldExist {
		if exists {
			f.Action = exec.Delete
		}
		return f, nil
	}
	f.Details = append(f.Details, o.differences(u, exists, accounts)...)
	if o.passwordDiffers(u, exists) {
		f.Details = append(f.Details, "password")
	}
	f.Action = accountAction(exists, f.Details)
	return f, nil
}

// differences lists the properties, but the password, that will hold and do not yet.
func (o *User) differences(u sysroot.User, exists bool, accounts sysroot.Accounts) []string {
	w := &o.Want
	var out []string
	differs := func(what, wanted, is string) {
		if wanted != "" && (!exists || wanted != is) {
			out = append(out, what+" "+wanted)
		}
	}
	if w.UID != nil {
		differs("uid", strconv.Itoa(*w.UID), strconv.Itoa(u.UID))
	}
	differs("home", deref(w.HomeDir), u.Home)
	if exists || !isTrue(w.NoUserGroup) {
		primary := accounts.GroupName(u.GID)
		if p := deref(w.PrimaryGroup); isNumber(p) {
			primary = strconv.Itoa(u.GID)
		} else if g, ok := accounts.Group(p); ok && g.GID == u.GID {
			primary = p
		}
		differs("primary group", deref(w.PrimaryGroup), primary)
	}
	differs("shell", deref(w.Shell), u.Shell)
	if g := deref(w.Gecos); g != "" && (!exists || g != u.Gecos) {
		out = append(out, "gecos "+strconv.Quote(g))
	}
	if len(w.Groups) > 0 {
		in := accounts.SupplementaryGroups(w.Name)
		same := exists
		wanted := map[string]bool{}
		for _, g := range w.Groups {
			wanted[g] = true
			same = same && in[g]
		}
		if !same || len(in) != len(wanted) {
			out = append(out, "groups "+strings.Join(w.Groups, ","))
		}
	}
	return out
}

// hash is the password hash to be set; empty if there is none to set. A new user
// without one gets a hash that no password has, and so does a given, empty one.
func (o *User) hash(exists bool) string {
	h := o.Want.PasswordHash
	switch {
	case h == nil && exists:
		return ""
	case h == nil || *h == "":
		return noPassword
	}
	return *h
}

func (o *User) passwordDiffers(u sysroot.User, exists bool) bool {
	h := o.hash(exists)
	return h != "" && h != u.Hash && (exists || h != noPassword)
}

// Apply implements exec.Operation.
func (o *User) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	f, err := o.inspect(env)
	if err != nil {
		return out, err
	}
	name := o.Want.Name
	switch f.Action {
	case exec.Delete:
		return out, account(ctx, env, pending{command: userdelCmd, name: name}, "--remove", name)
	case exec.Create:
		return out, o.create(ctx, env)
	case exec.Change:
		return out, o.change(ctx, env)
	}
	return out, nil
}

func (o *User) create(ctx context.Context, env *exec.Env) error {
	w := &o.Want
	mark := pending{command: useraddCmd, name: w.Name}
	var args []string
	if home := deref(w.HomeDir); home != "" {
		args = append(args, "--home-dir", home)
	}
	if isTrue(w.NoCreateHome) {
		args = append(args, "--no-create-home")
	} else {
		args = append(args, "--create-home")
		home := UserHome(w)
		if info, err := env.Root.Lstat(home); err == nil && info.Kind == sysroot.Absent {
			mark.home = home
		}
	}
	if isTrue(w.NoUserGroup) {
		args = append(args, "--no-user-group")
	}
	if isTrue(w.System) {
		args = append(args, "--system")
	}
	if isTrue(w.NoLogInit) {
		args = append(args, "--no-log-init")
	}
	// the hash itself follows by another way: setPassword
	args = append(args, "--password", noPassword)
	if err := account(ctx, env, mark, append(append(args, o.common()...), w.Name)...); err != nil {
		return err
	}
	if h := o.hash(false); h != noPassword {
		return setPassword(env, sysroot.ShadowFile, sysroot.PasswdFile, w.Name, h)
	}
	return nil
}

func (o *User) change(ctx context.Context, env *exec.Env) error {
	w := &o.Want
	accounts, err := env.Accounts()
	if err != nil {
		return err
	}
	u, _ := accounts.User(w.Name)
	_, again, err := finished(env, useraddCmd, usermodCmd, w.Name, true)
	if err != nil {
		return err
	}
	if len(again) > 0 || len(o.differences(u, true, accounts)) > 0 {
		var args []string
		if home := deref(w.HomeDir); home != "" {
			args = append(args, "--home", home, "--move-home")
		}
		args = append(append(args, o.common()...), w.Name)
		if err := account(ctx, env, pending{command: usermodCmd, name: w.Name}, args...); err != nil {
			return err
		}
	}
	if !o.passwordDiffers(u, true) {
		return nil
	}
	if err := stampPassword(env, w.Name); err != nil {
		return err
	}
	return setPassword(env, sysroot.ShadowFile, sysroot.PasswdFile, w.Name, o.hash(true))
}

// common are the arguments that useradd and usermod share.
func (o *User) common() []string {
	w := &o.Want
	var args []string
	if w.UID != nil {
		args = append(args, "--uid", strconv.Itoa(*w.UID))
	}
	for _, a := range []struct{ flag, value string }{
		{"--comment", deref(w.Gecos)},
		{"--gid", deref(w.PrimaryGroup)},
		{"--groups", strings.Join(w.Groups, ",")},
		{"--shell", deref(w.Shell)},
	} {
		if a.value != "" {
			args = append(args, a.flag, a.value)
		}
	}
	return args
}
