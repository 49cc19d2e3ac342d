package schema

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0},
		{"", "abc", 3},
		{"abc", "", 3},
		{"abc", "abc", 0},
		{"abc", "acb", 1},
		{"abcd", "badc", 2},
		{"kitten", "sitting", 3},
		{"a", "xyza", 3},
		{strings.Repeat("a", 64), strings.Repeat("b", 64), 64},
	} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestNearest(t *testing.T) {
	keys := []string{"path", "contents", "mode", "httpHeaders", "user"}
	for _, c := range []struct{ word, want string }{
		{"pth", "path"},
		{"Content", "contents"},
		{"http_headers", "httpHeaders"},
		{"use", "user"},
		{"zzz", ""},
		{"", ""},
		{"Ⱥpath", "path"},
		{strings.Repeat("path", 20), ""},
		{strings.Repeat("Ⱥ", 32), ""},
	} {
		if got := Nearest(c.word, keys); got != c.want {
			t.Errorf("Nearest(%q) = %q, want %q", c.word, got, c.want)
		}
	}
}
