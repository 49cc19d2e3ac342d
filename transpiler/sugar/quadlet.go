package sugar

import (
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleQuadletName = &diag.Rule{
		ID: "quadlet-name", Why: "Podman tells the kind of a quadlet by its extension: podman-systemd.unit(5)",
		Help: "give the file the extension of its kind, such as .container",
	}
	ruleQuadletInstance = &diag.Rule{
		ID: "quadlet-instance", Why: "an instance of a template is a link to the template, whose contents it has",
		Help: "give the contents to the template, such as NAME@.container; use a drop-in for what differs",
	}
)

// Where Podman looks for quadlets of the system and of all users:
// podman-systemd.unit(5).
const (
	rootfulQuadlets  = "/etc/containers/systemd"
	rootlessQuadlets = "/etc/containers/systemd/users"
)

var quadletTypes = []string{".container", ".volume", ".network", ".kube", ".image", ".build", ".pod", ".artifact"}

// Quadlets is the sugar of containers run by systemd: systemd.quadlets.
type Quadlets struct {
	Systemd struct {
		Quadlets []quadlet `json:"quadlets" since:"3.7-experimental"`
	} `json:"systemd"`
}

// quadlet is one file that Podman turns into a unit.
type quadlet struct {
	// Name with its extension; NAME@INSTANCE.container is an instance.
	Name string `json:"name"`
	// Rootful quadlets run as root, others for every user.
	Rootful bool `json:"rootful"`
	quadletText
	// Dropins change the quadlet.
	Dropins []struct {
		Name string `json:"name"`
		quadletText
	} `json:"dropins"`
}

// quadletText is a text given in the document or in a local file.
type quadletText struct {
	Contents      *string `json:"contents"`
	ContentsLocal *string `json:"contentsLocal"`
}

// template returns the template that the quadlet is an instance of.
func (q *quadlet) template() (name string, isInstance bool) {
	prefix, instance, found := strings.Cut(strings.TrimSuffix(q.Name, path.Ext(q.Name)), "@")
	if !found || instance == "" {
		return "", false
	}
	return prefix + "@" + path.Ext(q.Name), true
}

// Check reports quadlets that Podman would not take.
func (s *Quadlets) Check(c *Ctx) {
	for i := range s.Systemd.Quadlets {
		q, at := &s.Systemd.Quadlets[i], doc("systemd", "quadlets", i)
		if ext := path.Ext(q.Name); !contains(quadletTypes, ext) {
			c.Errorf(ruleQuadletName, at.At("name"), "the name of a quadlet ends in one of %s", strings.Join(quadletTypes, ", "))
		}
		q.check(c, at)
		if _, isInstance := q.template(); isInstance && (q.Contents != nil || q.ContentsLocal != nil) {
			c.Errorf(ruleQuadletInstance, at.At("contents"), "the instance %q of a template cannot have contents", q.Name)
		}
		for j := range q.Dropins {
			d, at := &q.Dropins[j], at.At("dropins", j)
			if path.Ext(d.Name) != ".conf" {
				c.Errorf(ruleQuadletName, at.At("name"), "the name of a drop-in ends in .conf")
			}
			d.check(c, at)
		}
	}
}

func contains(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

func (t *quadletText) check(c *Ctx, at source.Path) {
	if t.Contents != nil && t.ContentsLocal != nil {
		c.Errorf(ruleOneContents, at.At("contents_local"), "only one of contents and contents_local can be given")
	}
}

// Desugar writes the quadlets as files and links, after those of the document.
func (s *Quadlets) Desugar(c *Ctx) {
	if len(s.Systemd.Quadlets) == 0 {
		return
	}
	nodes := indexNodes(&c.Config.Storage)
	for i := range s.Systemd.Quadlets {
		q, at := &s.Systemd.Quadlets[i], doc("systemd", "quadlets", i)
		dir := rootlessQuadlets
		if q.Rootful {
			dir = rootfulQuadlets
		}
		file := path.Join(dir, q.Name)
		if nodes.has(file) {
			c.Errorf(ruleTreeConflict, at, "the config already has a node at %q", file)
			continue
		}
		nodes.files[file] = i
		if template, isInstance := q.template(); isInstance {
			links := &c.Config.Storage.Links
			c.From(doc("storage", "links", len(*links)), at)
			*links = append(*links, types.Link{Node: types.Node{Path: file}, Target: &template})
		} else {
			q.write(c, file, at)
		}
		for j := range q.Dropins {
			d := &q.Dropins[j]
			d.write(c, file+".d/"+d.Name, at.At("dropins", j))
		}
	}
}

// write adds the file with the text; without one the file is empty.
func (t *quadletText) write(c *Ctx, file string, at source.Path) {
	var data []byte
	text := Text{In: at, Key: "contents"}
	switch {
	case t.ContentsLocal != nil:
		text.Local, text.Key = *t.ContentsLocal, "contents_local"
		var ok bool
		if data, ok = c.Files.read(c, *t.ContentsLocal, at.At("contents_local")); !ok {
			return
		}
	case t.Contents != nil:
		data = []byte(*t.Contents)
	}
	mode := 0o644
	f := types.File{Node: types.Node{Path: file}, Mode: &mode}
	c.Embed(&f.Contents, data)
	text.Value, text.Data = f.Contents.Source, string(data)
	c.keep(text)
	c.From(doc("storage", "files", len(c.Config.Storage.Files)), at)
	c.Config.Storage.Files = append(c.Config.Storage.Files, f)
}
