package providers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

const minimal = `{"ignition":{"version":"3.4.0"}}`

func zipped(data string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, data) // a Buffer takes everything
	_ = w.Close()
	return b.String()
}

func wrapped(data string) string { return toBase64([]byte(data)) }

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
		{name: "gzip of base64 of gzip", raw: zipped(wrapped(zipped(minimal))), want: minimal, undone: []string{"gzip", "base64", "gzip"}},
		{name: "base64 of a cloud-config", raw: wrapped("#cloud-config\n"), want: "#cloud-config\n", undone: []string{"base64"}},
		{name: "base64 of a script", raw: wrapped("#!/bin/sh\n"), want: "#!/bin/sh\n", undone: []string{"base64"}},
		{name: "a word that is base64 by chance stays", raw: "abcdefgh", want: "abcdefgh"},
		{name: "base64 of something else stays", raw: wrapped("no config at all"), want: wrapped("no config at all")},
		{name: "broken base64 stays", raw: wrapped(minimal) + "!", want: wrapped(minimal) + "!"},
		{name: "a cloud-config stays", raw: "#cloud-config\n", want: "#cloud-config\n"},
		{name: "cut gzip", raw: zipped(minimal)[:30], err: "unpack gzip: the data ends too early"},
		{name: "more layers than anyone means", raw: zipped(zipped(zipped(zipped(zipped(minimal))))), err: "more than 4 encodings"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, undone, err := decode([]byte(c.raw))
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

func TestPrescribedBase64(t *testing.T) {
	for raw, want := range map[string]string{wrapped(minimal): minimal, minimal: minimal, "": ""} {
		if got, err := declaredBase64([]byte(raw)); err != nil || string(got) != want {
			t.Errorf("%q gives %q, %v", raw, got, err)
		}
	}
	if _, err := declaredBase64([]byte("eyJ*")); err == nil || !strings.Contains(err.Error(), "wrong letter after 3") {
		t.Errorf("broken base64 gives %v", err)
	}
}

func TestNoBytesAreNoConfig(t *testing.T) {
	for _, raw := range []string{"", zipped("")} {
		if _, err := Unpack([]byte(raw), "it"); !errors.Is(err, ErrNoConfig) {
			t.Errorf("%q gives %v", raw, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{minimal, zipped(minimal), wrapped(minimal), wrapped(zipped(minimal)), zipped(minimal)[:20], "e30K", "\x1f\x8b\x08", "#cloud-config"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		data, undone, err := decode(raw)
		if err == nil && len(undone) == 0 && !bytes.Equal(data, raw) {
			t.Errorf("nothing was undone, yet %q became %q", raw, data)
		}
		if err == nil {
			if _, more, err := decode(data); err != nil || len(more) > 0 {
				t.Errorf("what came out is still encoded: %v, %v", more, err)
			}
		}
	})
}
