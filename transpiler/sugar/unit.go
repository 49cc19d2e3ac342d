package sugar

import (
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
)

var ruleOneContents = &diag.Rule{
	ID: "one-contents", Why: "a unit has one text only", Help: "keep either contents or contents_local",
}

// Units is the sugar of units: texts from local files.
type Units struct {
	Systemd struct {
		Units []struct {
			ContentsLocal *string `json:"contentsLocal" since:"3.4"`
			Dropins       []struct {
				ContentsLocal *string `json:"contentsLocal" since:"3.4"`
			} `json:"dropins"`
		} `json:"units"`
	} `json:"systemd"`
}

// each visits every text that may come from a local file.
func (s *Units) each(c *Ctx, visit func(text **string, local *string, at source.Path)) {
	units := c.Config.Systemd.Units
	for i, u := range s.Systemd.Units {
		at := doc("systemd", "units", i)
		visit(&units[i].Contents, u.ContentsLocal, at)
		for j, d := range u.Dropins {
			visit(&units[i].Dropins[j].Contents, d.ContentsLocal, at.At("dropins", j))
		}
	}
}

// Check reports units with two texts.
func (s *Units) Check(c *Ctx) {
	s.each(c, func(text **string, local *string, at source.Path) {
		if *text != nil && local != nil {
			c.Errorf(ruleOneContents, at.At("contents_local"), "only one of contents and contents_local can be given")
		}
	})
}

// Desugar reads the local files.
func (s *Units) Desugar(c *Ctx) {
	s.each(c, func(text **string, local *string, at source.Path) {
		if local == nil {
			return
		}
		if data, ok := c.Files.read(c, *local, at.At("contents_local")); ok {
			read := string(data)
			*text = &read
			c.keep(Text{Value: &read, Data: read, Local: *local, In: at, Key: "contents_local", Parsed: at.At("contents")})
		}
	})
}
