package sugar

import (
	"fmt"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/types"
)

var ruleGrubUser = &diag.Rule{
	ID: "grub-user", Why: "GRUB asks for the name and the password of the user",
	Help: "give name and password_hash; grub2-mkpasswd-pbkdf2 makes the hash",
}

// Grub is the sugar of the boot loader: users who may change what it boots.
type Grub struct {
	Grub struct {
		Users []struct {
			Name         string  `json:"name"`
			PasswordHash *string `json:"passwordHash" secret:"true"`
		} `json:"users"`
	} `json:"grub"`
	// Whole makes the file have the users only, instead of appending them.
	Whole bool
}

// grubUserConfig is the file of the boot file system that GRUB reads users from,
// in Fedora CoreOS.
const grubUserConfig = "/boot/grub2/user.cfg"

// Check reports users that are not complete.
func (s *Grub) Check(c *Ctx) {
	for i, u := range s.Grub.Users {
		at := doc("grub", "users", i)
		if u.Name == "" {
			c.Errorf(ruleGrubUser, at.At("name"), "the GRUB user has no name")
		}
		if isEmpty(u.PasswordHash) {
			c.Errorf(ruleGrubUser, at.At("password_hash"), "the GRUB user has no password hash")
		}
	}
}

// Desugar mounts the boot file system and adds the users to the config of GRUB.
func (s *Grub) Desugar(c *Ctx) {
	if len(s.Grub.Users) == 0 {
		return
	}
	var names []string
	var passwords strings.Builder
	for _, u := range s.Grub.Users {
		names = append(names, u.Name)
		fmt.Fprintf(&passwords, "password_pbkdf2 %s %s\n", u.Name, *u.PasswordHash)
	}
	text := fmt.Sprintf("%s\nset superusers=%q\n%s", Header, strings.Join(names, " "), passwords.String())

	format, boot := "ext4", "/boot"
	var users types.Resource
	c.Embed(&users, []byte(text))
	var parent types.Config
	parent.Storage.Filesystems = []types.Filesystem{{Device: "/dev/disk/by-label/boot", Format: &format, Path: &boot}}
	file := types.File{Node: types.Node{Path: grubUserConfig}}
	if s.Whole {
		file.Contents = users
	} else {
		file.Append = []types.Resource{users}
	}
	parent.Storage.Files = []types.File{file}

	origins := c.NewOrigins()
	at := doc("grub", "users")
	origins.Add(doc("storage"), at)
	c.AddParent(parent, origins)
}
