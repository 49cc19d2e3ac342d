package cloudinit

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// scratch are folders that only the two programs themselves, or those they call, use.
var scratch = []string{"/var/lib/cloud", "/var/log", "/run", "/tmp", "/var/tmp", "/var/cache/debconf", "/var/lib/systemd", "/etc/ssl/certs", "/var/lib/private"}

// databases have a line for each account; lines are compared, whatever their order.
var databases = []string{"/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"}

// Changes lists what an overlay has: a line for each account, file, link and directory that
// was changed. Copies that tools keep (passwd-) are left out.
func (o Overlay) Changes(t *testing.T) []string {
	t.Helper()
	lower, upper := o.lower, filepath.Join(o.dir, "upper")
	var out []string
	err := filepath.WalkDir(upper, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(path, upper), "/")
		if slices.Contains(scratch, name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if base := strings.TrimSuffix(name, "-"); base != name && slices.Contains(databases, base) || strings.HasSuffix(name, ".lock") {
			return nil
		}
		out = append(out, describe(t, lower, path, name, d)...)
		return nil
	})
	programs.Must(t, err)
	return out
}

func describe(t *testing.T, lower, path, name string, d fs.DirEntry) []string {
	t.Helper()
	info, err := os.Lstat(path)
	programs.Must(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	about := name + " " + strconv.FormatUint(uint64(stat.Mode&0o7777), 8) + " " +
		strconv.Itoa(int(stat.Uid)) + ":" + strconv.Itoa(int(stat.Gid))
	switch {
	case d.IsDir():
		if old, err := os.Lstat(filepath.Join(lower, name)); err == nil && old.Mode() == info.Mode() {
			return nil // something below it changed
		}
		return []string{"directory " + about}
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		programs.Must(t, err)
		return []string{"link " + name + " to " + strings.TrimPrefix(strings.TrimPrefix(target, "../"), "/")}
	case info.Mode()&fs.ModeCharDevice != 0:
		return []string{"removed " + name}
	}
	text, err := os.ReadFile(path)
	programs.Must(t, err)
	before, _ := os.ReadFile(filepath.Join(lower, name))
	switch {
	case slices.Contains(databases, name):
		return newLines(name, string(before), string(text))
	case filepath.Dir(name) == "/etc/ssh/sshd_config.d": // each program has a file of its own
		return statements("sshd", string(text))
	case name == "/etc/sudoers.d/90-cloud-init-users", name == "/etc/hosts": // comments differ
		return append(statements(name, string(text)), "file "+about)
	case name == "/etc/fstab":
		return fstab(string(before), string(text))
	case filepath.Ext(name) == ".mount":
		return []string{mountUnit(string(text))}
	}
	if old, err := os.Lstat(filepath.Join(lower, name)); err == nil && old.Mode() == info.Mode() && string(before) == string(text) {
		return nil
	}
	return []string{"file " + about + " " + strconv.Quote(string(text))}
}

// newLines are the lines of a file that it did not have before, and those that it lost.
func newLines(name, before, after string) []string {
	had, has := strings.Split(before, "\n"), strings.Split(after, "\n")
	var out []string
	for _, line := range has {
		if !slices.Contains(had, line) {
			out = append(out, name+" "+line)
		}
	}
	for _, line := range had {
		if !slices.Contains(has, line) {
			out = append(out, name+" lost "+line)
		}
	}
	return out
}

// statements are the lines of a file but comments.
func statements(name, text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && line[0] != '#' {
			out = append(out, name+" "+line)
		}
	}
	return out
}

// mounted writes a mount, whether it is a line of fstab or a unit.
func mounted(what, where, format, options string) string {
	if format == "none" {
		format = ""
	}
	list := strings.Split(options, ",")
	list = slices.DeleteFunc(list, func(o string) bool { return o == "comment=cloudconfig" || o == "" })
	slices.Sort(list)
	return strings.Join([]string{"mount", what, where, format, strings.Join(list, ",")}, " ")
}

func fstab(before, after string) []string {
	var out []string
	for _, line := range newLines("", before, after) {
		if f := strings.Fields(line); len(f) >= 4 {
			out = append(out, mounted(f[0], f[1], f[2], f[3]))
		}
	}
	return out
}

func mountUnit(text string) string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[key] = value
	}
	return mounted(values["What"], values["Where"], values["Type"], values["Options"])
}
