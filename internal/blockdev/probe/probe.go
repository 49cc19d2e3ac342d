// Package probe tells what is on a block device: file systems, RAID members, encrypted
// volumes, swap and partition tables, as blkid(8) would, and where each left its marks,
// as wipefs(8) would. It only reads; whatever is there, it neither panics nor reads
// more than a few hundred KiB.
//
// A format is a row of the table in formats.go: its magics, and a decoder that checks
// what stands around them.
package probe

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Usage is what a format is for, in the words of blkid.
type Usage string

// The usages. A partition table has none in blkid.
const (
	Filesystem Usage = "filesystem"
	RAID       Usage = "raid"
	Crypto     Usage = "crypto"
	Other      Usage = "other" // swap, caches
	Table      Usage = "partition table"
)

// Signature is one format that was found. Empty fields are not known or not set.
type Signature struct {
	Type    string // ext4, crypto_LUKS, linux_raid_member, gpt: TYPE or PTTYPE of blkid
	Usage   Usage
	Label   string
	UUID    string // as blkid prints it: 9403-DFCB for vfat, lower case for most
	UUIDSub string // of the device in a RAID or a file system of several
	Version string
	Places  []Place // of its magics, in the order of the format's table
	// Damaged tells that a sum is wrong. wipefs lists that as well, blkid does not.
	Damaged bool
	// tolerant formats stand beside others on purpose: a CD that is also UDF.
	tolerant bool
}

// Place is a run of bytes that makes a format recognised. Without all of them the
// format is gone.
type Place struct {
	Offset int64
	Length int
}

// String names the signature in messages: ext4 labelled "data" at byte 1080.
func (s Signature) String() string {
	var b strings.Builder
	b.WriteString(s.Type)
	if s.Label != "" {
		fmt.Fprintf(&b, " labelled %q", s.Label)
	}
	for i, p := range s.Places {
		b.WriteString([]string{" at byte ", " and "}[min(i, 1)])
		fmt.Fprintf(&b, "%d", p.Offset)
	}
	return b.String()
}

// Report is everything that was found.
type Report struct {
	Signatures []Signature
}

// AmbivalentError reports content that could be several things, as blkid -p does with
// status 8.
type AmbivalentError struct {
	Signatures []Signature
}

func (e *AmbivalentError) Error() string {
	names := make([]string, len(e.Signatures))
	for i, s := range e.Signatures {
		names[i] = s.String()
	}
	return "it looks like several things at once: " + strings.Join(names, "; ")
}

// Content is what the device holds besides a partition table; the zero Signature if
// nothing. A RAID member or an encrypted volume hides what else is there, by the rules
// of blkid; the rest of Signatures then is left over or lies inside of it. What is damaged
// counts only if there is nothing else: somebody may want to mend it.
func (r Report) Content() (Signature, error) {
	var found []Signature
	var damaged Signature
	for _, s := range r.Signatures {
		switch {
		case s.Usage == Table:
			continue
		case s.Damaged:
			damaged = s
			continue
		case (s.Usage == RAID || s.Usage == Crypto) && len(found) == 0:
			return s, nil
		}
		found = append(found, s)
	}
	switch {
	case len(found) == 0:
		return damaged, nil
	case len(found) > 1 && slices.ContainsFunc(found, func(s Signature) bool { return !s.tolerant }):
		return Signature{}, &AmbivalentError{Signatures: found}
	}
	return found[0], nil
}

// Table is the partition table; the zero Signature if there is none.
func (r Report) Table() Signature {
	for _, s := range r.Signatures {
		if s.Usage == Table {
			return s
		}
	}
	return Signature{}
}

// Probe looks at a device of sizeBytes. The error is that of r.
func Probe(r io.ReaderAt, sizeBytes int64) (Report, error) {
	v := &view{r: r, size: sizeBytes}
	var report Report
	for _, f := range formats {
		s := f.look(v, report)
		if v.err != nil {
			return Report{}, fmt.Errorf("look for %s: %w", f.name, v.err)
		}
		if s != nil {
			report.Signatures = append(report.Signatures, *s)
		}
	}
	return report, nil
}

// format is a row of the table.
type format struct {
	name     string
	usage    Usage
	magics   []magic
	decode   func(v *view, at int64) *Signature // nil: the magic alone decides
	tolerant bool
	unless   []string // formats found before, which look the same
	least    int      // how many places it takes; 0 is 1
	min      int64    // bytes a device needs to hold it
}

// magic is a mark of a format. The end of the device counts from where base says.
type magic struct {
	at   int64
	text string
	base func(size int64) int64 // nil for the start
}

// look returns the signature of a format with all its places, nil if it is not there.
// What it says comes from the first place that is sound.
func (f format) look(v *view, before Report) *Signature {
	// blkid takes nothing up to 1 KiB for anything.
	if v.size < f.min || v.size <= 1024 || slices.ContainsFunc(before.Signatures, func(s Signature) bool { return slices.Contains(f.unless, s.Type) }) {
		return nil
	}
	var found *Signature
	for _, m := range f.magics {
		at := m.at
		if m.base != nil {
			at += m.base(v.size)
		}
		if at&^1023+1024 > v.size || !v.has(at, m.text) { // nor a magic in a KiB that is cut off
			continue
		}
		s := &Signature{}
		if f.decode != nil {
			if s = f.decode(v, at); s == nil {
				continue
			}
		}
		if found == nil || found.Damaged && !s.Damaged {
			if found != nil {
				s.Places = found.Places
			}
			found = s
			found.Type, found.Usage, found.tolerant = cmp.Or(s.Type, f.name), cmp.Or(s.Usage, f.usage), f.tolerant
		}
		found.Places = append(found.Places, Place{at, len(m.text)})
	}
	if found != nil && len(found.Places) < f.least {
		return nil
	}
	return found
}

// view reads a device of a known size, in blocks that it keeps, and its first error.
type view struct {
	r      io.ReaderAt
	size   int64
	blocks map[int64][]byte
	err    error
}

// Blocks are read once: the formats look at the same few places again and again.
const (
	blockBytes = 32 << 10
	maxBlocks  = 128 // 4 MiB, then it starts anew
)

// bytes are n bytes at an offset; nil if they do not lie within the device or cannot be
// read. The caller may change them.
func (v *view) bytes(at int64, n int) []byte {
	if at < 0 || n < 0 || at > v.size-int64(n) || v.err != nil {
		return nil
	}
	raw := make([]byte, 0, n)
	for len(raw) < n {
		b := v.block((at + int64(len(raw))) / blockBytes)
		if b == nil {
			return nil
		}
		b = b[(at+int64(len(raw)))%blockBytes:]
		raw = append(raw, b[:min(len(b), n-len(raw))]...)
	}
	return raw
}

// upTo are as many of n bytes as there are.
func (v *view) upTo(at int64, n int) []byte { return v.bytes(at, int(min(int64(n), v.size-at))) }

func (v *view) block(number int64) []byte {
	if b, known := v.blocks[number]; known {
		return b
	}
	at := number * blockBytes
	b := make([]byte, min(blockBytes, v.size-at))
	if got, err := v.r.ReadAt(b, at); got < len(b) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		v.err = err
		return nil
	}
	if v.blocks == nil || len(v.blocks) >= maxBlocks {
		v.blocks = map[int64][]byte{}
	}
	v.blocks[number] = b
	return b
}

func (v *view) has(at int64, text string) bool { return string(v.bytes(at, len(text))) == text }
