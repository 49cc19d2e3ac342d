package sugar

import (
	"math"
	"math/bits"
)

// gzipSize estimates the size in bytes of the gzip stream of small data, within a
// few per cent: it finds repetitions as a compressor does, and adds up what their
// codes cost instead of making the codes. The numbers are those of RFC 1951 and
// RFC 1952.
func gzipSize(data []byte) float64 {
	var t tokens
	t.scan(data)
	stored := float64(8 * (len(data) + 5))
	return gzipFrame + min(t.dynamicBits(), t.fixedBits(), stored)/8
}

// gzipFrame is the size of what stands around the content, in bytes: header,
// trailer, closing block.
const gzipFrame = 10 + 8 + 5

// Limits of the format, and the shortest repetition that compressors look for.
const (
	minMatch   = 4
	maxMatch   = 258
	endOfBlock = 256
)

// tokens counts the symbols that stand for some data.
type tokens struct {
	literals  [286]int // bytes, end of block, lengths of repetitions
	distances [30]int
	extraBits int // written as they are, after lengths and distances
}

func (t *tokens) scan(data []byte) {
	var last [1024]uint16 // by hash of a group of bytes: where it was seen, plus one
	covered := 0
	for i := range data {
		if i+minMatch <= len(data) {
			group := uint32(data[i]) | uint32(data[i+1])<<8 | uint32(data[i+2])<<16 | uint32(data[i+3])<<24
			seen := &last[group*2654435761>>22]
			if from := int(*seen) - 1; from >= 0 && i >= covered {
				if n := matchLength(data[from:], data[i:]); n >= minMatch {
					t.add(n, i-from)
					covered = i + n
				}
			}
			*seen = uint16(i + 1)
		}
		if i >= covered {
			t.literals[data[i]]++
		}
	}
	t.literals[endOfBlock]++
}

func matchLength(a, b []byte) int {
	n := 0
	for n < len(b) && n < maxMatch && a[n] == b[n] {
		n++
	}
	return n
}

// add counts a repetition: RFC 1951 §3.2.5.
func (t *tokens) add(length, distance int) {
	switch {
	case length == maxMatch:
		t.literals[285]++
	case length < 11:
		t.literals[254+length]++
	default:
		extra := bits.Len(uint(length-3)) - 3
		t.literals[261+4*extra+(length-3)>>extra&3]++
		t.extraBits += extra
	}
	if distance < 5 {
		t.distances[distance-1]++
		return
	}
	extra := bits.Len(uint(distance-1)) - 2
	t.distances[2*extra+2+(distance-1)>>extra&1]++
	t.extraBits += extra
}

// fixedBits is the size of a block with the codes of RFC 1951 §3.2.6.
func (t *tokens) fixedBits() float64 {
	total := 3 + t.extraBits
	for symbol, n := range t.literals {
		switch {
		case symbol < 144, symbol >= 280:
			total += 8 * n
		case symbol < 256:
			total += 9 * n
		default:
			total += 7 * n
		}
	}
	for _, n := range t.distances {
		total += 5 * n
	}
	return float64(total)
}

// dynamicBits is about the size of a block with codes of its own: RFC 1951 §3.2.7.
func (t *tokens) dynamicBits() float64 {
	var header codeLengths
	literals := header.add(t.literals[:])
	distances := header.add(t.distances[:])
	return 3 + 14 + header.bits() + literals + distances + float64(t.extraBits)
}

// codeLengths counts the symbols that describe the codes of a block.
type codeLengths struct {
	symbols   [19]int
	extraBits int
}

// The symbols for repeated code lengths.
const (
	repeatLength = 16
	repeatZero   = 17
	repeatZeros  = 18
)

// add takes over a code for symbols that occur as often as counted, and returns
// about the bits that the symbols need.
func (c *codeLengths) add(counts []int) (needed float64) {
	total, end := 0, 0
	for i, n := range counts {
		if total += n; n > 0 {
			end = i + 1
		}
	}
	current, run := -1, 0
	for _, n := range counts[:end] {
		length := 0
		if n > 0 {
			ideal := math.Log2(float64(total) / float64(n))
			needed += float64(n) * ideal
			length = max(1, min(15, int(ideal+0.5)))
		}
		if length != current {
			c.run(current, run)
			current, run = length, 0
		}
		run++
	}
	c.run(current, run)
	return needed
}

// run counts the symbols for n equal code lengths.
func (c *codeLengths) run(length, n int) {
	repeat := func(symbol, least, most, extra int) {
		for n >= least {
			c.symbols[symbol]++
			c.extraBits += extra
			n -= min(n, most)
		}
	}
	switch {
	case n == 0:
		return
	case length == 0:
		repeat(repeatZeros, 11, 138, 7)
		repeat(repeatZero, 3, 10, 3)
	default:
		c.symbols[length]++
		n--
		repeat(repeatLength, 3, 6, 2)
	}
	c.symbols[length] += n
}

// bits is about the size of the description.
func (c *codeLengths) bits() float64 {
	// the order in which the code of the code lengths itself is given
	order := [...]int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
	given := len(order)
	for given > 4 && c.symbols[order[given-1]] == 0 {
		given--
	}
	total := 0
	for _, n := range c.symbols {
		total += n
	}
	sum := float64(3*given + c.extraBits)
	for _, n := range c.symbols {
		if n > 0 {
			sum += float64(n) * math.Log2(float64(total)/float64(n))
		}
	}
	return sum
}
