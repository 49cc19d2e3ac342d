package dataurl

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	oracle "github.com/vincent-petithory/dataurl"
)

// Differential: URLs are accepted, and mean, what they do for the field's tools.
//
// One real difference: after a parameter with an empty quoted value (a=""), the
// oracle does not look at the percent signs of the next value any more. Here each
// value is looked at.
func FuzzDataURL(f *testing.F) {
	for _, s := range []string{
		"data:", "data:,", "data:,abc", "data:;base64,YWJj", "data:;base64,YW\nJj", "data:;base64,YWJ", "data:;base64,YW\rJj", "data:;base64,YWJj\r\n", `data:text/plain;a="\q",x`, "data:text/plain;a=\"b\nc\",x", `data:text/plain;a="\u00e9\\\"",x`, "data:;base64,YWJj=", "data:;base64,YQ==", "data:;base64,YR==",
		"data:;base64,YQ==YQ==", "data:;base64", "data:base64,YWJj", "data:;base64;base64,", "data:;base64;a=b,", "data:;a=b;base64,YQ==", "data:;BASE64,YQ==", "data:;base64=a,x",
		"data:text/plain,x", "data:text/,x", "data:/plain,x", "data:text,x", "data:textual/x,x", "data:foo/bar,x", "data:x-foo/bar,x", "data:X-/,x", "data:x/y,", "data:text/plain;charset=utf-8,x",
		`data:text/plain;a="b;c,d",x`, `data:text/plain;a="b\"c",x`, `data:text/plain;a="b,x`, "data:text/plain;a=,x", "data:text/plain;=b,x", "data:text/plain;a=%41,x", "data:text/plain;a=%4,x",
		"data:;a,x", "data:,%41%zz", "data:,%4", "data:,a b", "data:,a#b", "data:,é", "data:,a\x00", "data:,a\nb", "data:,a+b&c=d", "DATA:,x", "data:text/plain;a=b;a=c,x", "data:te xt/plain,x",
		"data:text/plain;a=\"é\",x", "data:text/é,x", "data:;a=b;,x", "data:;,x", "data:;;base64,YQ==", "data:text/plain ,x", "data:text/plain;a=\"\",x", "data:;a=b=c,x", "data:multipart/mixed;boundary=\"--,\";base64,",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Decode(s)
		if head, _, _ := strings.Cut(s, ","); strings.Contains(head, `=""`) && strings.Contains(head, "%") {
			return // see above
		}
		want, wantErr := oracle.DecodeString(s)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: here %v; oracle %v", s, err, wantErr)
		}
		if checked := Check(s); (checked == nil) != (err == nil) {
			t.Fatalf("%q: Check says %v, Decode %v", s, checked, err)
		}
		if err != nil {
			return
		}
		if !bytes.Equal(got, want.Data) {
			t.Fatalf("%q: here %q; oracle %q", s, got, want.Data)
		}
		u, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		slowly, err := io.ReadAll(iotest.OneByteReader(u.Reader()))
		if err != nil || !bytes.Equal(slowly, got) {
			t.Fatalf("%q, byte by byte: %q, %v", s, slowly, err)
		}
		for _, written := range []string{Escaped(got), Base64(got)} {
			if back, err := Decode(written); err != nil || !bytes.Equal(back, got) {
				t.Fatalf("%q comes back as %q, %v", written, back, err)
			}
		}
	})
}

func TestWritten(t *testing.T) {
	for _, text := range []string{"", "a", "a b\n", "é", "\x00\xff%", strings.Repeat("x#", 1000)} {
		data := []byte(text)
		if got := Escaped(data); len(got) != EscapedLen(data) || got != "data:,"+oracle.Escape(data) {
			t.Errorf("Escaped(%q) = %q, of %d bytes", text, got, EscapedLen(data))
		}
		if got := Base64(data); len(got) != Base64Len(len(data)) || got != "data:;base64,"+base64.StdEncoding.EncodeToString(data) {
			t.Errorf("Base64(%q) = %q, of %d bytes", text, got, Base64Len(len(data)))
		}
	}
}

func BenchmarkDataURL(b *testing.B) {
	text := "data:," + strings.Repeat("key%3Dvalue%20", 12)
	b.Run("Check", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if err := Check(text); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("oracle", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := oracle.DecodeString(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
