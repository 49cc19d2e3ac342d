package acquire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/kindling-boot/kindling/config/dataurl"
	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/types"
)

// stateMode is part of the contract: the state may hold keys.
const stateMode = 0o600

// State is what stages tell later ones, and a run of a stage the next one if it is
// interrupted. Members that this version does not know are kept. The methods may be
// called by several goroutines; what Save, SetKey, SetSecureKey, DropKey, Notate and SetWork
// change is on disk when they return. The zero value is an empty state that is never written.
type State struct {
	// Fetched are the configs in use, each once.
	Fetched []Fetched
	// Files are what the platform wants on the target; the files stage writes them.
	Files []types.File

	mu      sync.Mutex
	file    string
	members map[string]json.RawMessage
	// luksKeys are data URLs, by the name of the volume. The files stage writes them to the
	// target and drops them.
	luksKeys map[string]string
	// secureKeys are data URLs, by the name of a file in the repository of zkey. The files
	// stage writes them to the target.
	secureKeys map[string]string
	// notated are directories of the target that the mount stage has made.
	notated []string
	// work is what was begun or done on block devices, by kernel node.
	work map[string]Work
}

// Work is what was begun on a block device since the machine was started.
type Work struct {
	// What is being made: filesystem ext4.
	What string `json:"what"`
	// Done is false from before the first write until the result was verified.
	Done bool `json:"done"`
	// Result identifies what was made; of work that is done.
	Result string `json:"result,omitempty"`
}

// Fetched is one config in use.
type Fetched struct {
	// Kind is base or user.
	Kind string `json:"kind"`
	// Source is the platform, or the path of the URL of a referenced config.
	Source string `json:"source"`
	// Referenced configs are merged into another, or take its place.
	Referenced bool `json:"referenced"`
}

// The members that this version knows.
const (
	fetchedKey    = "fetchedConfigs"
	filesKey      = "providerOutputFiles"
	luksKeysKey   = "luksPersistKeyFiles"
	secureKeysKey = "luksPersistVolumeKeyFiles"
	notatedKey    = "notatedDirectories"
	workKey       = "kindlingWork" // not part of the contract
)

// ReadState reads the state; one that is not there is empty. Later changes go to the
// same file.
func ReadState(name string) (*State, error) {
	s := &State{file: name, members: map[string]json.RawMessage{}}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	if err := json.Unmarshal(data, &s.members); err != nil {
		return nil, fmt.Errorf("read state %s: %w", name, err)
	}
	for key, into := range s.known() {
		if raw, ok := s.members[key]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, fmt.Errorf("read state %s: %s: %w", name, key, err)
			}
		}
	}
	return s, nil
}

// known are the members that this version reads and writes.
func (s *State) known() map[string]any {
	return map[string]any{fetchedKey: &s.Fetched, filesKey: &s.Files, luksKeysKey: &s.luksKeys, secureKeysKey: &s.secureKeys, notatedKey: &s.notated, workKey: &s.work}
}

// Add notes a config in use.
func (s *State) Add(f Fetched) {
	if !slices.Contains(s.Fetched, f) {
		s.Fetched = append(s.Fetched, f)
	}
}

// UserConfigProvided reports whether there was any user config.
func (s *State) UserConfigProvided() bool {
	return slices.ContainsFunc(s.Fetched, func(f Fetched) bool { return f.Kind == "user" })
}

// Key returns the key of a LUKS volume that the disks stage left for the files stage.
func (s *State) Key(volume string) ([]byte, bool) { return s.secret(&s.luksKeys, volume) }

// SecureKey returns a file of the repository of zkey that the disks stage left for the
// files stage.
func (s *State) SecureKey(file string) ([]byte, bool) { return s.secret(&s.secureKeys, file) }

// secret returns the content of a data URL.
func (s *State) secret(in *map[string]string, name string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := (*in)[name]
	if !ok {
		return nil, false
	}
	u, err := dataurl.Parse(text)
	if err != nil {
		return nil, false // written by nobody we know: as good as none
	}
	key, err := io.ReadAll(u.Reader())
	return key, err == nil
}

// SetKey keeps the key of a LUKS volume for the files stage.
func (s *State) SetKey(volume string, key []byte) error { return s.keep(&s.luksKeys, volume, key) }

// SetSecureKey keeps a file of the repository of zkey for the files stage.
func (s *State) SetSecureKey(file string, key []byte) error {
	return s.keep(&s.secureKeys, file, key)
}

func (s *State) keep(in *map[string]string, name string, key []byte) error {
	return s.change(func() {
		if *in == nil {
			*in = map[string]string{}
		}
		(*in)[name] = "data:;base64," + base64.StdEncoding.EncodeToString(key)
	})
}

// DropKey forgets the key of a LUKS volume.
func (s *State) DropKey(volume string) error {
	return s.change(func() { delete(s.luksKeys, volume) })
}

// Notate remembers directories of the target that were made for mounting.
func (s *State) Notate(dirs ...string) error {
	return s.change(func() {
		for _, d := range dirs {
			if !slices.Contains(s.notated, d) {
				s.notated = append(s.notated, d)
			}
		}
	})
}

// Notated are the directories of the target that were made for mounting.
func (s *State) Notated() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notated)
}

// Work returns what was begun on a block device.
func (s *State) Work(node string) (Work, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.work[node]
	return w, ok
}

// SetWork remembers what was begun, or done, on a block device.
func (s *State) SetWork(node string, w Work) error {
	return s.change(func() {
		if s.work == nil {
			s.work = map[string]Work{}
		}
		s.work[node] = w
	})
}

func (s *State) change(do func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	return s.save()
}

// Save writes the state to the file that it was read from, in one step.
func (s *State) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.save()
}

func (s *State) save() error {
	if s.file == "" {
		return nil
	}
	members := maps.Clone(s.members)
	if members == nil {
		members = map[string]json.RawMessage{}
	}
	for key, from := range s.written() {
		raw, err := json.Marshal(from)
		if err != nil {
			return fmt.Errorf("encode state: %w", err)
		}
		members[key] = raw
	}
	raw, err := json.Marshal(members)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	if err := writeFile(s.file, append(raw, '\n'), stateMode); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}

// written are the members as they are written: lists and maps that are empty are there
// all the same.
func (s *State) written() map[string]any {
	out := map[string]any{
		fetchedKey: append([]Fetched{}, s.Fetched...), filesKey: append([]types.File{}, s.Files...), notatedKey: append([]string{}, s.notated...),
		luksKeysKey: orEmpty(s.luksKeys), secureKeysKey: orEmpty(s.secureKeys),
	}
	if len(s.work) > 0 {
		out[workKey] = s.work
	}
	return out
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
