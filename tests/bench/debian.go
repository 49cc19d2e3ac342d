package main

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// debianIgnition is where Debian's package has the engine.
const debianIgnition = "/usr/lib/dracut/modules.d/30ignition/ignition"

// besideDebian compares a time with that of the files stage of Debian's package, if it
// is installed, for the same config and a root below the same directory.
func (b *bench) besideDebian(what, dir, config string, ours time.Duration) error {
	what += " : stage files of Debian's package, wall"
	if _, err := os.Stat(debianIgnition); err != nil {
		b.skip(what, "no Debian package ignition")
		return nil //nolint:nilerr // the row is optional
	}
	root := filepath.Join(dir, "root")
	if err := newRoot(root); err != nil {
		return err
	}
	// it labels for SELinux in any case: here with a program that does nothing
	fake := b.path("fake")
	for name, text := range map[string]string{
		filepath.Join(root, "etc/selinux/config"):                                "SELINUX=permissive\nSELINUXTYPE=targeted\n",
		filepath.Join(root, "etc/selinux/targeted/contexts/files/file_contexts"): "",
		filepath.Join(fake, "setfiles"):                                          "#!/bin/sh\n",
	} {
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, []byte(text), 0o755)); err != nil {
			return err
		}
	}
	args := func(stage string) []string {
		return []string{
			"PATH=" + fake + ":" + os.Getenv("PATH"), "IGNITION_CONFIG_FILE=" + config, debianIgnition, "--platform=file", "--root=" + root, "--stage=" + stage,
			"--config-cache=" + b.path("cache"), "--state-file=" + b.path("state"), "--neednet=" + b.path("neednet"), "--log-to-stdout",
		}
	}
	if _, err := run("env", args("fetch")...); err != nil {
		b.skip(what, "its stage fetch fails here")
		return nil //nolint:nilerr // the row is optional
	}
	u, err := run("env", args("files")...)
	if err != nil {
		b.skip(what, "its stage files fails here")
		return nil //nolint:nilerr // the row is optional
	}
	b.ratio(what, ours, u.wall, 0)
	return os.RemoveAll(root)
}
