// Package arch holds the tests of the architecture: who may import whom, what no
// package may do. They walk the graph that `go list -deps` prints.
package arch

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

const module = "github.com/kindling-boot/kindling"

// pkg is one package, as go list prints it.
type pkg struct {
	ImportPath string
	Dir        string
	Standard   bool
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	Deps       []string
	Module     *struct{ Main bool }
}

// layers are the packages of this module from the top to the bottom. A package
// imports packages of lower layers only; those of one layer do not know each other,
// except below one name that ends in "/..." (the folder orders itself). The first
// row that matches a package is its layer.
var layers = [][]string{
	{"cmd/...", "tests/...", "scripts/..."},
	{"internal/exec/..."},
	{"internal/providers/..."},
	{"internal/resource/..."},
	{"internal/blockdev/...", "internal/..."},
	{"dialect/..."},
	{"transpiler", "rulebook", "reports"},
	{"transpiler/variant"},
	{"transpiler/linux", "transpiler/lint", "transpiler/systems"},
	{"transpiler/sugar"},
	{"config/legacy/..."},
	{"config"},
	{"config/systems"},
	{"config/merge"},
	{"config/types"},
	{"config/check"},
	{"config/dialect"},
	{"config/schema"},
	{"config/json"},
	{"config/spec"},
	{"config/diag"},
	{"config/source", "config/dataurl", "config/unitfile", "config/dialect/zstd"},
	{"version", "rulebook/archive"},
}

// forbidden are the edges, direct or not, that must not exist, with the reason.
var forbidden = []struct{ from, to, reason string }{
	{"cmd/butane", module + "/internal/...", "butane runs on desks and in CI: nothing of the engine belongs in it"},
	{"config/...", module + "/internal/...", "config is a library for others; the engine is ours"},
	{"config/...", module + "/transpiler/...", "Ignition configs are read without any YAML dialect"},
	{"dialect/...", module + "/internal/...", "butane converts documents too"},
	{"dialect/...", "net/http", "what a document refers to is fetched by who asks for it"},
	{"transpiler/...", module + "/internal/...", "translating a document touches no machine"},
	{"cmd/butane", "net/http", "butane uses no network"},
	{"config/...", "net/http", "reading a config uses no network"},
	{"transpiler/...", "net/http", "translating a document uses no network"},
	{"cmd/butane", "os/exec", "butane starts no programs"},
}

// importers are packages that few may import directly, and who they are.
var importers = map[string]struct {
	allowed []string
	reason  string
}{
	"gopkg.in/yaml.v3":                     {[]string{"config/source", "transpiler/...", "tests/..."}, "only the readers know YAML"},
	"github.com/vincent-petithory/dataurl": {nil, "only tests use it, to compare: docs/adr/0003"},
	"github.com/coreos/vcontext/...":       {nil, "only tests use it, to compare: docs/adr/0003"},
	"github.com/coreos/go-semver/...":      {nil, "only tests use it, to compare: docs/adr/0002"},
	"encoding/json":                        {[]string{"tests/...", "scripts/..."}, "the programs have config/json instead, which is a tenth of its size: docs/adr/0200"},
	"os/exec":                              {[]string{"internal/run/...", "tests/...", "scripts/..."}, "external tools are started in one place, which logs and redacts"},
}

// clouds are vendors' libraries: they weigh megabytes and belong to the engine alone.
var clouds = []string{"github.com/aws/...", "cloud.google.com/...", "google.golang.org/...", "github.com/Azure/..."}

func TestImportsPointDown(t *testing.T) {
	graph := list(t)
	for _, p := range own(graph) {
		from := layerOf(p.ImportPath)
		if from < 0 {
			t.Errorf("%s has no layer: add it to the table, and to CONTRIBUTING.md", short(p.ImportPath))
			continue
		}
		for _, imported := range p.Imports {
			if !isOwn(imported) || sameFolder(layers[from], p.ImportPath, imported) {
				continue
			}
			if to := layerOf(imported); to >= 0 && to <= from {
				t.Errorf("%s imports %s: imports point down", short(p.ImportPath), short(imported))
			}
		}
	}
}

func TestForbiddenEdges(t *testing.T) {
	graph := list(t)
	for _, p := range own(graph) {
		for _, rule := range forbidden {
			if !matches(short(p.ImportPath), rule.from) {
				continue
			}
			for _, dep := range p.Deps {
				if matches(dep, rule.to) {
					t.Errorf("%s depends on %s: %s\n  by way of %s", short(p.ImportPath), short(dep), rule.reason, way(graph, p.ImportPath, dep))
				}
			}
		}
		for _, imported := range p.Imports {
			for pattern, rule := range importers {
				if matches(imported, pattern) && !slices.ContainsFunc(rule.allowed, func(w string) bool { return matches(short(p.ImportPath), w) }) {
					t.Errorf("%s imports %s: %s", short(p.ImportPath), imported, rule.reason)
				}
			}
		}
	}
}

// testOnly are libraries that only tests may use: they stay out of every program.
var testOnly = []string{"github.com/rclone/...", "github.com/ryszard/...", "golang.org/x/tools/...", "github.com/santhosh-tekuri/...", "net/http/httptest", "testing"}

func TestProgramsLinkNoTestLibraries(t *testing.T) {
	for _, p := range own(list(t)) {
		if !matches(short(p.ImportPath), "cmd/...") {
			continue
		}
		for _, dep := range p.Deps {
			for _, library := range testOnly {
				if matches(dep, library) {
					t.Errorf("%s depends on %s, which is for tests", short(p.ImportPath), dep)
				}
			}
		}
	}
}

func TestButaneAndConfigLinkNoCloud(t *testing.T) {
	graph := list(t)
	for _, p := range own(graph) {
		name := short(p.ImportPath)
		if !matches(name, "cmd/butane") && !matches(name, "config/...") && !matches(name, "transpiler/...") {
			continue
		}
		for _, dep := range p.Deps {
			for _, cloud := range clouds {
				if matches(dep, cloud) {
					t.Errorf("%s depends on %s, a vendor's library", name, dep)
				}
			}
		}
	}
}

func TestNoCgo(t *testing.T) {
	for path, p := range list(t) {
		if len(p.CgoFiles) > 0 && !p.Standard {
			t.Errorf("%s uses cgo (%s): every program is static", path, strings.Join(p.CgoFiles, ", "))
		}
	}
}

func TestNothingHappensAtImport(t *testing.T) {
	for _, p := range own(list(t)) {
		for _, name := range p.GoFiles {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, d := range file.Decls {
				if f, isFunc := d.(*ast.FuncDecl); isFunc && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s/%s has func init: closed sets are listed, not registered", short(p.ImportPath), name)
				}
			}
			for _, i := range file.Imports {
				if i.Name != nil && i.Name.Name == "_" && i.Path.Value != `"embed"` {
					t.Errorf("%s/%s has a blank import of %s", short(p.ImportPath), name, i.Path.Value)
				}
			}
		}
	}
}

// TestNoRoomWithoutAName: a package named for what it is not about collects everything.
func TestNoRoomWithoutAName(t *testing.T) {
	for _, p := range own(list(t)) {
		for _, part := range strings.Split(short(p.ImportPath), "/") {
			if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc"}, part) {
				t.Errorf("%s: name the package for what it holds", short(p.ImportPath))
			}
		}
	}
}

// list returns the packages of this module and all they depend on, without tests.
func list(t *testing.T) map[string]*pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Standard,GoFiles,CgoFiles,Imports,Deps,Module", "./...")
	cmd.Dir = programs.Root(t)
	cmd.Env = append(cmd.Environ(), "CGO_ENABLED=0")
	stdout, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	graph := map[string]*pkg{}
	for d := json.NewDecoder(strings.NewReader(string(stdout))); ; {
		p := new(pkg)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return graph
		} else if err != nil {
			t.Fatal(err)
		}
		graph[p.ImportPath] = p
	}
}

// own returns the packages of this module, in order of their names.
func own(graph map[string]*pkg) []*pkg {
	var found []*pkg
	for _, p := range graph {
		if p.Module != nil && p.Module.Main {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b *pkg) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return found
}

func isOwn(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

func short(path string) string { return strings.TrimPrefix(path, module+"/") }

// matches reports whether a path is the one of a pattern, or below it if that ends
// in "/...".
func matches(path, pattern string) bool {
	if folder, wide := strings.CutSuffix(pattern, "/..."); wide {
		return path == folder || strings.HasPrefix(path, folder+"/")
	}
	return path == pattern
}

// layerOf returns the index of a package's layer, -1 if it has none.
func layerOf(path string) int {
	return slices.IndexFunc(layers, func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return matches(short(path), name) })
	})
}

// sameFolder reports whether both packages are below the same entry of a layer that
// ends in "/...".
func sameFolder(layer []string, a, b string) bool {
	return slices.ContainsFunc(layer, func(name string) bool {
		return strings.HasSuffix(name, "/...") && matches(short(a), name) && matches(short(b), name) && layerOf(a) == layerOf(b)
	})
}

// way returns one chain of imports from a package to another.
func way(graph map[string]*pkg, from, to string) string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at == to {
			var chain []string
			for ; at != ""; at = before[at] {
				chain = append(chain, short(at))
			}
			slices.Reverse(chain)
			return strings.Join(chain, " → ")
		}
		for _, next := range graph[at].Imports {
			if _, seen := before[next]; !seen && graph[next] != nil {
				before[next] = at
				queue = append(queue, next)
			}
		}
	}
	return "?"
}
