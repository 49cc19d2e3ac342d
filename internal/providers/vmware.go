package providers

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/dialect"
)

// guestInfo are variables of a VMware machine: guestinfo.ignition.config.data, with its
// encoding, set directly or as properties of an OVF environment.
type guestInfo struct {
	// open connects to the host; nil means the real one.
	open func() (variables, error)
}

// variables are those of the host. Absent ones are empty.
type variables interface {
	get(key string) (string, error)
	set(key, value string) error
}

// Names of variables.
const (
	guestPrefix  = "guestinfo."
	guestOVF     = "ovfenv"
	guestNothing = "e30K" // {} and a newline in base64: a variable cannot be removed
)

// guestNames are the names of data and encoding; Flatcar has names of its own.
func guestNames() [][2]string {
	return [][2]string{
		{"ignition.config.data", "ignition.config.data.encoding"},
		{"coreos.config.data", "coreos.config.data.encoding"},
	}
}

// guestURLs name the URL of a config: Flatcar's.
func guestURLs() []string { return []string{"ignition.config.url", "coreos.config.url"} }

func (*guestInfo) places() []string {
	var all []string
	for _, n := range guestNames() {
		all = append(all, guestPrefix+n[0])
	}
	return append(all, "the same in "+guestPrefix+guestOVF)
}

func (*guestInfo) needsNet() bool { return false }

func (g *guestInfo) connect() (variables, error) {
	if g.open != nil {
		return g.open()
	}
	return openBackdoor()
}

func (g *guestInfo) read(ctx context.Context, env *Env) (Config, error) {
	host, err := g.connect()
	if err != nil {
		return Config{}, err
	}
	ovf := g.ovf(env, host)
	value := func(key string) (string, error) {
		v, err := host.get(guestPrefix + key)
		if err != nil {
			return "", fmt.Errorf("read %s%s: %w", guestPrefix, key, err)
		}
		if v == "" {
			v = ovf[guestPrefix+key]
		}
		return v, nil
	}
	for _, names := range guestNames() {
		data, err := value(names[0])
		if err != nil {
			return Config{}, err
		}
		encoding, err := value(names[1])
		if err != nil {
			return Config{}, err
		}
		if data == "" || isDeleted(data, encoding) {
			continue
		}
		raw, err := decodeGuestInfo(data, encoding)
		if err != nil {
			return Config{}, fmt.Errorf("%s%s: %w", guestPrefix, names[0], err)
		}
		c, err := Unpack(raw, guestPrefix+names[0])
		if err == nil && encoding != "" {
			c.Encodings = append([]string{encoding}, c.Encodings...)
		}
		c.Size = len(data)
		return c, err
	}
	for _, name := range guestURLs() {
		if url, err := value(name); err != nil {
			return Config{}, err
		} else if url != "" {
			return fromURL(ctx, env, guestPrefix+name, url)
		}
	}
	return Config{}, fmt.Errorf("%s is not set: %w", strings.Join(g.places(), ", "), ErrNoConfig)
}

// isDeleted reports whether data is what remove leaves behind.
func isDeleted(data, encoding string) bool { return data == guestNothing && encoding == "base64" }

// decodeGuestInfo undoes the encoding that a variable names: the reference takes these.
func decodeGuestInfo(data, encoding string) ([]byte, error) {
	raw := []byte(data)
	var err error
	for _, e := range reversed(strings.Split(encoding, "+")) {
		switch e {
		case "":
			if encoding != "" {
				return nil, unknownEncoding(encoding)
			}
		case "b64", "base64":
			if raw, err = dialect.DecodeBase64(raw); err != nil {
				return nil, err
			}
		case "gz", "gzip":
			if raw, err = dialect.Gunzip(raw, maxConfig()); err != nil {
				return nil, err
			}
		default:
			return nil, unknownEncoding(encoding)
		}
	}
	return raw, nil
}

func unknownEncoding(encoding string) error {
	return fmt.Errorf("the encoding %q is none of base64, gzip, gzip+base64", encoding)
}

func reversed(in []string) []string {
	out := make([]string, 0, len(in))
	for i := len(in) - 1; i >= 0; i-- {
		out = append(out, in[i])
	}
	return out
}

// ovf returns the properties of the OVF environment. One that cannot be read is not
// there: the variables themselves may do.
func (*guestInfo) ovf(env *Env, host variables) map[string]string {
	text, err := host.get(guestPrefix + guestOVF)
	if err != nil {
		env.warn("%s%s cannot be read: %v", guestPrefix, guestOVF, err)
		return nil
	}
	properties, err := parseOVF(text)
	if err != nil {
		env.warn("%s%s is not usable: %v", guestPrefix, guestOVF, err)
	}
	return properties
}

// remove overwrites the variables, and cuts the properties out of the OVF environment.
func (g *guestInfo) remove(_ context.Context, env *Env) error {
	host, err := g.connect()
	if err != nil {
		return err
	}
	for _, names := range guestNames() {
		for i, v := range []string{guestNothing, "base64"} {
			if err := host.set(guestPrefix+names[i], v); err != nil {
				return fmt.Errorf("set %s%s: %w", guestPrefix, names[i], err)
			}
		}
	}
	text, err := host.get(guestPrefix + guestOVF)
	if err != nil || text == "" {
		return err
	}
	without, err := cutOVF(text, func(key string) bool {
		for _, names := range guestNames() {
			if key == guestPrefix+names[0] || key == guestPrefix+names[1] {
				return true
			}
		}
		return false
	})
	if err != nil {
		env.warn("%s%s is left as it is: %v", guestPrefix, guestOVF, err)
		return nil
	}
	if without == text {
		return nil
	}
	if err := host.set(guestPrefix+guestOVF, without); err != nil {
		return fmt.Errorf("set %s%s: %w", guestPrefix, guestOVF, err)
	}
	return nil
}

func toBase64(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// withoutNUL is a text of the host without what fills it up.
func withoutNUL(data []byte) string { return string(bytes.TrimRight(data, "\x00")) }
