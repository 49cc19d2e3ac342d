package op

import (
	"context"
	"fmt"
	"path"

	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// defaultDirectoryMode is that of new directories, whatever the umask.
const defaultDirectoryMode = 0o755

// Directory is a directory of the config.
type Directory struct {
	About exec.Description
	// Path is resolved.
	Path string
	// Overwrite allows to replace whatever is there, and empties a directory.
	Overwrite bool
	// Ours are the paths that the plan provides and all directories above them: what
	// emptying leaves alone.
	Ours map[string]bool
	// Mode are the permission bits; nil means 0755 for a new directory, and the
	// set-group-ID bit if the directory above has it.
	Mode  *uint32
	Owner Owner
}

// directoryState is what has to be done to a directory.
type directoryState struct {
	is       sysroot.Info
	uid, gid int
	mode     uint32
	foreign  []string // paths to be removed from it
	adjust   bool
}

func (s *directoryState) action() exec.Action {
	switch {
	case s.is.Kind == sysroot.Absent:
		return exec.Create
	case s.is.Kind != sysroot.Directory:
		return exec.Replace
	case len(s.foreign) > 0 || s.adjust:
		return exec.Change
	}
	return exec.Keep
}

// Describe implements exec.Operation.
func (o *Directory) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *Directory) Check(_ context.Context, env *exec.Env) (exec.Finding, error) {
	s, err := o.inspect(env)
	if err != nil {
		return exec.Finding{}, err
	}
	finding := exec.Finding{Action: s.action()}
	if finding.Action == exec.Keep {
		return finding, nil
	}
	if err := env.CheckWritable(o.Path); err != nil {
		return finding, err
	}
	finding.Details = append([]string{fmt.Sprintf("mode %04o", s.mode)}, o.Owner.details()...)
	for i, f := range s.foreign {
		if i == 10 {
			finding.Details = append(finding.Details, fmt.Sprintf("remove %d more", len(s.foreign)-i))
			break
		}
		finding.Details = append(finding.Details, "remove "+f)
	}
	return finding, nil
}

func (o *Directory) inspect(env *exec.Env) (s directoryState, err error) {
	if s.is, err = look(env, o.Path); err != nil {
		return s, err
	}
	if s.uid, s.gid, err = o.Owner.ids(env); err != nil {
		return s, err
	}
	isDirectory := s.is.Kind == sysroot.Directory
	uid, gid, bit := defaultOwner(env, parent(o.Path))
	s.mode = defaultDirectoryMode | bit
	if o.Mode != nil {
		s.mode = *o.Mode
	} else if isDirectory && !o.Overwrite {
		s.mode = s.is.Mode
	}
	switch {
	case s.is.Kind == sysroot.Absent:
		return s, nil
	case !isDirectory && !o.Overwrite:
		return s, there(s.is)
	}
	if o.Overwrite { // as if it were new
		if s.uid == sysroot.Keep {
			s.uid = uid
		}
		if s.gid == sysroot.Keep {
			s.gid = gid
		}
	}
	if !isDirectory {
		return s, nil
	}
	s.adjust = differ(s.uid, s.is.UID) || differ(s.gid, s.is.GID) || s.mode != s.is.Mode
	if o.Overwrite {
		s.foreign, err = o.listForeign(env, o.Path)
	}
	return s, err
}

// listForeign returns what is below a directory and not ours, in order of the names.
func (o *Directory) listForeign(env *exec.Env, dir string) ([]string, error) {
	e, err := env.Root.Entry(dir)
	if err != nil {
		return nil, err
	}
	names, err := sortedNames(e)
	e.Close()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, n := range names {
		name := path.Join(dir, n)
		if !o.Ours[name] {
			out = append(out, name)
			continue
		}
		info, err := env.Root.Lstat(name)
		if err != nil {
			return nil, err
		}
		if info.Kind != sysroot.Directory {
			continue
		}
		below, err := o.listForeign(env, name)
		if err != nil {
			return nil, err
		}
		out = append(out, below...)
	}
	return out, nil
}

// Apply implements exec.Operation.
func (o *Directory) Apply(_ context.Context, env *exec.Env) (out exec.Outcome, err error) {
	e, err := env.Root.MakeEntry(o.Path) // first: the mode depends on the directory above
	if err != nil {
		return out, err
	}
	defer e.Close()
	s, err := o.inspect(env)
	if err != nil || s.action() == exec.Keep {
		return out, err
	}
	for _, name := range s.foreign {
		if err := removePath(env, name); err != nil {
			return out, err
		}
	}
	if s.is.Kind == sysroot.Directory {
		if err := e.Chown(s.uid, s.gid); err != nil {
			return out, err
		}
		return out, e.Chmod(s.mode)
	}
	if s.is.Kind != sysroot.Absent {
		if err := e.Remove(); err != nil {
			return out, err
		}
	}
	staged, err := e.StageDirectory(s.mode, s.uid, s.gid)
	if err != nil {
		return out, err
	}
	return out, commit(staged, false)
}

func removePath(env *exec.Env, name string) error {
	e, err := env.Root.Entry(name)
	if err != nil {
		return err
	}
	defer e.Close()
	return e.Remove()
}
