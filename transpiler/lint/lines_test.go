package lint

import (
	"fmt"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"sections and assignments", "[A]\nx=1\n[B]\ny = 2 \n", "[A] A.x=1@4-5 [B] B.y=2@12-13"},
		{"comments and blank lines are none", "# a\n; b\n\n[A]\n #c\nx=1", "[A] A.x=1@17-18"},
		{"before the first section", "x=1\n", ".x=1@0-1"},
		{"a continued value", "[A]\nx=1 \\\n  2\ny=3\n", "[A] A.x=1  2@4-5 A.y=3@14-15"},
		{"comments between continued lines", "[A]\nx=1\\\n# no\n;no\n2\n", "[A] A.x=1 2@4-5"},
		{"a blank line ends a value", "[A]\nx=1\\\n\ny=2\n", "[A] A.x=1@4-5 A.y=2@10-11"},
		{"two backslashes are a backslash", "[A]\nx=1\\\\\ny=2\n", `[A] A.x=1\\@4-5 A.y=2@10-11`},
		{"carriage returns", "[A]\r\nx=1\r\n", "[A] A.x=1@5-6"},
		{"stray lines", "[A\nb\n=c\n[D] e\n", "?@0-2 ?@3-4 ?@5-7 ?@8-13"},
		{"no line feed at the end", "[A]", "[A]"},
		{"a backslash at the end", "[A]\nx=1\\", "[A] A.x=1@4-5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for l := range linesOf(c.text) {
				switch l.Kind {
				case headerLine:
					got = append(got, "["+l.Section+"]")
				case assignmentLine:
					got = append(got, fmt.Sprintf("%s.%s=%s@%d-%d", l.Section, l.Name, l.Value, l.Start, l.End))
				default:
					got = append(got, fmt.Sprintf("?@%d-%d", l.Start, l.End))
				}
			}
			if text := strings.Join(got, " "); text != c.want {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

func FuzzLines(f *testing.F) {
	for _, s := range []string{"", "[A]\nx=1\\\n 2\n", "x\n=\n[\n", "# a\\\n[A]\\\nb=c\n", "\\\n\\\n", "\r\n\t[A] \nx =\ty\n", "a=b\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for l := range linesOf(text) {
			if l.Start < last || l.End < l.Start || l.End > len(text) || l.ValueStart > l.ValueEnd || l.ValueEnd > len(text) {
				t.Fatalf("%+v after %d of %d", l, last, len(text))
			}
			last = l.Start
			if l.Kind == assignmentLine && (l.Name == "" || strings.TrimSpace(l.Value) != l.Value && strings.Trim(l.Value, space) != l.Value) {
				t.Fatalf("%+v", l)
			}
			if l.Kind == assignmentLine && !strings.HasPrefix(l.Name, text[l.Start:l.End]) && !strings.Contains(text[l.Start:l.End], "\\") {
				t.Fatalf("%q does not start with %q", l.Name, text[l.Start:l.End])
			}
		}
	})
}
