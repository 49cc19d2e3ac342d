package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/exec/sight"
	"github.com/kindling-boot/kindling/internal/run"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// inventoryMain is ignition inventory: it prints what ignition plan needs to know of this
// machine.
func inventoryMain(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition inventory", "", "Prints what ignition plan --inventory needs to know of this machine, as JSON, without secrets. It changes nothing.", stderr)
	rootDir := flags.String("root", "/", "`directory` whose users and groups are listed")
	showVersion := flags.Bool("version", false, "print the version and exit")
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case *showVersion:
		return printVersion(stdout)
	case len(rest) != 0:
		flags.Usage()
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := printInventory(ctx, stdout, *rootDir); err != nil {
		fmt.Fprintf(stderr, "ignition inventory: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func printInventory(ctx context.Context, w io.Writer, rootDir string) error {
	root, err := sysroot.Open(rootDir)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written
	inv, err := sight.Capture(ctx, run.Runner{}.Run, root, op.Programs())
	if err != nil {
		return err
	}
	return json.Write(w, inv)
}

// rootOf makes a directory that has the accounts of an inventory and nothing else. The
// caller removes it.
func rootOf(inv *sight.Inventory) (string, error) {
	dir, err := os.MkdirTemp("", "ignition-inventory-")
	if err != nil {
		return "", err
	}
	var passwd, group strings.Builder
	for _, u := range inv.UserAccounts {
		fmt.Fprintf(&passwd, "%s:x:%d:%d::%s:%s\n", u.Name, u.UID, u.GID, u.Home, u.Shell)
	}
	for _, g := range inv.GroupAccounts {
		fmt.Fprintf(&group, "%s:x:%d:%s\n", g.Name, g.GID, strings.Join(g.Members, ","))
	}
	if err := os.Mkdir(filepath.Join(dir, "etc"), 0o755); err != nil {
		return dir, err
	}
	for name, text := range map[string]string{sysroot.PasswdFile: passwd.String(), sysroot.GroupFile: group.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return dir, err
		}
	}
	return dir, nil
}

// removeRoot removes what rootOf has made; it is no harm if it cannot.
func removeRoot(dir string) {
	for _, name := range []string{sysroot.PasswdFile, sysroot.GroupFile, "etc", ""} {
		_ = os.Remove(filepath.Join(dir, name))
	}
}
