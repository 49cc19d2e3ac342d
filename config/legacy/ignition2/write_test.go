package ignition2

import (
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
)

// What is written in spec 2 and read again is the config that it was made of.
func TestWriteAndTranslate(t *testing.T) {
	const text = `{"ignition":{"config":{"merge":[{"source":"http://a/b"}]},"proxy":{"noProxy":["c"]},"version":"3.1.0"},` +
		`"passwd":{"users":[{"name":"anna","uid":7}]},` +
		`"storage":{"disks":[{"device":"/dev/sda","partitions":[{"number":1,"sizeMiB":5,"startMiB":1}],"wipeTable":true}],` +
		`"files":[{"overwrite":true,"path":"/srv/a","contents":{"source":"data:,x"},"mode":420},` +
		`{"overwrite":false,"path":"/b","append":[{"source":"data:,y"}],"mode":420}],` +
		`"filesystems":[{"device":"/dev/sda1","format":"ext4","path":"/srv"}],` +
		`"links":[{"path":"/l","target":"/b"}]},` +
		`"systemd":{"units":[{"enabled":true,"name":"a.service"}]}}`
	in, from, ds := config.Read(source.NewFile("in.ign", []byte(text)))
	if ds.HasErrors() {
		t.Fatal(ds)
	}
	out, ds := Write(in, from, "2.4.0")
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	again, _, _, ds := TranslateAs(source.NewFile("out.ign", out), Options{Filesystems: map[string]string{"/srv": "/srv"}})
	if len(ds) > 0 {
		t.Fatal(ds)
	}
	if got := string(schema.AppendJSON(nil, &again, true)); got != text {
		t.Errorf("by way of %s\ngot  %s\nwant %s", out, got, text)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct{ name, text, to, path, rule string }{
		{"a version that nobody asked for", `{"ignition":{"version":"3.0.0"}}`, "2.3.0", "", "older-spec"},
		{"a proxy before 2.4.0", `{"ignition":{"version":"3.1.0","proxy":{"httpProxy":"http://a"}}}`, "2.2.0", "ignition.proxy", "older-spec"},
		{"encrypted volumes", `{"ignition":{"version":"3.2.0"},"storage":{"luks":[{"name":"a","device":"/dev/sda"}]}}`, "2.4.0", "storage.luks", "too-new-key"},
		{
			"options of mounts", `{"ignition":{"version":"3.1.0"},"storage":{"filesystems":[{"device":"/dev/sda","format":"xfs","mountOptions":["ro"]}]}}`,
			"2.4.0", "storage.filesystems[0].mountOptions", "older-spec",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, from, ds := config.Read(source.NewFile("in.ign", []byte(c.text)))
			if ds.HasErrors() {
				t.Fatal(ds)
			}
			out, ds := Write(in, from, c.to)
			if out != nil || len(ds) != 1 || ds[0].Path.String() != c.path || ds[0].Rule.ID != c.rule {
				t.Errorf("%s %v", out, ds)
			}
		})
	}
}
