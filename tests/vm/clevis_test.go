package vm

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// tpm starts an emulator, which the programs of clevis talk to through a socket. The engine
// looks for the node of a device only, so there is an empty one.
func (g *guest) tpm() {
	g.Helper()
	const node = "/dev/tpmrm0"
	const address = "swtpm:host=127.0.0.1,port=2321"
	g.check(os.WriteFile(node, nil, 0o600))
	server := exec.Command("swtpm", "socket", "--tpm2", "--tpmstate", "dir="+g.TempDir(),
		"--server", "type=tcp,port=2321", "--ctrl", "type=tcp,port=2322", "--flags", "not-need-init,startup-clear")
	g.check(server.Start())
	g.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		_ = os.Remove(node)
	})
	g.env = append(g.env, "TPM2TOOLS_TCTI="+address)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		cmd := exec.Command("tpm2_getrandom", "--tcti", address, "--hex", "4")
		if cmd.Run() == nil {
			return
		}
		if time.Now().After(end) {
			g.Fatal("the TPM does not answer")
		}
	}
}

// isBound fails unless a volume has one key slot, which is opened by a pin.
func (g *guest) isBound(device, pin string) {
	g.Helper()
	if said := g.do("clevis", "luks", "list", "-d", g.fill(device)); !strings.Contains(said, pin) || strings.Count(said, "\n") != 1 {
		g.Errorf("bound to %s", said)
	}
	dump := g.do("cryptsetup", "luksDump", g.fill(device))
	if slots := strings.Count(dump, ": luks2\n"); slots != 1 {
		g.Errorf("%d key slots:\n%s", slots, dump)
	}
}

var clevisCases = []scenario{
	{"luks.formattedDevice.wipeVolume.tpm2", func(g *guest) {
		g.tpm()
		g.disk(32, "")
		g.made("$disk0", "mkfs.ext4", "-q")
		g.closing("bound")
		g.storage(`"luks":[{"name":"bound","device":"$disk0","wipeVolume":true,"clevis":{"tpm2":true},` + quick + `}]`)
		g.passes("disks", "files")
		g.is("$disk0", "TYPE=crypto_LUKS")
		g.isBound("$disk0", "tpm2")
		if got, want := g.target("etc/crypttab"), "bound UUID="+g.blkid("$disk0", "UUID")+" none luks,x-initrd.attach\n"; got != want {
			g.Errorf("crypttab is %q, want %q", got, want)
		}
		if _, err := os.Stat(filepath.Join(g.root, "etc/luks/bound")); err == nil {
			g.Error("there is a key on the target")
		}
	}},
	{"a volume that only TPM and Tang server together unlock", func(g *guest) {
		g.tpm()
		url, thumbprint := g.tang()
		g.disk(32, "")
		g.closing("both")
		g.storage(`"luks":[{"name":"both","device":"$disk0","clevis":{"tpm2":true,"threshold":2,"tang":[{"url":"` + url + `","thumbprint":"` + thumbprint + `"}]},` + quick + `}]`)
		g.passes("disks", "files")
		g.isBound("$disk0", `"t":2`)
		if got := g.target("etc/crypttab"); !strings.Contains(got, " none luks,_netdev,") {
			g.Errorf("crypttab is %q", got)
		}
	}},
	{"a custom pin that cannot unlock yet is a warning", func(g *guest) {
		url, _ := g.tang()
		adv := g.do("curl", "-sf", url+"/adv")
		g.disk(32, "")
		g.closing("later")
		// the server will be elsewhere; its keys are known
		pin, err := json.Marshal(map[string]any{"url": "http://127.0.0.1:1", "adv": json.RawMessage(adv)})
		g.check(err)
		config, err := json.Marshal(string(pin))
		g.check(err)
		g.storage(`"luks":[{"name":"later","device":"$disk0","clevis":{"custom":{"pin":"tang","needsNetwork":true,"config":` + string(config) + `}},` + quick + `}],
			"filesystems":[{"device":"/dev/mapper/later","format":"ext4"}]`)
		said := g.passes("disks", "files")
		if !strings.Contains(said, "clevis does not unlock the volume now") || strings.Contains(said, "127.0.0.1:1\\") {
			g.Errorf("there is no warning, or its config is in the log:\n%s", said)
		}
		g.isBound("$disk0", "tang")
		g.is("/dev/mapper/later", "TYPE=ext4")
		if got := g.target("etc/crypttab"); !strings.Contains(got, " none luks,_netdev,x-initrd.attach") {
			g.Errorf("crypttab is %q", got)
		}
	}},
	{"a custom pin: its config, discard, options to open it, and a line in crypttab", func(g *guest) {
		url, thumbprint := g.tang()
		g.disk(32, "")
		g.disk(32, "")
		g.closing("net")
		g.closing("alone")
		config := `{\"url\":\"` + url + `\",\"thp\":\"` + thumbprint + `\"}`
		shares := `{\"t\":1,\"pins\":{\"tang\":[` + config + `]}}`
		g.storage(`"luks":[
			{"name":"net","device":"$disk0","label":"vault","discard":true,"openOptions":["--perf-no_read_workqueue"],"clevis":{"custom":{"pin":"tang","config":"` + config + `","needsNetwork":true}},` + quick + `},
			{"name":"alone","device":"$disk1","clevis":{"custom":{"pin":"sss","config":"` + shares + `"}},` + quick + `}]`)
		g.passes("disks", "files")
		g.isBound("$disk0", "tang")
		g.isBound("$disk1", `"t":1`)
		uuid := [2]string{g.blkid("$disk0", "UUID"), g.blkid("$disk1", "UUID")}
		want := "net UUID=" + uuid[0] + " none luks,_netdev,x-initrd.attach\nalone UUID=" + uuid[1] + " none luks,x-initrd.attach\n"
		if got := g.target("etc/crypttab"); got != want {
			g.Errorf("crypttab is %q, want %q", got, want)
		}
		for _, flag := range []string{"allow-discards", "no-read-workqueue"} {
			if dump := g.do("cryptsetup", "luksDump", g.names[0]); !strings.Contains(dump, flag) {
				g.Errorf("no %s in\n%s", flag, dump)
			}
		}
		// the next boot opens them, with the same flags
		g.do("cryptsetup", "close", "net")
		g.do("cryptsetup", "close", "alone")
		g.check(os.Remove(filepath.Join(g.dir, "state")))
		g.passes("disks", "files")
		g.is("$disk0", "UUID="+uuid[0], "LABEL=vault")
		g.is("$disk1", "UUID="+uuid[1])
		if table := g.do("dmsetup", "table", "net"); !strings.Contains(table, "allow_discards") || !strings.Contains(table, "no_read_workqueue") {
			g.Errorf("it is open without the flags: %s", table)
		}
		if strings.Count(g.target("etc/crypttab"), "\n") != 2 {
			g.Errorf("crypttab is %q", g.target("etc/crypttab"))
		}
	}},
	{"a volume bound to a server that is away is made anew after a power cut", func(g *guest) {
		url, _ := g.tang()
		adv := strings.TrimSpace(g.do("curl", "-sf", url+"/adv"))
		quoted, err := json.Marshal(adv)
		g.check(err)
		thumbprint := strings.TrimSpace(g.do("sh", "-c", `printf %s "$1" | jose fmt -j- -Og payload -SyOg keys -AUo- | jose jwk use -i- -r -u verify -o- | jose jwk thp -i-`, "sh", adv))
		g.disk(32, "")
		g.closing("net")
		g.storage(`"luks":[{"name":"net","device":"$disk0","clevis":{"tang":[{"url":"http://127.0.0.1:1","thumbprint":"` + thumbprint + `","advertisement":` + string(quoted) + `}]},` + quick + `}]`)
		g.passes("disks")
		g.do("cryptsetup", "close", "net")
		g.check(os.Remove(filepath.Join(g.dir, "state")))
		g.passes("disks", "files")
		g.is("$disk0", "SUBSYSTEM=")
	}},
}
