package unitfile

import (
	"reflect"
	"strings"
	"testing"
)

func FuzzUnitFile(f *testing.F) {
	for _, s := range []string{
		"", "[Unit]\n", "[Unit]\nA=b\n", "junk\n[Unit]\nA=b", "# [Unit]\n[Install]\nWantedBy=x\n", "[Unit", "[Unit] x\n", "[]\n=\n", "[Unit]\nA\n", "[Unit]\nA", "[Unit]\nA=b\\\n  c\nD=e\n",
		"[Unit]\nA=b\\\n", "[Unit]\nA=b\\", "[Unit]\nA=b\\\n\nC=d\n", "[Unit]\r\nA=b\r\n", "[Unit]\n;x\n#y\n A = b \n", "[A]\nx=1\n[A]\nx=2\n", "\xff[U]\n\xff=\xff\n", "[U]\nA=" + strings.Repeat("x", 2046) + "\n",
		"[U]\n" + strings.Repeat("A=x\n", 1020) + "B=" + strings.Repeat("x", 4000) + "\n", "[Unit]\nA=b\\\n#c\nd=e\n",
		"[\n=bC]\nA=b\\\n\nC=", "#\\\n[U]\n;\\ \n#\n\u00a0A=b\n\r",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := Parse(text)
		if again, againErr := Parse(text); !reflect.DeepEqual(got, again) || (err == nil) != (againErr == nil) {
			t.Fatal("a second run gives something else")
		}
		if err != nil {
			if len(got.Options) > 0 || !strings.HasPrefix(err.Error(), "line ") {
				t.Fatalf("%v, with %v", err, got)
			}
			return
		}
		var b strings.Builder
		for _, o := range got.Options {
			if !got.HasOptions(o.Section) {
				t.Fatalf("HasOptions does not know section %q", o.Section)
			}
			if strings.ContainsAny(o.Section, "]") || strings.ContainsAny(o.Name, "=\n") {
				t.Fatalf("option %q in section %q", o.Name, o.Section)
			}
			if !strings.Contains(text, o.Name) || !strings.Contains(text, "["+o.Section+"]") {
				t.Fatalf("the text has no %q in %q", o.Name, o.Section)
			}
			if strings.TrimSpace(o.Name) != o.Name || strings.TrimSpace(o.Value) != o.Value {
				t.Fatalf("white space around %q or %q", o.Name, o.Value)
			}
			b.WriteString("[" + o.Section + "]\n" + o.Name + "=" + o.Value + "\n")
			if strings.HasSuffix(o.Value, `\`) {
				b.WriteString("\n") // what ended the value before
			}
		}
		// What was read and written out again is read the same, unless writing makes
		// a comment or section of a name, or joins what stood apart.
		if again, err := Parse(b.String()); err == nil && len(again.Options) > len(got.Options) {
			t.Fatalf("%d options become %d", len(got.Options), len(again.Options))
		}
	})
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", ""},
		{"text before the first section is skipped", "a\nb=c\n[U]\nA=b\n", "U.A=b"},
		{"a comment hides a section", "# [X]\n[U]\nA=b\n", "U.A=b"},
		{"values keep inner white space and lose outer", "[U]\nA =  b  c \n", "U.A=b  c"},
		{"a value goes on after a backslash", "[U]\nA=b \\\n  c\nD=e", "U.A=b \\\n  c U.D=e"},
		{"a blank line ends a value", "[U]\nA=b\\\n \nC=d\n", `U.A=b\ U.C=d`},
		{"a section without its bracket", "[U]\nA=b\n[X\n", "line 3: the section name has no closing bracket"},
		{"text after a section", "[U] x\n", "line 1: text follows the section name"},
		{"a line without an equals sign", "[U]\n\nA\nB=c\n", "line 3: the line ends before an equals sign"},
		{"an end without an equals sign", "[U]\nA", "line 2: the text ends before an equals sign"},
		{"a long line", "[U]\nA=" + strings.Repeat("x", 2100) + "\n", "line 2: the line has 2048 bytes or more"},
		{"a long line before the first section", "a\n" + strings.Repeat("x", 2100) + "\n", "line 2: the line has 2048 bytes or more"},
		{"a long comment", "[U]\n#" + strings.Repeat("x", 2048) + "\n", "line 2: the line has 2048 bytes or more"},
		{"a long section", "\n[" + strings.Repeat("x", 2048) + "]\n", "line 2: the line has 2048 bytes or more"},
		{"a long line that begins late in what was read", strings.Repeat("\n", 3000) + "[U]\n#" + strings.Repeat("x", 4000) + "\nA=b\n", "U.A=b"},
		{"a long line that begins late in what was read to the end of another", strings.Repeat("\n", 3996) + "[U]\nA=" + strings.Repeat("x", 98) + "\n" + strings.Repeat("\n", 1999) + "B=" + strings.Repeat("x", 4000), "U.A=" + strings.Repeat("x", 98) + " U.B=" + strings.Repeat("x", 4000)},
		{"a carriage return ends a long line", "[U]\nA=" + strings.Repeat("x", 1100) + "\r" + strings.Repeat("x", 1100) + "\n", "U.A=" + strings.Repeat("x", 1100) + "\r" + strings.Repeat("x", 1100)},
		{"a carriage return in a name", "[U]\nA\rB=c\n", "line 2: the line ends before an equals sign"},
		{"a comment goes on after a backslash", "#\\\n[X]\n[U]\n; c \\ \nA\n#\\\r\nB=c\n", "U.B=c"},
		{"white space of Unicode between options", "[U]\u00a0\n\u2028A=b\n\u0085\n", "U.A=b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse(c.text)
			var got []string
			for _, o := range f.Options {
				got = append(got, o.Section+"."+o.Name+"="+o.Value)
			}
			text := strings.Join(got, " ")
			if err != nil {
				text = err.Error()
			}
			if text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
		})
	}
}

func TestLoadEndsCommentsWithTheirLine(t *testing.T) {
	f, err := Load("[U]\n# c \\\nA=b\n")
	if want := []Option{{Section: "U", Name: "A", Value: "b"}}; err != nil || !reflect.DeepEqual(f.Options, want) {
		t.Errorf("got %v and error %v, want %v", f.Options, err, want)
	}
}
