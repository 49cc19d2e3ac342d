package probe

import (
	"fmt"
	"strings"
)

// Both begin with volume descriptors of 2048 bytes at 32 KiB (ECMA-119, section 8).
const (
	descriptors     = 0x8000
	descriptorBytes = 2048
)

// iso9660 decodes the primary volume descriptor and, if there is one, that of Joliet.
func iso9660(v *view, _ int64) *Signature {
	var s *Signature
	for i := int64(0); i < 16; i++ {
		d := v.bytes(descriptors+i*descriptorBytes, descriptorBytes)
		if d == nil || string(d[1:6]) != "CD001" || d[0] == 255 {
			break
		}
		switch {
		case d[0] == 1 && s == nil:
			s = &Signature{Label: text(d[40:72]), UUID: isoDate(d[830:847])}
			if s.UUID == "" {
				s.UUID = isoDate(d[813:830])
			}
		case d[0] == 2 && s != nil && strings.ContainsAny(string(d[90:91]), "@CE") && string(d[88:90]) == "%/":
			s.Version = "Joliet Extension"
			// Joliet holds 16 characters; a longer name goes on in the primary one.
			if long := text16(d[40:72], be); long != "" {
				if n := len(long); len(s.Label) > n && strings.EqualFold(s.Label[:n], long) {
					for _, b := range []byte(s.Label[n:]) {
						long += string(rune(b)) // blkid takes it for Latin-1
					}
				}
				s.Label = long
			}
		}
	}
	return s
}

// isoDate makes a UUID of a date, as blkid does (ECMA-119, 8.4.26.1): 16 digits.
func isoDate(d []byte) string {
	t := string(d[:16])
	if strings.Trim(t, "0123456789") != "" || strings.Trim(t, "0") == "" {
		return ""
	}
	return strings.Join([]string{t[:4], t[4:6], t[6:8], t[8:10], t[10:12], t[12:14], t[14:16]}, "-")
}

// udfMagics are the descriptors that may begin a UDF volume (ECMA-167, part 2, 9.1).
func udfMagics() []magic {
	var all []magic
	for _, id := range []string{"BEA01", "BOOT2", "CD001", "CDW02", "NSR02", "NSR03", "TEA01"} {
		all = append(all, magic{descriptors + 1, id, nil})
	}
	return all
}

// udf wants an NSR descriptor, then reads the descriptors that the anchor points to
// (ECMA-167, part 3: 10.1, 10.2, 10.6). Blocks are as large as the sectors were.
func udf(v *view, _ int64) *Signature {
	found := false
	// In sectors of up to 2048 bytes each descriptor takes 2048 bytes, in larger ones a sector.
	for step := int64(descriptorBytes); step <= 4096 && !found; step *= 2 {
		for i := int64(0); i < 64 && !found; i++ {
			d := v.bytes(descriptors+i*step+1, 5)
			if len(strings.Trim(string(d), "\x00")) == 0 {
				break
			}
			found = string(d) == "NSR02" || string(d) == "NSR03"
		}
	}
	if !found {
		return nil
	}
	for block := int64(512); block <= 4096; block *= 2 {
		anchor := v.bytes(256*block, 32)
		if anchor == nil || le.Uint16(anchor) != 2 || le.Uint32(anchor[12:]) != 256 {
			continue
		}
		s := &Signature{}
		at := int64(le.Uint32(anchor[20:]))
		for n := int64(le.Uint32(anchor[16:])) / block; n > 0 && at > 0; n, at = n-1, at+1 {
			d := v.bytes(at*block, 512)
			if d == nil || le.Uint32(d[12:]) != uint32(at) {
				break
			}
			switch le.Uint16(d) {
			case 1: // primary: volume set identifier
				s.UUID = udfUUID(dstring(d[72:200], d[200:264]))
			case 6: // logical volume: identifier, and the revision of its domain
				s.Label = dstring(d[84:212], d[20:84])
				s.Version = fmt.Sprintf("%x.%02x", d[217+24], d[216+24])
			case 8: // terminating
				return s
			}
		}
		return s
	}
	return nil
}

// dstring decodes an OSTA compressed Unicode string (UDF 2.60, 2.1.2 and 2.1.3): 8 or
// 16 bits, with its length in the last byte. The character set says that it is one.
func dstring(raw, charset []byte) string {
	if text(charset) != "" || text(charset[1:]) != "OSTA Compressed Unicode" {
		return ""
	}
	n := min(int(raw[len(raw)-1]), len(raw)-1)
	switch {
	case n < 2:
		return ""
	case raw[0] == 8:
		var b strings.Builder
		for _, c := range raw[1:n] {
			b.WriteRune(rune(c))
		}
		return strings.TrimRight(b.String(), " \x00")
	case raw[0] == 16:
		return text16(raw[1:n], be)
	}
	return ""
}

// udfUUID makes a UUID of a volume set identifier that begins with 16 hexadecimal
// digits, as mkudffs and Windows write it. Others have none here.
func udfUUID(id string) string {
	if len(id) < 16 || strings.Trim(id[:16], "0123456789abcdefABCDEF") != "" {
		return ""
	}
	return strings.ToLower(id[:16])
}
