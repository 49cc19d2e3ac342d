package sysroot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/kindling-boot/kindling/tests/programs"
)

// tree makes a root from lines "dir PATH", "file PATH CONTENT" and
// "link PATH TARGET", beside a directory that must never change.
func tree(t *testing.T, lines ...string) (root *Root, dir, outside string) {
	t.Helper()
	base := t.TempDir()
	dir, outside = filepath.Join(base, "root"), filepath.Join(base, "outside")
	for _, d := range []string{dir, outside} {
		programs.Must(t, os.Mkdir(d, 0o755))
	}
	for _, l := range lines {
		f := strings.SplitN(l, " ", 3)
		at := filepath.Join(dir, f[1])
		programs.Must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		switch f[0] {
		case "dir":
			programs.Must(t, os.MkdirAll(at, 0o755))
		case "file":
			programs.Must(t, os.WriteFile(at, []byte(f[2]), 0o644))
		case "link":
			programs.Must(t, os.Symlink(strings.ReplaceAll(f[2], "OUTSIDE", outside), at))
		}
	}
	root, err := Open(dir)
	programs.Must(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root, dir, outside
}

func TestResolve(t *testing.T) {
	many := make([]string, 0, 50)
	for i := range 41 {
		many = append(many, fmt.Sprintf("link n%d n%d", i, i+1))
	}
	many = append(many, "dir n41")
	for _, c := range []struct {
		name  string
		tree  []string
		in    string
		want  string
		cause error
	}{
		{"plain directories stay", []string{"dir a/b"}, "/a/b/c", "/a/b/c", nil},
		{"what is missing stays", nil, "/a/b/c", "/a/b/c", nil},
		{"the last component is not followed", []string{"link l /x"}, "/l", "/l", nil},
		{"an absolute link starts again at the root", []string{"dir x", "link a/l /x"}, "/a/l/f", "/x/f", nil},
		{"a relative link goes on from its directory", []string{"dir a/x", "link a/l x"}, "/a/l/f", "/a/x/f", nil},
		{"dots above the root stay at the root", []string{"dir x", "link a/l ../../../../x"}, "/a/l/f", "/x/f", nil},
		{"a chain of links is followed to its end", []string{"link a b", "link b /c", "link c d/../e", "dir d", "dir e"}, "/a/f", "/e/f", nil},
		{"a chain that ends outside ends inside", []string{"link a b", "link b OUTSIDE"}, "/a/f", "OUTSIDE/f", nil},
		{"a link in the target of a link is followed", []string{"link a x/y/z", "link x/y OUTSIDE"}, "/a/f", "OUTSIDE/z/f", nil},
		{"dots after a link leave where the link leads", []string{"dir x/y", "link l x/y"}, "/l/../f", "/x/f", nil},
		{"dots among what is missing take it back", nil, "/a/b/../c", "/a/c", nil},
		{"forty links are followed", many, "/n1/f", "/n41/f", nil},
		{"forty-one links are too many", many, "/n0/f", "", ErrLoop},
		{"a link to itself is too many", []string{"link l l"}, "/l/f", "", ErrLoop},
		{"a circle of links is too many", []string{"link l m", "link m /l"}, "/l/f", "", ErrLoop},
		{"a file cannot have something below", []string{"file a x"}, "/a/f", "", ErrNotDirectory},
		{"the root is itself", nil, "/", "/", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, _, outside := tree(t, c.tree...)
			got, err := root.Resolve(c.in)
			if !errors.Is(err, c.cause) {
				t.Fatalf("error %v, want %v", err, c.cause)
			}
			if want := strings.ReplaceAll(c.want, "OUTSIDE", outside); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

func TestNothingOutsideIsTouched(t *testing.T) {
	root, dir, outside := tree(t,
		"link one OUTSIDE", "link two one", "link three two", "link up ../outside",
		"link deep d/e/f", "link d/e OUTSIDE")
	programs.Must(t, os.WriteFile(filepath.Join(outside, "kept"), []byte("kept"), 0o600))
	for _, name := range []string{"one/x", "two/x", "three/y/x", "up/x", "deep/x", "one/kept", "../outside/x"} {
		e, err := root.MakeEntry("/" + name)
		programs.Must(t, err)
		s, err := e.StageFile()
		programs.Must(t, err)
		_, err = s.Write([]byte("new"))
		programs.Must(t, err)
		programs.Must(t, s.Commit(true))
		programs.Must(t, e.Chmod(0o777))
		e.Close()
	}
	e, err := root.Entry("/one")
	programs.Must(t, err)
	defer e.Close()
	programs.Must(t, e.Remove())
	entries, err := os.ReadDir(outside)
	programs.Must(t, err)
	if len(entries) != 1 {
		t.Errorf("outside there is more than before: %v", entries)
	}
	if data, err := os.ReadFile(filepath.Join(outside, "kept")); err != nil || string(data) != "kept" {
		t.Errorf("the file outside has changed: %q, %v", data, err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "outside/x")); err != nil {
		t.Errorf("what went up from the root is not in the root: %v", err)
	}
}

func TestStagedTakesThePlaceOf(t *testing.T) {
	for _, c := range []struct {
		name    string
		tree    []string
		replace bool
		want    error
	}{
		{"nothing", nil, false, nil},
		{"a file, if allowed", []string{"file x old"}, true, nil},
		{"no file otherwise", []string{"file x old"}, false, unix.EEXIST},
		{"no dangling link otherwise", []string{"link x nowhere"}, false, unix.EEXIST},
		{"a link, if allowed", []string{"file y kept", "link x y"}, true, nil},
		{"a full directory, if allowed", []string{"file x/a/b old", "link x/l /y", "file y kept"}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, dir, _ := tree(t, c.tree...)
			e, err := root.Entry("/x")
			programs.Must(t, err)
			defer e.Close()
			s, err := e.StageFile()
			programs.Must(t, err)
			_, err = s.Write([]byte("new"))
			programs.Must(t, err)
			programs.Must(t, s.Chmod(0o4711))
			err = s.Commit(c.replace)
			programs.Must(t, s.Discard())
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if left, err := e.LeftOver(); left || err != nil {
				t.Errorf("something is left behind: %v", err)
			}
			if data, _ := os.ReadFile(filepath.Join(dir, "y")); len(c.tree) > 1 && string(data) != "kept" {
				t.Errorf("the target of the link has changed: %q", data)
			}
			if c.want != nil {
				return
			}
			info, err := e.Lstat()
			programs.Must(t, err)
			if info.Kind != Regular || info.Mode != 0o4711 || info.Size != 3 {
				t.Errorf("there is now %+v", info)
			}
		})
	}
}

func TestHardLinkOverItsOwnFile(t *testing.T) {
	root, dir, _ := tree(t, "file a x")
	programs.Must(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	a, err := root.Entry("/a")
	programs.Must(t, err)
	defer a.Close()
	b, err := root.Entry("/b")
	programs.Must(t, err)
	defer b.Close()
	s, err := b.StageLink(a)
	programs.Must(t, err)
	programs.Must(t, s.Commit(true))
	names, err := os.ReadDir(dir)
	programs.Must(t, err)
	if len(names) != 2 {
		t.Errorf("the prepared name is left behind: %v", names)
	}
}

func TestDirectoriesReplacedByOthersAreSeenAgain(t *testing.T) {
	root, dir, _ := tree(t, "dir a/b")
	_, err := root.Resolve("/a/b/c") // opens them
	programs.Must(t, err)
	programs.Must(t, os.RemoveAll(filepath.Join(dir, "a")))
	programs.Must(t, os.Symlink("/z", filepath.Join(dir, "a")))
	root.Forget("/a")
	got, err := root.Resolve("/a/b/c")
	programs.Must(t, err)
	if got != "/z/b/c" {
		t.Errorf("%s, want /z/b/c", got)
	}
}

func TestWhatWasMissingIsSeenOnceItIsThere(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T, r *Root)
		want string
	}{
		{"as a directory", func(t *testing.T, r *Root) {
			e, err := r.MakeEntry("/a/b/other")
			programs.Must(t, err)
			e.Close()
		}, "/a/b/c"},
		{"as a link", func(t *testing.T, r *Root) {
			e, err := r.Entry("/a")
			programs.Must(t, err)
			defer e.Close()
			s, err := e.StageSymlink("z")
			programs.Must(t, err)
			programs.Must(t, s.Commit(false))
		}, "/z/b/c"},
		{"by another program", func(t *testing.T, r *Root) {
			programs.Must(t, os.Symlink("/z", r.Outside("/a")))
			r.Forget("/")
		}, "/z/b/c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, _, _ := tree(t, "dir z/b")
			for range 2 {
				got, err := root.Resolve("/a/b/c")
				programs.Must(t, err)
				if got != "/a/b/c" {
					t.Errorf("%s before it is there", got)
				}
			}
			c.make(t, root)
			got, err := root.Resolve("/a/b/c")
			programs.Must(t, err)
			if got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestOutside(t *testing.T) {
	root, dir, _ := tree(t)
	top, err := Open("/")
	programs.Must(t, err)
	defer func() { programs.Must(t, top.Close()) }()
	for _, c := range []struct{ in, below, atTop string }{
		{"/", dir, "/"},
		{"", dir, "/"},
		{"/a/b", dir + "/a/b", "/a/b"},
		{"a//b/", dir + "/a/b", "/a/b"},
		{"/../a/../../b", dir + "/b", "/b"},
	} {
		if got := root.Outside(c.in); got != c.below {
			t.Errorf("%q is %q, want %q", c.in, got, c.below)
		}
		if got := top.Outside(c.in); got != c.atTop {
			t.Errorf("%q is %q at the top, want %q", c.in, got, c.atTop)
		}
	}
}

func TestManyDirectoriesStayWithinTheirNumber(t *testing.T) {
	root, _, _ := tree(t)
	root.maxOpen = 20
	for i := range 3 * root.maxOpen {
		e, err := root.MakeEntry(fmt.Sprintf("/d%d/f", i))
		programs.Must(t, err)
		e.Close()
	}
	if n := len(root.dirs); n > root.maxOpen+1 {
		t.Errorf("%d directories are open", n)
	}
}

func TestAccounts(t *testing.T) {
	root, dir, _ := tree(t,
		"file usr/lib/passwd core:x:1:1:Vendor:/:/bin/sh\nchrony:x:90:90::/var:/sbin/nologin\n",
		"file usr/lib/group wheel:x:10:chrony\n",
		"file etc/nsswitch.conf passwd: files altfiles\n",
		"file etc/passwd root:x:0:0:root:/root:/bin/bash\ncore:x:1000:1000:,:/home/core:/bin/bash\nbroken line\n",
		"file etc/real-group docker:x:998:core,other\n",
		"link etc/group /etc/real-group",
		"file etc/shadow core:$6$secret:19000:0:99999:7:::\n")
	a, err := root.Accounts()
	programs.Must(t, err)
	if u, ok := a.User("core"); !ok || u.UID != 1000 || u.Hash != "$6$secret" || !u.HasShadow {
		t.Errorf("core is %+v", u)
	}
	if u, ok := a.User("chrony"); !ok || u.UID != 90 {
		t.Errorf("the vendor's user is %+v", u)
	}
	if g := a.SupplementaryGroups("core"); !g["docker"] || len(g) != 1 {
		t.Errorf("core is in %v", g)
	}
	if name := a.GroupName(10); name != "wheel" {
		t.Errorf("group 10 is %q", name)
	}
	programs.Must(t, os.Chmod(filepath.Join(dir, "etc/shadow"), 0o640))
	found, err := root.SetField(ShadowFile, "core", 1, "$6$new")
	programs.Must(t, err)
	data, err := os.ReadFile(filepath.Join(dir, "etc/shadow"))
	programs.Must(t, err)
	info, err := os.Stat(filepath.Join(dir, "etc/shadow"))
	programs.Must(t, err)
	if want := "core:$6$new:19000:0:99999:7:::\n"; !found || string(data) != want || info.Mode() != 0o640 {
		t.Errorf("shadow is now %q of mode %o, want %q", data, info.Mode(), want)
	}
	if found, err := root.SetField(ShadowFile, "nobody", 1, "x"); found || err != nil {
		t.Errorf("a record that is not there was found: %v", err)
	}
}
