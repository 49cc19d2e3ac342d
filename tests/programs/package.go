package programs

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Debian returns an archive with a small Debian that has some packages, and what they need.
// It is kept below bin/, like the programs: making it takes minutes. It needs root and
// mmdebstrap.
func Debian(tb testing.TB, packages []string) string {
	tb.Helper()
	sum := sha256.Sum256([]byte(strings.Join(packages, " ")))
	path := filepath.Join(Root(tb), "bin/debian", hex.EncodeToString(sum[:8])+".tar")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	sources, err := filepath.Glob("/etc/apt/sources.list.d/*.*s*") // .list and .sources
	if err != nil {
		tb.Fatal(err)
	}
	sources = slices.DeleteFunc(append(sources, "/etc/apt/sources.list"), func(path string) bool {
		_, err := os.Stat(path)
		return err != nil || filepath.Ext(path) != ".list" && filepath.Ext(path) != ".sources"
	})
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	args := []string{"--quiet", "--variant=minbase", "--include=" + strings.Join(packages, ","), "--format=tar", "bookworm", path + ".new"}
	Do(tb, "mmdebstrap", append(args, sources...)...)
	if err := os.Rename(path+".new", path); err != nil {
		tb.Fatal(err)
	}
	return path
}

// DebianTree unpacks the small Debian of [Debian] into a folder that is there. It needs root,
// mmdebstrap and tar.
func DebianTree(tb testing.TB, dir string, packages []string) {
	tb.Helper()
	Do(tb, "tar", "--numeric-owner", "-C", dir, "-xf", Debian(tb, packages))
}

// DebianPackage unpacks a package of Debian below bin/, where it is kept, and returns the
// folder. The package is not installed: no service of it starts. A test is skipped where it
// cannot be downloaded, unless CI promises the network.
func DebianPackage(tb testing.TB, name string) string {
	tb.Helper()
	Need(tb, "apt-get", "dpkg-deb")
	dir := filepath.Join(Root(tb), "bin", "debian", name)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	temporary := tb.TempDir()
	cmd := exec.CommandContext(tb.Context(), "sh", "-ec", `
		apt-get download "$1" >&2
		mkdir -p tree "$(dirname "$2")"
		dpkg-deb --extract ./"$1"_*.deb tree
		rm -rf "$2.new"
		cp -r tree "$2.new"
		mv -T "$2.new" "$2"`, "sh", name, dir)
	cmd.Dir = temporary
	if said, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("download %s: %v\n%s", name, err, said)
		}
		tb.Skipf("download %s: %v\n%s", name, err, said)
	}
	return dir
}
