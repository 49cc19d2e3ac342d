package acquire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// stateMode is part of the contract: the state may hold keys.
const stateMode = 0o600

// State is what stages tell later ones. Members that this version does not know are
// kept.
type State struct {
	// Fetched are the configs in use, each once.
	Fetched []Fetched

	members map[string]json.RawMessage
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

const fetchedKey = "fetchedConfigs"

// emptyMembers are what programs that read the state expect in it.
func emptyMembers() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"luksPersistKeyFiles":       json.RawMessage("{}"),
		"notatedDirectories":        json.RawMessage("[]"),
		"providerOutputFiles":       json.RawMessage("[]"),
		"luksPersistVolumeKeyFiles": json.RawMessage("{}"),
	}
}

// ReadState reads the state; one that is not there is empty.
func ReadState(name string) (*State, error) {
	s := &State{members: emptyMembers()}
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
	if raw, ok := s.members[fetchedKey]; ok {
		if err := json.Unmarshal(raw, &s.Fetched); err != nil {
			return nil, fmt.Errorf("read state %s: %s: %w", name, fetchedKey, err)
		}
	}
	if s.members == nil {
		s.members = emptyMembers()
	}
	return s, nil
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

// Write writes the state, in one step.
func (s *State) Write(name string) error {
	fetched := s.Fetched
	if fetched == nil {
		fetched = []Fetched{}
	}
	raw, err := json.Marshal(fetched)
	if err == nil {
		s.members[fetchedKey] = raw
		raw, err = json.Marshal(s.members)
	}
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	if err := writeFile(name, append(raw, '\n'), stateMode); err != nil {
		return fmt.Errorf("write state: %w", err)
	}
	return nil
}
