package op

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// The programs for accounts. A distribution can set others when it links.
var (
	groupaddCmd = "groupadd"
	groupmodCmd = "groupmod"
	groupdelCmd = "groupdel"
	useraddCmd  = "useradd"
	usermodCmd  = "usermod"
	userdelCmd  = "userdel"
)

// pendingPath marks in the target that an account program is at work. It is a symbolic
// link, COMMAND:NAME:HOME, because a link is complete as soon as it is there; HOME is
// the home directory that the program makes, if it does. What is found after an
// interruption was left half done: the account files are written one after another.
const pendingPath = "/etc/.ignition-pending"

// pending is the content of the mark.
type pending struct{ command, name, home string }

func readPending(env *exec.Env) (p pending, err error) {
	target, err := readlink(env, pendingPath)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINVAL) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	f := strings.SplitN(target, ":", 3)
	if len(f) < 3 {
		return p, nil
	}
	return pending{f[0], f[1], f[2]}, nil
}

func (p pending) mark(env *exec.Env) error {
	e, err := env.Root.MakeEntry(pendingPath)
	if err != nil {
		return err
	}
	defer e.Close()
	s, err := e.StageSymlink(p.command + ":" + p.name + ":" + p.home)
	if err != nil {
		return err
	}
	return commit(s, true)
}

// account runs a program for accounts with the mark set.
func account(ctx context.Context, env *exec.Env, p pending, args ...string) error {
	if err := recoverAccounts(ctx, env); err != nil {
		return err
	}
	if err := p.mark(env); err != nil {
		return err
	}
	defer env.ForgetAccounts()
	_, err := env.Run(ctx, run.Command{
		Name: p.command, Args: append([]string{"--root", env.Root.Name()}, args...),
	})
	if err == nil || refusedAtOnce(err) {
		err = errors.Join(err, removePath(env, pendingPath))
	}
	return err
}

// refusedAtOnce reports whether a program has ended before it changed anything: bad
// arguments, or names and numbers that exist or do not. useradd(8), groupadd(8),
// usermod(8), exit values.
func refusedAtOnce(err error) bool {
	var e *run.Error
	if !errors.As(err, &e) {
		return true // it was not even started
	}
	switch e.ExitCode() {
	case 2, 3, 4, 6, 8, 9:
		return true
	}
	return errors.Is(err, run.ErrMissing)
}

// recoverAccounts takes back what an interrupted program has left: its locks, and the
// account that it was about to create.
func recoverAccounts(ctx context.Context, env *exec.Env) error {
	p, err := readPending(env)
	if err != nil || p.command == "" {
		return err
	}
	if err := removeLocks(env); err != nil {
		return err
	}
	accounts, err := env.Accounts()
	if err != nil {
		return err
	}
	// what changes accounts can be done once more, and will be: finished
	var undo string
	switch p.command {
	case useraddCmd:
		if _, ok := accounts.User(p.name); ok {
			undo = userdelCmd
		}
		if p.home != "" {
			if err := removeHome(env, p.home); err != nil {
				return err
			}
		}
	case groupaddCmd:
		if _, ok := accounts.Group(p.name); ok {
			undo = groupdelCmd
		}
	}
	if undo == "" {
		return nil
	}
	defer env.ForgetAccounts()
	_, err = env.Run(ctx, run.Command{Name: undo, Args: []string{"--root", env.Root.Name(), p.name}})
	return err
}

func removeHome(env *exec.Env, home string) error {
	if info, err := env.Root.Lstat(home); err != nil || info.Kind != sysroot.Directory {
		return err
	}
	return removePath(env, home)
}

// removeLocks removes the locks and half-written copies of account files. No such
// program is running: they end with the one that started them.
func removeLocks(env *exec.Env) error {
	e, err := env.Root.Entry("/etc")
	if err != nil {
		return err
	}
	names, err := sortedNames(e)
	e.Close()
	if err != nil {
		return err
	}
	for _, n := range names {
		stem, rest, ok := cutAny(n, ".+")
		if !ok || strings.Trim(rest, "0123456789") != "" && rest != "lock" {
			continue
		}
		switch stem {
		case "passwd", "shadow", "group", "gshadow", "subuid", "subgid":
			if err := removePath(env, path.Join("/etc", n)); err != nil {
				return err
			}
		}
	}
	return nil
}

func cutAny(s, separators string) (before, after string, found bool) {
	i := strings.IndexAny(s, separators)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// setPassword writes an encrypted password where the target keeps it. The account
// programs take hashes as arguments only, which every process can read.
func setPassword(env *exec.Env, secretFile, publicFile, name, hash string) error {
	defer env.ForgetAccounts()
	found, err := env.Root.SetField(secretFile, name, 1, hash)
	if err == nil && !found {
		found, err = env.Root.SetField(publicFile, name, 1, hash)
	}
	if err == nil && !found {
		err = errors.New("the account has no record")
	}
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

// stampPassword notes the day of the change, as usermod does.
func stampPassword(env *exec.Env, name string) error {
	days := time.Now().Unix() / (24 * 60 * 60)
	if _, err := env.Root.SetField(sysroot.ShadowFile, name, 2, fmt.Sprint(days)); err != nil {
		return fmt.Errorf("set day of password: %w", err)
	}
	return nil
}

// finished tells whether an account is there for good: one whose making was
// interrupted is not. The details say what was interrupted.
func finished(env *exec.Env, create, change, name string, exists bool) (isThere bool, details []string, err error) {
	p, err := readPending(env)
	if err != nil || p.name != name || p.command != create && p.command != change {
		return exists, nil, err
	}
	return exists && p.command != create, []string{interrupted}, nil
}

// accountAction is what has to be done to an account that shall exist, by what of it
// is not as wanted.
func accountAction(exists bool, differences []string) exec.Action {
	switch {
	case !exists:
		return exec.Create
	case len(differences) > 0:
		return exec.Change
	}
	return exec.Keep
}
