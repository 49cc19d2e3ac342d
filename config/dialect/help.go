package dialect

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/schema"
)

// Help says what to do about a text that is no Ignition config of spec 3, for who wants
// one; empty if nobody knows.
func Help(data []byte) string {
	for _, e := range encodings() {
		if has(data, e.start) {
			return e.help
		}
	}
	switch f := Of(data); {
	case f.Kind == Butane:
		return "this looks like a Butane document: translate it with butane first"
	case f.Kind == PartHandler:
		return "it is code for cloud-init, which nothing else can run"
	case f.Known() && f.Kind != Ignition:
		return fmt.Sprintf("this is %s; ignition reads it as it is, and butane convert --to ignition makes a config of it", f)
	case f.Kind != Unknown:
		return ""
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(data, []byte(byteOrderMark)), blanks)
	line, rest, _ := strings.Cut(string(text[:min(len(text), 4096)]), "\n")
	line = strings.TrimRight(line, blanks)
	var starts []string
	for _, h := range headers() {
		if strings.HasPrefix(h.start, "#") {
			starts = append(starts, h.start)
		}
	}
	switch {
	case strings.HasPrefix(line, "---"):
		for _, start := range starts {
			if below := strings.TrimLeft(rest, blanks); strings.HasPrefix(below, start) {
				return fmt.Sprintf("put %s into the first line, above the line ---", start)
			}
		}
	case strings.HasPrefix(line, "#"):
		// "# cloud-config", "#cloud_config", "#Cloud config", "#cloud-cfg"
		word := strings.ToLower(strings.ReplaceAll(strings.Trim(line, "# "), "_", "-"))
		if near := schema.Nearest("#"+strings.ReplaceAll(word, " ", "-"), starts); near != "" && len(word) > 1 {
			return fmt.Sprintf("the first line must be exactly %s", near)
		}
	default:
		key, _, colon := strings.Cut(line, ":")
		if near := schema.Nearest(strings.ToLower(strings.Trim(key, `"' `)), []string{"variant"}); colon && near != "" {
			return "a Butane document names its variant, for example variant: fcos"
		}
	}
	return ""
}

// encodings are what makes a document unreadable for who does not undo it, by how it
// starts.
func encodings() []struct{ start, help string } {
	return []struct{ start, help string }{
		{byteOrderMark, "save the file without a byte order mark"},
		{markLittle, "this looks like UTF-16: save the file as UTF-8"},
		{markBig, "this looks like UTF-16: save the file as UTF-8"},
		{magicGzip, "this is gzip data: unpack it first"},
		{magicZstd, "this is zstd data: unpack it first"},
	}
}
