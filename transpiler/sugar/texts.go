package sugar

import "github.com/kindling-boot/kindling/config/source"

// Text is a content that a step put into the config, as it was before it was
// escaped or compressed.
type Text struct {
	// Value is where the config has it: the source of a resource or the contents of
	// a unit. Merging configs keeps the pointer.
	Value *string
	// Data is the content.
	Data string
	// Local is the local file it was read from; empty if it stands in the document.
	Local string
	// In is the place of the document that has the text or the name of the file, and
	// Key the key there; without a key it is the place of a whole tree.
	In  source.Path
	Key string
	// Parsed is the path of the value in the config if validation reads the lines of
	// the text: what it finds is then shown in the local file. Else it is empty.
	Parsed source.Path
}

// At is the place of the document that gave the text.
func (t *Text) At() source.Path {
	if t.Key == "" {
		return t.In
	}
	return t.In.At(t.Key)
}

// keep remembers a text: for validation if it parses it, and for the caller of the
// translation if that looks at texts.
func (c *Ctx) keep(t Text) {
	if len(t.Parsed) > 0 {
		c.origins.addText(t.Parsed, source.NewFile(c.Files.Name(t.Local), []byte(t.Data)))
	}
	if c.KeepTexts && t.Value != nil {
		c.Texts = append(c.Texts, t)
	}
}
