package resource

import (
	"context"
	"io"
	"net"
	"net/url"
	"testing"
	"time"
)

// FuzzTFTP lets a server send anything: a transfer ends, with no more than was sent.
func FuzzTFTP(f *testing.F) {
	f.Add([]byte("\x00\x03\x00\x01hello"), []byte(""))
	f.Add([]byte("\x00\x06blksize\x00008\x00tsize\x0010\x00"), []byte("\x00\x03\x00\x01hellohel"))
	f.Add([]byte("\x00\x06BLKSIZE\x00x\x00"), []byte("\x00\x05\x00\x01none\x00"))
	f.Add([]byte("\x00\x05\x00\x08no options"), []byte("\x00\x03\x00\x02"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		server, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close() //nolint:errcheck // it is over
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		go func() {
			buffer := make([]byte, 2048)
			for _, packet := range [][]byte{first, second} {
				_, from, err := server.ReadFrom(buffer)
				if err != nil {
					return
				}
				_, _ = server.WriteTo(packet, from)
			}
		}()
		u, _ := url.Parse("tftp://" + server.LocalAddr().String() + "/file")
		o, err := New(Options{}).tftpOrigin(u)
		if err != nil {
			t.Fatal(err)
		}
		r, err := o(ctx, 0, "")
		if err != nil {
			return
		}
		data, _ := io.ReadAll(r.body) // an error is all right
		if len(data) > len(first)+len(second) {
			t.Errorf("%d bytes of %d", len(data), len(first)+len(second))
		}
		if err := r.body.Close(); err != nil {
			t.Error(err)
		}
	})
}
