package linux

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/transpiler/sugar"
)

var (
	ruleSSHOption = &diag.Rule{
		ID: "ssh-option", Why: "sshd does not start with an option that it does not know, and nobody could log in",
		Help: "the options are those of sshd_config(5) in snake_case, such as permit_root_login",
	}
	ruleSSHValue = &diag.Rule{
		ID: "ssh-value", Why: "sshd does not start with a value that it does not understand, and nobody could log in",
		Help: "choose one of the values",
	}
)

// SSH is the sugar of the SSH server.
type SSH struct {
	SSH struct {
		// Ports to listen on; none leaves it to the other configuration.
		Ports []int `json:"ports"`
		// ListenAddresses restrict it to some addresses of the machine.
		ListenAddresses []string `json:"listenAddresses"`
		// Options maps keywords of sshd_config(5) in snake_case to their values.
		Options map[string]string `json:"options"`
	} `json:"ssh"`
}

// sshOptions are the keywords that can be set once: sshd_config(5) of OpenSSH 10.0.
// Keywords do not depend on case, so the snake_case form is enough to write them.
// Not here are Match and Include, which are no options, and names of old.
var sshOptions = []string{
	"accept_env", "address_family", "allow_agent_forwarding", "allow_groups", "allow_stream_local_forwarding",
	"allow_tcp_forwarding", "allow_users", "authentication_methods", "authorized_keys_command",
	"authorized_keys_command_user", "authorized_keys_file", "authorized_principals_command",
	"authorized_principals_command_user", "authorized_principals_file", "banner", "ca_signature_algorithms",
	"channel_timeout", "chroot_directory", "ciphers", "client_alive_count_max", "client_alive_interval",
	"compression", "deny_groups", "deny_users", "disable_forwarding", "expose_auth_info", "fingerprint_hash",
	"force_command", "gateway_ports", "gssapi_authentication", "gssapi_cleanup_credentials",
	"gssapi_strict_acceptor_check", "hostbased_accepted_algorithms", "hostbased_authentication",
	"hostbased_uses_name_from_packet_only", "host_certificate", "host_key", "host_key_agent",
	"host_key_algorithms", "ignore_rhosts", "ignore_user_known_hosts", "ip_qos", "kbd_interactive_authentication",
	"kerberos_authentication", "kerberos_get_afs_token", "kerberos_or_local_passwd", "kerberos_ticket_cleanup",
	"kex_algorithms", "login_grace_time", "log_level", "log_verbose", "macs", "max_auth_tries", "max_sessions",
	"max_startups", "moduli_file", "password_authentication", "permit_empty_passwords", "permit_listen",
	"permit_open", "permit_root_login", "permit_tty", "permit_tunnel", "permit_user_environment",
	"permit_user_rc", "per_source_max_startups", "per_source_net_block_size", "per_source_penalties",
	"per_source_penalty_exempt_list", "pid_file", "print_last_log", "print_motd", "pubkey_accepted_algorithms",
	"pubkey_auth_options", "pubkey_authentication", "refuse_connection", "rekey_limit", "required_rsa_size",
	"revoked_keys", "rdomain", "security_key_provider", "set_env", "stream_local_bind_mask",
	"stream_local_bind_unlink", "strict_modes", "subsystem", "syslog_facility", "tcp_keep_alive",
	"trusted_user_ca_keys", "unused_connection_timeout", "use_dns", "use_pam", "version_addendum",
	"x11_display_offset", "x11_forwarding", "x11_use_localhost", "xauth_location",
}

// sshSwitches are the options that are yes or no: servconf.c of OpenSSH,
// multistate_flag.
var sshSwitches = []string{
	"allow_agent_forwarding", "disable_forwarding", "expose_auth_info", "gssapi_authentication",
	"gssapi_cleanup_credentials", "gssapi_strict_acceptor_check", "hostbased_authentication",
	"hostbased_uses_name_from_packet_only", "ignore_user_known_hosts", "kbd_interactive_authentication",
	"kerberos_authentication", "kerberos_get_afs_token", "kerberos_or_local_passwd", "kerberos_ticket_cleanup",
	"password_authentication", "permit_empty_passwords", "permit_tty", "permit_user_rc", "print_last_log",
	"print_motd", "pubkey_authentication", "stream_local_bind_unlink", "strict_modes", "tcp_keep_alive",
	"use_dns", "use_pam", "x11_forwarding", "x11_use_localhost",
}

// sshValues returns the values of an option that has few; nil if it has many.
func sshValues(name string) []string {
	switch name {
	case "permit_root_login":
		return []string{"yes", "no", "prohibit-password", "without-password", "forced-commands-only"}
	case "address_family":
		return []string{"any", "inet", "inet6"}
	case "log_level":
		return []string{"QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3"}
	case "fingerprint_hash":
		return []string{"md5", "sha256"}
	case "compression":
		return []string{"yes", "delayed", "no"}
	case "gateway_ports":
		return []string{"yes", "no", "clientspecified"}
	case "ignore_rhosts":
		return []string{"yes", "no", "shosts-only"}
	}
	if slices.Contains(sshSwitches, name) {
		return []string{"yes", "no"}
	}
	return nil
}

// sshOthers are names of sshd_config(5) that are no options here.
var sshOthers = []struct{ name, help string }{
	{"port", "use ssh.ports"},
	{"listen_address", "use ssh.listen_addresses"},
	{"match", "write a file below /etc/ssh/sshd_config.d yourself"},
	{"include", "write a file below /etc/ssh/sshd_config.d yourself"},
	{"challenge_response_authentication", "use kbd_interactive_authentication"},
}

// Check reports what would keep sshd from starting.
func (s *SSH) Check(c *sugar.Ctx) {
	place := at("ssh")
	for i, port := range s.SSH.Ports {
		if port < 1 || port > 65535 {
			c.Errorf(ruleSSHValue, place.At("ports", i), "%d is no port: there are 1 to 65535", port)
		}
	}
	for i, address := range s.SSH.ListenAddresses {
		if _, err := netip.ParseAddr(address); err != nil {
			c.ErrorHelp(ruleSSHValue, place.At("listen_addresses", i), "give an IP address without a port", "%q is no address", address)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.SSH.Options)) {
		checkSSHOption(c, place.At("options", name), name, s.SSH.Options[name])
	}
}

func checkSSHOption(c *sugar.Ctx, place source.Path, name, value string) {
	if !slices.Contains(sshOptions, name) {
		c.KeyError(ruleSSHOption, place, sshHelp(name), "sshd has no option %q", name)
		return
	}
	if !checkLine(c, place, "the value", value) {
		return
	}
	if values := sshValues(name); values != nil {
		c.OneOf(ruleSSHValue, place, "value of "+name, sshValue(name, value), values)
		return
	}
	// sshd ends the line at a comment, and refuses a quote that is not closed
	if strings.Count(value, `"`)%2 != 0 || strings.Count(value, "'")%2 != 0 || strings.HasPrefix(value, "#") || strings.Contains(value, " #") || strings.Contains(value, "\t#") {
		c.ErrorHelp(ruleSSHValue, place, "close the quote, and put a word with # into quotes", "the value has a quote that is not closed, or a comment")
	}
}

// sshHelp tells what an unknown option could be: sshd_config(5) writes the names
// without underscores.
func sshHelp(name string) string {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	for _, other := range sshOthers {
		if plain(other.name) == plain(name) {
			return other.help
		}
	}
	for _, known := range sshOptions {
		if plain(known) == plain(name) {
			return "write it as " + strconv.Quote(known)
		}
	}
	return sugar.DidYouMean(name, sshOptions)
}

// sshValue returns a value as sshd knows it: YAML has true and false for yes and no.
func sshValue(name, value string) string {
	if slices.Contains(sshValues(name), "no") {
		switch value {
		case "true":
			return "yes"
		case "false":
			return "no"
		}
	}
	return value
}

// sshKeyword writes a name as sshd_config(5) does, as far as case matters to nobody.
func sshKeyword(name string) string {
	var b strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// Desugar writes a file of sshd_config.d. Of an option given twice the first one
// counts, so the file comes before others.
func (s *SSH) Desugar(c *sugar.Ctx) {
	o := &s.SSH
	if len(o.Ports)+len(o.ListenAddresses)+len(o.Options) == 0 {
		return
	}
	var b strings.Builder
	b.WriteString(sugar.Header)
	for _, port := range o.Ports {
		b.WriteString("Port " + strconv.Itoa(port) + "\n")
	}
	for _, address := range o.ListenAddresses {
		b.WriteString("ListenAddress " + address + "\n")
	}
	for _, name := range slices.Sorted(maps.Keys(o.Options)) {
		b.WriteString(sshKeyword(name) + " " + sshValue(name, o.Options[name]) + "\n")
	}
	p := newParent(c)
	p.file("/etc/ssh/sshd_config.d/10-butane.conf", 0o600, owner{}, b.String(), at("ssh"))
	p.add()
}
