// Package programs builds the programs of this project for the tests that run them:
// [Path] for one of them, [Root] for the tree they are built from. [Need], [Do] and [Output] are
// for programs of the system, [Debian] and its like for what comes from there, [Foreign] for
// programs of other projects. A test process builds a program once, from the tree as it is.
package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	mu    sync.Mutex
	dir   string
	built = map[string]error{}
)

// aliases are the names of one program: what it does depends on the name.
var aliases = map[string]string{
	"ignition-validate": "ignition",
	"ignition-apply":    "ignition",
	"ignition-report":   "ignition",
	"ignition-rmcfg":    "ignition",
}

// elsewhere are the programs that are not in cmd, by their folders.
var elsewhere = map[string]string{"conformance-driver": "./tests/conformance/driver"}

// Main runs the tests of a package and removes what [Path] built for them.
//
//	func TestMain(m *testing.M) { os.Exit(programs.Main(m)) }
func Main(m *testing.M) int {
	defer func() {
		if dir != "" {
			_ = os.RemoveAll(dir)
		}
	}()
	return m.Run()
}

// Path returns the path of a program, static built by make with the flags of `make build`. A package
// whose tests use it runs them through [Main].
func Path(tb testing.TB, name string) string {
	tb.Helper()
	mu.Lock()
	defer mu.Unlock()
	err, done := built[name]
	if !done {
		err = build(name)
		built[name] = err
	}
	if err != nil {
		tb.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// Need skips a test that needs programs which are not there, unless CI promises to
// have them. The name root stands for being the superuser.
func Need(tb testing.TB, names ...string) {
	tb.Helper()
	for _, name := range names {
		missing := false
		if name == "root" {
			missing = os.Geteuid() != 0
		} else {
			_, err := exec.LookPath(name)
			missing = err != nil
		}
		switch {
		case !missing:
		case os.Getenv("CI") == "true":
			tb.Fatalf("%s is missing, and CI must not skip", name)
		default:
			tb.Skipf("%s is missing", name)
		}
	}
}

// Do runs a program of the system to its end, and returns what it said on both outputs. A
// failure ends the test. Debian's scripts ask no questions, and find what is in /usr/sbin.
func Do(tb testing.TB, program string, args ...string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), program, args...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	return Output(tb, cmd)
}

// Output runs a program to its end, and returns what it said on both outputs. A failure ends
// the test.
func Output(tb testing.TB, cmd *exec.Cmd) string {
	tb.Helper()
	said, err := cmd.CombinedOutput()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, said)
	}
	return string(said)
}

// Must ends a test that cannot go on after an error.
func Must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func build(name string) error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "kindling-programs-"); err != nil {
			return fmt.Errorf("make directory for programs: %w", err)
		}
	}
	if target, isAlias := aliases[name]; isAlias {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("link program: %w", err)
		}
		if err, done := built[target]; done {
			return err
		}
		built[target] = build(target)
		return built[target]
	}
	folder := "./cmd/" + name
	if other, ok := elsewhere[name]; ok {
		folder = other
	}
	cmd := exec.Command("make", "--no-print-directory", "program", "PACKAGE="+folder, "OUT="+filepath.Join(dir, name))
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=") // not a part of a make around the tests
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", name, err, said)
	}
	return nil
}

// Foreign builds a program of another project, static, for the test that asks. A folder of
// this tree has a go.mod that says which version. A test is skipped where the modules cannot
// be downloaded, unless CI promises the network. Variables can be set as the linker takes
// them: NAME=VALUE.
func Foreign(tb testing.TB, folder, program string, variables ...string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), filepath.Base(program))
	flags := "-ldflags=-s -w"
	for _, v := range variables {
		flags += " -X " + v
	}
	cmd := exec.CommandContext(tb.Context(), "go", "build", "-mod=mod", "-trimpath", flags, "-o", path, program)
	cmd.Dir = filepath.Join(Root(tb), folder)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatalf("build %s: %v\n%s", program, err, said)
		}
		tb.Skipf("build %s: %v\n%s", program, err, said)
	}
	return path
}

// Root returns the directory of go.mod. Data that lies beside the project is found
// from there.
func Root(tb testing.TB) string {
	tb.Helper()
	root, err := findRoot()
	if err != nil {
		tb.Fatal(err)
	}
	return root
}

func findRoot() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find project: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at, nil
		}
		up := filepath.Dir(at)
		if up == at {
			return "", fmt.Errorf("find project: no go.mod above the working directory")
		}
		at = up
	}
}
