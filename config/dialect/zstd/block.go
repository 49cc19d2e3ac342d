package zstd

import "errors"

var (
	errLiterals = errors.New("its literals are broken")
	errSequence = errors.New("a sequence leads out of the data")
)

// readLiterals reads the literals of a block: RFC 8878 §3.1.1.3.1.
func (f *frame) readLiterals(block *input) ([]byte, error) {
	const raw, run, treeless = 0, 1, 3
	if len(block.in) == 0 {
		return nil, ErrCut
	}
	kind, format := block.in[0]&3, int(block.in[0]>>2&3)
	if kind == raw || kind == run {
		width := []int{1, 2, 1, 3}[format]
		header, err := block.number(width)
		if err != nil {
			return nil, err
		}
		size := int(header >> 4)
		if width == 1 {
			size = int(header >> 3)
		}
		switch {
		case size > maxBlock:
			return nil, errLiterals
		case kind == raw:
			return block.take(size)
		}
		b, err := block.take(1)
		if err != nil {
			return nil, err
		}
		out := f.literals[:size]
		for i := range out {
			out[i] = b[0]
		}
		return out, nil
	}
	width, bitsOfSize := []int{3, 3, 4, 5}[format], []int{10, 10, 14, 18}[format]
	header, err := block.number(width)
	if err != nil {
		return nil, err
	}
	size, packed := int(header>>4)&(1<<bitsOfSize-1), int(header>>(4+bitsOfSize))
	if size > maxBlock {
		return nil, errLiterals
	}
	data, err := block.take(packed)
	if err != nil {
		return nil, err
	}
	if kind != treeless {
		h, used, err := readHuffman(data)
		if err != nil {
			return nil, err
		}
		f.huffman, data = h, data[used:]
	}
	if f.huffman == nil {
		return nil, errLiterals
	}
	out := f.literals[:size]
	if format == 0 {
		return out, f.huffman.decode(out, data)
	}
	return out, f.fourStreams(out, data)
}

// fourStreams reads literals that are in four streams behind the sizes of three.
func (f *frame) fourStreams(out, data []byte) error {
	streams := input{data}
	var sizes [4]int
	for i := range 3 {
		n, err := streams.number(2)
		if err != nil {
			return err
		}
		sizes[i] = int(n)
	}
	sizes[3] = len(streams.in) - sizes[0] - sizes[1] - sizes[2]
	quarter := (len(out) + 3) / 4
	if sizes[3] < 0 || 3*quarter > len(out) {
		return errLiterals
	}
	for i, n := range sizes {
		data, err := streams.take(n)
		if err != nil {
			return err
		}
		part := out[i*quarter:]
		if i < 3 {
			part = part[:quarter]
		}
		if err := f.huffman.decode(part, data); err != nil {
			return err
		}
	}
	return nil
}

// extra is a value and the number of bits that are added to it.
type extra struct {
	base int
	bits int
}

// valueOf returns what the code of a length stands for: RFC 8878 §3.1.1.3.2.1.1. The codes
// before those of the list stand for themselves, plus the first base.
func valueOf(code, first int, more []extra) extra {
	if plain := len(more); code >= plainCodes(first) && code-plainCodes(first) < plain {
		return more[code-plainCodes(first)]
	}
	return extra{base: code + first}
}

// plainCodes is the number of codes without extra bits: 16 of literal lengths, which begin
// with 0, and 32 of match lengths, which begin with 3.
func plainCodes(first int) int {
	if first == 0 {
		return 16
	}
	return 32
}

func literalLengths() []extra {
	return []extra{
		{16, 1},
		{18, 1},
		{20, 1},
		{22, 1},
		{24, 2},
		{28, 2},
		{32, 3},
		{40, 3},
		{48, 4},
		{64, 6},
		{128, 7},
		{256, 8},
		{512, 9},
		{1024, 10},
		{2048, 11},
		{4096, 12},
		{8192, 13},
		{16384, 14},
		{32768, 15},
		{65536, 16},
	}
}

func matchLengths() []extra {
	return []extra{
		{35, 1},
		{37, 1},
		{39, 1},
		{41, 1},
		{43, 2},
		{47, 2},
		{51, 3},
		{59, 3},
		{67, 4},
		{83, 4},
		{99, 5},
		{131, 7},
		{259, 8},
		{515, 9},
		{1027, 10},
		{2051, 11},
		{4099, 12},
		{8195, 13},
		{16387, 14},
		{32771, 15},
		{65539, 16},
	}
}

// coding is what is known about the codes of one kind: RFC 8878 §3.1.1.3.2.2.
type coding struct {
	accuracy, symbols int // at the most
	usual             int // accuracy of the usual table
	probabilities     []int
}

// codings are those of literal lengths, offsets and match lengths, in the order of the
// tables.
func codings() [3]coding {
	return [3]coding{
		{9, 36, 6, []int{4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1}},
		{8, 32, 5, []int{1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1}},
		{9, 53, 6, []int{
			1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
			1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
		}},
	}
}

// readTables reads the tables of a block: the usual ones, those of one symbol, new ones,
// or those of the last block.
func (f *frame) readTables(block *input) error {
	const usual, one, packed = 0, 1, 2
	modes, err := block.number(1)
	if err != nil {
		return err
	}
	if modes&3 != 0 {
		return errReserved
	}
	for i, c := range codings() {
		switch modes >> (6 - 2*i) & 3 {
		case usual:
			f.tables[i] = newTable(c.usual, c.probabilities)
		case one:
			symbol, err := block.number(1)
			if err != nil {
				return err
			}
			if int(symbol) >= c.symbols {
				return errTable
			}
			f.tables[i] = single(byte(symbol))
		case packed:
			t, used, err := readTable(block.in, c.accuracy, c.symbols)
			if err != nil {
				return err
			}
			f.tables[i], block.in = t, block.in[used:]
		default:
			if f.tables[i] == nil {
				return errTable
			}
		}
	}
	return nil
}

// sequences carries out the sequences of a block: RFC 8878 §3.1.1.3.2.
func (f *frame) sequences(block *input, literals []byte) error {
	count, err := block.number(1)
	if err != nil {
		return err
	}
	switch {
	case count == 0 && len(block.in) > 0:
		return errSequence
	case count == 0:
		return f.add(literals)
	case count == 255:
		count, err = block.number(2)
		count += 0x7f00
	case count >= 128:
		var low uint64
		low, err = block.number(1)
		count = (count-128)<<8 | low
	}
	if err != nil {
		return err
	}
	if err := f.readTables(block); err != nil {
		return err
	}
	r, err := newReverse(block.in)
	if err != nil {
		return err
	}
	lengths, offsets, matches := f.tables[0].start(&r), f.tables[1].start(&r), f.tables[2].start(&r)
	literalLength, matchLength := literalLengths(), matchLengths()
	for ; count > 0; count-- {
		code := offsets.symbol()
		offset := 1<<code + r.read(code)
		m := valueOf(matches.symbol(), 3, matchLength)
		match := m.base + r.read(m.bits)
		l := valueOf(lengths.symbol(), 0, literalLength)
		length := l.base + r.read(l.bits)
		if r.left < 0 || length > len(literals) {
			return errSequence
		}
		if err := f.add(literals[:length]); err != nil {
			return err
		}
		literals = literals[length:]
		if err := f.copy(f.distance(offset, length), match); err != nil {
			return err
		}
		if count > 1 {
			lengths.next(&r)
			matches.next(&r)
			offsets.next(&r)
		}
	}
	if r.left != 0 {
		return errStream
	}
	return f.add(literals)
}

// distance returns how far back a match is, and remembers it: RFC 8878 §3.1.1.5.
func (f *frame) distance(value, literals int) int {
	if value > 3 {
		f.offsets = [3]int{value - 3, f.offsets[0], f.offsets[1]}
		return value - 3
	}
	index := value - 1
	if literals == 0 {
		index++
	}
	var d int
	switch index {
	case 0:
		return f.offsets[0]
	case 3:
		d = f.offsets[0] - 1
		index = 2
	default:
		d = f.offsets[index]
	}
	copy(f.offsets[1:index+1], f.offsets[:index])
	f.offsets[0] = d
	return d
}

// copy repeats what stands some bytes before the end. Both may overlap.
func (f *frame) copy(distance, n int) error {
	if distance < 1 || distance > len(f.out)-f.start {
		return errSequence
	}
	if len(f.out)+n > f.limit {
		return ErrTooLarge
	}
	for range n {
		f.out = append(f.out, f.out[len(f.out)-distance])
	}
	return nil
}
