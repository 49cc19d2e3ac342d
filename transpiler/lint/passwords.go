package lint

import (
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
)

var rulePasswordHash = &diag.Rule{
	ID: "lint-password-hash", Why: "who reads the config gets the password from a weak hash in no time, and a plain password never matches",
	Help: "make a hash with: podman run -ti --rm quay.io/coreos/mkpasswd --method=yescrypt",
}

// The least effort that is enough: crypt(5) gives 5000 as the usual number of rounds
// of SHA-256 and SHA-512, and 10 as that of bcrypt in common use.
const (
	leastRounds = 5000
	leastCost   = 10
)

// passwords looks at the password hashes of users and groups.
func (l *linter) passwords() {
	for i := range l.Config.Passwd.Users {
		l.password(l.Config.Passwd.Users[i].PasswordHash, "passwd", "users", i, "passwordHash")
	}
	for i := range l.Config.Passwd.Groups {
		l.password(l.Config.Passwd.Groups[i].PasswordHash, "passwd", "groups", i, "passwordHash")
	}
}

func (l *linter) password(hash *string, steps ...any) {
	if hash == nil {
		return
	}
	if problem := weakHash(*hash); problem != "" {
		l.warn(rulePasswordHash, l.value(steps...), "", "%s", problem)
	}
}

// weakHash says what is wrong with a hash; nothing if it is fine. See crypt(5) for
// the forms, and shadow(5) for the marks of locked accounts.
func weakHash(hash string) string {
	locked := strings.TrimLeft(hash, "!")
	switch {
	case hash == "":
		return "an empty hash lets anybody in without a password"
	case locked == "" || locked == "*" || strings.HasPrefix(hash, "*") || hash == "x" || locked == "NP" || locked == "LK":
		return ""
	}
	hash = locked
	if !strings.HasPrefix(hash, "$") {
		switch {
		case len(hash) == 13 && isCryptText(hash), len(hash) == 20 && hash[0] == '_' && isCryptText(hash[1:]):
			return "the hash is of DES, which is broken"
		}
		return "this is no hash, but looks like a plain password"
	}
	method, rest, complete := strings.Cut(hash[1:], "$")
	if !complete {
		return "this is no hash, but looks like a plain password"
	}
	switch {
	case method == "y" || method == "gy" || method == "7" || strings.HasPrefix(method, "argon2"):
		return ""
	case method == "5" || method == "6":
		if rounds, found := strings.CutPrefix(rest, "rounds="); found {
			number, _, _ := strings.Cut(rounds, "$")
			if n, err := strconv.Atoi(number); err == nil && n < leastRounds {
				return "the hash has " + strconv.Itoa(n) + " rounds, fewer than the usual " + strconv.Itoa(leastRounds)
			}
		}
		return ""
	case len(method) == 2 && method[0] == '2': // $2b$
		number, _, _ := strings.Cut(rest, "$")
		if n, err := strconv.Atoi(number); err == nil && n < leastCost {
			return "the hash has the cost " + strconv.Itoa(n) + ", lower than " + strconv.Itoa(leastCost)
		}
		return ""
	case method == "1":
		return "the hash is of MD5, which is broken"
	case method == "sha1" || method == "3" || strings.HasPrefix(method, "md5"):
		return "the hash is of a method that is broken"
	}
	return "the hash is of no method that crypt(5) knows"
}

// isCryptText reports whether a text has only the characters of old hashes.
func isCryptText(s string) bool {
	return strings.Trim(s, "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}
