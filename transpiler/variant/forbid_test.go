package variant

import (
	"testing"

	"github.com/kindling-boot/kindling/config/schema"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/config/spec"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

func TestForbidden(t *testing.T) {
	text := func(s string) *string { return &s }
	for _, test := range []struct {
		name   string
		forbid Forbidden
		config func(cfg *types.Config)
		want   []string // paths
	}{
		{
			"a config without the part is taken",
			Forbidden{Path: "storage.luks[].clevis"},
			func(cfg *types.Config) { cfg.Storage.Luks = []types.Luks{{Name: "a"}} },
			nil,
		},
		{
			"a list without items is no content",
			Forbidden{Path: "storage.luks[].clevis"},
			func(cfg *types.Config) { cfg.Storage.Luks = []types.Luks{{Clevis: types.Clevis{Tang: []types.Tang{}}}} },
			nil,
		},
		{
			"every item with the part is reported",
			Forbidden{Path: "storage.luks[].clevis"},
			func(cfg *types.Config) {
				cfg.Storage.Luks = []types.Luks{
					{Clevis: types.Clevis{Tpm2: new(bool)}}, {}, {Clevis: types.Clevis{Custom: types.ClevisCustom{Pin: text("sss")}}},
				}
			},
			[]string{"storage.luks[0].clevis", "storage.luks[2].clevis"},
		},
		{
			"a list that the document does not have is reported at its first item",
			Forbidden{Path: "storage.disks"},
			func(cfg *types.Config) { cfg.Storage.Disks = make([]types.Disk, 2) },
			[]string{"storage.disks[0]"},
		},
		{
			"an optional value counts even when it is false",
			Forbidden{Path: "passwd.users[].system"},
			func(cfg *types.Config) { cfg.Passwd.Users = []types.PasswdUser{{System: new(bool)}} },
			[]string{"passwd.users[0].system"},
		},
		{
			"an optional text counts even when it is empty",
			Forbidden{Path: "passwd.users[].gecos"},
			func(cfg *types.Config) { cfg.Passwd.Users = []types.PasswdUser{{Gecos: text("")}} },
			[]string{"passwd.users[0].gecos"},
		},
		{
			"an empty text passes where only others are refused",
			Forbidden{Path: "storage.files[].contents.compression", UnlessEmptyText: true},
			func(cfg *types.Config) {
				cfg.Storage.Files = []types.File{
					{}, {Contents: types.Resource{Compression: text("")}}, {Contents: types.Resource{Compression: text("gzip")}},
				}
			},
			[]string{"storage.files[2].contents.compression"},
		},
		{
			"a section of lists counts when one has an item",
			Forbidden{Path: "kernelArguments"},
			func(cfg *types.Config) { cfg.KernelArguments.ShouldNotExist = []string{"quiet"} },
			[]string{"kernel_arguments"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			var cfg types.Config
			test.config(&cfg)
			c := sugar.NewCtx(&source.Tree{File: source.NewFile("", nil), YAML: true}, spec.Newest, cfg)
			test.forbid.Rule = ruleNoCex
			v := Variant{Name: "x", Version: "1.0.0", Forbid: []Forbidden{test.forbid}}
			v.CheckForbidden(c)
			var got []string
			for _, d := range c.Found {
				got = append(got, schema.Snake(d.Path.String()))
			}
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("got %q, want %q", got, test.want)
				}
			}
		})
	}
}
