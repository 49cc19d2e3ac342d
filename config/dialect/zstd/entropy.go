package zstd

import (
	"errors"
	"math/bits"
)

// reverse reads bits from the end of data, the highest ones first: RFC 8878 §4.1.
type reverse struct {
	data []byte
	left int // bits that were not read; negative if too many were
}

var errStream = errors.New("a stream of bits has no end mark")

// newReverse skips the mark, the highest bit that is set.
func newReverse(data []byte) (reverse, error) {
	if len(data) == 0 || data[len(data)-1] == 0 {
		return reverse{}, errStream
	}
	return reverse{data: data, left: 8*len(data) - 1 - bits.LeadingZeros8(data[len(data)-1])}, nil
}

// peek returns the next n bits, at most 32, without taking them. Bits before the first
// one are 0.
func (r *reverse) peek(n int) (v uint64) {
	from := r.left - n
	for at := (r.left - 1) >> 3; at >= 0 && 8*at+8 > from; at-- {
		v = v<<8 | uint64(r.data[at])
	}
	if r.left <= 0 {
		return 0
	}
	if from < 0 {
		return v & (1<<r.left - 1) << -from
	}
	return v >> (from & 7) & (1<<n - 1)
}

func (r *reverse) read(n int) int {
	v := r.peek(n)
	r.left -= n
	return int(v)
}

// table is a table of finite state entropy: RFC 8878 §4.1.
type table struct {
	accuracy int
	states   []state
}

type state struct {
	symbol, bits uint8
	base         uint16
}

var errTable = errors.New("a table of it is broken")

// readTable reads the probabilities of symbols, from the lowest bits on: RFC 8878 §4.1.1.
// It returns how many bytes they take.
func readTable(data []byte, maxAccuracy, symbols int) (*table, int, error) {
	at := 0
	read := func(n int) (v int) {
		for i := range n {
			if at>>3 < len(data) {
				v |= int(data[at>>3]>>(at&7)&1) << i
			}
			at++
		}
		return v
	}
	accuracy := read(4) + 5
	if accuracy > maxAccuracy {
		return nil, 0, errTable
	}
	probabilities := make([]int, 0, symbols)
	for left := 1 << accuracy; left > 0; {
		if len(probabilities) >= symbols {
			return nil, 0, errTable
		}
		n := bits.Len(uint(left + 1))
		v := read(n)
		low, threshold := 1<<(n-1)-1, 1<<n-1-(left+1)
		switch {
		case v&low < threshold:
			v &= low
			at--
		case v > low:
			v -= threshold
		}
		p := v - 1
		probabilities = append(probabilities, p)
		if left -= max(p, -p); p != 0 {
			continue
		}
		for repeat := 3; repeat == 3; {
			repeat = read(2)
			for range repeat {
				probabilities = append(probabilities, 0)
			}
			if len(probabilities) > symbols {
				return nil, 0, errTable
			}
		}
	}
	if used := (at + 7) >> 3; used <= len(data) {
		return newTable(accuracy, probabilities), used, nil
	}
	return nil, 0, ErrCut
}

// newTable spreads the symbols over the states: RFC 8878 §4.1.1. A probability of -1 is
// less than one.
func newTable(accuracy int, probabilities []int) *table {
	size := 1 << accuracy
	t := &table{accuracy: accuracy, states: make([]state, size)}
	next := make([]int, len(probabilities))
	high := size - 1
	for s, p := range probabilities {
		if next[s] = p; p == -1 {
			t.states[high].symbol = uint8(s)
			next[s] = 1
			high--
		}
	}
	at := 0
	for s, p := range probabilities {
		for range max(p, 0) {
			t.states[at].symbol = uint8(s)
			for at = (at + size>>1 + size>>3 + 3) & (size - 1); at > high; {
				at = (at + size>>1 + size>>3 + 3) & (size - 1)
			}
		}
	}
	for i := range t.states {
		s := &t.states[i]
		n := next[s.symbol]
		next[s.symbol]++
		s.bits = uint8(accuracy + 1 - bits.Len(uint(n)))
		s.base = uint16(n<<s.bits - size)
	}
	return t
}

// single is the table of one symbol.
func single(symbol byte) *table { return &table{states: []state{{symbol: symbol}}} }

// cursor walks through the states of a table.
type cursor struct {
	*table
	at int
}

func (t *table) start(r *reverse) cursor { return cursor{t, r.read(t.accuracy)} }

func (c *cursor) symbol() int { return int(c.states[c.at].symbol) }

func (c *cursor) next(r *reverse) {
	s := c.states[c.at]
	c.at = int(s.base) + r.read(int(s.bits))
}

// huffman is a table of codes: RFC 8878 §4.2.
type huffman struct {
	width int // bits of the longest code
	codes []code
}

type code struct{ symbol, bits uint8 }

// maxWidth is the number of bits of the longest code.
const maxWidth = 11

// readHuffman reads the weights of symbols: RFC 8878 §4.2.1. It returns how many bytes
// they take.
func readHuffman(data []byte) (*huffman, int, error) {
	if len(data) == 0 {
		return nil, 0, ErrCut
	}
	n := int(data[0])
	data = data[1:]
	var weights []uint8
	if n >= 128 {
		count := n - 127
		if n = (count + 1) / 2; n > len(data) {
			return nil, 0, ErrCut
		}
		for i := range count {
			weights = append(weights, data[i/2]>>(4*(1-i&1))&15)
		}
	} else {
		if n > len(data) {
			return nil, 0, ErrCut
		}
		var err error
		if weights, err = packedWeights(data[:n]); err != nil {
			return nil, 0, err
		}
	}
	h, err := newHuffman(weights)
	return h, 1 + n, err
}

// packedWeights reads weights from two states in turns, until the bits are used up.
func packedWeights(data []byte) (weights []uint8, err error) {
	const maxAccuracy, symbols, most = 6, maxWidth + 2, 255
	t, used, err := readTable(data, maxAccuracy, symbols)
	if err != nil {
		return nil, err
	}
	r, err := newReverse(data[used:])
	if err != nil {
		return nil, err
	}
	one, other := t.start(&r), t.start(&r)
	for {
		weights = append(weights, uint8(one.symbol()))
		if len(weights) > most {
			return nil, errTable
		}
		if one.next(&r); r.left < 0 {
			return append(weights, uint8(other.symbol())), nil
		}
		one, other = other, one
	}
}

// newHuffman makes the codes. The weight of the last symbol is what is missing to a power
// of two.
func newHuffman(weights []uint8) (*huffman, error) {
	sum := 0
	for _, w := range weights {
		if w > maxWidth {
			return nil, errTable
		}
		sum += 1 << w >> 1
	}
	width := bits.Len(uint(sum))
	rest := 1<<width - sum
	if sum == 0 || width > maxWidth || rest&(rest-1) != 0 || len(weights) > 255 {
		return nil, errTable
	}
	weights = append(weights, uint8(bits.Len(uint(rest))))
	h := &huffman{width: width, codes: make([]code, 0, 1<<width)}
	for w := 1; w <= width; w++ {
		for s, have := range weights {
			if int(have) == w {
				for range 1 << w >> 1 {
					h.codes = append(h.codes, code{uint8(s), uint8(width + 1 - w)})
				}
			}
		}
	}
	if len(h.codes) != 1<<width {
		return nil, errTable
	}
	return h, nil
}

// decode fills out from a stream, which must end with it.
func (h *huffman) decode(out, data []byte) error {
	r, err := newReverse(data)
	if err != nil {
		return err
	}
	for i := range out {
		c := h.codes[r.peek(h.width)]
		out[i] = c.symbol
		r.left -= int(c.bits)
	}
	if r.left != 0 {
		return errStream
	}
	return nil
}
