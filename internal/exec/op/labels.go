package op

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/run"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// setfilesCmd writes the labels that a policy has for paths. It needs no policy in the
// kernel: setfiles(8). A distribution can set the name when it links.
var setfilesCmd = "setfiles"

const (
	// selinuxConfig says which policy the system will load: selinux_config(5).
	selinuxConfig    = "/etc/selinux/config"
	maxSelinuxConfig = 1 << 20 // bytes
	// labelAttribute is where file systems keep labels: linux/xattr.h, XATTR_NAME_SELINUX.
	labelAttribute = "security.selinux"
	// lostAndFound is in every new ext4 file system.
	lostAndFound = "lost+found"
)

// HasSELinux reports whether a target says whether it uses SELinux.
func HasSELinux(root *sysroot.Root) bool {
	info, err := root.Lstat(selinuxConfig)
	return err == nil && info.Kind != sysroot.Absent
}

// policyOf returns the file of the target with the labels of its policy, as tools see it;
// empty, and the reason, if the target has none that it will load.
func policyOf(root *sysroot.Root) (contexts, why string, err error) {
	text, err := root.ReadFile(selinuxConfig, maxSelinuxConfig)
	if errors.Is(err, unix.ENOENT) {
		return "", "the target does not use SELinux", nil
	}
	if err != nil {
		return "", "", err
	}
	values := map[string]string{}
	for l := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(strings.TrimSpace(l), "="); ok {
			values[key] = strings.TrimSpace(value)
		}
	}
	policy := values["SELINUXTYPE"]
	switch {
	case values["SELINUX"] == "disabled":
		return "", "SELinux is disabled in " + selinuxConfig, nil
	case policy == "":
		return "", "there is no SELINUXTYPE in " + selinuxConfig, nil
	}
	name, err := root.Follow(path.Join("/etc/selinux", policy, "contexts/files/file_contexts"))
	if err != nil {
		return "", "", err
	}
	if info, err := root.Lstat(name); err != nil || info.Kind != sysroot.Regular {
		return "", fmt.Sprintf("the target has no policy %q", policy), err
	}
	return root.Outside(name), "", nil
}

// Labels gives what a stage has made its SELinux labels: whatever of it has none. That is
// so also when an earlier run made it and was interrupted. Directories that are new are
// labelled with all that is in them, since programs may have copied labels from elsewhere.
//
// A file system whose root has no label, such as an old disk with data, was never labelled.
// There, only what was not there before is.
type Labels struct {
	About exec.Description
	// Paths of the target that the plan provides.
	Paths []string
	// Users of the config, whose homes programs make.
	Users []string

	absent map[string]bool // when everything was checked
}

// Describe implements exec.Operation.
func (o *Labels) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Labels) Check(_ context.Context, env *exec.Env) (f exec.Finding, err error) {
	contexts, why, err := policyOf(env.Root)
	if err != nil {
		return f, err
	}
	o.absent = map[string]bool{}
	bare, missing, err := o.find(env)
	if contexts == "" {
		f.Details = []string{why}
		return f, err
	}
	if n := len(bare) + missing; n > 0 {
		f.Action = exec.Change
		f.Details = []string{fmt.Sprintf("%d without a label", n)}
	}
	return f, errors.Join(err, needTool(env, setfilesCmd))
}

// Apply implements exec.Operation.
func (o *Labels) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	contexts, _, err := policyOf(env.Root)
	if err != nil || contexts == "" {
		return out, err
	}
	bare, _, err := o.find(env)
	if err != nil {
		return out, err
	}
	return out, label(ctx, env, contexts, bare)
}

// find returns the topmost paths that have no label, and how many of what the plan provides
// are not there.
func (o *Labels) find(env *exec.Env) (bare []string, missing int, err error) {
	l := labeller{env: env, absent: o.absent, seen: map[string]place{}}
	for _, n := range o.Paths {
		l.look(n)
	}
	missing = len(l.absent)
	// account programs and the making of links do not tell what they write
	l.lookIn("/etc", "")
	for _, kind := range []string{"", ".wants", ".requires", ".upholds"} {
		l.lookIn(UnitDir, kind)
	}
	accounts, err := env.Accounts()
	if err != nil {
		return nil, missing, err
	}
	for _, name := range o.Users {
		if u, exists := accounts.User(name); exists {
			l.look(u.Home)
			l.look(path.Join("/var/mail", name))
			l.lookIn(path.Join(u.Home, ".ssh"), "")
			l.lookIn(path.Join(u.Home, ".ssh"), ".d")
		}
	}
	return l.bare, missing, l.err
}

// place is what is known about a path.
type place struct {
	info     sysroot.Info
	labelled bool // or on a file system without labels
	// never tells that the root of its file system has no label.
	never bool
}

// labeller looks for paths without a label, each once.
type labeller struct {
	env    *exec.Env
	absent map[string]bool
	seen   map[string]place
	bare   []string
	err    error
}

// lookIn looks at the entries of a directory; with an ending, at those of the directories in
// it that have the ending.
func (l *labeller) lookIn(dir, ending string) {
	names, err := namesIn(l.env, dir)
	if l.err == nil {
		l.err = err
	}
	for _, n := range names {
		if n = path.Join(dir, n); ending == "" {
			l.look(n)
		} else if strings.HasSuffix(n, ending) {
			l.lookIn(n, "")
		}
	}
}

// look goes down from the root, and stops where everything is without a label, or nothing
// is there.
func (l *labeller) look(name string) {
	name, err := l.env.Root.Resolve(name)
	if errors.Is(err, sysroot.ErrNotDirectory) || errors.Is(err, sysroot.ErrLoop) {
		return // something else will take the place of what is there
	}
	at := place{}
	for i := 0; i <= len(name) && err == nil; i++ {
		if i > 0 && i < len(name) && name[i] != '/' || i == 1 && name == "/" {
			continue
		}
		var more bool
		if at, more, err = l.one(path.Clean("/"+name[:i]), at); !more {
			break
		}
	}
	if l.err == nil {
		l.err = err
	}
}

// one looks at one path, and tells whether to look below it.
func (l *labeller) one(name string, above place) (at place, more bool, err error) {
	at, known := l.seen[name]
	if known {
		return at, at.info.Kind == sysroot.Directory && (at.labelled || at.never), nil
	}
	if at.info, err = l.env.Root.Lstat(name); err != nil {
		return at, false, err
	}
	if at.info.Kind == sysroot.Absent {
		l.absent[name] = true
		l.seen[name] = at
		return at, false, nil
	}
	err = l.env.Root.HasAttribute(name, labelAttribute)
	at.labelled = err == nil || errors.Is(err, unix.ENOTSUP)
	if !at.labelled && !errors.Is(err, unix.ENODATA) {
		return at, false, err
	}
	if at.never = above.never; at.info.Dev != above.info.Dev {
		at.never = !at.labelled
	}
	isNew := !at.never || l.absent[name] || at.info.Kind != sysroot.Directory
	if !at.labelled && isNew {
		l.bare = append(l.bare, name)
		at.never = false
	}
	l.seen[name] = at
	return at, at.info.Kind == sysroot.Directory && (at.labelled || at.never), nil
}

// label gives paths their labels, with all that is below them.
func label(ctx context.Context, env *exec.Env, contexts string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	args := []string{"-vF0"}
	if root := env.Root.Name(); root != "/" { // which it refuses
		args = append(args, "-r", root)
	}
	var list strings.Builder
	for _, n := range names {
		list.WriteString(env.Root.Outside(n) + "\x00")
	}
	_, err := env.Run(ctx, run.Command{
		Name: setfilesCmd, Args: append(args, contexts, "-f", "-"), Stdin: strings.NewReader(list.String()),
	})
	return err
}

// hasNoLabel reports whether a path could have a label, and has none.
func hasNoLabel(env *exec.Env, name string) bool {
	return errors.Is(env.Root.HasAttribute(name, labelAttribute), unix.ENODATA)
}

// isNewRoot reports whether the root of a mounted file system has no label and is empty.
func isNewRoot(env *exec.Env, point string) bool {
	names, err := namesIn(env, point)
	return err == nil && (len(names) == 0 || len(names) == 1 && names[0] == lostAndFound) && hasNoLabel(env, point)
}
