package providers

import (
	"bytes"
	"maps"
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
	})
}

// FuzzOVFAsTheStandardLibrary: what encoding/xml takes for XML has the same properties
// here, and loses those that are cut. Document types are refused (docs/adr/0171).
func FuzzOVFAsTheStandardLibrary(f *testing.F) {
	for _, text := range ovfDocuments() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want, strange, ok := oracleOVF(text)
		got, err := parseOVF(text)
		if !ok || strange {
			return
		}
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("there is %q, %v; want %q", got, err, want)
		}
		isA := func(key string) bool { return key == "a" }
		without, err := cutOVF(text, isA)
		if err != nil {
			t.Fatalf("nothing can be cut: %v", err)
		}
		delete(want, "a")
		if left, _, ok := oracleOVF(without); !ok || !maps.Equal(left, want) {
			t.Errorf("after the cut there is %q, %v; want %q, in %q", left, ok, want, without)
		}
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
