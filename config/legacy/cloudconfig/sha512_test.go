package cloudconfig

import (
	"crypto/sha512"
	"testing"
)

// FuzzSHA512: the digest is that of the standard library, however the message is cut.
func FuzzSHA512(f *testing.F) {
	for _, length := range []int{0, 1, 111, 112, 113, 127, 128, 129, 239, 240, 241, 1000} { // around the edges of one and two blocks
		f.Add(make([]byte, length), length/3)
	}
	f.Fuzz(func(t *testing.T, message []byte, cut int) {
		at := min(max(cut, 0), len(message))
		if got, want := sha512Sum(message[:at], message[at:]), sha512.Sum512(message); got != want {
			t.Errorf("%d bytes, cut at %d:\n%x is not\n%x", len(message), at, got, want)
		}
	})
}
