package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"

	"github.com/kindling-boot/kindling/config/merge"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

// visit calls f for each scalar, list item and list of a config that is set.
func visit(v reflect.Value, s *schema.Struct, path source.Path, f func(path source.Path, v reflect.Value, field *schema.Field)) {
	for _, field := range s.Fields {
		fv, at := field.In(v), path.At(field.JSON)
		switch fv.Kind() {
		case reflect.Struct:
			visit(fv, field.Struct(), at, f)
		case reflect.Slice:
			for i := range fv.Len() {
				f(at.At(i), fv.Index(i), field)
				if sub := field.Struct(); sub != nil {
					visit(fv.Index(i), sub, at.At(i), f)
				}
			}
		case reflect.Pointer:
			if !fv.IsNil() {
				f(at, fv.Elem(), field)
			}
		default:
			f(at, fv, field)
		}
	}
}

// lookup returns the value at a path; ok is false when it is not set.
func lookup(c *types.Config, path source.Path) (v reflect.Value, ok bool) {
	v, s := reflect.ValueOf(c).Elem(), modelSchema()
	for _, step := range path {
		if step.IsIndex {
			if step.Index < 0 || step.Index >= v.Len() {
				return v, false
			}
			v = v.Index(step.Index)
			continue
		}
		field := s.Field(step.Key)
		v, s = field.In(v), field.Struct()
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				return v, false
			}
			v = v.Elem()
		}
	}
	return v, true
}

// removes reports whether a list item only removes its counterpart.
func removes(item reflect.Value, field *schema.Field) bool {
	s := field.Struct()
	if s == nil {
		return false
	}
	for _, f := range s.Fields {
		if f.Unset && f.In(item).IsNil() {
			return true
		}
	}
	return false
}

// checkMerge checks what every merge promises.
func checkMerge(t *testing.T, parent, child types.Config) types.Config {
	t.Helper()
	parentBefore, childBefore := schema.AppendJSON(nil, &parent, false), schema.AppendJSON(nil, &child, false)
	merged, transcript := merge.Merge(parent, child)

	fromParent, fromChild := map[string]bool{}, map[string]bool{} // list items that were used
	visit(reflect.ValueOf(&merged).Elem(), modelSchema(), nil, func(path source.Path, v reflect.Value, field *schema.Field) {
		pp, cp, inParent, inChild := transcript.Trace(path)
		if path[len(path)-1].IsIndex {
			for _, side := range []struct {
				name string
				c    *types.Config
				in   bool
				path source.Path
				used map[string]bool
			}{{"parent", &parent, inParent, pp, fromParent}, {"child", &child, inChild, cp, fromChild}} {
				if !side.in {
					continue
				}
				if _, ok := lookup(side.c, side.path); !ok {
					t.Fatalf("%s is said to be from %s of the %s, which is not there", path, side.path, side.name)
				}
				if side.used[side.path.String()] {
					t.Fatalf("%s of the %s is used twice", side.path, side.name)
				}
				side.used[side.path.String()] = true
			}
			if !inParent && !inChild {
				t.Fatalf("the item %s is from nowhere", path)
			}
			if field.Struct() != nil {
				return
			}
		}
		if inChild {
			if c, ok := lookup(&child, cp); ok {
				if !reflect.DeepEqual(c.Interface(), v.Interface()) {
					t.Fatalf("%s is %v, but the child says %v", path, v, c)
				}
				return
			}
		}
		if inParent {
			if p, ok := lookup(&parent, pp); ok {
				if !reflect.DeepEqual(p.Interface(), v.Interface()) {
					t.Fatalf("%s is %v, but the parent says %v", path, v, p)
				}
				return
			}
		}
		t.Fatalf("%s is %v, but neither side says so", path, v)
	})

	childItems := map[string]bool{} // space or list, and identity
	visit(reflect.ValueOf(&child).Elem(), modelSchema(), nil, func(path source.Path, v reflect.Value, field *schema.Field) {
		if !path[len(path)-1].IsIndex {
			return
		}
		childItems[itemName(path, v, field)] = true
		if !fromChild[path.String()] && !removes(v, field) && !insideRemoved(&child, path) {
			t.Fatalf("%s of the child got lost", path)
		}
	})
	visit(reflect.ValueOf(&parent).Elem(), modelSchema(), nil, func(path source.Path, v reflect.Value, field *schema.Field) {
		// only lists that cannot stand inside of an item that is gone itself
		if path[len(path)-1].IsIndex && indexes(path) == 1 && !fromParent[path.String()] && !childItems[itemName(path, v, field)] {
			t.Fatalf("%s of the parent got lost", path)
		}
	})

	if string(schema.AppendJSON(nil, &parent, false)) != string(parentBefore) || string(schema.AppendJSON(nil, &child, false)) != string(childBefore) {
		t.Fatal("merging changed its input")
	}
	return merged
}

func indexes(path source.Path) (n int) {
	for _, s := range path {
		if s.IsIndex {
			n++
		}
	}
	return n
}

// itemName names a list item so that items of lists with a shared space compare.
func itemName(path source.Path, v reflect.Value, field *schema.Field) string {
	key := v.String()
	if s := field.Struct(); s != nil {
		key = s.Identity(v)
	}
	list := path[:len(path)-1]
	if field.Space != "" {
		list = list[:len(list)-1].At(field.Space)
	}
	return list.String() + " " + key
}

// insideRemoved reports whether a path leads into an item that removes.
func insideRemoved(c *types.Config, path source.Path) bool {
	for i := range path[:len(path)-1] {
		if !path[i].IsIndex {
			continue
		}
		v, ok := lookup(c, path[:i+1])
		if ok && v.Type() == reflect.TypeFor[types.HTTPHeader]() && v.Field(1).IsNil() {
			return true
		}
	}
	return false
}

// associates reports whether merging promises not to care for grouping: as long as
// nothing is removed, by a header without a value or by moving to another list.
func associates(configs ...types.Config) bool {
	ok := true
	lists := map[string]string{}
	for i := range configs {
		visit(reflect.ValueOf(&configs[i]).Elem(), modelSchema(), nil, func(path source.Path, v reflect.Value, field *schema.Field) {
			if !path[len(path)-1].IsIndex {
				return
			}
			if removes(v, field) {
				ok = false
			}
			if field.Space != "" {
				name := itemName(path, v, field)
				if lists[name] != "" && lists[name] != field.JSON {
					ok = false
				}
				lists[name] = field.JSON
			}
		})
	}
	return ok
}

func FuzzMerge(f *testing.F) {
	const v = `{"ignition":{"version":"3.4.0"},`
	for _, s := range [][3]string{
		{v + `"storage":{"files":[{"path":"/a","mode":1},{"path":"/b"}]}}`, v + `"storage":{"files":[{"path":"/a","mode":0},{"path":"/c"}]}}`, v + `"storage":{"links":[{"path":"/a","target":"x"}]}}`},
		{v + `"kernelArguments":{"shouldExist":["a","b"]}}`, v + `"kernelArguments":{"shouldNotExist":["a"]}}`, v + `"kernelArguments":{"shouldExist":["a"]}}`},
		{
			v + `"storage":{"files":[{"path":"/a","contents":{"source":"http://a","httpHeaders":[{"name":"x","value":"1"},{"name":"y","value":"1"}]}}]}}`,
			v + `"storage":{"files":[{"path":"/a","contents":{"source":"http://a","httpHeaders":[{"name":"x"},{"name":"z"}]}}]}}`, v + `"storage":{}}`,
		},
		{v + `"storage":{"disks":[{"device":"/d","partitions":[{"number":1,"label":"a"},{"label":"b"}]}]}}`, v + `"storage":{"disks":[{"device":"/d","partitions":[{"label":"a"},{"label":"b","sizeMiB":5}]}]}}`, v + `"passwd":{}}`},
		{v + `"storage":{"filesystems":[{"device":"/d","format":"xfs","options":["-a"]}]}}`, v + `"storage":{"filesystems":[{"device":"/d","format":"xfs","options":["-a","-b"]}]}}`, `{"ignition":{"version":"3.0.0"}}`},
		{v + `"storage":{"luks":[{"name":"l","device":"/d","clevis":{"tang":[{"url":"http://t","thumbprint":"x"}]}}]}}`, v + `"storage":{"luks":[{"name":"l","device":"/d","clevis":{"threshold":2}}]}}`, v + `"systemd":{}}`},
	} {
		f.Add(s[0], s[1], s[2])
	}
	if file, err := os.Open(filepath.Join("..", "..", "shared", "conformance", "ignition", "merge.jsonl")); err == nil {
		defer file.Close()
		before := `{"ignition":{"version":"3.6.0"}}`
		for dec, i := json.NewDecoder(file), 0; ; i++ {
			var c struct{ Parent, Child string }
			if dec.Decode(&c) != nil {
				break
			}
			if i%5 == 0 {
				f.Add(c.Parent, c.Child, before)
				before = c.Parent
			}
		}
	}
	f.Fuzz(func(t *testing.T, first, second, third string) {
		var c [3]types.Config
		for i, text := range []string{first, second, third} {
			got, ds := Parse(source.NewFile(strconv.Itoa(i), []byte(text)))
			if ds.HasErrors() {
				return
			}
			c[i] = got.Config
		}
		written := func(c types.Config) string { return string(schema.AppendJSON(nil, &c, false)) }
		empty := types.Config{Ignition: types.Ignition{Version: c[0].Ignition.Version}}
		for _, nothing := range []types.Config{{}, empty} {
			if got := checkMerge(t, nothing, c[0]); written(got) != written(c[0]) {
				t.Fatalf("an empty parent is not neutral:\n%s\n%s", written(got), written(c[0]))
			}
		}
		if got := checkMerge(t, c[0], empty); written(got) != written(c[0]) {
			t.Fatalf("an empty child is not neutral:\n%s\n%s", written(got), written(c[0]))
		}
		left := checkMerge(t, checkMerge(t, c[0], c[1]), c[2])
		right := checkMerge(t, c[0], checkMerge(t, c[1], c[2]))
		if associates(c[0], c[1], c[2]) && written(left) != written(right) {
			t.Fatalf("grouping matters:\n%s\n%s", written(left), written(right))
		}
	})
}

func TestLabelOfPartitionIsNoNumber(t *testing.T) {
	partitions := func(text string) (Config, int) {
		c, found := Parse(source.NewFile("config.ign", []byte(`{"ignition": {"version": "3.4.0"}, "storage": {"disks": [{"device": "/dev/sda", "partitions": [`+text+`]}]}}`)))
		return c, len(found)
	}
	number, _ := partitions(`{"number": 5}`)
	label, _ := partitions(`{"label": "5"}`)
	if got := Merge(number, label).Storage.Disks[0].Partitions; len(got) != 2 {
		t.Errorf("number 5 and label 5 merge to %d partitions", len(got))
	}
	if got := Merge(label, label).Storage.Disks[0].Partitions; len(got) != 1 {
		t.Errorf("label 5 twice merges to %d partitions", len(got))
	}
	for _, c := range []struct {
		text  string
		found int
	}{
		{`{"number": 5}, {"label": "5"}`, 0},
		{`{"label": "5"}, {"number": 5}`, 0},
		{`{}, {"label": ""}`, 1},              // the first has neither
		{`{"label": "5"}, {"label": "5"}`, 2}, // two items, and two labels
		{`{"number": 5, "label": "5"}, {"label": "a"}`, 0},
		{`{"number": 5, "label": "a"}, {"label": "a"}`, 1}, // two labels, but no two items
	} {
		if _, got := partitions(c.text); got != c.found {
			t.Errorf("%s: %d problems, want %d", c.text, got, c.found)
		}
	}
}
