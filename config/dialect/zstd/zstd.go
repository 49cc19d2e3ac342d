// Package zstd unpacks Zstandard data, as RFC 8878 describes it: Decode. It is small and
// made for documents, which are in memory as a whole; it knows no dictionaries.
package zstd

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// Errors of Decode that callers tell apart.
var (
	// ErrTooLarge reports data that unpacks to more than the limit.
	ErrTooLarge = errors.New("it unpacks to too much")
	// ErrCut reports data that ends too early.
	ErrCut = errors.New("the data ends too early")
)

// Errors of broken data.
var (
	errMagic      = errors.New("it does not begin like zstd data")
	errReserved   = errors.New("it uses what no version of the format defines")
	errDictionary = errors.New("it needs a dictionary")
	errChecksum   = errors.New("its checksum is wrong")
	errSize       = errors.New("its size is not the one that it claims")
	errBlock      = errors.New("a block of it is broken")
)

// Magic begins every frame: RFC 8878 §3.1.1.
const Magic = "\x28\xb5\x2f\xfd"

// Magic numbers of frames to skip, in their lowest four bits any: RFC 8878 §3.1.2.
const skippable = 0x184d2a50

// maxBlock is the number of bytes that a block unpacks to at most: RFC 8878 §3.1.1.2.4.
const maxBlock = 128 << 10

// Decode unpacks all frames of data to at most limit bytes.
func Decode(data []byte, limit int) (out []byte, err error) {
	for first := true; first || len(data) > 0; first = false {
		if len(data) < 8 {
			return nil, ErrCut
		}
		magic := binary.LittleEndian.Uint32(data)
		if magic&^0xf == skippable {
			size := uint64(binary.LittleEndian.Uint32(data[4:]))
			if data = data[8:]; size > uint64(len(data)) {
				return nil, ErrCut
			}
			data = data[size:]
			continue
		}
		if string(data[:4]) != Magic {
			return nil, errMagic
		}
		f := frame{input: input{data[4:]}, out: out, start: len(out), limit: limit, offsets: [3]int{1, 4, 8}}
		if err := f.decode(); err != nil {
			return nil, err
		}
		data, out = f.in, f.out
	}
	return out, nil
}

// input is what is left of data.
type input struct{ in []byte }

// take takes bytes from the data.
func (i *input) take(n int) ([]byte, error) {
	if n > len(i.in) {
		return nil, ErrCut
	}
	out := i.in[:n]
	i.in = i.in[n:]
	return out, nil
}

// number takes a number of n bytes.
func (i *input) number(n int) (v uint64, err error) {
	b, err := i.take(n)
	for at := len(b) - 1; at >= 0; at-- {
		v = v<<8 | uint64(b[at])
	}
	return v, err
}

// frame is one frame on its way.
type frame struct {
	input
	out   []byte
	start int // of this frame in out
	limit int

	literals [maxBlock]byte
	huffman  *huffman // of the last block that had one
	// tables of the last block, by kind.
	tables  [3]*table
	offsets [3]int // used last
}

// decode unpacks the frame: RFC 8878 §3.1.1.
func (f *frame) decode() error {
	descriptor, err := f.number(1)
	if err != nil {
		return err
	}
	isSingle, hasChecksum := descriptor&0x20 != 0, descriptor&4 != 0
	if descriptor&8 != 0 {
		return errReserved
	}
	if !isSingle {
		if _, err := f.number(1); err != nil { // the window: everything is in memory
			return err
		}
	}
	dictionary, err := f.number([]int{0, 1, 2, 4}[descriptor&3])
	if err != nil {
		return err
	}
	if dictionary != 0 {
		return errDictionary
	}
	width := []int{0, 2, 4, 8}[descriptor>>6]
	if width == 0 && isSingle {
		width = 1
	}
	size, err := f.number(width)
	switch {
	case err != nil:
		return err
	case width == 2:
		size += 256
	}
	if size > uint64(f.limit) {
		return ErrTooLarge
	}
	for last := false; !last; {
		if last, err = f.block(); err != nil {
			return err
		}
	}
	content := f.out[f.start:]
	if width > 0 && uint64(len(content)) != size {
		return errSize
	}
	if hasChecksum {
		sum, err := f.number(4)
		if err != nil {
			return err
		}
		if sum != checksum(content)&(1<<32-1) {
			return errChecksum
		}
	}
	return nil
}

// block unpacks a block: RFC 8878 §3.1.1.2.
func (f *frame) block() (last bool, err error) {
	header, err := f.number(3)
	if err != nil {
		return false, err
	}
	last, size := header&1 != 0, int(header>>3)
	if size > maxBlock {
		return false, errBlock
	}
	const raw, run, compressed = 0, 1, 2
	switch header >> 1 & 3 {
	case raw:
		content, err := f.take(size)
		if err != nil {
			return false, err
		}
		return last, f.add(content)
	case run:
		b, err := f.take(1)
		if err != nil {
			return false, err
		}
		content := f.literals[:size]
		for i := range content {
			content[i] = b[0]
		}
		return last, f.add(content)
	case compressed:
		content, err := f.take(size)
		if err != nil {
			return false, err
		}
		before := len(f.out)
		if err := f.compressed(content); err != nil {
			return false, fmt.Errorf("%w: %w", errBlock, err)
		}
		if len(f.out)-before > maxBlock {
			return false, errBlock
		}
		return last, nil
	}
	return false, errReserved
}

func (f *frame) add(content []byte) error {
	if len(f.out)+len(content) > f.limit {
		return ErrTooLarge
	}
	f.out = append(f.out, content...)
	return nil
}

// compressed unpacks a compressed block: literals, and the sequences that say where they
// go.
func (f *frame) compressed(data []byte) error {
	block := input{data}
	literals, err := f.readLiterals(&block)
	if err != nil {
		return err
	}
	return f.sequences(&block, literals)
}

// checksum is XXH64 with the seed 0, as xxHash's specification has it.
func checksum(data []byte) uint64 {
	const p1, p2, p3, p4, p5 uint64 = 0x9e3779b185ebca87, 0xc2b2ae3d27d4eb4f, 0x165667b19e3779f9, 0x85ebca77c2b2ae63, 0x27d4eb2f165667c5
	round := func(acc, lane uint64) uint64 { return bits.RotateLeft64(acc+lane*p2, 31) * p1 }
	h, n := p5, uint64(len(data))
	if n >= 32 {
		seed := p1 // in a variable: the sum wraps around
		acc := [4]uint64{seed + p2, p2, 0, -seed}
		for ; len(data) >= 32; data = data[32:] {
			for i := range acc {
				acc[i] = round(acc[i], binary.LittleEndian.Uint64(data[8*i:]))
			}
		}
		h = bits.RotateLeft64(acc[0], 1) + bits.RotateLeft64(acc[1], 7) + bits.RotateLeft64(acc[2], 12) + bits.RotateLeft64(acc[3], 18)
		for _, a := range acc {
			h = (h^round(0, a))*p1 + p4
		}
	}
	h += n
	for ; len(data) >= 8; data = data[8:] {
		h = bits.RotateLeft64(h^round(0, binary.LittleEndian.Uint64(data)), 27)*p1 + p4
	}
	if len(data) >= 4 {
		h = bits.RotateLeft64(h^uint64(binary.LittleEndian.Uint32(data))*p1, 23)*p2 + p3
		data = data[4:]
	}
	for _, b := range data {
		h = bits.RotateLeft64(h^uint64(b)*p5, 11) * p1
	}
	h = (h ^ h>>33) * p2
	h = (h ^ h>>29) * p3
	return h ^ h>>32
}
