package types_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/source"
)

func TestSources(t *testing.T) {
	for _, c := range []struct{ name, source, rule string }{
		{"an object by its ARN", "arn:aws:s3:::bucket/key", ""},
		{"an ARN in capital letters", "ARN:aws:s3:::bucket/key", ""},
		{"an ARN with a key in its query only", "arn:aws:s3:::bucket?/key", "arn-format"},
		{"an ARN with a key in its fragment only", "arn:aws:s3:::bucket#/key", "arn-format"},
		{"an ARN with a colon in its query only", "arn:aws:s3::bucket/key?a:b", "arn-format"},
		{"an ARN as a host", "arn://aws:s3:::bucket/key", "url-invalid"},
		{"a control character", "https://example.com/\n", "url-invalid"},
		{"a control character in a fragment", "https://example.com/#\n", ""},
		{"a fragment with a broken escape", "https://example.com/#%zz", "url-invalid"},
		{"an IPv6 address without brackets", "http://::1/", "url-invalid"},
		{"a data URL with a control character", "data:,\n", "url-invalid"},
		{"a data URL with a control character in a fragment", "data:;a=\"#\x01\",", ""},
		{"a data URL with a broken escape in what would be a fragment", `data:;a="#%zz",`, "url-invalid"},
		{"a data URL with a number sign in a parameter", `data:;a="#",`, ""},
		{"a data URL in capital letters", "DATA:,", "data-url"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := json.Marshal(c.source)
			if err != nil {
				t.Fatal(err)
			}
			_, found := config.Parse(source.NewFile("config.ign", fmt.Appendf(nil,
				`{"ignition": {"version": "3.4.0"}, "storage": {"files": [{"path": "/a", "contents": {"source": %s}}]}}`, text)))
			rule := ""
			if len(found) > 0 {
				rule = found[0].Rule.ID
			}
			if rule != c.rule || len(found) > 1 {
				t.Errorf("got %v, want rule %q", found, c.rule)
			}
		})
	}
}
