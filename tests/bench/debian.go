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
	u, err := asStage(debianIgnition, dir, root, config, "PATH="+fake+":"+os.Getenv("PATH"))
	if err != nil {
		b.skip(what, "its stages fail here")
		return nil //nolint:nilerr // the row is optional
	}
	b.ratio(what, ours, u.wall, 0)
	return os.RemoveAll(root)
}

// asStage provisions a root as a boot does, and returns what the stage files takes. The state
// is in the directory, and is new each time.
func asStage(engine, dir, root, config string, env ...string) (usage, error) {
	state := filepath.Join(dir, "run")
	if err := errors.Join(os.RemoveAll(state), os.Mkdir(state, 0o700)); err != nil {
		return usage{}, err
	}
	stage := func(name string) (usage, error) {
		return run("env", append(env, "IGNITION_CONFIG_FILE="+config, engine, "--platform=file", "--root="+root, "--stage="+name,
			"--config-cache="+filepath.Join(state, "cache"), "--state-file="+filepath.Join(state, "state"), "--neednet="+filepath.Join(state, "neednet"), "--log-to-stdout")...)
	}
	if _, err := stage("fetch"); err != nil {
		return usage{}, err
	}
	return stage("files")
}
