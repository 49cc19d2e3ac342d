package op

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/sysroot"
)

// checked is an operation in an empty root that has been checked.
func checked(t *testing.T, o exec.Operation) (env *exec.Env, dir string) {
	t.Helper()
	dir = t.TempDir()
	root, err := sysroot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	env = &exec.Env{Root: root}
	finding, err := o.Check(t.Context(), env)
	if err != nil || finding.Action != exec.Create {
		t.Fatalf("action %v, error %v", finding.Action, err)
	}
	return env, dir
}

func TestWhatAppearsBetweenCheckAndApply(t *testing.T) {
	source := "data:,wanted"
	file := func(overwrite bool) exec.Operation {
		return &File{Path: "/x", Contents: types.Resource{Source: &source}, Overwrite: overwrite}
	}
	for _, c := range []struct {
		name    string
		op      exec.Operation
		text    string // of the file that appears; a directory if empty
		refused bool
		leaves  string
	}{
		{"another file is in the way", file(false), "other", true, "other"},
		{"another file is replaced if allowed", file(true), "other", false, "wanted"},
		{"the same file is kept", file(false), "wanted", false, "wanted"},
		{"a directory is in the way", file(false), "", true, ""},
		{"a unit replaces a file", &Text{Path: "/x", Data: "wanted", Mode: 0o644}, "other", false, "wanted"},
		{"a unit never replaces a directory", &Text{Path: "/x", Data: "wanted", Mode: 0o644}, "", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			env, dir := checked(t, c.op)
			at := filepath.Join(dir, "x")
			err := os.Mkdir(at, 0o755)
			if c.text != "" {
				err = errors.Join(os.Remove(at), os.WriteFile(at, []byte(c.text), 0o644))
			}
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.op.Apply(t.Context(), env)
			if (err != nil) != c.refused {
				t.Errorf("error %v", err)
			}
			if data, _ := os.ReadFile(at); string(data) != c.leaves {
				t.Errorf("there is now %q, want %q", data, c.leaves)
			}
			if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
				t.Errorf("something is left behind: %v, %v", names, err)
			}
		})
	}
}

// TestContentsOfAllLengths: what Check has unpacked is what Apply writes, for contents
// of all lengths, put together from several resources.
func TestContentsOfAllLengths(t *testing.T) {
	packed := func(n int) types.Resource {
		var b bytes.Buffer
		gz := gzip.NewWriter(&b)
		_, err := gz.Write(bytes.Repeat([]byte("x"), n))
		if err = errors.Join(err, gz.Close()); err != nil {
			t.Fatal(err)
		}
		source, compression := "data:;base64,"+base64.StdEncoding.EncodeToString(b.Bytes()), "gzip"
		return types.Resource{Source: &source, Compression: &compression}
	}
	for _, n := range []int{0, 1, maxReady - 1, maxReady, maxReady + 1, 3 * maxReady} {
		o := &File{Path: "/x", Contents: packed(n), Append: []types.Resource{packed(1), packed(n)}}
		env, dir := checked(t, o)
		if short := n <= maxReady; (o.ready != nil) != short {
			t.Errorf("%d bytes: in memory is %v", n, o.ready != nil)
		}
		out, err := o.Apply(t.Context(), env)
		if err != nil || out.Bytes != int64(2*n+1) {
			t.Errorf("%d bytes: wrote %d, %v", n, out.Bytes, err)
		}
		if data, err := os.ReadFile(filepath.Join(dir, "x")); err != nil || len(data) != 2*n+1 || len(bytes.Trim(data, "x")) != 0 {
			t.Errorf("%d bytes: the file has %d, %v", n, len(data), err)
		}
	}
}
