package conformance

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/dialect/convert"
	"github.com/kindling-boot/kindling/transpiler"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

// TestConvertedConfigsSayTheSame: every valid config of the conformance data becomes a
// Butane document, and that becomes the same config.
func TestConvertedConfigsSayTheSame(t *testing.T) {
	rows := map[string][]byte{}
	for _, file := range []string{"parse.jsonl", "merge.jsonl"} {
		for _, c := range readCases[struct {
			ID     string
			Expect json.RawMessage
		}](t, filepath.Join(data(t, "ignition"), file)) {
			rows[c.ID] = c.Expect
		}
	}
	for _, c := range readCases[struct {
		ID, Format, Stdout string
		Exit               int
	}](t, filepath.Join(data(t, "butane"), "cases.jsonl")) {
		if c.Exit == 0 && c.Format == "json" {
			rows[c.ID] = []byte(c.Stdout)
		}
	}
	target, err := convert.ParseTarget("fcos-1.8.0-experimental")
	if err != nil {
		t.Fatal(err)
	}
	valid, refused := 0, 0
	for id, row := range rows {
		doc, found := dialect.Read(source.NewFile(id, row), dialect.Options{Pack: new(sugar.Compressor).Shorter})
		if found.HasErrors() {
			continue // merging valid configs can give an invalid one
		}
		valid++
		text, found := target.Write(doc)
		if text == nil && strings.Contains(found[0].Message, "another one has no number") {
			refused++ // by Butane, in every variant
			continue
		}
		if text == nil {
			t.Errorf("%s is not written: %v", id, found)
			continue
		}
		back, found := transpiler.Model(source.NewFile(id, text), nil, new(sugar.Compressor).Shorter)
		if found.HasErrors() {
			t.Errorf("%s is not read again: %v\n%s", id, found, text)
			continue
		}
		if want, got := plain(t, doc.Config), plain(t, back); !reflect.DeepEqual(got, want) {
			t.Errorf("%s is another config:\n%v\nwant\n%v\nby\n%s", id, got, want, text)
		}
	}
	if valid < 1400 || refused > 20 {
		t.Error("too few rows were compared")
	}
	t.Logf("%d of %d rows are valid, %d of them are nothing that Butane takes", valid, len(rows), refused)
}

// plain is the canonical form of a config, with data URLs replaced by what they hold.
func plain(t *testing.T, cfg config.Config) any {
	t.Helper()
	v, err := parseJSON(config.Render(cfg))
	if err != nil {
		t.Fatal(err)
	}
	return canonical(contents(v))
}

// contents replaces data URLs by their contents, unpacked.
func contents(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = contents(v[i])
		}
	case map[string]any:
		text, _ := v["source"].(string)
		if data, err := dataurl.Decode(text); err == nil && strings.HasPrefix(text, "data:") {
			if v["compression"] == "gzip" {
				data = gunzip(data)
			}
			delete(v, "compression")
			v["source"] = "content " + string(data)
		}
		for k := range v {
			v[k] = contents(v[k])
		}
	}
	return v
}

func gunzip(data []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return data
	}
	out, err := io.ReadAll(z)
	if err != nil {
		return data
	}
	return out
}
