package main

import (
	"errors"
	"fmt"
	"os"
)

// The small document in other dialects.
const (
	smallOld = `{
  "ignition": {"version": "2.3.0"},
  "passwd": {
    "users": [
      {
        "name": "core",
        "sshAuthorizedKeys": ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample00 core@example.com"]
      }
    ]
  },
  "storage": {
    "files": [
      {"filesystem": "root", "path": "/etc/hostname", "mode": 420, "contents": {"source": "data:,node-1"}}
    ]
  },
  "systemd": {
    "units": [
      {"name": "hello.service", "enable": true, "contents": "[Service]\nExecStart=/usr/bin/echo hello\n[Install]\nWantedBy=multi-user.target\n"}
    ]
  }
}
`
	smallCloud = `#cloud-config
users:
  - name: core
    ssh_authorized_keys:
      - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample00 core@example.com
hostname: node-1
write_files:
  - path: /etc/motd
    permissions: "0644"
    content: |
      hello
coreos:
  units:
    - name: hello.service
      enable: true
      content: |
        [Service]
        ExecStart=/usr/bin/echo hello
        [Install]
        WantedBy=multi-user.target
`
)

// dialects: what it costs to recognise a document and to translate it, beside the config
// that it becomes.
func (b *bench) dialects() error {
	for _, d := range []struct{ name, text string }{{"Butane", small}, {"Ignition 2", smallOld}, {"cloud-config", smallCloud}} {
		what := "plan, 20 lines of " + d.name + " - the config of it, CPU"
		if reason := b.missing("ignition"); reason != "" {
			b.skip(what, reason)
			continue
		}
		document, config, root := b.path("small"), b.path("small.ign"), b.path("root")
		if err := errors.Join(os.WriteFile(document, []byte(d.text), 0o600), newRoot(root)); err != nil {
			return err
		}
		if _, err := run(b.program("butane"), "convert", "--to", "ignition", "-o", config, document); err != nil {
			return err
		}
		plan := []string{b.program("ignition"), "plan", "--root", root}
		runs, err := inTurns(25*b.rounds, append(plan[:len(plan):len(plan)], document), append(plan[:len(plan):len(plan)], config))
		if err != nil {
			return err
		}
		theirs, ours := median(runs[0], cpu), median(runs[1], cpu)
		added := float64(theirs-ours) / 1e6
		b.rows = append(b.rows, row{what: what, measured: fmt.Sprintf("%s - %s", short(theirs), short(ours)), value: added, target: 1, unit: " ms"})
		if err := os.RemoveAll(root); err != nil {
			return err
		}
	}
	return nil
}
