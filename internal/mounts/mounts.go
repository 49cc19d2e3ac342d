// Package mounts lists what is mounted: All reads the kernel's table, Parse a copy of it.
package mounts

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// table is that of this process: proc(5).
const table = "/proc/self/mountinfo"

// Mount is one mounted file system.
type Mount struct {
	// Point is the directory, Root the directory of the file system that is seen there.
	Point, Root string
	// Type such as ext4.
	Type string
	// Source is what was mounted, as mount(8) was told: a device, or a tag.
	Source string
	// Device is MAJOR:MINOR, of file systems on no block device too.
	Device string
}

// All lists the mounts, those on top of others after them.
func All() ([]Mount, error) {
	f, err := os.Open(table)
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	defer f.Close() //nolint:errcheck // read only
	return Parse(f)
}

// At returns the file system that is seen at a directory because it is mounted there.
func At(all []Mount, dir string) (Mount, bool) {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Point == dir {
			return all[i], true
		}
	}
	return Mount{}, false
}

var errLine = errors.New("list mounts: a line has too few fields")

// Parse reads a table with the lines of proc(5), mountinfo:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func Parse(r io.Reader) ([]Mount, error) {
	var out []Mount
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		place, what := strings.Fields(before), strings.Split(after, " ")
		if !ok || len(place) < 6 || len(what) < 2 {
			return nil, errLine
		}
		out = append(out, Mount{
			Device: place[2], Root: Unescape(place[3]), Point: Unescape(place[4]),
			Type: Unescape(what[0]), Source: Unescape(what[1]),
		})
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	return out, nil
}

// Unescape replaces blanks and backslashes written as \ooo, as the kernel does in tables
// of paths: proc(5).
func Unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && isOctal(s[i+1:i+4]) {
			b.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isOctal(s string) bool {
	return s[0] >= '0' && s[0] <= '3' && s[1] >= '0' && s[1] <= '7' && s[2] >= '0' && s[2] <= '7'
}
