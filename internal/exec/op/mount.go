package op

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/mounts"
	"github.com/kindling-boot/kindling/internal/run"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

const (
	mountCmd = "mount"
	// hostFormat is the format of a directory of the host; its device is a tag.
	hostFormat = "virtiofs"
	// mountPointMode is that of directories that are made to mount at.
	mountPointMode = 0o755
)

// Mount is a file system that is mounted below the target root while files are written.
type Mount struct {
	About exec.Description
	On    *Machine
	Want  types.Filesystem
	// State remembers the directories that were made.
	State *acquire.State
}

// Describe implements exec.Operation.
func (o *Mount) Describe() *exec.Description { return &o.About }

func (o *Mount) point() string { return path.Clean(*o.Want.Path) }

// Check implements exec.Operation.
func (o *Mount) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{Action: exec.Create, Details: []string{*o.Want.Format + " on " + o.Want.Device}}
	if len(o.Want.MountOptions) > 0 {
		f.Details = append(f.Details, "options "+strings.Join(o.Want.MountOptions, ","))
	}
	if err := needTool(env, mountCmd); err != nil {
		return f, err
	}
	contexts, _, err := policyOf(env.Root)
	if err == nil && contexts != "" {
		err = needTool(env, setfilesCmd)
	}
	if err != nil {
		return f, err
	}
	if *o.Want.Format != hostFormat {
		if _, err := o.On.node(ctx, env, o.Want.Device); err != nil {
			return f, err
		}
	}
	if env.PromisesAbove(o.point()) {
		return f, nil // the mount above decides what is there
	}
	missing, err := o.look(env)
	if err != nil {
		return f, err
	}
	mounted, err := o.isMounted(env)
	switch {
	case err != nil:
		return f, err
	case mounted && contexts != "" && isNewRoot(env, o.point()):
		return f, nil // it is only to be labelled
	case mounted:
		f.Action = exec.Keep
		return f, nil
	case len(missing) > 0:
		return f, env.CheckWritable(missing[0])
	}
	return f, nil
}

// look returns the directories that are missing on the way to the mount point. Each one
// that is there must be a real directory: through a link, the mount would not be where
// the config says.
func (o *Mount) look(env *exec.Env) (missing []string, err error) {
	names := strings.Split(strings.Trim(o.point(), "/"), "/")
	at := "/"
	for _, n := range names {
		if at = path.Join(at, n); missing != nil {
			missing = append(missing, at)
			continue
		}
		info, err := env.Root.Lstat(at)
		switch {
		case err != nil:
			return nil, err
		case info.Kind == sysroot.Absent:
			missing = append(missing, at)
		case info.Kind != sysroot.Directory:
			return nil, exec.WithHelp(fmt.Errorf("%s is %s, not a directory", at, info.Kind), "mount at a path without links, or remove it")
		}
	}
	return missing, nil
}

// isMounted reports whether the file system is mounted there already, as after a run that
// was interrupted. Another one is mounted over.
func (o *Mount) isMounted(env *exec.Env) (bool, error) {
	all, err := mounts.All()
	if err != nil {
		return false, err
	}
	m, ok := mounts.At(all, env.Root.Outside(o.point()))
	if !ok || m.Type != *o.Want.Format {
		return false, nil
	}
	return m.Source == o.Want.Device || sameDevice(m.Source, o.Want.Device), nil
}

func sameDevice(a, b string) bool {
	x, err := filepath.EvalSymlinks(a)
	if err != nil {
		return false
	}
	y, err := filepath.EvalSymlinks(b)
	return err == nil && x == y
}

// Apply implements exec.Operation.
func (o *Mount) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	contexts, _, err := policyOf(env.Root)
	if err != nil {
		return out, err
	}
	mounted, err := o.isMounted(env)
	if err != nil {
		return out, err
	}
	if !mounted {
		if err := o.mount(ctx, env, contexts); err != nil {
			return out, err
		}
	}
	if contexts != "" && isNewRoot(env, o.point()) {
		return out, label(ctx, env, contexts, []string{o.point()})
	}
	return out, nil
}

func (o *Mount) mount(ctx context.Context, env *exec.Env, contexts string) error {
	missing, err := o.look(env)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		// before they are made: the files stage leaves alone what is not there
		if err := o.State.Notate(missing...); err != nil {
			return err
		}
	}
	for _, dir := range missing {
		if err := makeMountPoint(env, dir); err != nil {
			return err
		}
	}
	if contexts != "" {
		// nothing reaches them any more when something is mounted on them
		for _, dir := range o.State.Notated() {
			if (dir == o.point() || sysroot.IsBelow(o.point(), dir)) && hasNoLabel(env, dir) {
				if err := label(ctx, env, contexts, []string{dir}); err != nil {
					return err
				}
			}
		}
	}
	_, err = env.Run(ctx, run.Command{Name: mountCmd, Args: []string{
		"-o", strings.Join(o.Want.MountOptions, ","), "-t", *o.Want.Format, o.Want.Device, env.Root.Outside(o.point()),
	}})
	return err
}

func makeMountPoint(env *exec.Env, name string) error {
	e, err := env.Root.Entry(name)
	if err != nil {
		return err
	}
	defer e.Close()
	s, err := e.StageDirectory(mountPointMode, sysroot.Keep, sysroot.Keep)
	if err != nil {
		return err
	}
	return commit(s, false)
}

// Unmount takes a file system away from the target root.
type Unmount struct {
	About exec.Description
	// Path in the target root, as in the config.
	Path string
}

// Describe implements exec.Operation.
func (o *Unmount) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Unmount) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	f := exec.Finding{Action: exec.Delete}
	_, mounted, err := o.find(env)
	if !mounted {
		f.Action = exec.Keep // of a mount stage that stopped halfway
	}
	return f, err
}

// find returns where the path leads outside the root, and whether something is mounted
// there.
func (o *Unmount) find(env *exec.Env) (string, bool, error) {
	resolved, err := env.Root.Resolve(o.Path)
	if errors.Is(err, sysroot.ErrNotDirectory) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	at := env.Root.Outside(resolved)
	all, err := mounts.All()
	if err != nil {
		return "", false, err
	}
	_, mounted := mounts.At(all, at)
	return at, mounted && at != env.Root.Name(), nil
}

// Apply implements exec.Operation.
func (o *Unmount) Apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	at, mounted, err := o.find(env)
	if err != nil || !mounted {
		return out, err
	}
	env.Root.Forget("/") // our own descriptors would keep it busy
	err = retryBusy(ctx, func() error { return unix.Unmount(at, unix.UMOUNT_NOFOLLOW) })
	if errors.Is(err, unix.EBUSY) {
		env.Warn(ctx, at+" is still in use; it disappears from the tree now, and is unmounted when nobody uses it any more")
		err = unix.Unmount(at, unix.UMOUNT_NOFOLLOW|unix.MNT_DETACH)
	}
	if err != nil {
		return out, fmt.Errorf("unmount %s: %w", at, err)
	}
	return out, nil
}
