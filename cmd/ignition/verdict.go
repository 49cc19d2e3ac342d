package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/kindling-boot/kindling/internal/exec/bootlog"
	"github.com/kindling-boot/kindling/internal/exec/consoles"
	"github.com/kindling-boot/kindling/internal/providers"
)

// verdictMain is ignition verdict: it shows why the provisioning of this boot has failed,
// and keeps that for the next boot. The hooks of an initramfs call it.
func verdictMain(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition verdict", "",
		"Shows why this boot did not provision the machine. Hooks of an initramfs call it.", stderr)
	dir := flags.String("run-dir", "/run/ignition", "`directory` of what the stages have left")
	showOn := flags.String("consoles", "", "`files`, with commas between them, to show it on as well; auto: the consoles of the machine")
	keep := flags.Bool("keep", false, "count the failure in the root file system, for the next boot to know")
	root := flags.String("root", "/sysroot", "`directory` of the root file system, for --keep")
	log := flags.String("log", "journalctl --identifier=ignition", "`command` that shows the whole log, to be named")
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case len(rest) > 0:
		fmt.Fprintf(stderr, "ignition verdict: it takes no arguments, %d were given\n", len(rest))
		return exitUsage
	}
	f, err := bootlog.ReadFailure(*dir)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintln(stderr, "ignition verdict: no stage of this boot has failed")
		return exitFailed
	}
	if err != nil {
		fmt.Fprintf(stderr, "ignition verdict: %v\n", err)
		return exitFailed
	}
	status := exitOK
	if *keep {
		if err := keepFailure(*root, *dir, &f); err != nil {
			fmt.Fprintf(stderr, "ignition verdict: this attempt is not counted: %v\n", err)
			status = exitFailed
		}
	}
	screen := f.Screen(*log)
	paths := strings.FieldsFunc(*showOn, func(c rune) bool { return c == ',' })
	if *showOn == "auto" {
		paths = consoles.Active()
	}
	if len(paths) == 0 || consoles.Show(paths, screen) == 0 {
		fmt.Fprint(stdout, screen)
	}
	return status
}

// keepFailure counts a failure on disk, and writes the counts to where it was left.
func keepFailure(root, dir string, f *bootlog.Failure) error {
	disk := bootlog.RootDisk{Target: root}
	env := &providers.Env{Paths: providers.SystemPaths()}
	for name, into := range map[string]*string{"root": &disk.Source, "rootfstype": &disk.Type, "rootflags": &disk.Flags} {
		var err error
		if *into, err = providers.Argument(env, name); err != nil {
			return err
		}
	}
	return errors.Join(disk.Keep(f), f.Write(dir))
}
