package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// usage is what one process took.
type usage struct {
	wall, cpu time.Duration // cpu is user and system time of all its threads
	peak      int64         // bytes of resident memory at the most
}

func wall(u usage) time.Duration { return u.wall }
func cpu(u usage) time.Duration  { return u.cpu }

// run runs a program to its end. Its standard output goes nowhere.
//
// Linux counts the memory that this process has at the start of another as the
// other's (exec folds the old peak into ru_maxrss): this program must stay small.
func run(program string, args ...string) (usage, error) {
	cmd := exec.Command(program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	begin := time.Now()
	err := cmd.Run()
	took := time.Since(begin)
	if err != nil {
		return usage{}, fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, tail(stderr.Bytes()))
	}
	rusage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return usage{}, errors.New("this system does not tell what a process took")
	}
	return usage{
		wall: took,
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		peak: rusage.Maxrss << 10, // KiB on Linux: getrusage(2)
	}, nil
}

func tail(text []byte) []byte {
	const most = 2000
	if len(text) > most {
		return text[len(text)-most:]
	}
	return text
}

// inTurns runs each command n times, one after the other in turns, so that what
// else happens on the machine hits them alike. One round before is not counted.
func inTurns(n int, commands ...[]string) ([][]usage, error) {
	runs := make([][]usage, len(commands))
	for round := range n + 1 {
		for i, command := range commands {
			u, err := run(command[0], command[1:]...)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				runs[i] = append(runs[i], u)
			}
		}
	}
	return runs, nil
}

// median returns the middle one of what of each run.
func median(runs []usage, what func(usage) time.Duration) time.Duration {
	all := make([]time.Duration, len(runs))
	for i, u := range runs {
		all[i] = what(u)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// newRoot makes an empty root directory that the tools for users and groups accept.
func newRoot(root string) error {
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
		"etc/group":  "root:x:0:\n",
		"etc/shadow": "root:*:19000:0:99999:7:::\n", "etc/gshadow": "root:*::\n",
		"etc/login.defs": "",
	} {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			return err
		}
	}
	return nil
}

// writeHuge writes a config with one file of that many zero bytes, /var/huge. The
// bytes are in the config itself, compressed: that is a thousandth of them.
func writeHuge(path string, size int64) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.WriteString(f, `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/var/huge","mode":384,"contents":{"compression":"gzip","source":"data:;base64,`); err != nil {
		return err
	}
	text := base64.NewEncoder(base64.StdEncoding, f)
	packed := gzip.NewWriter(text)
	if _, err := io.Copy(packed, io.LimitReader(zeros{}, size)); err != nil {
		return err
	}
	if err := errors.Join(packed.Close(), text.Close()); err != nil {
		return err
	}
	_, err = io.WriteString(f, `"}}]}}`)
	return err
}

// zeros is an endless row of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
