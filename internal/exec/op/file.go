package op

import (
	"context"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// defaultFileMode is that of new files, whatever the umask.
const defaultFileMode = 0o644

// File is a regular file of the config.
type File struct {
	About exec.Description
	// Path is resolved.
	Path string
	// Contents of the file. Without a source an existing file is kept.
	Contents types.Resource
	// Twin is the resolved path of another file with the same contents from the network,
	// nothing appended, which is written before: they are fetched once. Empty if there is
	// none.
	Twin string
	// Append comes after the contents, or after what is there.
	Append []types.Resource
	// Overwrite allows to replace whatever is there.
	Overwrite bool
	// Mode are the permission bits; nil means 0644 for a new file.
	Mode  *uint32
	Owner Owner

	// What Check leaves to Apply: that there was nothing, and short content.
	absent bool
	ready  []byte
}

// fileState is what has to be done to a file.
type fileState struct {
	is       sysroot.Info
	uid, gid int     // as asked for
	mode     uint32  // that the file will have
	write    content // the new content, unless nothing is written
	writes   bool
	extends  bool // write comes after what is there
	adjust   bool // owner or mode have to be changed, or an interrupted change ended
}

func (s *fileState) action() exec.Action {
	switch {
	case s.is.Kind == sysroot.Absent:
		return exec.Create
	case s.writes && s.is.Kind != sysroot.Regular:
		return exec.Replace
	case s.writes || s.adjust:
		return exec.Change
	}
	return exec.Keep
}

// Describe implements exec.Operation.
func (o *File) Describe() *exec.Description { return &o.About }

// Check implements exec.Operation.
func (o *File) Check(ctx context.Context, env *exec.Env) (exec.Finding, error) {
	s, err := o.inspect(ctx, env, false)
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
	if s.writes {
		if err := s.write.check(ctx); err != nil {
			return finding, err
		}
	}
	finding.Details = append([]string{fmt.Sprintf("mode %04o", s.mode)}, o.Owner.details()...)
	if env.Detailed && s.writes {
		o.describeContent(ctx, env, s, &finding)
	}
	return finding, nil
}

// inspect compares the file with what is wanted: the decision table of the config
// format, except that a file with exactly the wanted content is never in the way. Once
// it is decided to write, remote content is not fetched only to be compared.
func (o *File) inspect(ctx context.Context, env *exec.Env, writes bool) (s fileState, err error) {
	if !writes || !o.absent { // Commit refuses what has come in between
		if s.is, err = look(env, o.Path); err != nil {
			return s, err
		}
	}
	if s.uid, s.gid, err = o.Owner.ids(env); err != nil {
		return s, err
	}
	hasSource := o.Contents.Source != nil
	all := content{fetcher: env.Fetcher, resources: make([]types.Resource, 0, len(o.Append)+1)}
	if hasSource {
		all.resources = append(all.resources, o.Contents)
		if o.Twin != "" {
			all.twin = &twin{root: env.Root, path: o.Twin, isThere: writes}
		}
	}
	all.resources = append(all.resources, o.Append...)
	if !writes {
		o.absent, o.ready = s.is.Kind == sysroot.Absent, all.short(env)
	}
	all.ready = o.ready
	s.mode = defaultFileMode
	isRegular := s.is.Kind == sysroot.Regular
	if o.Mode != nil {
		s.mode = *o.Mode
	} else if isRegular && !o.Overwrite {
		s.mode = s.is.Mode
	}
	if s.is.Kind == sysroot.Absent || !isRegular && o.Overwrite {
		s.write, s.writes = all, true
		return s, nil
	}
	if !isRegular {
		return s, there(s.is)
	}
	e, err := env.Root.Entry(o.Path)
	if err != nil {
		return s, err
	}
	defer e.Close()
	if hasSource {
		same := false
		if !writes || !o.Overwrite || !all.needsNet() || all.isKnownByHash() {
			if same, err = all.equals(ctx, e); err != nil {
				return s, err
			}
		}
		if !same && !o.Overwrite {
			return s, there(s.is)
		}
		s.write, s.writes = all, !same
	} else if len(all.resources) > 0 {
		done, err := all.isTailOf(ctx, e, s.is.Size)
		if err != nil {
			return s, err
		}
		s.write, s.writes, s.extends = all, !done, !done
	}
	o.compareOwner(env, &s)
	if o.Overwrite && !s.adjust {
		s.adjust, err = e.LeftOver()
	}
	return s, err
}

func (o *File) compareOwner(env *exec.Env, s *fileState) {
	uid, gid := s.uid, s.gid
	if o.Overwrite { // as if it were new
		newUID, newGID, _ := defaultOwner(env, parent(o.Path))
		if uid == sysroot.Keep {
			uid = newUID
		}
		if gid == sysroot.Keep {
			gid = newGID
		}
		s.uid, s.gid = uid, gid
	}
	s.adjust = differ(uid, s.is.UID) || differ(gid, s.is.GID) || s.mode != s.is.Mode
}

func parent(name string) string {
	for i := len(name) - 1; i > 0; i-- {
		if name[i] == '/' {
			return name[:i]
		}
	}
	return "/"
}

// Apply implements exec.Operation.
func (o *File) Apply(ctx context.Context, env *exec.Env) (exec.Outcome, error) {
	out, err := o.apply(ctx, env)
	if o.absent && errors.Is(err, unix.EEXIST) { // another operation has made it since
		o.absent = false
		return o.apply(ctx, env)
	}
	return out, err
}

func (o *File) apply(ctx context.Context, env *exec.Env) (out exec.Outcome, err error) {
	s, err := o.inspect(ctx, env, true)
	if err != nil || s.action() == exec.Keep {
		return out, err
	}
	e, err := env.Root.MakeEntry(o.Path)
	if err != nil {
		return out, err
	}
	defer e.Close()
	if !s.writes {
		if err := e.RemoveLeftOver(); err != nil {
			return out, err
		}
		if err := e.Chown(s.uid, s.gid); err != nil {
			return out, err
		}
		return out, e.Chmod(s.mode)
	}
	staged, err := e.StageFile()
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, staged.Discard()) }()
	if s.extends {
		if err := extend(ctx, staged, e); err != nil {
			return out, err
		}
		if s.uid == sysroot.Keep {
			s.uid = s.is.UID
		}
		if s.gid == sysroot.Keep {
			s.gid = s.is.GID
		}
	}
	var w io.Writer = staged
	if s.write.ready == nil {
		if w, err = inRoom(staged); err != nil {
			return out, err
		}
	}
	if err := s.write.writeTo(ctx, w); err != nil {
		return out, err
	}
	out.Bytes = staged.Size()
	if err := staged.Chown(s.uid, s.gid); err != nil {
		return out, err
	}
	if err := staged.Chmod(s.mode); err != nil {
		return out, err
	}
	err = staged.Commit(s.is.Kind != sysroot.Absent)
	if errors.Is(err, unix.EEXIST) {
		err = fmt.Errorf("something has appeared there meanwhile: %w", err)
	}
	return out, err
}

// extend begins a prepared file with what the file in its place holds.
func extend(ctx context.Context, staged *sysroot.Staged, e sysroot.Entry) error {
	f, err := e.Open()
	if err != nil {
		return err
	}
	defer f.Close() // read only
	if err := copyStream(ctx, staged, f); err != nil {
		return err
	}
	return staged.CopyAttributes(e)
}

// publicMode are the bits that let everybody read a file.
const publicMode = 0o004

// describeContent adds a diff when everybody may read both texts, else the reason
// why there is none.
func (o *File) describeContent(ctx context.Context, env *exec.Env, s fileState, finding *exec.Finding) {
	isRegular := s.is.Kind == sysroot.Regular
	if s.mode&publicMode == 0 || isRegular && s.is.Mode&publicMode == 0 {
		finding.Details = append(finding.Details, "content not shown: not everybody may read it")
		return
	}
	now, ok := "", true
	if isRegular {
		e, err := env.Root.Entry(o.Path)
		if err != nil {
			return
		}
		defer e.Close()
		now, ok = textOf(e)
	}
	then, isText := s.write.text(ctx)
	if !ok || !isText {
		finding.Details = append(finding.Details, "content not shown: no text, or a long one")
		return
	}
	if s.extends {
		then = now + then
	}
	finding.Diff = diffOf(o.Path, s.is.Kind, now, then)
}
