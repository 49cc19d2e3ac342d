package op

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// keysMessageID marks the journal record of written keys. Login screens look for it.
const keysMessageID = "225067b87bbd4a0cb6ab151f82fa364b"

// SSHKeys is the file with the public keys that may log in as a user.
type SSHKeys struct {
	About exec.Description
	User  string
	// Home of a user that does not exist yet.
	Home string
	Keys []string
	// Fragment selects authorized_keys.d/ignition instead of authorized_keys.
	Fragment bool
}

// Describe implements exec.Operation.
func (o *SSHKeys) Describe() *exec.Description { return &o.About }

// content is one key to a line; the last one may bring the end of its line.
func (o *SSHKeys) content() []byte {
	return []byte(strings.TrimSuffix(strings.Join(o.Keys, "\n"), "\n") + "\n")
}

func (o *SSHKeys) file(home string) string {
	if o.Fragment {
		return path.Join(home, ".ssh/authorized_keys.d/ignition")
	}
	return path.Join(home, ".ssh/authorized_keys")
}

const keysMode = 0o600

// Check implements exec.Operation.
func (o *SSHKeys) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	accounts, err := env.Accounts()
	if err != nil {
		return exec.Finding{}, err
	}
	finding := exec.Finding{Warnings: o.oddities()}
	u, exists := accounts.User(o.User)
	if !exists {
		finding.Action = exec.Create
		finding.Details = []string{o.file(o.Home), fmt.Sprintf("%d keys", len(o.Keys))}
		return finding, nil
	}
	finding.Details = []string{o.file(u.Home), fmt.Sprintf("%d keys", len(o.Keys))}
	if finding.Action, err = o.inspect(env, u); err != nil || finding.Action == exec.Keep {
		return finding, err
	}
	return finding, env.CheckWritable(o.file(u.Home))
}

// inspect compares the file of an existing user.
func (o *SSHKeys) inspect(env *exec.Env, u sysroot.User) (exec.Action, error) {
	name := o.file(u.Home)
	info, err := env.Root.Lstat(name)
	switch {
	case err != nil:
		return exec.Keep, err
	case info.Kind == sysroot.Absent:
		return exec.Create, nil
	case info.Kind == sysroot.Directory:
		return exec.Keep, fmt.Errorf("%s is a directory", name)
	case info.Kind != sysroot.Regular || info.UID != u.UID || info.Mode != keysMode:
		return exec.Change, nil
	}
	now, err := env.Root.ReadFile(name, int64(len(o.content())))
	if err != nil || !bytes.Equal(now, o.content()) {
		return exec.Change, nil //nolint:nilerr // a longer file cannot be read, and differs
	}
	return exec.Keep, nil
}

// oddities are lines that no key looks like. They are written all the same.
func (o *SSHKeys) oddities() []string {
	var out []string
	for i, k := range o.Keys {
		if k = strings.TrimSpace(k); k != "" && k[0] != '#' && len(strings.Fields(k)) < 2 {
			out = append(out, "key "+strconv.Itoa(i+1)+" does not look like a public key: it has no type and data")
		}
	}
	return out
}

// Apply implements exec.Operation. The files are written with the rights of the user,
// so that no link in the home directory leads to what only root may change.
func (o *SSHKeys) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	accounts, err := env.Accounts()
	if err != nil {
		return out, err
	}
	u, exists := accounts.User(o.User)
	if !exists {
		return out, fmt.Errorf("user %q does not exist in the target", o.User)
	}
	if action, err := o.inspect(env, u); err != nil || action == exec.Keep {
		return out, err
	}
	if err := o.makeHome(env, u); err != nil {
		return out, err
	}
	name := o.file(u.Home)
	if err := asUser(u, func() error { return o.write(env, u, name) }); err != nil {
		return out, err
	}
	out.Bytes = int64(len(o.content()))
	env.Note(ctx, "wrote ssh authorized keys file for user: "+o.User, map[string]string{
		"MESSAGE_ID": keysMessageID, "IGNITION_USER_NAME": o.User, "IGNITION_PATH": env.Root.Outside(name),
	})
	return out, nil
}

// makeHome makes a home directory that useradd was told to leave out: without it
// there is no place for the keys.
func (o *SSHKeys) makeHome(env *exec.Env, u sysroot.User) error {
	home, err := env.Root.Follow(u.Home)
	if err != nil {
		return err
	}
	e, err := env.Root.MakeEntry(home)
	if err != nil {
		return err
	}
	defer e.Close()
	if info, err := e.Lstat(); err != nil || info.Kind != sysroot.Absent {
		return err
	}
	s, err := e.StageDirectory(0o700, u.UID, u.GID)
	if err != nil {
		return err
	}
	return commit(s, false)
}

// write runs with the rights of the user.
func (o *SSHKeys) write(env *exec.Env, u sysroot.User, name string) error {
	for _, dir := range directoriesBelow(u.Home, name) {
		if err := makePrivateDirectory(env, dir); err != nil {
			return err
		}
	}
	e, err := env.Root.Entry(name)
	if err != nil {
		return err
	}
	defer e.Close()
	return e.PutFile(o.content(), true, func(s *sysroot.Staged) error { return s.Chmod(keysMode) })
}

// directoriesBelow lists the directories from below a directory down to that of a
// file.
func directoriesBelow(top, file string) []string {
	var out []string
	for dir := path.Dir(file); dir != path.Clean(top) && dir != "/"; dir = path.Dir(dir) {
		out = append([]string{dir}, out...)
	}
	return out
}

func makePrivateDirectory(env *exec.Env, name string) error {
	e, err := env.Root.Entry(name)
	if err != nil {
		return err
	}
	defer e.Close()
	if info, err := e.Lstat(); err != nil || info.Kind != sysroot.Absent {
		return err
	}
	s, err := e.StageDirectory(0o700, sysroot.Keep, sysroot.Keep)
	if err != nil {
		return err
	}
	return commit(s, false)
}

// asUser runs something with the rights of a user in file systems: setfsuid(2). They
// are those of one thread. Without being root everything is done as who we are.
func asUser(u sysroot.User, do func() error) (err error) {
	if unix.Geteuid() != 0 {
		return do()
	}
	runtime.LockOSThread()
	gid, _ := unix.SetfsgidRetGid(u.GID) // they report the former id, never an error
	uid, _ := unix.SetfsuidRetUid(u.UID)
	defer func() {
		_, _ = unix.SetfsuidRetUid(uid)
		_, _ = unix.SetfsgidRetGid(gid)
		if now, _ := unix.SetfsuidRetUid(-1); now == uid {
			runtime.UnlockOSThread() // otherwise the thread ends with its goroutine
		}
	}()
	if now, _ := unix.SetfsuidRetUid(-1); now != u.UID {
		return fmt.Errorf("take the rights of user %s: %w", u.Name, unix.EPERM)
	}
	return do()
}

// UserHome is the home directory that a new user will have.
func UserHome(w *types.PasswdUser) string {
	if home := deref(w.HomeDir); home != "" {
		return home
	}
	return "/home/" + w.Name
}
