package lint

import (
	"path"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/types"
)

var (
	ruleSecretFile = &diag.Rule{
		ID: "lint-secret-file", Why: "every user and every program of the machine can read the file",
		Help: "set mode 0600",
	}
	ruleSecretEnvironment = &diag.Rule{
		ID: "lint-secret-environment", Why: "unit files can be read by everybody, and systemctl show prints the environment of a unit to everybody",
		Help: "use LoadCredential=, or EnvironmentFile= with a file of mode 0600; for containers a secret of podman",
	}
)

// signs are texts that only files with secrets have, wherever the files are: private
// keys by RFC 7468, RFC 9580 and age(1).
var signs = []string{"PRIVATE KEY", "AGE-SECRET-KEY-1"}

// places are files that hold secrets by what they are for: a suffix or a part of the
// path, and the settings that make them secret; with none, the file as a whole is.
var places = []struct {
	suffix, part string
	settings     []string
	what         string
}{
	{"", "/etc/wireguard/", []string{"PrivateKey", "PresharedKey"}, "a key of WireGuard"},
	{".netdev", "/systemd/network/", []string{"PrivateKey", "PresharedKey"}, "a key of WireGuard"},
	{".nmconnection", "/NetworkManager/", []string{"psk", "password", "private-key", "private-key-password", "leap-password", "secret", "preshared-key"}, "a password of a network"},
	{".conf", "/wpa_supplicant", []string{"psk", "password", "sae_password", "private_key_passwd", "wep_key0"}, "a password of a network"},
	{"", "/iwd/", []string{"Passphrase", "PreSharedKey", "SAE-PT-Group19"}, "a password of a network"},
	{"", "/.kube/", kubeSecrets, "a key or token of Kubernetes"},
	{"kubeconfig", "", kubeSecrets, "a key or token of Kubernetes"},
	{"auth.json", "/", []string{`"auth":`, `"identitytoken":`}, "a password of a registry"},
	{"config.json", "/.docker/", []string{`"auth":`, `"identitytoken":`}, "a password of a registry"},
	{"credentials", "/.aws/", []string{"aws_secret_access_key"}, "a secret access key"},
	{".ppk", "/", []string{"Private-Lines"}, "a private key"},
	{".netrc", "/", []string{"machine"}, "a password"},
	{".pgpass", "/", nil, "passwords"},
	{".token", "/", nil, "a token"},
	{"/token", "/", nil, "a token"},
	{".password", "/", nil, "a password"},
	{"/password", "/", nil, "a password"},
	{".secret", "/", nil, "a secret"},
	{".yaml", "/etc/rancher/", []string{"token:", "agent-token:"}, "a token of Kubernetes"},
	{".key", "/etc/luks/", nil, "the key of a volume"},
	{"", "/cryptsetup-keys.d/", nil, "the key of a volume"},
	{"", "/etc/shadow", nil, "password hashes"},
	{"", "/etc/gshadow", nil, "password hashes"},
}

// kubeSecrets are the settings of a kubeconfig that log in.
var kubeSecrets = []string{"client-key-data:", "token:", "- token:", "password:"}

// secretFile warns of secrets in a file that everybody can read.
func (l *linter) secretFile(n *node, f *types.File) {
	if n.mode&othersRead == 0 {
		return
	}
	what := ""
	for i := range places {
		p := &places[i]
		if strings.HasSuffix(f.Path, p.suffix) && strings.Contains(f.Path, p.part) && l.holds(f, p.settings) {
			what = p.what
			break
		}
	}
	if what == "" && isEnvironment(f.Path) && l.environment(f) {
		what = "a password or token"
	}
	if what == "" {
		body, _ := l.body(&f.Contents)
		for _, sign := range signs {
			if i := strings.Index(body, sign); i >= 0 && (sign[0] != 'P' || strings.Contains(body[:i], "-----BEGIN ")) {
				what = "a private key"
				break
			}
		}
	}
	if what == "" && l.isLuksKey(f.Contents.Source) {
		what = "the key of a volume"
	}
	if what != "" && !l.isSheltered(f.Path) {
		l.warn(ruleSecretFile, l.modeAt(n), "", "%q holds %s, and with mode %04o everybody can read it", f.Path, what, n.mode)
	}
}

// isSheltered reports whether a path is below a directory that only its owner and
// group can enter: one of the config, or the home of root.
func (l *linter) isSheltered(file string) bool {
	if l.closed == nil {
		l.closed = map[string]bool{"/root": true, "/var/roothome": true}
		for i := range l.Config.Storage.Directories {
			if d := &l.Config.Storage.Directories[i]; mode(d.Mode, dirDefault)&othersEnter == 0 {
				l.closed[d.Path] = true
			}
		}
	}
	if len(file) > longestPath {
		return false
	}
	for dir := path.Dir(file); len(dir) > 1; dir = path.Dir(dir) {
		if l.closed[dir] {
			return true
		}
	}
	return false
}

// isLuksKey reports whether a volume of the config has its key from the same source.
func (l *linter) isLuksKey(url *string) bool {
	luks := l.Config.Storage.Luks
	if url == nil || len(luks) == 0 {
		return false
	}
	if l.luksKeys == nil {
		l.luksKeys = map[string]bool{}
		for i := range luks {
			if key := luks[i].KeyFile.Source; key != nil && *key != "" {
				l.luksKeys[*key] = true
			}
		}
	}
	return l.luksKeys[*url]
}

// holds reports whether a file has one of the settings with a value; without
// settings to look for, whether it has any content.
func (l *linter) holds(f *types.File, settings []string) bool {
	if f.Contents.Source == nil || len(settings) == 0 {
		return f.Contents.Source != nil && *f.Contents.Source != "data:,"
	}
	body, _ := l.body(&f.Contents)
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		for _, setting := range settings {
			if rest, found := strings.CutPrefix(line, setting); found {
				if value := strings.Trim(rest, " \t=:\"'"); value != "" && value != "null" {
					return true
				}
			}
		}
	}
	return false
}

// isEnvironment reports whether a file looks like one of variables: .env, app.env,
// env, or one below /etc/sysconfig or /etc/default.
func isEnvironment(file string) bool {
	name := path.Base(file)
	return strings.HasSuffix(name, ".env") || strings.HasPrefix(name, ".env") || name == "env" || name == "environment" ||
		strings.HasPrefix(file, "/etc/sysconfig/") || strings.HasPrefix(file, "/etc/default/")
}

// environment reports whether a file of variables sets one that is secret.
func (l *linter) environment(f *types.File) bool {
	body, _ := l.body(&f.Contents)
	for line := range strings.Lines(body) {
		if isSecretVariable(strings.TrimPrefix(strings.TrimSpace(line), "export ")) {
			return true
		}
	}
	return false
}

// secretWords are parts of names of variables that hold secrets.
var secretWords = []string{"PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY"}

// publicEnds are ends of names that say where a secret is, or something about it.
var publicEnds = []string{"_FILE", "_PATH", "_DIR", "_URL", "_URI", "_ID", "_NAME", "_TTL", "_EXPIRY", "_LENGTH", "_TYPE", "_TIMEOUT", "_LIFETIME"}

// namesSecret reports whether a text has a word of a name of a secret.
func namesSecret(text string) bool {
	upper := strings.ToUpper(text)
	for _, word := range secretWords {
		if strings.Contains(upper, word) {
			return true
		}
	}
	return strings.Contains(upper, "PRIVATEKEY") || strings.Contains(upper, "PRESHAREDKEY")
}

// isSecretVariable reports whether NAME=VALUE gives a secret: by its name, and
// unless the value is a path or is put in later.
func isSecretVariable(assignment string) bool {
	name, value, found := strings.Cut(assignment, "=")
	value = strings.Trim(value, `"' `)
	if !found || value == "" || strings.HasPrefix(name, "#") || !namesSecret(name) || strings.IndexByte("/$%", value[0]) >= 0 || isBoolean(value) {
		return false
	}
	upper := strings.ToUpper(name)
	for _, end := range publicEnds {
		if strings.HasSuffix(upper, end) {
			return false
		}
	}
	return true
}

// secretEnvironment warns of secrets in the environment that a unit sets.
func (l *linter) secretEnvironment(p *part, line *unitLine, d *dialect) {
	if line.Name != "Environment" || line.Section != "Service" && line.Section != d.own || !namesSecret(line.Value) {
		return
	}
	for _, word := range words(line.Value) {
		if isSecretVariable(word) {
			name, _, _ := strings.Cut(word, "=")
			l.warnLine(ruleSecretEnvironment, p, line, "", "the unit gives the secret %s to everybody", name)
		}
	}
}

// words splits a value at white space outside of quotes: systemd.syntax(7).
func words(value string) []string {
	var out []string
	var word strings.Builder
	quote, inWord := byte(0), false
	for i := range len(value) {
		switch c := value[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && (c == ' ' || c == '\t'):
			if inWord {
				out = append(out, word.String())
				word.Reset()
				inWord = false
			}
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		out = append(out, word.String())
	}
	return out
}
