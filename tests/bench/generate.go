package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
)

// The size of the large document: what a fleet with generated configs reaches.
const (
	manyFiles = 5000
	manyUnits = 500
)

// words are what the texts are made of: those of configuration files, so that
// compression finds as much as it would in real ones.
var words = strings.Fields(`address allow backend buffer cache certificate check client cluster config connection
	data database default deny directory disable enable endpoint error expire file filter group header host idle
	interval key level limit listen local log mapping max memory metric min mode name network node option owner
	password path peer policy pool port prefix proxy queue rate read record replica request retry role root route
	rule secret server service session size socket source state storage stream table target thread timeout token
	topic trace upstream user value version volume weight window worker write zone`)

// small is a document of 20 lines, as people write them.
const small = `variant: fcos
version: 1.4.0
passwd:
  users:
    - name: core
      ssh_authorized_keys:
        - ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExample00 core@example.com
storage:
  files:
    - path: /etc/hostname
      contents: {inline: node-1}
systemd:
  units:
    - name: hello.service
      enabled: true
      contents: |
        [Service]
        ExecStart=/usr/bin/echo hello
        [Install]
        WantedBy=multi-user.target
`

// generateLarge writes a Butane document with manyFiles inline files and manyUnits
// units. It is the same on every run and about 1.8 MB long.
func generateLarge(to io.Writer) error {
	w := bufio.NewWriter(to)
	r := rand.New(rand.NewPCG(2, 13))
	word := func() string { return words[r.IntN(len(words))] }

	fmt.Fprint(w, "variant: fcos\nversion: 1.4.0\nstorage:\n  files:\n")
	for i := range manyFiles {
		fmt.Fprintf(w, "    - path: /etc/fleet/%s/%s-%04d.conf\n      mode: 0%d\n", words[i%40], word(), i, []int{644, 644, 640, 600, 755}[r.IntN(5)])
		if r.IntN(8) == 0 {
			fmt.Fprintf(w, "      user:\n        id: %d\n      group:\n        id: %d\n", 1000+r.IntN(9), 1000+r.IntN(9))
		}
		switch lines := lines(r); {
		case lines == 0:
			fmt.Fprintf(w, "      contents:\n        inline: %s=%d\n", word(), r.IntN(10000))
		case i%7 == 0:
			fmt.Fprint(w, "      contents:\n        inline: \"# "+word()+"\\n")
			for range lines {
				fmt.Fprintf(w, "%s_%s = %d\\n", word(), word(), r.IntN(100000))
			}
			fmt.Fprint(w, "\"\n")
		default:
			fmt.Fprintf(w, "      contents:\n        inline: |\n          # %s of %s %d: written by the fleet, do not edit\n", word(), word(), i)
			for range lines {
				switch r.IntN(6) {
				case 0:
					fmt.Fprintf(w, "          [%s.%s]\n", word(), word())
				case 1:
					fmt.Fprintf(w, "          %s = \"%s/%s:%d\"\n", word(), word(), word(), r.IntN(65536))
				default:
					fmt.Fprintf(w, "          %s_%s = %x\n", word(), word(), r.Uint32())
				}
			}
		}
	}
	fmt.Fprint(w, "systemd:\n  units:\n")
	for i := range manyUnits {
		name := fmt.Sprintf("%s-%s-%03d", word(), word(), i)
		fmt.Fprintf(w, "    - name: %s.service\n      enabled: %t\n      contents: |\n", name, r.IntN(4) > 0)
		fmt.Fprintf(w, "        [Unit]\n        Description=The %s %s of the %s\n        After=network-online.target\n\n", word(), word(), word())
		fmt.Fprintf(w, "        [Service]\n        ExecStart=/usr/bin/%s --%s=%s --%s %d\n        Restart=on-failure\n", word(), word(), word(), word(), r.IntN(1000))
		for range r.IntN(6) {
			fmt.Fprintf(w, "        Environment=%s=%x\n", strings.ToUpper(word()), r.Uint64())
		}
		fmt.Fprint(w, "\n        [Install]\n        WantedBy=multi-user.target\n")
		if r.IntN(5) == 0 {
			fmt.Fprintf(w, "      dropins:\n        - name: 10-%s.conf\n          contents: |\n            [Service]\n            MemoryMax=%dM\n", word(), 64<<r.IntN(6))
		}
	}
	return w.Flush()
}

// lines returns how long a file is: most are short, few are long.
func lines(r *rand.Rand) int {
	switch n := r.IntN(100); {
	case n < 17:
		return 0
	case n < 75:
		return 1 + r.IntN(5)
	case n < 97:
		return 5 + r.IntN(11)
	default:
		return 20 + r.IntN(50)
	}
}
