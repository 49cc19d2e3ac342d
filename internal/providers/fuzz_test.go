package providers

import (
	"bytes"
	"strings"
	"testing"
)

func FuzzCutOVF(f *testing.F) {
	for _, s := range []string{ovfDocument("a", "b", "cut", "secret"), "", "<a>", ovfDocument(), "<!DOCTYPE x [<!ENTITY e 'e'>]><x>&e;</x>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		without, err := cutOVF(text, func(key string) bool { return key == "cut" })
		if err != nil {
			return
		}
		if again, err := cutOVF(without, func(key string) bool { return key == "cut" }); err == nil && again != without {
			t.Errorf("cutting twice cuts more: %q, %q", without, again)
		}
		if kept, err := cutOVF(text, func(string) bool { return false }); err != nil || kept != text {
			t.Errorf("cutting nothing makes %q of %q", kept, text)
		}
		_, _ = parseOVF(text) // must not crash
	})
}

func FuzzKVP(f *testing.F) {
	f.Add(kvpMessage(kvpSet, 0, kvpConfigKey, minimal), kvpMessage(kvpDelete, 0, kvpConfigKey, ""))
	f.Add(kvpMessage(kvpSet, 200, "", ""), []byte{})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		pools, err := readKVP(&kvpHost{send: [][]byte{a, b}})
		if err != nil {
			return
		}
		for i := range pools {
			if len(pools[i].keys) != len(pools[i].values) {
				t.Errorf("pool %d has %d keys and %d values", i, len(pools[i].keys), len(pools[i].values))
			}
			pools[i].config()
			pools[i].file(i)
		}
	})
}

func FuzzTextsOfTheMachine(f *testing.F) {
	for _, s := range []string{"x 1 a b c d e f g n ign", "nocloud;s=/x/;h=y", "SERVER_ADDRESS=10.0.0.1\n", "ds=nocloud-net;seedfrom=http://[::1]/", "a\x00b\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if spool, name, ok := findSpool(text); ok && (spool == "" || !strings.HasSuffix(name, ".ign")) {
			t.Errorf("spool %q, name %q", spool, name)
		}
		if seed, ok := parseSeed(text); !ok && seed != "" {
			t.Errorf("seed %q of something else", seed)
		}
		if a := leaseServer([]byte(text)); strings.ContainsAny(a, "/ \n") {
			t.Errorf("address %q", a)
		}
		if value, err := parseProperty([]byte(text)); err == nil && !bytes.HasPrefix([]byte(text), []byte(value+"\x00")) {
			t.Errorf("property %q of %q", value, text)
		}
	})
}
