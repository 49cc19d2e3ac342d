// Package stack gives the main goroutine a large stack before the packages that need one
// are initialised. Go starts with a small stack and doubles it, with a copy and the look-ups
// that a copy takes, each time it is too small: four times in one run of butane, which is
// 4 % of what a document of twenty lines takes (docs/adr/0230-start-of-butane.md).
//
// Packages are initialised in the order of their import paths, as far as what they import
// permits; this one imports nothing and so comes before gopkg.in/yaml.v3, which compiles
// regular expressions then.
package stack

// Reserved is made when this package is initialised, and zero.
var Reserved = reserve(0)

// reserve has a frame that only fits into a stack of 64 KiB. None of it is touched.
//
//go:noinline
func reserve(from int) byte {
	if from == 0 {
		return 0
	}
	var frame [40 << 10]byte
	for i := range frame {
		frame[i] = byte(from + i)
	}
	return frame[from]
}
