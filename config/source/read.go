package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Largest documents that are read. A document is held in memory as a tree several
// times its size; contents of any size come from files and URLs.
const (
	// MaxJSON is the number of bytes of a JSON document.
	MaxJSON = 256 << 20
	// MaxYAML is the number of bytes of a YAML document. Its parser needs far more
	// memory for a byte.
	MaxYAML = 16 << 20
	// MaxValues is the number of values of a document, the whole included. Each
	// costs 100 bytes or more, whatever its size in the text. Real configs have a
	// tenth of that.
	MaxValues = 1_000_000
)

// ErrTooLarge is the cause of the error for a document beyond the limit.
var ErrTooLarge = errors.New("the document is too large")

// Open reads a document: a file, or standard input for an empty name and for -.
// Documents of more than limit bytes are refused. Errors name the document, in
// words for people.
func Open(name string, stdin io.Reader, limit int64) (*File, error) {
	if name == "" || name == "-" {
		return Read("<stdin>", stdin, limit)
	}
	// not os.Open: it prepares for polling, which costs as much as reading
	handle, err := syscall.Open(name, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	f := os.NewFile(uintptr(handle), name)
	defer f.Close() // nothing was written
	size := int64(0)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	return read(name, f, limit, size)
}

// Read reads a document of at most limit bytes. The name is what people know it by.
func Read(name string, r io.Reader, limit int64) (*File, error) { return read(name, r, limit, 0) }

// read reads a document whose size is known if it is not 0.
func read(name string, r io.Reader, limit, size int64) (*File, error) {
	if size > limit {
		return nil, tooLarge(name, limit)
	}
	// pieces, not one buffer that grows: that would take three times the memory
	piece := make([]byte, size+bytes.MinRead) // room to see the end
	var pieces [][]byte
	for total := int64(0); ; {
		n, err := io.ReadFull(r, piece)
		pieces = append(pieces, piece[:n])
		switch total += int64(n); {
		case total > limit:
			return nil, tooLarge(name, limit)
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			if len(pieces) == 1 {
				return NewFile(name, pieces[0]), nil
			}
			return NewFile(name, bytes.Join(pieces, nil)), nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", name, cause(err))
		}
		piece = make([]byte, min(2*len(piece), 1<<20))
	}
}

func tooLarge(name string, limit int64) error {
	return fmt.Errorf("read %s: %w: it has more than %d MiB", name, ErrTooLarge, limit>>20)
}

// cause is an error without the operation and path that the caller names itself.
func cause(err error) error {
	if errors.Is(err, syscall.EISDIR) {
		return fmt.Errorf("it %w, not a document", syscall.EISDIR)
	}
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func tooLong(f *File, limit int, syntax string) *SyntaxError {
	return &SyntaxError{
		At:      Range{File: f, Start: limit, End: limit},
		Message: fmt.Sprintf("the document is too large: %s documents have at most %d MiB", syntax, limit>>20),
	}
}

func tooMany(f *File, at int) *SyntaxError {
	return &SyntaxError{
		At:      Range{File: f, Start: at, End: at},
		Message: fmt.Sprintf("the document has more than %d values", MaxValues),
	}
}

// checkYAMLValues refuses text that the YAML parser would need too much memory for.
// Every value but the first follows one of the signs counted here, so that there
// are at most two values (a key and what it holds) for each. Text in block scalars
// counts too, which leaves room for one sign in sixteen bytes of it.
func checkYAMLValues(f *File) *SyntaxError {
	atMost := 0
	for _, sign := range ",[{-:?" {
		atMost += bytes.Count(f.Data, []byte{byte(sign)})
	}
	if atMost <= MaxValues {
		return nil
	}
	signs := 0
	for i, c := range f.Data {
		switch c {
		case ',', '[', '{':
			signs++
		case '-', ':', '?':
			if i+1 < len(f.Data) && (f.Data[i+1] == ' ' || f.Data[i+1] == '\n' || f.Data[i+1] == '\t' || f.Data[i+1] == '\r') {
				signs++
			}
		}
		if signs > MaxValues {
			return tooMany(f, i)
		}
	}
	return nil
}
