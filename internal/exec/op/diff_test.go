package op

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/internal/sysroot"
)

func TestDiff(t *testing.T) {
	for _, c := range []struct{ name, now, then, want string }{
		{"equal texts have none", "a\n", "a\n", ""},
		{"a line changes", "a\nb\nc\n", "a\nB\nc\n", "@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"},
		{"a text begins", "", "a\n", "@@ -0,0 +1 @@\n+a\n"},
		{"a text ends", "a\n", "", "@@ -1 +0,0 @@\n-a\n"},
		{"the last line feed is missing", "a", "a\n", "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n"},
		{
			"distant changes have a hunk each", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n",
			"@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -7,3 +8,4 @@\n 7\n 8\n 9\n+10\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := diffOf("/f", sysroot.Regular, c.now, c.then)
			if want := "--- a/f\n+++ b/f\n" + c.want; c.want != "" && got != want || c.want == "" && got != "" {
				t.Errorf("%s", got)
			}
		})
	}
}

// patch(1) turns the one text into the other.
func TestPatchUnderstandsDiffs(t *testing.T) {
	if _, err := exec.LookPath("patch"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		var b strings.Builder
		for range n {
			fmt.Fprintln(&b, r.IntN(6))
		}
		return b.String()
	}
	dir := t.TempDir()
	for range 100 {
		now, then := text(1+r.IntN(30)), text(1+r.IntN(30))
		d := diffOf("/f", sysroot.Regular, now, then)
		if d == "" {
			continue
		}
		name := filepath.Join(dir, "f")
		if err := os.WriteFile(name, []byte(now), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("patch", "-s", "-p1", "-d", dir)
		cmd.Stdin = strings.NewReader(d)
		out, err := cmd.CombinedOutput()
		got, _ := os.ReadFile(name)
		if err != nil || string(got) != then {
			t.Fatalf("%v: %s\nfrom %q\nto   %q\ngot  %q\n%s", err, out, now, then, got, d)
		}
	}
}
