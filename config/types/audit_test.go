package types

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/spec"
)

// sources parses the Go files of this package, without tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var out []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
	return out
}

// The field comments are the reference manual.
func TestEveryTypeAndFieldHasAComment(t *testing.T) {
	fields := 0
	for _, f := range sources(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GenDecl:
				for _, s := range n.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && !strings.HasPrefix(n.Doc.Text()+ts.Doc.Text(), ts.Name.Name+" ") {
						t.Errorf("type %s has no comment that starts with its name", ts.Name)
					}
				}
			case *ast.StructType:
				for _, field := range n.Fields.List {
					if len(field.Names) == 0 || field.Tag == nil {
						continue // embedded, or no part of the model
					}
					fields++
					if doc := field.Doc.Text(); doc == "" || !strings.HasSuffix(strings.TrimSpace(doc), ".") {
						t.Errorf("field %s has no comment, or one that is no sentence", field.Names[0])
					}
				}
			}
			return true
		})
	}
	if fields < 80 {
		t.Errorf("only %d fields were looked at", fields)
	}
}

func TestEveryVersionInATableIsKnown(t *testing.T) {
	tables := 0
	for _, f := range sources(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if typ, ok := lit.Type.(*ast.SelectorExpr); !ok || typ.Sel.Name != "Values" {
				return true
			}
			tables++
			for _, e := range lit.Elts {
				text, err := strconv.Unquote(e.(*ast.BasicLit).Value)
				tag, values, _ := strings.Cut(text, " ")
				if _, known := spec.FromTag(tag); err != nil || !known || values == "" || values != strings.Join(strings.Fields(values), " ") {
					t.Errorf("a table of values has %q, which is no known spec and values", text)
				}
			}
			return true
		})
	}
	if tables < 5 {
		t.Errorf("only %d tables were found", tables)
	}
}

// tags are the keys that struct tags may have, and their values.
var tags = map[string]*regexp.Regexp{
	"json":   regexp.MustCompile(`^[a-z][A-Za-z0-9]*(,omitempty)?$`),
	"since":  regexp.MustCompile(`^3\.\d+(-experimental)?$`),
	"merge":  regexp.MustCompile(`^(key(,space=[a-z]+)?|append|identity|unset)$`),
	"secret": regexp.MustCompile(`^true$`),
	"net":    regexp.MustCompile(`^source$`),
	"yaml":   regexp.MustCompile(`^-$`), // not in Butane documents
}

var tagForm = regexp.MustCompile(`^(?:([a-z]+):"([^"]*)")(?: |$)`)

// secretName matches names of what is usually a secret. Public keys are none.
var secretName = regexp.MustCompile(`(?i)password|secret|private|keyfile|token|credential|passphrase`)

func TestTags(t *testing.T) {
	eachStruct(reflect.TypeFor[Config](), map[reflect.Type]bool{}, func(s reflect.Type) {
		yaml := map[string]bool{}
		for i := range s.NumField() {
			f := s.Field(i)
			name := s.Name() + "." + f.Name
			if f.Anonymous {
				continue
			}
			rest, seen := string(f.Tag), map[string]string{}
			for rest != "" {
				m := tagForm.FindStringSubmatch(rest)
				if m == nil {
					t.Fatalf("%s: the tag cannot be read at %q", name, rest)
				}
				rest = rest[len(m[0]):]
				form, known := tags[m[1]]
				if _, twice := seen[m[1]]; !known || twice || !form.MatchString(m[2]) {
					t.Errorf("%s: bad tag %s:%q", name, m[1], m[2])
				}
				seen[m[1]] = m[2]
			}
			if since := seen["since"]; since != "" {
				if _, known := spec.FromTag(since); !known {
					t.Errorf("%s: unknown spec %q", name, since)
				}
			}
			rule, _, _ := strings.Cut(seen["merge"], ",")
			isList := f.Type.Kind() == reflect.Slice
			if hasRule := rule == "key" || rule == "append"; isList != hasRule {
				t.Errorf("%s: a list has the merge rule key or append, and nothing else has (%q)", name, rule)
			}
			key, options, _ := strings.Cut(seen["json"], ",")
			if optional := isList || f.Type.Kind() == reflect.Pointer; optional && options != "omitempty" {
				t.Errorf("%s: what can be absent has omitempty", name)
			}
			if secretName.MatchString(key) && seen["secret"] == "" {
				t.Errorf("%s: the name of a secret without a secret tag", name)
			}
			if snake := schema.Snake(key); yaml[snake] {
				t.Errorf("%s: two members have the YAML name %s", name, snake)
			} else {
				yaml[snake] = true
			}
		}
		for _, f := range schema.Of(s).Fields {
			if sub := f.Struct(); f.Merge == schema.ByKey && sub != nil && !slices.ContainsFunc(sub.Fields, func(f *schema.Field) bool { return f.Identity }) {
				t.Errorf("%s: items of %s are matched by key, but have no identity", s.Name(), f.JSON)
			}
		}
	})
}

func eachStruct(s reflect.Type, seen map[reflect.Type]bool, visit func(reflect.Type)) {
	if s.Kind() == reflect.Slice || s.Kind() == reflect.Pointer {
		s = s.Elem()
	}
	if s.Kind() != reflect.Struct || seen[s] {
		return
	}
	seen[s] = true
	visit(s)
	for i := range s.NumField() {
		eachStruct(s.Field(i).Type, seen, visit)
	}
}

// modelField is a field as config-fields.json describes it.
type modelField struct {
	Path     string `json:"path"`
	Type     string `json:"type"`
	Nullable bool   `json:"nullable"`
	Unset    string `json:"unset_in_output"`
	Since    string `json:"since"`
	List     *struct {
		Duplicates string   `json:"duplicates"`
		Key        string   `json:"key"`
		Merge      string   `json:"merge"`
		Shared     []string `json:"keys_shared_with"`
	} `json:"list"`
}

func TestModelIsThatOfTheSpec(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "spec", "config-fields.json"))
	if err != nil {
		t.Skipf("the facts of the spec are not here: %v", err)
	}
	var facts struct {
		Versions []string     `json:"versions"`
		Fields   []modelField `json:"fields"`
	}
	if err := json.Unmarshal(text, &facts); err != nil {
		t.Fatal(err)
	}
	var versions []string
	for _, v := range spec.All() {
		versions = append(versions, v.String())
	}
	if !reflect.DeepEqual(versions, facts.Versions) {
		t.Errorf("versions are %v, should be %v", versions, facts.Versions)
	}
	wanted := map[string]modelField{}
	for _, f := range facts.Fields {
		wanted[f.Path] = f
	}
	describe(schema.Of(reflect.TypeFor[Config]()), "", spec.V3_0, func(got modelField) {
		want, ok := wanted[got.Path]
		delete(wanted, got.Path)
		if !ok {
			t.Errorf("%s is not in the spec", got.Path)
			return
		}
		g, _ := json.Marshal(got) // plain data
		w, _ := json.Marshal(want)
		if string(g) != string(w) {
			t.Errorf("%s is\n%s, should be\n%s", got.Path, g, w)
		}
	})
	for path := range wanted {
		t.Errorf("%s is missing in the model", path)
	}
}

// describe reports the fields of the model in the form of config-fields.json.
func describe(s *schema.Struct, at string, since spec.Version, report func(modelField)) {
	for _, f := range s.Fields {
		got := modelField{Path: strings.TrimPrefix(at+"."+f.JSON, ".")}
		first := max(since, f.Since)
		if v, ok := spec.PlaceSince(strings.ReplaceAll(got.Path, "[]", ".*")); ok {
			first = max(since, v)
		}
		got.Since = first.String()

		typ := f.Type
		if typ.Kind() == reflect.Pointer {
			got.Nullable = true
			typ = typ.Elem()
		}
		name := func(t reflect.Type) string {
			return map[reflect.Kind]string{reflect.Struct: "object", reflect.String: "string", reflect.Int: "integer", reflect.Bool: "boolean"}[t.Kind()]
		}
		got.Type = name(typ)
		switch {
		case f.IsList():
			got.Type = "array of " + name(typ.Elem())
			got.Unset = "omitted"
			describeList(s, f, &got)
		case typ.Kind() == reflect.Struct:
			got.Unset = "object emitted, possibly empty"
		case got.Nullable:
			got.Unset = "omitted"
		case f.OmitEmpty:
			got.Unset = "omitted when zero or empty"
		default:
			got.Unset = "always emitted"
		}
		report(got)
		if sub := f.Struct(); sub != nil {
			if f.IsList() {
				got.Path += "[]"
			}
			describe(sub, got.Path, first, report)
		}
	}
}

func describeList(s *schema.Struct, f *schema.Field, got *modelField) {
	got.List = &struct {
		Duplicates string   `json:"duplicates"`
		Key        string   `json:"key"`
		Merge      string   `json:"merge"`
		Shared     []string `json:"keys_shared_with"`
	}{Duplicates: "allowed", Merge: "parent items then child items"}
	if f.Merge == schema.Append {
		return
	}
	got.List.Duplicates, got.List.Merge, got.List.Key = "error", "by key", "the string"
	if sub := f.Struct(); sub != nil {
		var keys []string
		for _, m := range sub.Fields {
			if m.Identity {
				keys = append(keys, m.JSON)
			}
		}
		if got.List.Key = strings.Join(keys, " "); got.List.Key == "label number" {
			got.List.Key = "number when not 0, else label"
		}
	}
	for _, other := range s.Fields {
		if f.Space != "" && other != f && other.Space == f.Space {
			got.List.Shared = append(got.List.Shared, other.JSON)
		}
	}
}
