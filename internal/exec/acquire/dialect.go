package acquire

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Dialect names the language of a config for people, by how it begins. It does not tell
// whether the config is valid.
func Dialect(data []byte) string {
	text := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\ufeff")), " \t\r\n\x00")
	begins := func(start string) bool {
		return len(text) >= len(start) && bytes.EqualFold(text[:len(start)], []byte(start))
	}
	switch {
	case len(text) == 0:
		return "blank"
	case text[0] == '{':
		return dialectJSON(text)
	case begins("#cloud-config"):
		return "cloud-config"
	case begins("#!"):
		return "script"
	case begins("Content-Type:"), begins("MIME-Version:"):
		return "multipart MIME"
	case begins("variant:"):
		return "Butane"
	case !utf8.Valid(text):
		return "binary data"
	}
	return "unknown text"
}

// dialectJSON tells the versions of Ignition configs apart: spec 1 has its version at
// the top.
func dialectJSON(text []byte) string {
	var doc struct {
		Old      *json.Number `json:"ignitionVersion"`
		Ignition struct {
			Version string `json:"version"`
		} `json:"ignition"`
	}
	// one value is enough: what follows it is the parser's matter
	switch err := json.NewDecoder(bytes.NewReader(text)).Decode(&doc); {
	case err != nil:
		return "broken JSON"
	case doc.Ignition.Version != "":
		return "Ignition " + doc.Ignition.Version
	case doc.Old != nil:
		return "Ignition " + doc.Old.String()
	}
	return "JSON that is no Ignition config"
}
