package cloudconfig

import (
	"slices"
	"strings"

	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/source"
)

// accounts is what several keys say about users.
type accounts struct {
	current  *value // the user whose keys are being read
	source   node   // where it is
	locked   bool
	hash     node // where its password is
	sudoers  []string
	sudoFrom node
	expire   []string // users who must change their password
	expireAt node
	members  []string // gpasswd arguments: USER GROUP
	memberAt node
}

func userRows() []row {
	return []row{
		{name: "name", how: "`passwd.users[].name`"},
		{name: "uid", how: "`uid`", do: (*translator).userID},
		{name: "gecos", how: "`gecos`", do: userText("gecos")},
		{name: "homedir", how: "`home_dir`", do: userText("home_dir")},
		{name: "no_create_home", how: "`no_create_home`", do: userFlag("no_create_home")},
		{name: "system", how: "`system`", do: userFlag("system")},
		{name: "no_user_group", how: "`no_user_group`", do: userFlag("no_user_group")},
		{name: "no_log_init", how: "`no_log_init`", do: userFlag("no_log_init")},
		{name: "shell", how: "`shell`", do: userText("shell")},
		{name: "primary_group", how: "`primary_group`; the group is made if it is not there", do: (*translator).userPrimaryGroup},
		{name: "create_groups", how: "`false` makes no entries in `passwd.groups`", do: func(t *translator, n node) { t.boolean(n) }},
		{name: "groups", how: "`groups`, and `passwd.groups`, so that those that are not there are made", do: (*translator).userGroups},
		{name: "lock_passwd", how: "unless it is `false`, `!` goes before the hash", do: func(t *translator, n node) {
			if yes, ok := t.boolean(n); ok {
				t.accounts.locked = yes
			}
		}},
		{name: "passwd", how: "`password_hash`", do: (*translator).userHash},
		{name: "hashed_passwd", how: "`password_hash`", do: (*translator).userHash},
		{name: "plain_text_passwd", how: "`password_hash`: its hash by SHA-512; a warning says that it can be read", do: (*translator).userPlain},
		{name: "ssh_authorized_keys", how: "`ssh_authorized_keys`", do: (*translator).userKeys},
		{name: "sudo", how: "lines of `/etc/sudoers.d/90-cloud-init-users`", do: (*translator).userSudo},
		{name: "doas", how: "`/etc/doas.conf`", do: (*translator).userDoas},
		{name: "ssh_import_id", class: Refused, how: "the keys would come from a service that is not asked here", help: "write the keys below ssh_authorized_keys"},
		{name: "ssh_redirect_user", class: Refused, how: "the keys it is about are not in the document", help: "remove it"},
		{name: "expiredate", class: Refused, how: "accounts have no date of expiry here", help: "run chage --expiredate in runcmd"},
		{name: "inactive", class: Refused, how: "accounts have no such time here", help: "run chage --inactive in runcmd"},
		{name: "selinux_user", class: Refused, how: "there are no SELinux users here", help: "run semanage login in runcmd"},
		{name: "snapuser", class: Refused, how: "there is no account of the snap store", help: "remove it"},
		{name: "coreos_ssh_import_github", class: Refused, how: "the keys would come from a service that is not asked here", help: "write the keys below ssh_authorized_keys"},
		{name: "coreos_ssh_import_github_users", class: Refused, how: "the keys would come from a service that is not asked here", help: "write the keys below ssh_authorized_keys"},
		{name: "coreos_ssh_import_url", class: Refused, how: "the keys would come from a service that is not asked here", help: "write the keys below ssh_authorized_keys"},
	}
}

func userText(key string) func(*translator, node) {
	return func(t *translator, n node) {
		if s, ok := t.line(n); ok {
			t.accounts.current.text(key, s, n)
		}
	}
}

func userFlag(key string) func(*translator, node) {
	return func(t *translator, n node) {
		if yes, ok := t.boolean(n); ok {
			t.accounts.current.flag(key, yes, n)
		}
	}
}

func (t *translator) userID(n node) {
	if i, ok := t.integer(n); ok {
		t.accounts.current.number("uid", i, n)
	}
}

// defaultUser is the name of the account that the image has.
func (t *translator) defaultUser() string {
	if t.options.DefaultUser == "" {
		return "core"
	}
	return t.options.DefaultUser
}

// user returns the entry of a user, which is made if it is not there.
func (t *translator) user(name string, n node) *value {
	passwd := t.out.object("passwd", n)
	if u := passwd.find("users", "name", name); u != nil {
		return u
	}
	u := passwd.add("users", n)
	u.text("name", name, n)
	return u
}

// group makes sure that a group is there.
func (t *translator) group(name string, n node) {
	passwd := t.out.object("passwd", n)
	if passwd.find("groups", "name", name) == nil {
		passwd.add("groups", n).text("name", name, n)
	}
}

const defaultIsThere = "the image has to have the user; it gets the keys and passwords of the document, and no others"

// users translates the list; items are names, the word default, or mappings.
func (t *translator) users(n node) {
	if n.Kind == source.Object { // names to mappings, of old
		for _, c := range t.each(n) {
			t.oneUser(c.Key, c)
		}
		return
	}
	for _, item := range t.list(n) {
		switch {
		case item.Kind == source.Object:
			name := ""
			for _, c := range t.each(item) {
				if c.Key == "name" {
					name, _ = t.line(c)
				}
			}
			if name == "" && item.Member("name") == nil {
				t.fail(item, "give it a name", "the user has no name")
				continue
			}
			t.oneUser(name, item)
		case item.Kind == source.Null:
			t.drop(item, "it has no value")
		default:
			if words, _ := t.words(item); len(words) > 0 {
				t.namedUser(words, item, n)
			}
		}
	}
}

// namedUser is for users of whom nothing but a name is said.
func (t *translator) namedUser(words []string, item, list node) {
	for _, name := range words {
		if name == "default" {
			t.approximate(item, defaultIsThere)
			continue
		}
		t.user(name, item)
		t.note(item, legacy.Exact, "")
	}
}

func (t *translator) oneUser(name string, n node) {
	if n.Kind != source.Object {
		t.wrongKind(n, "a mapping")
		return
	}
	a := &t.accounts
	if name == "default" {
		name = t.defaultUser()
		t.approximate(n, defaultIsThere)
	}
	a.current, a.locked, a.source, a.hash = t.user(name, n), true, n, node{}
	folded := t.folded
	t.folded = true // both programs take dashes here
	t.members(n, userRows())
	t.folded = folded
	t.finishUser(n)
}

// finishUser locks the password. Without a hash the account cannot log in by one anyway.
func (t *translator) finishUser(n node) {
	a := &t.accounts
	hash := a.current.get("password_hash")
	if hash == nil || !a.locked || t.coreos {
		return
	}
	if a.hash.Node != nil && !strings.HasPrefix(hash.node.Text, "!") {
		hash.node.Text = "!" + hash.node.Text
		t.approximate(a.hash, "the password is locked, as lock_passwd is not false: nobody can log in by it")
	}
}

func (t *translator) userPrimaryGroup(n node) {
	if s, ok := t.line(n); ok {
		t.accounts.current.text("primary_group", s, n)
		t.group(s, n)
	}
}

func (t *translator) userGroups(n node) {
	var names []string
	var from []node
	if n.Kind == source.Object {
		for _, c := range t.each(n) {
			names, from = append(names, c.Key), append(from, c)
		}
	} else {
		names, from = t.words(n)
	}
	for i, name := range names {
		t.accounts.current.addText("groups", name, from[i])
		if t.wantsGroups() {
			t.group(name, from[i])
		}
	}
}

// wantsGroups reports whether groups of the current user are to be made.
func (t *translator) wantsGroups() bool {
	a := &t.accounts
	if m := a.source.Member("create_groups"); m != nil {
		s := resolve(m.Text)
		return s.kind != source.Bool || s.yes
	}
	return true
}

func (t *translator) userKeys(n node) { t.keys(t.accounts.current, n) }

// keys adds keys to a user.
func (t *translator) keys(user *value, n node) {
	for _, item := range t.list(n) {
		if item.Kind == source.Null {
			continue
		}
		text, ok := t.word(item)
		if !ok {
			continue
		}
		for key := range strings.Lines(text) {
			if key = strings.TrimSpace(key); key != "" {
				user.addText("ssh_authorized_keys", key, item)
			}
		}
	}
}

func (t *translator) userSudo(n node) {
	if s := meaning(n.Node); s.kind == source.Bool {
		if s.yes {
			t.fail(n, "write for example ALL=(ALL) NOPASSWD:ALL", "true is no rule of sudo")
		}
		return
	}
	lines, _ := t.lines(t.texts(t.list(n)))
	a := &t.accounts
	for _, rule := range lines {
		if strings.HasSuffix(rule, `\`) {
			t.fail(n, "write the rule in one line", "the rule ends in a backslash, which joins it with the next one")
			continue
		}
		if len(a.sudoers) == 0 {
			a.sudoFrom = n
		}
		a.sudoers = append(a.sudoers, a.current.get("name").node.Text+" "+rule)
	}
}

func (t *translator) userDoas(n node) {
	lines, _ := t.lines(t.texts(t.list(n)))
	name := t.accounts.current.get("name").node.Text
	text := ""
	for _, line := range lines {
		if !slices.Contains(strings.Fields(line), name) {
			t.fail(n, "name the user in the rule", "the rule of doas is not about %s", name)
		}
		text += line + "\n"
	}
	if f := t.written["/etc/doas.conf"]; f != nil {
		c := f.get("contents").get("inline")
		c.node.Text += text
	} else if text != "" {
		t.file("/etc/doas.conf", 0o440, text, n)
	}
}

// groups translates the key of that name: names, or a mapping of names to members.
func (t *translator) groups(n node) {
	var groups []node
	switch n.Kind {
	case source.Object:
		groups = t.each(n)
	default:
		for _, item := range t.list(n) {
			if item.Kind == source.Object {
				groups = append(groups, t.each(item)...)
				continue
			}
			words, _ := t.words(item)
			for _, name := range words {
				t.group(name, item)
				t.note(item, legacy.Exact, "")
			}
		}
	}
	for _, g := range groups {
		t.group(g.Key, g)
		members, from := t.words(g)
		if len(members) == 0 {
			t.note(g, legacy.Exact, "")
		}
		for i, name := range members {
			t.member(g.Key, name, from[i])
		}
	}
}

// member puts a user into a group. The groups of a user whom the image has would be
// replaced by those of a config, so that these are added on the machine.
func (t *translator) member(group, name string, n node) {
	if u := t.out.get("passwd").find("users", "name", name); u != nil && name != t.defaultUser() {
		u.addText("groups", group, n)
		t.approximate(n, "the user is made with the group; cloud-init leaves out members who are not there yet")
		return
	}
	a := &t.accounts
	if !isName(name) || !isName(group) {
		t.fail(n, "use letters, digits and _ . -", "%q or %q is no name", name, group)
		return
	}
	if len(a.members) == 0 {
		a.memberAt = n
	}
	a.members = append(a.members, name+" "+group)
	t.approximate(n, "a service adds the user to the group at the end of the first boot")
}

// isName reports whether a name of a user or group needs no quotes anywhere.
func isName(s string) bool {
	return s != "" && s[0] != '-' && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == ""
}

// finishAccounts makes what the keys of several users share.
func (t *translator) finishAccounts() {
	a := &t.accounts
	if len(a.sudoers) > 0 {
		t.file("/etc/sudoers.d/90-cloud-init-users", 0o440, strings.Join(a.sudoers, "\n")+"\n", a.sudoFrom)
	}
	if len(a.members) > 0 {
		text := ""
		for _, m := range a.members {
			text += "gpasswd -a " + m + "\n"
		}
		t.service(&service{name: "members", description: "Add users to groups of the cloud-config", early: true, script: text, from: a.memberAt})
	}
	if len(a.expire) > 0 {
		text := ""
		for _, name := range a.expire {
			text += "chage -d 0 " + name + "\n"
		}
		t.service(&service{name: "passwords", description: "Let passwords of the cloud-config be changed at the next login", early: true, script: text, from: a.expireAt})
	}
}
