package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestLargeDocument: figures of different days can be compared only if the document
// stays as it is.
func TestLargeDocument(t *testing.T) {
	var first, second bytes.Buffer
	if err := generateLarge(&first); err != nil {
		t.Fatal(err)
	}
	if err := generateLarge(&second); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two runs made two documents")
	}
	if n := first.Len(); n < 1_750_000 || n > 1_850_000 {
		t.Errorf("the document has %d bytes, not about 1.8 MB", n)
	}
	if n := bytes.Count(first.Bytes(), []byte("\n    - path: ")); n != manyFiles {
		t.Errorf("%d files", n)
	}
	if n := bytes.Count(first.Bytes(), []byte("\n    - name: ")); n != manyUnits {
		t.Errorf("%d units", n)
	}
	if n := strings.Count(small, "\n"); n != 20 {
		t.Errorf("the small document has %d lines", n)
	}
}
