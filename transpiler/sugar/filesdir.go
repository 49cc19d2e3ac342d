package sugar

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

var (
	ruleFilesDir = &diag.Rule{
		ID: "files-dir", Why: "local files are read only from a directory that the caller names, so that a config cannot take others",
		Help: "run butane with --files-dir DIR; local paths are relative to it",
	}
	ruleFilesDirEscape = &diag.Rule{
		ID: "files-dir-escape", Why: "a config must not reach files outside of the files directory",
		Help: "copy the file into the files directory",
	}
	ruleLocalFile = &diag.Rule{
		ID: "local-file", Why: "the content of local files becomes part of the config",
		Help: "local paths are relative to the directory that --files-dir names; check the name and who may read it",
	}
)

// FilesDir is the directory that local files are read from. Neither .. nor
// symbolic links lead out of it. The zero FilesDir has no files.
type FilesDir struct {
	root *os.Root
}

// OpenFilesDir opens the directory. An empty name gives a FilesDir without files.
func OpenFilesDir(name string) (*FilesDir, error) {
	if name == "" {
		return &FilesDir{}, nil
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("open files directory: %w", err)
	}
	return &FilesDir{root: root}, nil
}

// Close releases the directory.
func (d *FilesDir) Close() error {
	if d.root == nil {
		return nil
	}
	return d.root.Close()
}

// Name is the name of a local file for people: with the directory before it.
func (d *FilesDir) Name(local string) string {
	if d.root == nil {
		return local
	}
	return path.Join(d.root.Name(), path.Clean(strings.TrimLeft(local, "/")))
}

// exists reports, at a place of the document, that there is no directory.
func (d *FilesDir) exists(c *Ctx, at source.Path) bool {
	if d.root == nil {
		c.Errorf(ruleFilesDir, at, "local files need a files directory")
	}
	return d.root != nil
}

// name returns the path of a local file below the directory. A problem is
// reported at the place of the document.
func (d *FilesDir) name(c *Ctx, local string, at source.Path) (name string, ok bool) {
	if !d.exists(c, at) {
		return "", false
	}
	name = path.Clean(strings.TrimLeft(local, "/"))
	if name == ".." || strings.HasPrefix(name, "../") {
		c.Errorf(ruleFilesDirEscape, at, "local path %q leads out of the files directory", local)
		return "", false
	}
	return name, true
}

// read returns the content of a local file, or reports why there is none.
func (d *FilesDir) read(c *Ctx, local string, at source.Path) (data []byte, ok bool) {
	name, ok := d.name(c, local, at)
	if !ok {
		return nil, false
	}
	data, err := d.root.ReadFile(name)
	if err != nil {
		d.fail(c, local, at, err)
		return nil, false
	}
	return data, true
}

// fail reports an error of the file system.
func (d *FilesDir) fail(c *Ctx, local string, at source.Path, err error) {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	if strings.Contains(err.Error(), "escapes") { // os.Root has no error value for it
		c.Errorf(ruleFilesDirEscape, at, "local path %q leads out of the files directory through a symbolic link", local)
		return
	}
	c.Errorf(ruleLocalFile, at, "cannot read local file %q: %v", local, err)
}
