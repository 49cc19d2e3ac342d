package sugar

import "strings"

// SSHKeys is the sugar of users: authorized keys from local files.
type SSHKeys struct {
	Passwd struct {
		Users []struct {
			SSHAuthorizedKeysLocal []string `json:"sshAuthorizedKeysLocal" since:"3.4"`
		} `json:"users"`
	} `json:"passwd"`
}

// Check has nothing to report.
func (s *SSHKeys) Check(*Ctx) {}

// Desugar adds the keys of the local files, one for each line, after those of the
// document.
func (s *SSHKeys) Desugar(c *Ctx) {
	for i, u := range s.Passwd.Users {
		if len(u.SSHAuthorizedKeysLocal) > 0 && !c.Files.exists(c, doc("passwd", "users", i, "ssh_authorized_keys_local")) {
			continue
		}
		user := &c.Config.Passwd.Users[i]
		for j, local := range u.SSHAuthorizedKeysLocal {
			at := doc("passwd", "users", i, "ssh_authorized_keys_local", j)
			data, ok := c.Files.read(c, local, at)
			if !ok {
				continue
			}
			for line := range strings.Lines(string(data)) {
				if line = strings.TrimRight(line, "\r\n"); line == "" {
					continue
				}
				c.From(doc("passwd", "users", i, "sshAuthorizedKeys", len(user.SSHAuthorizedKeys)), at)
				user.SSHAuthorizedKeys = append(user.SSHAuthorizedKeys, line)
			}
		}
	}
}
