package providers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
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
