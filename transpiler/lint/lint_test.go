package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/source"
)

func TestEveryRuleIsInTheDocs(t *testing.T) {
	docs, err := os.ReadFile(filepath.Join("..", "..", "docs", "lint.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		if !strings.HasPrefix(r.ID, prefix) {
			t.Errorf("rule %s does not start with %s", r.ID, prefix)
		}
		if !strings.Contains(string(docs), "\n| `"+r.ID+"` |") {
			t.Errorf("rule %s is not in docs/lint.md", r.ID)
		}
	}
}

func TestLookIn(t *testing.T) {
	for _, c := range []struct {
		name, section, key string
		want               answer
	}{
		{"own directive", "Service", "ExecStart", answer{known: true}},
		{"beginning of another one", "Service", "Exec", answer{}},
		{"end of another one", "Service", "Start", answer{}},
		{"directive of a part", "Service", "MemoryMax", answer{known: true}},
		{"part of another section only", "Slice", "User", answer{}},
		{"boolean", "Socket", "Accept", answer{known: true, boolean: true}},
		{"became a choice later", "Service", "PrivateTmp", answer{known: true}},
		{"first of its section", "Unit", "After", answer{known: true}},
		{"last of its section", "Service", "WatchdogSec", answer{known: true}},
		{"of another section", "Timer", "ExecStart", answer{}},
		{"of a quadlet", "Container", "Image", answer{known: true}},
		{"the mark of booleans is no part of a name", "Socket", "Accept?", answer{}},
		{"several words", "Automount", "DirectoryMode ExtraOptions", answer{}},
		{"empty", "Unit", "", answer{}},
		{"no section", "Nothing", "After", answer{}},
		{"a part is no section", "/exec", "User", answer{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var table keyTable
			for range 2 { // the second answer is a kept one
				if got := table.look(c.section, c.key); got != c.want {
					t.Errorf("[%s] %s: %+v, want %+v", c.section, c.key, got, c.want)
				}
			}
		})
	}
}

func TestTablesHaveEachDirectiveOnce(t *testing.T) {
	for _, table := range []string{systemdKeys, quadletKeys} {
		for _, section := range strings.Split(table, "\n[")[1:] {
			name, _, _ := strings.Cut(section, "]")
			seen := map[string]bool{}
			for _, text := range sectionIn(table, name) {
				for key := range strings.FieldsSeq(text) {
					key = strings.TrimSuffix(key, "?")
					if seen[key] {
						t.Errorf("[%s] has %s twice", name, key)
					}
					seen[key] = true
				}
			}
			if len(seen) == 0 {
				t.Errorf("[%s] is empty", name)
			}
		}
	}
}

func TestWeakHash(t *testing.T) {
	for _, c := range []struct {
		name, hash string
		weak       bool
	}{
		{"plain", "correct horse", true},
		{"plain with a dollar", "$ecret", true},
		{"thirteen characters that are no DES", "plain-pass-wd", true},
		{"empty", "", true},
		{"DES", "rqXexS6ZhobKA", true},
		{"DES of BSD", "_J9..rasmBYk8r9AiWNc", true},
		{"MD5", "$1$abcd0123$9Qcg8DyviekV3tDGMZynJ1", true},
		{"SHA-1", "$sha1$40000$jtNX3nZ2$hBNaIXkt4wBI2o5rsi8KejSjNqIq", true},
		{"NT", "$3$$8846f7eaee8fb117ad06bdd830b7586c", true},
		{"few rounds", "$5$rounds=1000$salt$x", true},
		{"low cost", "$2y$04$abcdefghijklmnopqrstuv", true},
		{"locked plain password", "!secret", true},
		{"SHA-256", "$5$salt$x", false},
		{"SHA-512 with the usual rounds", "$6$rounds=5000$salt$x", false},
		{"bcrypt", "$2b$12$abcdefghijklmnopqrstuv", false},
		{"yescrypt", "$y$j9T$salt$x", false},
		{"gost-yescrypt", "$gy$j9T$salt$x", false},
		{"scrypt", "$7$CU..../....salt$x", false},
		{"locked", "!", false},
		{"locked twice", "!!", false},
		{"no password", "*", false},
		{"never had one", "!*", false},
		{"locked hash", "!$6$salt$x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := weakHash(c.hash); (got != "") != c.weak {
				t.Errorf("%q", got)
			} else if c.hash != "" && strings.Contains(got, c.hash) {
				t.Errorf("%q shows the hash", got)
			}
		})
	}
}

func TestIsSecretVariable(t *testing.T) {
	for _, c := range []struct {
		assignment string
		want       bool
	}{
		{"DB_PASSWORD=x", true},
		{"api_token='x'", true},
		{"AWS_SECRET_ACCESS_KEY=x", true},
		{"MYSQL_ROOT_PASSWORD=a=b", true},
		{"DB_PASSWORD=", false},
		{"DB_PASSWORD=\"\"", false},
		{"DB_PASSWORD", false},
		{"PASSWORD_FILE=x", false},
		{"TOKEN=/run/token", false},
		{"TOKEN=$OTHER", false},
		{"TOKEN=%d/token", false},
		{"ALLOW_EMPTY_PASSWORD=yes", false},
		{"#PASSWORD=x", false},
		{"LEVEL=token", false},
		{"SECRET_NAME=x", false},
		{"TOKEN_TTL=60", false},
	} {
		if got := isSecretVariable(c.assignment); got != c.want {
			t.Errorf("%s: %t", c.assignment, got)
		}
	}
}

func TestReadOnly(t *testing.T) {
	for _, c := range []struct {
		variant, path string
		want          bool
	}{
		{"fcos", "/usr/bin/x", true},
		{"fcos", "/usr", true},
		{"fcos", "/bin/x", true},
		{"fcos", "/lib64/x", true},
		{"fcos", "/usr/local/bin/x", false},
		{"fcos", "/usr/local", false},
		{"fcos", "/usr/localx", true},
		{"fcos", "/etc/x", false},
		{"fcos", "/library/x", false},
		{"fcos", "/lib", false},
		{"openshift", "/usr/x", true},
		{"r4e", "/usr/x", true},
		{"fiot", "/sbin/x", true},
		{"flatcar", "/usr/local/x", true},
		{"flatcar", "/opt/bin/x", false},
		{"other", "/usr/bin/x", false},
	} {
		if got := readOnly(c.variant, c.path); got != c.want {
			t.Errorf("%s on %s: %t", c.path, c.variant, got)
		}
	}
}

func TestProgram(t *testing.T) {
	for _, c := range []struct {
		command, want string
		relative      bool
	}{
		{"/bin/a b", "/bin/a", false},
		{"-@!!+bin/a b", "bin/a", true},
		{`"/my bin/a" b`, "/my bin/a", false},
		{`'my bin/a'`, "my bin/a", true},
		{"a", "a", false},
		{"", "", false},
		{"%h/a", "%h/a", false},
		{"${X}/a", "${X}/a", false},
		{"./a\tb", "./a", true},
		{"~/a", "~/a", true},
	} {
		if got := program(c.command); got != c.want || isRelative(got) != c.relative {
			t.Errorf("%q: %q, relative %t", c.command, got, isRelative(got))
		}
	}
}

func TestBlockLines(t *testing.T) {
	for _, c := range []struct {
		name, document, body string
		want                 []string // what stands where each line starts; nil if not found
	}{
		{"block", "a: |\n  x\n   y\n\n  z\n", "x\n y\n\nz\n", []string{"x", " y", "", "z"}},
		{"block with an indicator", "a: |2-\n    x\n  y\n", "  x\ny", []string{"  x", "y"}},
		{"carriage returns", "a: |\r\n  x\r\n  y\r\n", "x\ny\n", []string{"x\r", "y\r"}},
		{"folded", "a: >\n  x\n  y\n", "x y\n", nil},
		{"plain", "a: x\n", "x", nil},
		{"other text", "a: |\n  x\n", "y\n", nil},
		{"cut off", "a: |", "x", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := source.Range{File: source.NewFile("d", []byte(c.document)), Start: 3, End: 4}
			lines := source.BlockLines(at, c.body)
			if len(lines) != len(c.want) {
				t.Fatalf("%d lines", len(lines))
			}
			for i, start := range lines {
				if got, _, _ := strings.Cut(c.document[start:], "\n"); got != c.want[i] {
					t.Errorf("line %d is %q", i+1, got)
				}
			}
		})
	}
}
