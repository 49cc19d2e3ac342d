package dialect

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/kindling-boot/kindling/config/source"
)

const minimal = `{"ignition":{"version":"3.4.0"}}`

func zipped(data string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, data) // a Buffer takes everything
	_ = w.Close()
	return b.String()
}

func wrapped(data string) string { return base64.StdEncoding.EncodeToString([]byte(data)) }

func TestEncodingsAreUndoneWhereNothingElseIsMeant(t *testing.T) {
	folded := wrapped(minimal)[:20] + "\r\n" + wrapped(minimal)[20:] + "\n"
	for _, c := range []struct {
		name, raw, want string
		undone          []string
		err             string
	}{
		{name: "plain JSON stays", raw: minimal, want: minimal},
		{name: "white space around JSON stays", raw: "\n " + minimal + "\n", want: "\n " + minimal + "\n"},
		{name: "gzip", raw: zipped(minimal), want: minimal, undone: []string{"gzip"}},
		{name: "base64", raw: wrapped(minimal), want: minimal, undone: []string{"base64"}},
		{name: "base64 in lines", raw: folded, want: minimal, undone: []string{"base64"}},
		{name: "base64 without padding", raw: strings.TrimRight(wrapped(minimal), "="), want: minimal, undone: []string{"base64"}},
		{name: "base64 of gzip", raw: wrapped(zipped(minimal)), want: minimal, undone: []string{"base64", "gzip"}},
		{name: "base64 of base64", raw: wrapped(wrapped(minimal)), want: minimal, undone: []string{"base64", "base64"}},
		{name: "base64 of base64 of something else stays", raw: wrapped(wrapped("no config")), want: wrapped(wrapped("no config"))},
		{name: "gzip of base64 of gzip", raw: zipped(wrapped(zipped(minimal))), want: minimal, undone: []string{"gzip", "base64", "gzip"}},
		{name: "base64 of a cloud-config", raw: wrapped("#cloud-config\n"), want: "#cloud-config\n", undone: []string{"base64"}},
		{name: "base64 of a script", raw: wrapped("#!/bin/sh\n"), want: "#!/bin/sh\n", undone: []string{"base64"}},
		{name: "a word that is base64 by chance stays", raw: "abcdefgh", want: "abcdefgh"},
		{name: "base64 of something else stays", raw: wrapped("no config at all"), want: wrapped("no config at all")},
		{name: "broken base64 stays", raw: wrapped(minimal) + "!", want: wrapped(minimal) + "!"},
		{name: "a cloud-config stays", raw: "#cloud-config\n", want: "#cloud-config\n"},
		{name: "a byte order mark", raw: "\xef\xbb\xbf" + minimal, want: minimal, undone: []string{"byte order mark"}},
		{name: "UTF-16", raw: "\xff\xfe{\x00}\x00", want: "{}", undone: []string{"UTF-16"}},
		{name: "UTF-16 from the other end", raw: "\xfe\xff\x00{\x00}", want: "{}", undone: []string{"UTF-16"}},
		{name: "zstd", raw: "\x28\xb5\x2f\xfd\x20\x02\x11\x00\x00{}", want: "{}", undone: []string{"zstd"}},
		{name: "cut zstd", raw: "\x28\xb5\x2f\xfd\x20\x03\x11\x00", err: "unpack zstd: the data ends too early"},
		{name: "cut gzip", raw: zipped(minimal)[:30], err: "unpack gzip: the data ends too early"},
		{name: "more layers than anyone means", raw: zipped(zipped(zipped(zipped(zipped(minimal))))), err: "more than 4 encodings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, undone, err := Unwrap([]byte(c.raw), source.MaxJSON)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || string(got) != c.want || !slices.Equal(undone, c.undone) {
				t.Errorf("%q by %v, %v; want %q by %v", got, undone, err, c.want, c.undone)
			}
		})
	}
}

func TestNothingUnpacksBeyondTheLimit(t *testing.T) {
	const limit = 1 << 20
	bomb := strings.Repeat("\n", 8*limit)
	for _, raw := range []string{zipped(bomb), wrapped(zipped(bomb)), zipped(zipped(bomb)), bomb} {
		if _, _, err := Unwrap([]byte(raw), limit); !errors.Is(err, source.ErrTooLarge) {
			t.Errorf("error %v", err)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	for _, s := range []string{minimal, zipped(minimal), wrapped(minimal), wrapped(zipped(minimal)), zipped(minimal)[:20], "e30K", "\x1f\x8b\x08", "#cloud-config"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		data, undone, err := Unwrap(raw, 1<<20)
		if err == nil && len(undone) == 0 && !bytes.Equal(data, raw) {
			t.Errorf("nothing was undone, yet %q became %q", raw, data)
		}
		if err == nil {
			if _, more, err := Unwrap(data, 1<<20); err != nil || len(more) > 0 {
				t.Errorf("what came out is still encoded: %v, %v", more, err)
			}
		}
	})
}
