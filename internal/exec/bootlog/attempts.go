package bootlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/internal/exec/record"
)

// Attempts are the boots that failed since the last success, as they are kept on disk.
type Attempts struct {
	// Count of them, Same of those in succession up to the last with its config.
	Count int `json:"count"`
	Same  int `json:"sameConfig"`
	// Last is the latest.
	Last *Failure `json:"last,omitempty"`
	// Earlier are those before, in a line each, the newest last.
	Earlier []Earlier `json:"earlier,omitempty"`
}

// Earlier is a boot that failed, in short.
type Earlier struct {
	Date   string `json:"date"`
	BootID string `json:"bootID,omitempty"`
	Stage  string `json:"stage"`
	Cause  string `json:"cause"`
	SHA512 string `json:"sha512,omitempty"`
}

// maxEarlier is how many earlier attempts are kept.
const maxEarlier = 10

// maxAttempts is the size of a file of attempts, in bytes.
const maxAttempts = 1 << 20

// Add counts a failure, and writes the counts into it. One that is known is not counted
// again.
func (a *Attempts) Add(f *Failure) {
	if a.Last != nil && a.Last.BootID == f.BootID && a.Last.Stage == f.Stage && f.BootID != "" {
		f.Attempt, f.Same = a.Count, a.Same
		return
	}
	a.Count++
	if a.Last != nil && sum(a.Last.Config) == sum(f.Config) {
		a.Same++
	} else {
		a.Same = 1
	}
	if a.Last != nil {
		a.Earlier = append(a.Earlier, a.Last.brief())
		a.Earlier = a.Earlier[max(0, len(a.Earlier)-maxEarlier):]
	}
	f.Attempt, f.Same = a.Count, a.Same
	last := *f
	a.Last = &last
}

// All are the attempts in short, the newest last.
func (a *Attempts) All() []Earlier {
	if a.Last == nil {
		return a.Earlier
	}
	return append(a.Earlier[:len(a.Earlier):len(a.Earlier)], a.Last.brief())
}

func (f *Failure) brief() Earlier {
	e := Earlier{Date: f.Date, BootID: f.BootID, Stage: f.Stage, SHA512: sum(f.Config)}
	if len(f.Problems) > 0 {
		e.Cause = f.Problems[0].Cause
		if f.Problems[0].What != "" {
			e.Cause = f.Problems[0].What + ": " + e.Cause
		}
		e.Cause = cut(e.Cause, 200)
	}
	return e
}

func sum(c *record.Config) string {
	if c == nil {
		return ""
	}
	return c.SHA512
}

// ReadAttempts reads attempts from a file. One that is missing, or that nobody can
// read, has none.
func ReadAttempts(name string) Attempts {
	var a Attempts
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxAttempts {
		return a
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return a
	}
	return ParseAttempts(data)
}

// ParseAttempts reads attempts; what cannot be read has none.
func ParseAttempts(data []byte) Attempts {
	var a Attempts
	if json.Unmarshal(data, &a) != nil || a.Count < 0 || a.Same < 0 {
		return Attempts{}
	}
	return a
}

// Write writes attempts to a file in a directory that exists.
func (a *Attempts) Write(name string) error {
	data, err := json.MarshalIndent(a)
	if err == nil {
		err = writeFile(name, append(data, '\n'))
	}
	if err != nil {
		return fmt.Errorf("keep the attempts: %w", err)
	}
	return nil
}

// RemoveFailure forgets the failure of a boot that went well after all.
func RemoveFailure(dir string) error {
	if err := os.Remove(dir + "/" + FailureFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
