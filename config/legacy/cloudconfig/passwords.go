package cloudconfig

import (
	"regexp"
	"strings"

	"github.com/kindling-boot/kindling/config/source"
)

// userHash is for the keys that give a hash.
func (t *translator) userHash(n node) {
	t.tree.Hide(n.Node)
	if s, ok := t.line(n); ok {
		t.accounts.current.text("password_hash", s, n)
		t.accounts.hash = n
	}
}

func (t *translator) userPlain(n node) {
	t.tree.Hide(n.Node)
	if s, ok := t.line(n); ok {
		t.accounts.hash = n
		t.setPassword(t.accounts.current, s, n)
	}
}

// 512 bytes: PAM_MAX_RESP_SIZE of Linux-PAM.
const maxPassword = 512

// setPassword sets the hash of a password that is given in clear text.
func (t *translator) setPassword(user *value, password string, n node) {
	name := user.get("name").node.Text
	if len(password) > maxPassword {
		t.fail(n, "choose a shorter one", "the password has more than %d bytes", maxPassword)
		return
	}
	user.text("password_hash", shaCrypt(password, saltFor(name, password)), n)
	t.warn(ruleSecret, n, t.tree.Range(n.Node), "the password of %s is written in clear text", name)
}

func chpasswdRows() []row {
	return []row{
		{name: "expire", how: "unless it is `false`, a service makes the passwords be changed at the next login", do: func(t *translator, n node) { t.boolean(n) }},
		{name: "users", how: "`password_hash` of the users", do: (*translator).chpasswdUsers, each: "[]", rows: chpasswdUserRows},
		{name: "list", how: "`password_hash` of the users; clear text by its hash", do: (*translator).chpasswdList},
	}
}

func chpasswdUserRows() []row {
	return []row{
		{name: "name", how: "the user"},
		{name: "password", how: "`password_hash`"},
		{name: "type", how: "`hash`, or `text`, whose hash is made; `RANDOM` is refused: nobody would see the password"},
	}
}

// chpasswd translates the mapping of that name.
func (t *translator) chpasswd(n node) {
	if n.Kind != source.Object {
		t.wrongKind(n, "a mapping")
		return
	}
	if t.expires(n) {
		t.accounts.expireAt = n
	}
	t.members(n, chpasswdRows())
}

// expires reports whether passwords are to be changed at the next login.
func (t *translator) expires(chpasswd node) bool {
	m := chpasswd.Member("expire")
	if m == nil {
		return true
	}
	s := resolve(m.Text)
	return s.kind != source.Bool || s.yes
}

func (t *translator) chpasswdUsers(n node) {
	for _, item := range t.items(n) {
		if item.Kind != source.Object {
			t.wrongKind(item, "a mapping")
			continue
		}
		name, password, kind := "", node{}, "hash"
		rows := chpasswdUserRows()
		rows[0].do = func(t *translator, n node) { name, _ = t.line(n) }
		rows[1].do = func(t *translator, n node) {
			t.tree.Hide(n.Node)
			password = n
		}
		rows[2].do = func(t *translator, n node) { kind, _ = t.oneOf(n, "hash", "text", "RANDOM") }
		t.members(item, rows)
		switch {
		case kind == "RANDOM":
			t.refuse(item, "give a hash", "a random password would be shown to nobody")
		case name == "" || password.Node == nil:
			t.fail(item, "give name and password", "the entry has no name or no password")
		default:
			if s, ok := t.line(password); ok {
				t.onePassword(name, s, kind == "text", password)
			}
		}
	}
}

// chpasswdList is the form of old: lines USER:PASSWORD.
func (t *translator) chpasswdList(n node) {
	t.tree.Hide(n.Node)
	for _, item := range t.list(n) {
		text, ok := t.word(item)
		if !ok {
			continue
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			name, password, found := strings.Cut(line, ":")
			switch {
			case !found || name == "" || password == "":
				t.fail(item, "write USER:PASSWORD", "a line of the list is not of the form USER:PASSWORD")
			case password == "R" || password == "RANDOM":
				t.refuse(item, "give a hash", "a random password for %s would be shown to nobody", name)
			default:
				t.onePassword(name, password, !isHash(password), item)
			}
		}
	}
}

// isHash tells hashes from clear text as cloud-init does: cc_set_passwords.py.
func isHash(s string) bool {
	return regexp.MustCompile(`^\$(1|2a|2y|5|6)(\$.+){2}`).MatchString(s)
}

func (t *translator) onePassword(name, password string, clear bool, n node) {
	user := t.user(name, n)
	if clear {
		t.setPassword(user, password, n)
	} else {
		user.text("password_hash", password, n)
	}
	a := &t.accounts
	if a.expireAt.Node == nil {
		return
	}
	if !isName(name) {
		t.fail(n, "use letters, digits and _ . -", "%q is no name of a user", name)
		return
	}
	a.expire = append(a.expire, name)
	t.approximate(n, "a service makes the user change the password at the next login; it runs early in the first boot")
}

// password is the one of the default user; chpasswd.expire is about it too.
func (t *translator) password(n node) {
	t.tree.Hide(n.Node)
	s, ok := t.line(n)
	if !ok {
		return
	}
	if c := t.tree.Root.Member("chpasswd"); c == nil || c.Kind != source.Object || t.expires(node{Node: c}) {
		t.accounts.expireAt = n
	}
	t.onePassword(t.defaultUser(), s, !isHash(s), n)
}

const crypt64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// saltFor makes the salt of a password, so that it is the same on every run. It takes as
// much work to make as the hash: it tells nothing about the password that the hash does
// not tell.
func saltFor(name, password string) string {
	first := shaCrypt(password, saltOf([]byte(name)))
	return saltOf([]byte(first))
}

func saltOf(data []byte) string {
	sum := sha512Sum(data)
	salt := make([]byte, 16)
	for i := range salt {
		salt[i] = crypt64[sum[i]&63]
	}
	return string(salt)
}

// shaCrypt hashes a password with SHA-512 and 5000 rounds:
// https://www.akkadia.org/drepper/SHA-crypt.txt. The steps have the numbers there.
func shaCrypt(password, salt string) string {
	key := []byte(password)
	alternate := sha512Sum(key, []byte(salt), key)                    // 4-8
	a := [][]byte{key, []byte(salt), stretch(alternate[:], len(key))} // 1-3, 9-10
	for bits := len(key); bits > 0; bits >>= 1 {                      // 11
		a = append(a, pick(bits&1 != 0, alternate[:], key))
	}
	sum := sha512Sum(a...)                                           // 12
	p := sha512Sum([]byte(strings.Repeat(password, len(key))))       // 13-15
	s := sha512Sum([]byte(strings.Repeat(salt, 16+int(sum[0]))))     // 17-19
	keys, salts := stretch(p[:], len(key)), stretch(s[:], len(salt)) // 16, 20
	for i := range 5000 {                                            // 21
		sum = sha512Sum(pick(i%2 == 1, keys, sum[:]), pick(i%3 != 0, salts, nil), pick(i%7 != 0, keys, nil), pick(i%2 == 1, sum[:], keys))
	}
	out := []byte("$6$" + salt + "$") // 22
	put := func(b2, b1, b0 byte, n int) {
		bits := uint(b2)<<16 | uint(b1)<<8 | uint(b0)
		for range n {
			out = append(out, crypt64[bits&63])
			bits >>= 6
		}
	}
	x, y, z := 0, 21, 42
	for range 21 {
		put(sum[x], sum[y], sum[z], 4)
		x, y, z = y+1, z+1, x+1
	}
	put(0, 0, sum[63], 2)
	return string(out)
}

func pick(yes bool, one, other []byte) []byte {
	if yes {
		return one
	}
	return other
}

// stretch repeats a digest up to a length.
func stretch(digest []byte, length int) []byte {
	out := make([]byte, 0, length)
	for len(out) < length {
		out = append(out, digest[:min(len(digest), length-len(out))]...)
	}
	return out
}
