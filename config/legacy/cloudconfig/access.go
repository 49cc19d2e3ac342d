package cloudconfig

import (
	"github.com/kindling-boot/kindling/config/source"
)

// userOfImage is the key user: a name, or keys of the default user.
func (t *translator) userOfImage(n node) {
	if n.Kind == source.Object {
		name := t.defaultUser()
		for _, c := range t.each(n) {
			if c.Key == "name" {
				if s, ok := t.line(c); ok {
					name = s
				}
			}
		}
		t.options.DefaultUser = name
		t.oneUser(name, n)
		return
	}
	if _, ok := t.word(n); !ok {
		return
	}
	if s, ok := t.line(n); ok {
		t.options.DefaultUser = s
		t.user(s, n)
	}
}

func (t *translator) topKeys(n node) {
	if len(t.items(n)) > 0 {
		t.keys(t.user(t.defaultUser(), n), n)
	}
}

func (t *translator) disableRoot(n node) {
	if yes, ok := t.boolean(n); ok && !yes {
		t.drop(n, "the keys of the platform go to no user here, root included; write keys of root below users")
	}
}

func (t *translator) passwordAuthentication(n node) {
	if m := meaning(n.Node); m.kind == source.String && n.Text == "unchanged" {
		t.drop(n, "nothing is changed")
		return
	}
	if yes, ok := t.boolean(n); ok {
		value := "no"
		if yes {
			value = "yes"
		}
		t.out.object("ssh", n).object("options", n).text("password_authentication", value, n)
	}
}

func sshRows() []row {
	return []row{{name: "emit_keys_to_console", class: Ignored, how: "it is about messages of cloud-init"}}
}

// keyTypes are the types of host keys that cloud-init knows.
var keyTypes = [...]string{"rsa", "dsa", "ecdsa", "ed25519"}

func hostKeyRows() []row {
	var out []row
	for _, kind := range keyTypes {
		path := "/etc/ssh/ssh_host_" + kind + "_key"
		out = append(out,
			row{name: kind + "_private", how: "`" + path + "`", do: hostKey(path, 0o600)},
			row{name: kind + "_public", how: "`" + path + ".pub`", do: hostKey(path+".pub", 0o644)},
			row{name: kind + "_certificate", how: "`" + path + "-cert.pub`, and `HostCertificate`", do: hostCertificate(path + "-cert.pub")},
		)
	}
	return out
}

// hostKeys translates the keys of the machine. sshd derives public keys of its own
// accord; only other programs miss the files.
func (t *translator) hostKeys(n node) { t.members(n, hostKeyRows()) }

func hostKey(path string, mode int64) func(*translator, node) {
	return func(t *translator, n node) {
		if mode == 0o600 {
			t.tree.Hide(n.Node)
		}
		if s, ok := t.text(n); ok {
			t.file(path, mode, s, n)
		}
	}
}

func hostCertificate(path string) func(*translator, node) {
	return func(t *translator, n node) {
		s, ok := t.text(n)
		if !ok {
			return
		}
		t.file(path, 0o644, s, n)
		options := t.out.object("ssh", n).object("options", n)
		if options.get("host_certificate") != nil {
			t.refuse(n, "give one of them, and write a file below /etc/ssh/sshd_config.d with the others", "there can be one host certificate here")
			return
		}
		options.text("host_certificate", path, n)
	}
}
