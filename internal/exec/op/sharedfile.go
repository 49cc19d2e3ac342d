package op

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// SharedFile is a file with lines of several: those that are about something of the config
// take the place of former ones about it, and those of others stay.
type SharedFile struct {
	About exec.Description
	Path  string
	// NewMode is the mode of a file that is made; with IsSecret also that of one that is there.
	NewMode  uint32
	IsSecret bool
	// Entries gives the lines, and what is worth a warning. The machine stays as it is from
	// Check to Apply, which does not ask again.
	Entries func(context.Context, *exec.Env) (entries []Entry, warnings []string, err error)
	// NameIn is what the fields of a line are about; empty for lines of no interest.
	NameIn func(fields []string) string

	entries []Entry
}

// Entry is a line of a SharedFile.
type Entry struct {
	// Name is what the line is about.
	Name string
	// Detail says so to people.
	Detail string
	// Line ends with a line feed.
	Line string
}

// maxSharedFile is how long such a file may be, in bytes.
const maxSharedFile = 1 << 20

// Describe implements exec.Operation.
func (o *SharedFile) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *SharedFile) Check(ctx context.Context, env *exec.Env) (f exec.Finding, err error) {
	if o.entries, f.Warnings, err = o.Entries(ctx, env); err != nil {
		return f, err
	}
	is, want, err := o.inspect(env)
	switch {
	case err != nil || want == nil:
		return f, err
	case is.Kind == sysroot.Absent:
		f.Action = exec.Create
	default:
		f.Action = exec.Change
	}
	for _, e := range o.entries {
		f.Details = append(f.Details, e.Detail)
	}
	return f, env.CheckWritable(o.Path)
}

// inspect returns what is there, and what the file will be; nil if it is as it should be.
func (o *SharedFile) inspect(env *exec.Env) (is sysroot.Info, want []byte, err error) {
	if len(o.entries) == 0 {
		return is, nil, nil
	}
	if is, err = look(env, o.Path); err != nil {
		return is, nil, err
	}
	now, err := env.Root.ReadFile(o.Path, maxSharedFile)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return is, nil, err
	}
	ours := map[string]bool{}
	for _, e := range o.entries {
		ours[e.Name] = true
	}
	for line := range strings.Lines(string(now)) {
		if fields := strings.Fields(line); len(fields) == 0 || !ours[o.NameIn(fields)] {
			want = append(append(want, strings.TrimSuffix(line, "\n")...), '\n')
		}
	}
	for _, e := range o.entries {
		want = append(want, e.Line...)
	}
	if is.Kind == sysroot.Absent {
		is.Mode = o.NewMode
	} else if bytes.Equal(now, want) && o.mode(is) == is.Mode {
		return is, nil, nil
	}
	return is, want, nil
}

func (o *SharedFile) mode(is sysroot.Info) uint32 {
	if o.IsSecret {
		return o.NewMode
	}
	return is.Mode
}

// Apply implements exec.Operation.
func (o *SharedFile) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	is, want, err := o.inspect(env)
	if err != nil || want == nil {
		return out, err
	}
	out.Bytes = int64(len(want))
	return out, replaceFile(env, o.Path, want, o.mode(is))
}
