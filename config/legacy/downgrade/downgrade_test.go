package downgrade

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
)

func TestTo(t *testing.T) {
	for _, c := range []struct {
		name, config string
		to           spec.Version
		// want is the config, or what is wrong with its place
		want, problem string
	}{
		{
			name:   "what the version has is kept",
			config: `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","mode":420,"contents":{"source":"data:,x"}}]}}`,
			to:     spec.V3_0,
			want:   `{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"/a","contents":{"source":"data:,x"},"mode":420}]}}`,
		},
		{
			name:    "a key of a later version is refused at its place",
			config:  `{"ignition":{"version":"3.3.0"},"kernelArguments":{"shouldExist":["quiet"]}}`,
			to:      spec.V3_2,
			problem: "1:67 kernelArguments.shouldExist",
		},
		{
			name:   "a value that says what absence says is left out",
			config: `{"ignition":{"version":"3.5.0"},"passwd":{"users":[{"name":"a","shouldExist":true}]},"storage":{"luks":[]}}`,
			to:     spec.V3_1,
			want:   `{"ignition":{"version":"3.1.0"},"passwd":{"users":[{"name":"a"}]}}`,
		},
		{
			name:    "a value of a later version is refused by its own rule",
			config:  `{"ignition":{"version":"3.4.0"},"storage":{"filesystems":[{"device":"/dev/sda","format":"none"}]}}`,
			to:      spec.V3_2,
			problem: "1:89 storage.filesystems[0].format",
		},
		{
			name:    "compression of a config is not that of a file",
			config:  `{"ignition":{"version":"3.1.0","config":{"merge":[{"source":"data:,","compression":"gzip"}]}}}`,
			to:      spec.V3_0,
			problem: "1:84 ignition.config.merge[0].compression",
		},
		{
			name:    "special bits of a mode are not lost",
			config:  `{"ignition":{"version":"3.6.0"},"storage":{"directories":[{"path":"/a","mode":1023}]}}`,
			to:      spec.V3_5,
			problem: "1:79 storage.directories[0].mode",
		},
		{
			name:   "bits that never had an effect stay",
			config: `{"ignition":{"version":"3.2.0"},"storage":{"directories":[{"path":"/a","mode":1023}]}}`,
			to:     spec.V3_1,
			want:   `{"ignition":{"version":"3.1.0"},"storage":{"directories":[{"path":"/a","mode":1023}]}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, from, ds := config.Read(source.NewFile("in.ign", []byte(c.config)))
			if ds.HasErrors() {
				t.Fatal(ds)
			}
			out, ds := To(in, from, c.to)
			var problems []string
			for _, d := range ds {
				p := d.At.Position()
				problems = append(problems, fmt.Sprintf("%d:%d %s", p.Line, p.Column, d.Path))
			}
			if got := strings.Join(problems, ", "); got != c.problem {
				t.Fatalf("problems %q, want %q", got, c.problem)
			}
			if got := string(schema.AppendJSON(nil, &out, true)); c.problem == "" && got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Every config that a version accepts can be written in that version.
func TestSameVersion(t *testing.T) {
	for _, v := range spec.All() {
		text := fmt.Sprintf(`{"ignition":{"version":%q},"storage":{"files":[{"path":"/a","mode":420}]}}`, v)
		in, from, _ := config.Read(source.NewFile("in.ign", []byte(text)))
		out, ds := To(in, from, v)
		if got := string(schema.AppendJSON(nil, &out, true)); got != strings.ReplaceAll(text, " ", "") || len(ds) > 0 {
			t.Errorf("%s became %s: %v", text, got, ds)
		}
	}
}
