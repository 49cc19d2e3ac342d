package json

import "strings"

// appendCompact adds valid JSON without the space between its parts.
func appendCompact(to, text []byte, forHTML bool) []byte {
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
			to = append(to, c, text[i])
		case inString && forHTML && isHTML(c):
			to = appendEscape(to, string(c))
		case inString && forHTML && isLineEnd(text[i:]):
			to = appendEscape(to, string(text[i:i+len("\u2028")]))
			i += len("\u2028") - 1
		case c == '"':
			inString = !inString
			to = append(to, c)
		case inString || strings.IndexByte(" \t\r\n", c) < 0:
			to = append(to, c)
		}
	}
	return to
}

// isLineEnd reports whether a line end of JavaScript, U+2028 or U+2029, comes next.
func isLineEnd(text []byte) bool {
	return len(text) > 2 && text[0] == 0xe2 && text[1] == 0x80 && text[2]&^1 == 0xa8
}

// Indent breaks valid JSON into lines, with two spaces for each level. Space around the
// whole is left out.
func Indent(text []byte) []byte {
	const indent = "  "
	out := make([]byte, 0, 2*len(text))
	depth := 0
	newLine := func() {
		out = append(out, '\n')
		for range depth {
			out = append(out, indent...)
		}
	}
	inString, opened := false, false // opened: a bracket stands directly before
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case inString && c == '\\':
			i++
			out = append(out, c, text[i])
			continue
		case inString:
			inString = c != '"'
			out = append(out, c)
			continue
		case strings.IndexByte(" \t\r\n", c) >= 0:
			continue
		}
		isEnd := c == '}' || c == ']'
		switch {
		case isEnd:
			if depth--; !opened {
				newLine()
			}
		case opened:
			newLine()
		}
		out = append(out, c)
		if opened = c == '{' || c == '['; opened {
			depth++
		}
		switch c {
		case '"':
			inString = true
		case ',':
			newLine()
		case ':':
			out = append(out, ' ')
		}
	}
	return out
}
