package blackbox

import (
	"crypto/sha512"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// The decision table of files, directories and links, row by row.
func TestNodes(t *testing.T) {
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	needRoot(t)
	hash := fmt.Sprintf("sha512-%x", sha512.Sum512([]byte("new")))
	for _, c := range []struct {
		name   string
		before []string
		body   string // of storage
		want   []string
		fails  string // what is said; the root stays as it was
	}{
		{"a file is created with default mode", nil, `"files":[{"path":"/a/b","contents":{"source":"data:,new"}}]`, []string{`a drwxr-xr-x 0:0`, `a/b -rw-r--r-- 0:0 "new"`}, ""},
		{"a file without source is created empty", nil, `"files":[{"path":"/b"}]`, []string{`b -rw-r--r-- 0:0 ""`}, ""},
		{"an empty source is empty content", nil, `"files":[{"path":"/b","contents":{"source":""}}]`, []string{`b -rw-r--r-- 0:0 ""`}, ""},
		{"special bits come after the owner", nil, `"files":[{"path":"/b","mode":3565,"user":{"id":1001},"group":{"id":1002},"contents":{"source":"data:,x"}}]`, []string{`b ugrwxr-xr-x 1001:1002 "x"`}, ""},
		{"a file with the right hash is written", nil, `"files":[{"path":"/b","contents":{"source":"data:,new","verification":{"hash":"` + hash + `"}}}]`, []string{`b -rw-r--r-- 0:0 "new"`}, ""},
		{"a file with the wrong hash is not", []string{"file b old"}, `"files":[{"path":"/b","overwrite":true,"contents":{"source":"data:,other","verification":{"hash":"` + hash + `"}}}]`, nil, "hash does not match"},
		{"compressed content is unpacked", nil, `"files":[{"path":"/b","contents":{"compression":"gzip","source":"data:;base64,H4sIAAAAAAACA8tLLQcARUTjawMAAAA="}}]`, []string{`b -rw-r--r-- 0:0 "new"`}, ""},
		{"an existing file is in the way", []string{"file b old"}, `"files":[{"path":"/b","contents":{"source":"data:,new"}}]`, nil, "a regular file is already there"},
		{"an existing file with the same content is not", []string{"file b new"}, `"files":[{"path":"/b","mode":384,"contents":{"source":"data:,new"}}]`, []string{`b -rw------- 0:0 "new"`}, ""},
		{"an existing file is replaced if allowed", []string{"file b old"}, `"files":[{"path":"/b","overwrite":true,"contents":{"source":"data:,new"}}]`, []string{`b -rw-r--r-- 0:0 "new"`}, ""},
		{"a file without source keeps what is there", []string{"file b old"}, `"files":[{"path":"/b","mode":384}]`, []string{`b -rw------- 0:0 "old"`}, ""},
		{"a directory is in the way of a file", []string{"file b/c old"}, `"files":[{"path":"/b","contents":{"source":"data:,new"}}]`, nil, "a directory is already there"},
		{"a directory is in the way of a file without source", []string{"dir b"}, `"files":[{"path":"/b"}]`, nil, "a directory is already there"},
		{"a directory is replaced by a file if allowed", []string{"file b/c old", "link b/l OUTSIDE"}, `"files":[{"path":"/b","overwrite":true,"contents":{"source":"data:,new"}}]`, []string{`b -rw-r--r-- 0:0 "new"`}, ""},
		{"a link is in the way of a file", []string{"link b /x"}, `"files":[{"path":"/b","contents":{"source":"data:,new"}}]`, nil, "a symbolic link is already there"},
		{"a link is in the way of a file without source", []string{"link b /x"}, `"files":[{"path":"/b","mode":420}]`, nil, "a symbolic link is already there"},
		{"a link is replaced by a file, its target is not", []string{"file x old", "link b /x"}, `"files":[{"path":"/b","overwrite":true,"contents":{"source":""}}]`, []string{`b -rw-r--r-- 0:0 ""`, `x -rw-r--r-- 0:0 "old"`}, ""},
		{"a dangling link is replaced by a file", []string{"link b /x"}, `"files":[{"path":"/b","overwrite":true,"contents":{"source":""}}]`, []string{`b -rw-r--r-- 0:0 ""`, `x absent`}, ""},
		{"appending extends what is there", []string{"file b old"}, `"files":[{"path":"/b","append":[{"source":"data:,1"},{"source":"data:,2"}]}]`, []string{`b -rw-r--r-- 0:0 "old12"`}, ""},
		{"appending leaves other names of the file alone", []string{"file b old", "hard c b"}, `"files":[{"path":"/b","append":[{"source":"data:,1"}]}]`, []string{`b -rw-r--r-- 0:0 "old1"`, `c -rw-r--r-- 0:0 "old"`}, ""},
		{"appending and a new owner keep special bits", []string{"file b old", "file c old", "mode b 4755", "mode c 6755"}, `"files":[{"path":"/b","append":[{"source":"data:,1"}]},{"path":"/c","user":{"id":7}}]`, []string{`b urwxr-xr-x 0:0 "old1"`, `c ugrwxr-xr-x 7:0 "old"`}, ""},
		{"appending to nothing creates a file", nil, `"files":[{"path":"/b","group":{"id":500},"append":[{"source":"data:,1"}]}]`, []string{`b -rw-r--r-- 0:500 "1"`}, ""},
		{"appending comes after the content", nil, `"files":[{"path":"/b","contents":{"source":"data:,0"},"append":[{"source":"data:,1"}]}]`, []string{`b -rw-r--r-- 0:0 "01"`}, ""},
		{"appending to a directory fails", []string{"dir b"}, `"files":[{"path":"/b","append":[{"source":"data:,1"}]}]`, nil, "a directory is already there"},
		{"an appendix with the wrong hash leaves what is there", []string{"file b old"}, `"files":[{"path":"/b","append":[{"source":"data:,other","verification":{"hash":"` + hash + `"}}]}]`, nil, "hash does not match"},
		{"an owner whom only the vendor's files have", []string{"file etc/nsswitch.conf passwd: files altfiles\ngroup: files altfiles\n", "file usr/lib/passwd vendor:x:777:778::/:/bin/sh\n", "file usr/lib/group them:x:779:\n"}, `"files":[{"path":"/b","user":{"name":"vendor"},"group":{"name":"them"}}]`, []string{`b -rw-r--r-- 777:779 ""`}, ""},
		{"a file is in the way of a directory on the path", []string{"file b old"}, `"files":[{"path":"/b/c"}]`, nil, "not a directory"},

		{"a directory is created with default mode", nil, `"directories":[{"path":"/a/b"}]`, []string{`a/b drwxr-xr-x 0:0`}, ""},
		{"a directory is kept with its content", []string{"file a/b old"}, `"directories":[{"path":"/a","mode":511,"user":{"id":7}}]`, []string{`a drwxrwxrwx 7:0`, `a/b -rw-r--r-- 0:0 "old"`}, ""},
		{"a file is in the way of a directory", []string{"file a old"}, `"directories":[{"path":"/a"}]`, nil, "a regular file is already there"},
		{"a link to a directory is in the way of a directory", []string{"dir b", "link a /b"}, `"directories":[{"path":"/a"}]`, nil, "a symbolic link is already there"},
		{"a file is replaced by a directory if allowed", []string{"file a old"}, `"directories":[{"path":"/a","overwrite":true}],"files":[{"path":"/a/b"}]`, []string{`a drwxr-xr-x 0:0`, `a/b -rw-r--r-- 0:0 ""`}, ""},
		{"overwriting empties a directory", []string{"file a/b old", "link a/l OUTSIDE"}, `"directories":[{"path":"/a","overwrite":true}]`, []string{`a drwxr-xr-x 0:0`, `a/b absent`, `a/l absent`}, ""},
		{"files below an emptied directory are new ones", []string{"file a/b old", "file a/c old"}, `"directories":[{"path":"/a","overwrite":true}],"files":[{"path":"/a/b","contents":{"source":"data:,new"}}]`, []string{`a/b -rw-r--r-- 0:0 "new"`, `a/c absent`}, ""},
		{"a directory without mode has the set-group-ID bit of the one above", []string{"dir d", "owner d 0:20", "mode d 2755", "file d/old/x y"}, `"directories":[{"path":"/d/new"},{"path":"/d/old","overwrite":true},{"path":"/d/mode","mode":493},{"path":"/d/a/b"}]`, []string{`d/new dgrwxr-xr-x 0:20`, `d/old dgrwxr-xr-x 0:20`, `d/mode drwxr-xr-x 0:20`, `d/a/b dgrwxr-xr-x 0:20`}, ""},
		{"a link has the group of a set-group-ID directory", []string{"dir d", "owner d 0:20", "mode d 2755"}, `"links":[{"path":"/d/l","target":"x"}]`, []string{`d/l Lrwxrwxrwx 0:20 -> x`}, ""},
		{"the root itself is a directory", nil, `"directories":[{"path":"/","mode":493}],"files":[{"path":"/a"}]`, []string{`. drwxr-xr-x 0:0`, `a -rw-r--r-- 0:0 ""`}, ""},

		{"a link is created as it is written", nil, `"links":[{"path":"/a/l","target":"../x//y"}]`, []string{`a/l -> ../x//y`, `a/l Lrwxrwxrwx 0:0`}, ""},
		{"a link with the same target is kept, its owner set", []string{"link l /x"}, `"links":[{"path":"/l","target":"/x/","user":{"id":9}}]`, []string{`l Lrwxrwxrwx 9:0 -> /x`}, ""},
		{"a link with another target is in the way", []string{"link l /y"}, `"links":[{"path":"/l","target":"/x"}]`, nil, "a symbolic link to /y is already there"},
		{"a file is in the way of a link", []string{"file l old"}, `"links":[{"path":"/l","target":"/x"}]`, nil, "a regular file is already there"},
		{"a directory is in the way of a link", []string{"dir l"}, `"links":[{"path":"/l","target":"/x"}]`, nil, "a directory is already there"},
		{"a directory is replaced by a link if allowed", []string{"file l/f old"}, `"links":[{"path":"/l","overwrite":true,"target":"/x"}]`, []string{`l -> /x`}, ""},

		{"a hard link comes after its target", nil, `"links":[{"path":"/h","hard":true,"target":"/a/b"}],"files":[{"path":"/a/b","contents":{"source":"data:,x"}}]`, []string{`h -rw-r--r-- 0:0 "x" = a/b`}, ""},
		{"a hard link to a link is a name of the link", []string{"link b /nowhere"}, `"links":[{"path":"/h","hard":true,"target":"/b"}]`, []string{`h -> /nowhere`}, ""},
		{"a hard link that is there is kept", []string{"file b x", "hard h b"}, `"links":[{"path":"/h","hard":true,"target":"/b"}]`, []string{`h -rw-r--r-- 0:0 "x" = b`}, ""},
		{"another file with the same bytes is in the way of a hard link", []string{"file b x", "file h x"}, `"links":[{"path":"/h","hard":true,"target":"/b"}]`, nil, "a regular file is already there"},
		{"a hard link replaces a file if allowed", []string{"file b x", "file h y"}, `"links":[{"path":"/h","hard":true,"overwrite":true,"target":"/b"}]`, []string{`h -rw-r--r-- 0:0 "x" = b`}, ""},
		{"a relative hard link starts at the link", []string{"file d/b x"}, `"links":[{"path":"/d/h","hard":true,"target":"b"}]`, []string{`d/h -rw-r--r-- 0:0 "x" = d/b`}, ""},
		{"a relative hard link starts at the root if that is all there is", []string{"file b x"}, `"links":[{"path":"/d/h","hard":true,"target":"b"}]`, []string{`d/h -rw-r--r-- 0:0 "x" = b`}, ""},
		{"a hard link without target fails", nil, `"links":[{"path":"/h","hard":true,"target":"/b"}]`, nil, "does not exist"},

		{"paths that links make one are a conflict", []string{"link foo /"}, `"files":[{"path":"/foo/bar/baz"},{"path":"/bar/baz"}]`, nil, "and so does file"},
		{"entries are ordered by where they lead", []string{"link foo/bar /"}, `"directories":[{"path":"/foo/bar/baz","mode":511},{"path":"/baz/quux"}]`, []string{`baz drwxrwxrwx 0:0`, `baz/quux drwxr-xr-x 0:0`}, ""},
		{"a chain of links that leads out stays in", []string{"link a b", "link b OUTSIDE"}, `"files":[{"path":"/a/kept","contents":{"source":"data:,new"}}]`, nil, ""},
		{"a link up and out stays in", []string{"link a ../../../.."}, `"files":[{"path":"/a/x","contents":{"source":"data:,new"}}]`, []string{`x -rw-r--r-- 0:0 "new"`}, ""},
		{"a circle of links is a conflict", []string{"link a b", "link b a"}, `"files":[{"path":"/a/x"}]`, nil, "circle"},
		{"an unknown owner is a conflict", nil, `"files":[{"path":"/x","user":{"name":"nobody-here"}}]`, nil, `user "nobody-here" does not exist`},
		{"what a server does not have is a conflict", nil, `"files":[{"path":"/y"},{"path":"/x","contents":{"source":"` + nothing.URL + `/x?token=hush"}}]`, nil, "HTTP status 404"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTarget(t, c.before...)
			config := x.storage(c.body)
			before := snapshot(t, x.root)
			r := x.apply(config)
			if c.fails != "" {
				if r.exit != 1 || !strings.Contains(r.stderr, c.fails) {
					t.Errorf("exit %d, should be 1 and say %q:\n%s", r.exit, c.fails, r.all())
				}
				if !strings.Contains(r.stderr, "config.ign:2:") {
					t.Errorf("the line of the config is not named:\n%s", r.stderr)
				}
				if d := diff(before, snapshot(t, x.root)); d != nil {
					t.Errorf("something has changed:\n%s", strings.Join(d, "\n"))
				}
				x.checkOutside()
				return
			}
			if r.exit != 0 {
				t.Fatalf("exit %d:\n%s", r.exit, r.all())
			}
			x.expect(c.want...)
			x.checkOutside()
			after := snapshot(t, x.root)
			if r := x.plan(config); r.exit != 0 || !strings.HasPrefix(r.stdout, "0 to change") {
				t.Errorf("the plan after applying is not empty:\n%s", r.all())
			}
			if r := x.apply(config); r.exit != 0 {
				t.Errorf("applying again fails:\n%s", r.all())
			}
			if d := diff(after, snapshot(t, x.root)); d != nil {
				t.Errorf("applying again changes:\n%s", strings.Join(d, "\n"))
			}
		})
	}
}

// TestModesDoNotDependOnTheUmask: that of a stage is the one of whatever starts it.
func TestModesDoNotDependOnTheUmask(t *testing.T) {
	x := newTarget(t)
	config := x.config(`,"storage":{"directories":[{"path":"/d"}],"files":[{"path":"/f"}]},"systemd":{"units":[{"name":"a.service","enabled":true}]}`)
	defer syscall.Umask(syscall.Umask(0o077))
	if r := x.apply(config); r.exit != 0 {
		t.Fatal(r.all())
	}
	x.expect("d drwxr-xr-x", "f -rw-r--r--", presets+" -rw-r--r--")
}

func TestAllConflictsAreReportedTogether(t *testing.T) {
	x := newTarget(t, "file a old", "file b old", "dir c")
	config := x.storage(`"files":[
{"path":"/a","contents":{"source":"data:,new"}},
{"path":"/fine","contents":{"source":"data:,new"}},
{"path":"/b","contents":{"source":"data:,new"}},
{"path":"/c"}]`)
	r := x.apply(config)
	for _, want := range []string{
		"files: file /a: ", "files: file /b: ", "files: file /c: ",
		"config.ign:3:", "config.ign:5:", "config.ign:6:", "help:     set overwrite: true",
	} {
		if !strings.Contains(r.stderr, want) {
			t.Errorf("%q is not said:\n%s", want, r.stderr)
		}
	}
	x.expect("fine absent")
}

func TestSpecialBitsOfOlderSpecsAreDropped(t *testing.T) {
	x := newTarget(t)
	name := filepath.Join(x.work, "old.ign")
	must(t, os.WriteFile(name, []byte(`{"ignition":{"version":"3.2.0"},"storage":{"files":[{"path":"/x","mode":3565}]}}`), 0o600))
	if r := x.apply(name); r.exit != 0 {
		t.Fatal(r.all())
	}
	x.expect("x -rwxr-xr-x")
}

func TestPlanShowsTextAndKeepsSecrets(t *testing.T) {
	x := newTarget(t, "file etc/motd one\ntwo\nthree\n", "file etc/secret old-secret\n")
	must(t, os.Chmod(filepath.Join(x.root, "etc/secret"), 0o600))
	config := x.config(`,"passwd":{"users":[{"name":"core","passwordHash":"$6$hush"}]},"storage":{"files":[
{"path":"/etc/motd","overwrite":true,"contents":{"source":"data:,one%0A2%0Athree%0A"}},
{"path":"/etc/secret","overwrite":true,"mode":384,"contents":{"source":"data:,new-secret"}}]}`)
	before := snapshot(t, x.root)
	for _, format := range []string{"text", "json"} {
		r := run(t, "", nil, "ignition", "plan", "--root", x.root, "--format", format, config)
		for _, want := range []string{"/etc/motd", "-two", "+2", "config.ign:2:", "core"} {
			if !strings.Contains(r.stdout, want) {
				t.Errorf("%s: %q is not shown:\n%s", format, want, r.all())
			}
		}
		for _, secret := range []string{"hush", "new-secret", "old-secret"} {
			if strings.Contains(r.all(), secret) {
				t.Errorf("%s: %q is shown:\n%s", format, secret, r.all())
			}
		}
	}
	if d := diff(before, snapshot(t, x.root)); d != nil {
		t.Errorf("planning has changed:\n%s", strings.Join(d, "\n"))
	}
}

// TestOtherFileSystems: one that is mounted in the target is neither left nor removed.
func TestOtherFileSystems(t *testing.T) {
	needRoot(t, "mount")
	x := newTarget(t, "dir data", "file root-file x")
	data := filepath.Join(x.root, "data")
	must(t, unix.Mount("tmpfs", data, "tmpfs", 0, ""))
	defer func() { must(t, unix.Unmount(data, unix.MNT_DETACH)) }()
	must(t, os.WriteFile(filepath.Join(data, "old"), nil, 0o600))
	for body, says := range map[string]string{
		`"links":[{"path":"/data/hard","hard":true,"target":"/root-file"}]`:           "cross-device link",
		`"files":[{"path":"/data","contents":{"source":"data:,x"}}]`:                  "a directory is already there",
		`"files":[{"path":"/data","overwrite":true,"contents":{"source":"data:,x"}}]`: "busy",
	} {
		if r := x.apply(x.storage(body)); r.exit != 1 || !strings.Contains(r.stderr, says) || !strings.Contains(r.stderr, "config.ign:2:") {
			t.Errorf("exit %d, should say %q:\n%s", r.exit, says, r.all())
		}
	}
	if r := x.apply(x.storage(`"directories":[{"path":"/data","overwrite":true,"mode":448}],"files":[{"path":"/data/new"}]`)); r.exit != 0 {
		t.Error(r.all())
	}
	x.expect("data drwx------", "data/old absent", "data/new -rw-r--r--")
	var st unix.Statfs_t
	if must(t, unix.Statfs(data, &st)); st.Type != unix.TMPFS_MAGIC {
		t.Error("the file system is gone")
	}
}
