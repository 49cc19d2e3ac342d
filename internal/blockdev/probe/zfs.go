package probe

import (
	"encoding/binary"
	"strconv"
)

// ZFS labels, from OpenZFS: include/sys/vdev_impl.h and uberblock_impl.h. Two labels of
// 256 KiB are at each end; in each, a list of name-value pairs at 16 KiB and a ring of
// uberblocks at 128 KiB.
const (
	zfsLabel      = 256 << 10
	zfsPairs      = 16 << 10
	zfsPairsBytes = 112 << 10
	zfsRing       = 128 << 10
	zfsUberblock  = 1 << 10
	zfsMagicLE    = "\x0c\xb1\xba\x00\x00\x00\x00\x00"
	zfsMagicBE    = "\x00\x00\x00\x00\x00\xba\xb1\x0c"
)

// zfsMagics are the first uberblocks that may be in use, in each label.
func zfsMagics() []magic {
	var all []magic
	for _, label := range []int64{0, zfsLabel} {
		for _, base := range []func(int64) int64{nil, func(size int64) int64 { return size&^(zfsLabel-1) - 2*zfsLabel }} {
			for i := int64(0); i < 128; i++ {
				at := label + zfsRing + i*zfsUberblock
				all = append(all, magic{at, zfsMagicLE, base}, magic{at, zfsMagicBE, base})
			}
		}
	}
	return all
}

// zfs decodes the label that an uberblock lies in.
func zfs(v *view, at int64) *Signature {
	order := binary.ByteOrder(le)
	u := v.bytes(at, 16)
	if u == nil {
		return nil
	}
	if string(u[:8]) == zfsMagicBE {
		order = be
	}
	pairs := v.bytes(at&^(zfsLabel-1)+zfsPairs, zfsPairsBytes)
	if pairs == nil {
		return nil
	}
	s := &Signature{Version: strconv.FormatUint(order.Uint64(u[8:]), 10)}
	// XDR: encoding, version and flags, then pairs that begin with their size.
	for list := pairs[12:]; len(list) >= 12; {
		size := be.Uint32(list)
		if size < 20 || uint64(size) > uint64(len(list)) {
			break
		}
		name, kind, value := xdrPair(list[8:size])
		switch {
		case name == "name" && kind == 9 && len(value) >= 4: // DATA_TYPE_STRING
			s.Label = text(value[4:min(len(value), 4+int(be.Uint32(value)&0xffff))])
		case name == "guid" && kind == 8 && len(value) >= 8: // DATA_TYPE_UINT64
			s.UUIDSub = strconv.FormatUint(be.Uint64(value), 10)
		case name == "pool_guid" && kind == 8 && len(value) >= 8:
			s.UUID = strconv.FormatUint(be.Uint64(value), 10)
		}
		list = list[size:]
	}
	return s
}

// xdrPair splits a pair after its sizes: name, type, number of elements, value.
func xdrPair(raw []byte) (name string, kind uint32, value []byte) {
	n := be.Uint32(raw)
	padded := (uint64(n) + 3) &^ 3
	if uint64(len(raw)) < 4+padded+8 {
		return "", 0, nil
	}
	rest := raw[4+padded:]
	return string(raw[4 : 4+n]), be.Uint32(rest), rest[8:]
}
