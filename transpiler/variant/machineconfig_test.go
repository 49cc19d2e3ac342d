package variant

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

func TestWrap(t *testing.T) {
	yes, realtime := true, "realtime"
	for _, test := range []struct {
		name string
		fill func(m *MachineConfig)
		want string
	}{
		{"what is not given is not written", func(*MachineConfig) {}, ``},
		{
			"each setting has its key in the spec",
			func(m *MachineConfig) {
				m.OpenShift.Extensions = []string{"usbguard"}
				m.OpenShift.FIPS = &yes
				m.OpenShift.KernelArguments = []string{"a=1", "a=1"}
				m.OpenShift.KernelType = &realtime
			},
			`  extensions:
    - usbguard
  fips: true
  kernelArguments:
    - a=1
    - a=1
  kernelType: realtime
`,
		},
		{
			"a false and an empty text are written when they are given",
			func(m *MachineConfig) { m.OpenShift.FIPS, m.OpenShift.KernelType = new(bool), new(string) },
			`  fips: false
  kernelType: ""
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var m MachineConfig
			m.Metadata.Name, m.Metadata.Labels = "99-x", map[string]string{roleLabel: "worker", "a": "yes"}
			test.fill(&m)
			want := manifestHeader + `apiVersion: machineconfiguration.openshift.io/v1
kind: MachineConfig
metadata:
  labels:
    a: "yes"
    machineconfiguration.openshift.io/role: worker
  name: 99-x
spec:
  config:
    ignition:
      version: 3.4.0
` + test.want
			got := string(m.Wrap([]byte(`{"ignition":{"version":"3.4.0"}}`))) + "\n"
			if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// What reads the manifest must get the config that was made, whatever the texts; but
// an empty first line is lost.
func FuzzWrap(f *testing.F) {
	for _, text := range []string{
		"", " ", "\n", "\n a\n", "a\n\n\n", " a\nb", "\ta\n", "a \nb", "- a", "#", "yes", "0644", "1e3", "null", "~", "'", `"`,
		"a: b", "\u0085", "\u2028", "\ufeff", "\x00", "\x1b", "😀", "a\r\nb", "\n\ta", "\n\n\ta\n", " \ta\nb", "%", "@", "`", "!a", "&a", "*a", "<<", "=", "\n\n  a",
	} {
		f.Add(text, 1)
	}
	f.Fuzz(func(t *testing.T, text string, number int) {
		if !utf8.ValidString(text) {
			return // a config holds UTF-8 only
		}
		config, err := json.Marshal(map[string]any{"text": text, "list": []string{text, "x"}, "number": number})
		if err != nil {
			t.Fatal(err)
		}
		var m MachineConfig
		var got struct{ Spec struct{ Config any } }
		if err := yaml.Unmarshal(append(m.Wrap(config), '\n'), &got); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		want := func(text string) any {
			return map[string]any{"text": text, "list": []any{text, "x"}, "number": number}
		}
		if !reflect.DeepEqual(got.Spec.Config, want(text)) && !reflect.DeepEqual(got.Spec.Config, want(strings.TrimPrefix(text, "\n"))) {
			t.Errorf("read %q, want %q", got.Spec.Config, want(text))
		}
	})
}

func TestFIPSCipher(t *testing.T) {
	for _, test := range []struct {
		name          string
		options, want []string
	}{
		{"a volume without options gets the cipher", nil, []string{"--cipher", fipsCipher}},
		{"the cipher comes after the options of the user", []string{"--pbkdf=argon2id"}, []string{"--pbkdf=argon2id", "--cipher", fipsCipher}},
		{"a cipher of the user stays", []string{"--cipher=a"}, []string{"--cipher=a"}},
		{"a cipher in two arguments stays", []string{"--cipher", "a"}, []string{"--cipher", "a"}},
		{"a cipher by its short option stays", []string{"-c", "a"}, []string{"-c", "a"}},
		{"an argument that names a cipher is not the option", []string{"aes"}, []string{"aes", "--cipher", fipsCipher}},
	} {
		t.Run(test.name, func(t *testing.T) {
			yes := true
			m := MachineConfig{FIPSCipher: true}
			m.OpenShift.FIPS = &yes
			c := sugar.NewCtx(nil, spec.V3_4, types.Config{Storage: types.Storage{Luks: []types.Luks{{Options: test.options}}}})
			m.Desugar(c)
			if got := c.Config.Storage.Luks[0].Options; !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWarnRaw(t *testing.T) {
	var m MachineConfig
	m.OpenShift.FIPS, m.OpenShift.Extensions = new(bool), []string{}
	c := sugar.NewCtx(&source.Tree{File: source.NewFile("", nil), YAML: true}, spec.V3_4, types.Config{})
	m.WarnRaw(c)
	if len(c.Found) != 1 || c.Found[0].Path.String() != "openshift.fips" {
		t.Errorf("found %v, want a warning of openshift.fips only", c.Found)
	}
}
