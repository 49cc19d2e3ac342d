package config

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	vcontext "github.com/coreos/vcontext/json"

	"github.com/kindling-boot/kindling/config/source"
)

// largeConfig has 5,000 files and 500 units, about 1.8 MB.
func largeConfig() []byte {
	var b strings.Builder
	b.WriteString("{\n  \"ignition\": {\"version\": \"3.4.0\"},\n  \"storage\": {\n    \"files\": [\n")
	for i := range 5000 {
		fmt.Fprintf(&b, "      {\n        \"path\": \"/etc/app/conf.d/%04d.conf\",\n        \"mode\": 420,\n        \"contents\": {\n          \"source\": \"data:,%s\"\n        }\n      }%s\n",
			i, strings.Repeat("key%3Dvalue%20", 12), map[bool]string{true: ","}[i < 4999])
	}
	b.WriteString("    ]\n  },\n  \"systemd\": {\n    \"units\": [\n")
	for i := range 500 {
		fmt.Fprintf(&b, "      {\n        \"name\": \"app-%03d.service\",\n        \"enabled\": true,\n        \"contents\": %q\n      }%s\n",
			i, "[Unit]\nDescription=app\n\n[Service]\nExecStart=/usr/bin/app\n\n[Install]\nWantedBy=multi-user.target\n", map[bool]string{true: ","}[i < 499])
	}
	b.WriteString("    ]\n  }\n}\n")
	return []byte(b.String())
}

// The yardstick: reading and checking takes at most three times as long as
// encoding/json takes to decode the same text into any.
func BenchmarkLargeConfig(b *testing.B) {
	data := largeConfig()
	if _, ds := Parse(source.NewFile("x", data)); len(ds) > 0 {
		b.Fatal(ds[0].Message)
	}
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"Parse", func() error {
			_, ds := Parse(source.NewFile("x", data))
			if len(ds) > 0 {
				return fmt.Errorf("%s", ds[0].Message)
			}
			return nil
		}},
		{"tree alone", func() error {
			_, bad := source.ParseJSON(source.NewFile("x", data))
			if bad != nil {
				return fmt.Errorf("%s", bad.Message)
			}
			return nil
		}},
		{"encoding-json into any", func() error {
			var v any
			return json.Unmarshal(data, &v)
		}},
		{"vcontext tree", func() error {
			_, err := vcontext.UnmarshalToContext(data)
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for range b.N {
				if err := c.run(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
