package programs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

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
