package op

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// Text is a small file that replaces whatever file or link is there: a unit or a
// drop-in.
type Text struct {
	About exec.Description
	// Path is resolved.
	Path string
	Data string
	Mode uint32

	absent bool // when Check looked
}

// Describe implements exec.Operation.
func (o *Text) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Text) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	is, now, err := o.inspect(env)
	if err != nil {
		return exec.Finding{}, err
	}
	o.absent = is.Kind == sysroot.Absent
	finding := exec.Finding{Action: o.action(is, now)}
	if finding.Action == exec.Keep {
		return finding, nil
	}
	finding.Details = []string{fmt.Sprintf("mode %04o", o.Mode)}
	if env.Detailed && len(now) <= maxDiff && isText(now) && o.Mode&publicMode != 0 && (is.Kind != sysroot.Regular || is.Mode&publicMode != 0) {
		finding.Diff = diffOf(o.Path, is.Kind, string(now), o.Data)
	}
	return finding, env.CheckWritable(o.Path)
}

// inspect returns what is there, and its content as far as that can be equal.
func (o *Text) inspect(env *exec.Env) (is sysroot.Info, now []byte, err error) {
	if is, err = look(env, o.Path); err != nil {
		return is, nil, err
	}
	switch {
	case is.Kind == sysroot.Directory:
		return is, nil, fmt.Errorf("a directory is already there")
	case is.Kind == sysroot.Regular && (is.Size <= maxDiff || is.Size == int64(len(o.Data))):
		now, err = env.Root.ReadFile(o.Path, is.Size)
	}
	return is, now, err
}

func (o *Text) action(is sysroot.Info, now []byte) exec.Action {
	switch {
	case is.Kind == sysroot.Absent:
		return exec.Create
	case is.Kind != sysroot.Regular:
		return exec.Replace
	case is.Mode != o.Mode || is.Size != int64(len(o.Data)):
		return exec.Change
	case bytes.Equal(now, []byte(o.Data)):
		return exec.Keep
	}
	return exec.Change
}

// Apply implements exec.Operation.
func (o *Text) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	out.Bytes = int64(len(o.Data))
	if o.absent {
		err := putFile(env, o.Path, []byte(o.Data), o.Mode, false)
		if !errors.Is(err, unix.EEXIST) { // else something has come in between
			return out, err
		}
	}
	is, now, err := o.inspect(env)
	if err != nil || o.action(is, now) == exec.Keep {
		return exec.Outcome{}, err
	}
	return out, replaceFile(env, o.Path, []byte(o.Data), o.Mode)
}

// replaceFile puts a small file in the place of whatever is there.
func replaceFile(env *exec.Env, name string, data []byte, mode uint32) error {
	return putFile(env, name, data, mode, true)
}

// putFile is replaceFile; without replace, the error is unix.EEXIST if something is there.
func putFile(env *exec.Env, name string, data []byte, mode uint32, replace bool) error {
	e, err := env.Root.MakeEntry(name)
	if err != nil {
		return err
	}
	defer e.Close()
	return e.PutFile(data, replace, func(s *sysroot.Staged) error { return s.Chmod(mode) })
}
