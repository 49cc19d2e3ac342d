package conformance

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/kindling-boot/kindling/tests/programs"
)

// repeated is a text over and over, up to n bytes, without being in memory.
type repeated struct {
	chunk string // the text, some times
	n     int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	n := copy(p, r.chunk[:min(len(r.chunk), r.n)])
	r.n -= n
	r.chunk = r.chunk[n:] + r.chunk[:n]
	return n, nil
}

func text(s string) func() io.Reader { return func() io.Reader { return strings.NewReader(s) } }

func times(n int, s string) func() io.Reader {
	return func() io.Reader { return &repeated{chunk: strings.Repeat(s, 1+4096/len(s)), n: n * len(s)} }
}

func series(parts ...func() io.Reader) func() io.Reader {
	return func() io.Reader {
		readers := make([]io.Reader, len(parts))
		for i, p := range parts {
			readers[i] = p()
		}
		return io.MultiReader(readers...)
	}
}

func numbered(n int, format string) func() io.Reader {
	return func() io.Reader {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return strings.NewReader(b.String())
	}
}

// maxRSS is the memory in KiB that a program may take for the worst input.
const maxRSS = 1 << 20

// refused runs a program on input that it must refuse: with exit code 1, nothing on
// standard output that could be taken for a result, an explanation that matches all
// of the patterns, and bounded memory.
func refused(t *testing.T, cmd *exec.Cmd, input io.Reader, outputIsResult bool, want string) {
	t.Helper()
	cmd.Stdin = input
	stdout, stderr, exit := runProgram(t, cmd)
	if exit != 1 {
		t.Errorf("exit code %d", exit)
	}
	if outputIsResult && len(stdout) > 0 {
		t.Errorf("there is output: %.200s", stdout)
	}
	said := string(stdout) + string(stderr)
	for _, w := range strings.Split(want, " and ") {
		if !regexp.MustCompile(w).MatchString(said) {
			t.Errorf("it says %.1000s\nwant %s", said, w)
		}
	}
	if strings.Contains(said, "goroutine ") || strings.Contains(said, "panic") {
		t.Errorf("it crashed: %.2000s", said)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && usage.Maxrss > maxRSS {
		t.Errorf("it took %d MiB", usage.Maxrss>>10)
	}
}

const (
	fcosHead = "variant: fcos\nversion: 1.5.0\n"
	ignHead  = `{"ignition":{"version":"3.4.0"},`
)

func TestButaneRefusesBadInput(t *testing.T) {
	butane := programs.Path(t, "butane")
	for _, c := range []struct {
		name  string
		input func() io.Reader
		want  string
	}{
		{"nothing", text(""), `variant`},
		{"white space", text(" \n\n  \n"), `variant`},
		{"a comment", text("# nothing\n"), `variant`},
		{"truncated", text(fcosHead + "storage: {files: [{path: \"/a"), `<stdin>:\d+:\d+`},
		{"binary", text("\x00\x01\x02\xfe\xff"), `<stdin>:1:\d+`},
		{"a byte that is not UTF-8", text(fcosHead + "x: \xff\n"), `<stdin>:3:4 and 0xFF is no text in UTF-8`},
		{"a control character", text(fcosHead + "x: a\x01b\n"), `<stdin>:3:5 and 0x01 is no text in UTF-8`},
		{"half a UTF-16 character", text("\xff\xfev"), `variant|<stdin>`},
		{"100 MB", times(100_000_000, " "), `more than 16 MiB`},
		{"nested 10,000 deep", text(strings.Repeat("[", 10_001)), `<stdin>:1:\d+ and depth`},
		{
			"aliases that multiply", text("a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n" +
				"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f]\n"),
			`<stdin>:1:1 and aliases`,
		},
		{"an alias inside of what it stands for", text("a: &a [*a]\n"), `<stdin>:1:8`},
		{"merge keys that multiply", series(text("a: &a\n"), numbered(5_000, "  k%d: 1\n"), text("b:\n"), times(5_000, "- <<: *a\n")), `aliases`},
		{"too many values", series(text("["), times(1_000_001, "a,"), text("]")), `<stdin>:1:\d+ and more than 1000000 values`},
		{"a repeated key", text(fcosHead + "storage: {}\nstorage: {}\n"), `<stdin>:4:1`},
		{"100,000 repeated keys on one line", series(text("{"), times(100_000, "a: 1, "), text("}")), `<stdin>:1:8 and a`},
		{"a key of a wrong type", text(fcosHead + "storage: 7\n"), `<stdin>:3:10`},
		{"an unknown version", text("variant: fcos\nversion: 1.0.9\n"), `<stdin>:2:10`},
		{"a newer version", text("variant: fcos\nversion: 99.0.0\n"), `<stdin>:2:10`},
		{"another variant", text("variant: nonsense\nversion: 1.0.0\n"), `<stdin>:1:10`},
		{"an Ignition config", text(ignHead + `"storage":{}}`), `variant`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refused(t, exec.Command(butane), c.input(), true, c.want)
		})
	}
	t.Run("a directory", func(t *testing.T) {
		refused(t, exec.Command(butane, t.TempDir()), nil, true, `directory`)
	})
	t.Run("a missing file", func(t *testing.T) {
		refused(t, exec.Command(butane, filepath.Join(t.TempDir(), "none.bu")), nil, true, `none\.bu.*no such file`)
	})
	t.Run("an output file stays as it is", func(t *testing.T) {
		out := filepath.Join(t.TempDir(), "out.ign")
		if err := os.WriteFile(out, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, exec.Command(butane, "-o", out), strings.NewReader("variant: fcos\n"), true, `version`)
		entries, err := os.ReadDir(filepath.Dir(out))
		if got, _ := os.ReadFile(out); string(got) != "old" || err != nil || len(entries) != 1 {
			t.Errorf("the file holds %q, the directory %v", got, entries)
		}
	})
	for _, c := range []struct{ name, input string }{
		{"a byte order mark", "\xef\xbb\xbf" + fcosHead},
		{"UTF-16", "\xff\xfe" + strings.Join(strings.Split(fcosHead, ""), "\x00") + "\x00"},
		{"CRLF", strings.ReplaceAll(fcosHead, "\n", "\r\n")},
	} {
		t.Run(c.name+" is fine", func(t *testing.T) {
			cmd := exec.Command(butane, "--strict")
			cmd.Stdin = strings.NewReader(c.input)
			if stdout, stderr, exit := runProgram(t, cmd); exit != 0 || !strings.HasPrefix(string(stdout), "{") {
				t.Errorf("exit code %d: %s", exit, stderr)
			}
		})
	}
}

func TestValidateRefusesBadInput(t *testing.T) {
	validate := programs.Path(t, "ignition-validate")
	for _, c := range []struct {
		name  string
		input func() io.Reader
		want  string
	}{
		{"nothing", text(""), `empty`},
		{"white space", text(" \n\n"), `ends too early`},
		{"truncated", text(ignHead + `"storage":{"files":[`), `line 1 col \d+`},
		{"binary", text("\x00\x01\xfe\xff"), `line 1 col 2`},
		{"UTF-16", text("\xff\xfe{\x00}\x00"), `UTF-16`},
		{"a byte order mark", text("\xef\xbb\xbf" + ignHead + `"storage":{}}`), `byte order mark`},
		{"100 MB of white space", times(100_000_000, " "), `ends too early`},
		{"100 MB of letters", times(100_000_000, "a"), `line 1 col 2`},
		{"300 MB", times(300_000_000, " "), `more than 256 MiB`},
		{"nested 10,001 deep", text(strings.Repeat("[", 10_001)), `deeper than 10000`},
		{"too many values", series(text(ignHead+`"x":[`), times(1_000_001, "0,"), text("0]}")), `more than 1000000 values`},
		{"trailing data", text(ignHead + `"storage":{}}x`), `after the end`},
		{"an unknown version", text(`{"ignition":{"version":"3.4.1"}}`), `3\.4\.1`},
		{"a newer version", text(`{"ignition":{"version":"9.0.0"}}`), `newer`},
		{"a Butane document", text(fcosHead), `line 1 col 2 and Butane`},
		{"100,000 wrong paths on one line", series(text(ignHead+`"storage":{"files":[`), numbered(100_000, `{"path":"a%d"},`), text(`{"path":"b"}]}}`)), `"a99999"`},
		{"300,000 unknown keys on one line and a wrong one", series(text(ignHead), numbered(300_000, `"k%d":1,`), text(`"storage":{"files":[{"path":"b"}]}}`)), `"b" is not absolute`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refused(t, exec.Command(validate, "-"), c.input(), false, c.want)
		})
	}
	t.Run("a directory", func(t *testing.T) {
		refused(t, exec.Command(validate, t.TempDir()), nil, false, `directory`)
	})
	t.Run("a missing file", func(t *testing.T) {
		refused(t, exec.Command(validate, filepath.Join(t.TempDir(), "none.ign")), nil, false, `none\.ign.*no such file`)
	})
	t.Run("CRLF is fine", func(t *testing.T) {
		cmd := exec.Command(validate, "-")
		cmd.Stdin = strings.NewReader("{\r\n\"ignition\": {\"version\": \"3.4.0\"}\r\n}\r\n")
		if _, stderr, exit := runProgram(t, cmd); exit != 0 {
			t.Errorf("exit code %d: %s", exit, stderr)
		}
	})
}
