package systems

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/kindling-boot/kindling/tests/programs"
)

// TestKubernetesJoin: the config is one that kubeadm takes, which refuses keys that it does
// not know and numbers in the place of strings. The keys and kinds are those of its reference,
// and TestKubeadm has kubeadm itself judge them:
// https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/#kubeadm-k8s-io-v1beta4-JoinConfiguration.
func TestKubernetesJoin(t *testing.T) {
	programs.Need(t, "root")
	hash := "sha256:" + strings.Repeat("01", 32)
	other := "sha256:" + strings.Repeat("ef", 32)
	for _, c := range []struct {
		name, head, endpoint, token string
		hashes                      []any
	}{
		{"a server by its address", linuxHead, "10.0.0.1:6443", "abcdef.0123456789abcdef", []any{hash}},
		{"a server by its name, and two authorities", linuxHead, "api.example.com:443", "abcdef.0123456789abcdef", []any{hash, other}},
		{"an address in brackets", linuxHead, "[2001:db8::1]:6443", "abcdef.0123456789abcdef", []any{hash}},
		{"a token that looks like a number", linuxHead, "10.0.0.1:6443", "123456.0123456789012345", []any{hash}},
		{"flatcar", flatcarHead, "10.0.0.1:6443", "abcdef.0123456789abcdef", []any{hash}},
	} {
		t.Run(c.name, func(t *testing.T) {
			document := c.head + "kubernetes:\n  role: join\n  endpoint: \"" + c.endpoint + "\"\n  token: \"" + c.token + "\"\n  ca_cert_hashes:\n"
			for _, h := range c.hashes {
				document += "    - " + h.(string) + "\n"
			}
			line, text := kubeadm(t, document)
			if line != "/usr/bin/env kubeadm join --config /etc/kubernetes/kubeadm.yml" {
				t.Errorf("the unit runs %s", line)
			}
			var got any
			if err := yaml.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			want := map[string]any{
				"apiVersion": "kubeadm.k8s.io/v1beta4", // the only one that 1.37 reads
				"kind":       "JoinConfiguration",
				"discovery": map[string]any{"bootstrapToken": map[string]any{
					"apiServerEndpoint": c.endpoint,
					"token":             c.token,
					"caCertHashes":      c.hashes,
				}},
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("kubeadm reads %v, want %v, in\n%s", got, want, text)
			}
		})
	}
}

// TestKubernetesConfig: the first node needs no config, and one in the document is passed on
// as it is.
func TestKubernetesConfig(t *testing.T) {
	programs.Need(t, "root")
	for role, config := range map[string]string{
		"init": "apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {name: \"first\"}\n",
		"join": "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ndiscovery: {file: {kubeConfigPath: /etc/kubernetes/discovery.conf}}\n",
	} {
		t.Run(role, func(t *testing.T) {
			document := linuxHead + "kubernetes:\n  role: " + role + "\n  config: |\n    " + strings.ReplaceAll(strings.TrimSpace(config), "\n", "\n    ") + "\n"
			line, text := kubeadm(t, document)
			if want := "/usr/bin/env kubeadm " + role + " --config /etc/kubernetes/kubeadm.yml"; line != want {
				t.Errorf("the unit runs %s, want %s", line, want)
			}
			if text != config {
				t.Errorf("kubeadm reads\n%s, want\n%s", text, config)
			}
		})
	}
	t.Run("init without a config", func(t *testing.T) {
		line, text := kubeadm(t, linuxHead+"kubernetes: {role: init}\n")
		if line != "/usr/bin/env kubeadm init" || text != "" {
			t.Errorf("the unit runs %s, with the config\n%s", line, text)
		}
	})
}

// TestKubeadm: what kubeadm itself says about configs, in the root that they are for. It
// starts nothing there, and has no network.
func TestKubeadm(t *testing.T) {
	if os.Getenv("KINDLING_SLOW") == "" {
		t.Skip("builds kubeadm, which takes minutes; KINDLING_SLOW=1 asks for it")
	}
	programs.Need(t, "root", "unshare", "chroot")
	program := programs.Foreign(t, "tests/systems/kubeadm", "k8s.io/kubernetes/cmd/kubeadm",
		"k8s.io/component-base/version.gitVersion=v1.36.3", "k8s.io/component-base/version.gitMajor=1", "k8s.io/component-base/version.gitMinor=36")
	hashes := "\n    - sha256:" + strings.Repeat("01", 32) + "\n    - sha256:" + strings.Repeat("ef", 32)
	join := func(endpoint, token string) string {
		return "kubernetes:\n  role: join\n  endpoint: \"" + endpoint + "\"\n  token: \"" + token + "\"\n  ca_cert_hashes:" + hashes + "\n"
	}
	const first = `kubernetes:
  role: init
  config: |
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: InitConfiguration
    localAPIEndpoint: {advertiseAddress: 10.0.0.1}
    ---
    apiVersion: kubeadm.k8s.io/v1beta4
    kind: ClusterConfiguration
    kubernetesVersion: v1.36.3
    networking: {podSubnet: 10.244.0.0/16}
`
	for _, c := range []struct{ name, document, command, says string }{
		{"a server by its address", linuxHead + join("10.0.0.1:6443", "abcdef.0123456789abcdef"), "config validate", "ok"},
		{"a server by its name", linuxHead + join("api.example.com:443", "abcdef.0123456789abcdef"), "config validate", "ok"},
		{"an address in brackets", linuxHead + join("[2001:db8::1]:6443", "abcdef.0123456789abcdef"), "config validate", "ok"},
		{"a token that looks like a number", linuxHead + join("10.0.0.1:6443", "123456.0123456789012345"), "config validate", "ok"},
		{"flatcar", flatcarHead + join("10.0.0.1:6443", "abcdef.0123456789abcdef"), "config validate", "ok"},
		{"a config of the first node", linuxHead + first, "config validate", "ok"},
		{"the first node, up to its start", linuxHead + first, "init --dry-run --ignore-preflight-errors=all", "initialized successfully"},
		{"a config with a slip", linuxHead + strings.Replace(first, "podSubnet", "podSubnett", 1), "config validate", `unknown field "networking.podSubnett"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := provision(t, c.document)
			programs.Do(t, "install", "-D", program, filepath.Join(root, "usr/bin/kubeadm"))
			args := append([]string{"--mount", "--net", "chroot", root, "/usr/bin/kubeadm"}, strings.Fields(c.command)...)
			out, err := exec.CommandContext(t.Context(), "unshare", append(args, "--config", "/etc/kubernetes/kubeadm.yml")...).CombinedOutput()
			if slip := strings.Contains(c.name, "slip"); (err == nil) == slip || !strings.Contains(string(out), c.says) {
				t.Errorf("kubeadm ends with %v, want %q\n%s", err, c.says, out)
			}
		})
	}
}

const (
	linuxHead   = "variant: linux\nversion: 1.0.0-experimental\n"
	flatcarHead = "variant: flatcar\nversion: 1.3.0-experimental\n"
)

// kubeadm provisions a root and returns the line that runs kubeadm there, and its config if
// there is one. The config may hold a token: only root reads it.
func kubeadm(t *testing.T, document string) (line, config string) {
	t.Helper()
	root := provision(t, document)
	unit, err := os.ReadFile(filepath.Join(root, "etc/systemd/system/kubeadm.service"))
	programs.Must(t, err)
	_, line, _ = strings.Cut(string(unit), "\nExecStart=")
	line, _, _ = strings.Cut(line, "\n")
	path := filepath.Join(root, "etc/kubernetes/kubeadm.yml")
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return line, ""
	}
	programs.Must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("%s has the mode %o", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path)
	programs.Must(t, err)
	return line, string(text)
}
