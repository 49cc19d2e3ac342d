package boot

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// packaged is the Debian package of this tree, made once.
var packaged struct {
	sync.Once
	dir, path string
}

// debianPackage returns the package.
func debianPackage(t testing.TB) string {
	t.Helper()
	packaged.Do(func() {
		var err error
		packaged.dir, err = os.MkdirTemp("", "kindling-package-")
		must(t, err)
		programs.Do(t, "env", "-C", programs.Root(t), "scripts/deb.sh", "v0.0.1-test", packaged.dir)
		found, err := filepath.Glob(filepath.Join(packaged.dir, "kindling_0.0.1+test_*.deb"))
		must(t, err)
		if len(found) != 1 {
			t.Fatalf("the package is not there: %q", found)
		}
		packaged.path = found[0]
	})
	if packaged.path == "" {
		t.Fatal("there is no package: a test before this one could not make it")
	}
	return packaged.path
}

// TestPackage judges the package as Debian does.
func TestPackage(t *testing.T) {
	need(t)
	path := debianPackage(t)

	t.Run("lintian finds nothing", func(t *testing.T) {
		if _, err := exec.LookPath("lintian"); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal("not there: lintian (scripts/test-deps.sh installs it)")
			}
			t.Skip("not there: lintian (scripts/test-deps.sh installs it)")
		}
		if said := programs.Do(t, "lintian", "--allow-root", "--fail-on", "error,warning", path); strings.Contains(said, "kindling:") {
			t.Error(said)
		}
	})

	t.Run("a purge leaves nothing behind", func(t *testing.T) {
		if img := newImage(t); img.LeftBehind != "" {
			t.Errorf("left, or gone with it:\n%s", img.LeftBehind)
		}
	})
}

// files are the paths of a tree, but for those that dpkg, apt and the makers of an
// initramfs keep about their own work.
func files(t testing.TB, tree string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	must(t, filepath.WalkDir(tree, func(path string, d fs.DirEntry, err error) error {
		path = strings.TrimPrefix(path, tree)
		for _, own := range []string{"/boot", "/run", "/var/cache", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/initramfs-tools", "/var/log", "/tmp", "/var/tmp"} {
			if path == own {
				return filepath.SkipDir
			}
		}
		found[path] = true
		return err
	}))
	return found
}

// difference lists what only one of two trees has.
func difference(before, after map[string]bool) string {
	var lines []string
	for path := range after {
		if !before[path] {
			lines = append(lines, "+ "+path)
		}
	}
	for path := range before {
		if !after[path] {
			lines = append(lines, "- "+path)
		}
	}
	return strings.Join(lines, "\n")
}
