package dialect

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// message is a MIME entity: a header and a body.
type message struct {
	// header has the fields by name, in lower case.
	header map[string]string
	body   []byte
	// start is the offset of the body in the document; negative if it is not written there
	// as it is.
	start int
}

// Errors of messages.
var (
	errNoBoundary = errors.New("the message has parts, but its Content-Type names no boundary between them")
	errNoParts    = errors.New("the message has no part: the boundary that its Content-Type names is not found")
	errNoHeader   = errors.New("a line of the header is none: it has no colon; an empty line ends the header")
)

// parseMessage reads a header, RFC 5322 §2.2, as far as mail programs and cloud-init write
// it. What stands before it ("From ", the envelope of mailboxes) is skipped.
func parseMessage(text []byte, start int) (message, error) {
	m := message{header: map[string]string{}, start: start}
	last := ""
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		if m.start >= 0 {
			m.start += len(text) - len(rest)
		}
		text = rest
		line = bytes.TrimRight(line, "\r")
		name, value, isField := strings.Cut(string(line), ":")
		switch {
		case len(line) == 0:
			m.body = text
			return m, nil
		case (line[0] == ' ' || line[0] == '\t') && last != "":
			m.header[last] += " " + strings.TrimSpace(string(line))
		case strings.HasPrefix(string(line), "From "):
		case !isField:
			return m, errNoHeader
		default:
			last = strings.ToLower(strings.TrimSpace(name))
			m.header[last] = strings.TrimSpace(value)
		}
	}
	return m, nil
}

// contentType returns the type of the body and its parameters; without any, text/plain.
func (m message) contentType() (kind string, parameters map[string]string) {
	kind, parameters, err := mime.ParseMediaType(m.header["content-type"])
	if kind = strings.ToLower(kind); err != nil && kind == "" {
		return "text/plain", nil
	}
	return kind, parameters
}

// name returns the file name of a part; empty if it has none.
func (m message) name() string {
	_, parameters, _ := mime.ParseMediaType(m.header["content-disposition"])
	if name := parameters["filename"]; name != "" {
		return name
	}
	_, parameters = m.contentType()
	return parameters["name"]
}

// parts takes a multipart body apart: RFC 2046 §5.1.1. A body whose last boundary is
// missing ends with the text.
func (m message) parts(boundary string) ([]message, error) {
	if boundary == "" {
		return nil, errNoBoundary
	}
	delimiter := []byte("--" + boundary)
	var parts []message
	from := -1
	for at := 0; at < len(m.body); {
		line := m.body[at:]
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line = line[:i+1]
		}
		text := bytes.TrimRight(line, " \t\r\n")
		isLast := len(text) == len(delimiter)+2 && bytes.HasSuffix(text, []byte("--"))
		if bytes.HasPrefix(text, delimiter) && (len(text) == len(delimiter) || isLast) {
			if from >= 0 {
				if err := m.add(&parts, from, at); err != nil {
					return nil, err
				}
			}
			if from = at + len(line); isLast {
				return parts, nil
			}
		}
		at += len(line)
	}
	switch {
	case from < 0:
		return nil, errNoParts
	case from < len(m.body):
		if err := m.add(&parts, from, len(m.body)); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// add adds the part between two offsets. The line break before a boundary belongs to that.
func (m message) add(parts *[]message, from, to int) error {
	text := bytes.TrimSuffix(bytes.TrimSuffix(m.body[from:to], []byte("\n")), []byte("\r"))
	start := -1
	if m.start >= 0 {
		start = m.start + from
	}
	part, err := parseMessage(text, start)
	*parts = append(*parts, part)
	if err != nil {
		return fmt.Errorf("part %d: %w", len(*parts), err)
	}
	return nil
}

// decode undoes the transfer encoding: RFC 2045 §6.
func (m *message) decode() (err error) {
	encoding := strings.ToLower(m.header["content-transfer-encoding"])
	switch encoding {
	case "", "7bit", "8bit", "binary":
		return nil
	case "base64":
		m.body, err = io.ReadAll(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(m.body)))
	case "quoted-printable":
		m.body, err = io.ReadAll(quotedprintable.NewReader(bytes.NewReader(m.body)))
	default:
		return fmt.Errorf("there is no transfer encoding %q", encoding)
	}
	m.start = -1
	if err != nil {
		return fmt.Errorf("undo %s: %w", encoding, err)
	}
	return nil
}
