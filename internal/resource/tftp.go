package resource

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The protocol: RFC 1350, with the options of RFC 2347 to 2349.
const (
	tftpPort = "69"
	// tftpBlock is the size to ask for: an Ethernet frame holds it with every header.
	tftpBlock = 1428
	// tftpPlainBlock is the size without options.
	tftpPlainBlock = 512
	// tftpFirstWait is before a packet is sent again; it doubles up to the last one.
	tftpFirstWait = time.Second
	tftpSends     = 5 // of each packet: about half a minute in all
)

// Kinds of packets.
const (
	tftpRead      = 1
	tftpData      = 3
	tftpAck       = 4
	tftpError     = 5
	tftpOptionAck = 6
)

// Codes of errors: RFC 1350 §5, RFC 2347.
const (
	tftpNotFound  = 1
	tftpDenied    = 2
	tftpNoUser    = 7
	tftpBadOption = 8
)

// errTFTPSilent reports a server that does not answer.
var errTFTPSilent = errors.New("the server does not answer")

// tftpOrigin gets a file from a TFTP server. An attempt always starts at the beginning.
func (f *Fetcher) tftpOrigin(u *url.URL) (origin, error) {
	if u.Hostname() == "" || strings.Trim(u.Path, "/") == "" || strings.ContainsRune(u.Path, 0) {
		return nil, errors.New("a file of a TFTP server is written tftp://HOST/PATH")
	}
	port := u.Port()
	if port == "" {
		port = tftpPort
	}
	return func(ctx context.Context, _ int64, _ string) (reply, error) {
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return reply{}, never("the port is no number")
		}
		addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
		if err != nil {
			return reply{}, layeredError{LayerDNS, err}
		}
		got, err := openTFTP(ctx, netip.AddrPortFrom(addresses[0].Unmap(), uint16(number)), u.Path, true)
		if errors.Is(err, errTFTPOption) {
			got, err = openTFTP(ctx, netip.AddrPortFrom(addresses[0].Unmap(), uint16(number)), u.Path, false)
		}
		return got, err
	}, nil
}

// errTFTPOption reports a server that refuses a request because of its options.
var errTFTPOption = errors.New("the server refuses options")

// tftpTransfer reads one file.
type tftpTransfer struct {
	ctx    context.Context //nolint:containedctx // a stream lives as long as its context
	socket *net.UDPConn
	unhook func() bool
	server netip.AddrPort // the port changes with the first answer
	known  bool           // the port is that of the transfer
	sent   []byte         // the last packet, to be sent again
	in     []byte         // room for a packet

	block uint16 // the last one received
	size  int    // of blocks
	data  []byte // received and not yet read
	last  bool   // no more blocks follow
	err   error
}

// openTFTP sends a request and waits for the first answer.
func openTFTP(ctx context.Context, server netip.AddrPort, name string, withOptions bool) (reply, error) {
	socket, err := net.ListenUDP("udp", nil)
	if err != nil {
		return reply{}, err
	}
	t := &tftpTransfer{ctx: ctx, socket: socket, server: server, size: tftpPlainBlock, in: make([]byte, 4+tftpBlock+1)}
	// the past ends every wait
	t.unhook = context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })
	request := append([]byte{0, tftpRead}, name...)
	request = append(request, "\x00octet\x00"...)
	if withOptions {
		request = append(request, "blksize\x00"+strconv.Itoa(tftpBlock)+"\x00tsize\x000\x00"...)
	}
	size, err := t.start(request)
	if err != nil {
		_ = t.Close() // the first error counts
		return reply{}, err
	}
	return reply{body: t, size: size}, nil
}

// start sends the request; size is that of the file, -1 if the server does not tell.
func (t *tftpTransfer) start(request []byte) (size int64, err error) {
	t.sent = request
	for {
		kind, body, err := t.exchange()
		switch {
		case err != nil:
			return -1, err
		case kind == tftpData && t.take(body):
			return -1, nil
		case kind == tftpOptionAck:
			size, err := t.options(body)
			if err == nil {
				t.sent = ack(0)
			}
			return size, err
		}
	}
}

// options reads what the server agrees to.
func (t *tftpTransfer) options(body []byte) (size int64, err error) {
	size = -1
	parts := bytes.Split(bytes.TrimSuffix(body, []byte{0}), []byte{0})
	for i := 0; i+1 < len(parts); i += 2 {
		value, err := strconv.ParseInt(string(parts[i+1]), 10, 64)
		if err != nil || value < 0 {
			return -1, errors.New("the server answers with an option that is no number")
		}
		switch strings.ToLower(string(parts[i])) {
		case "blksize":
			if value < 8 || value > tftpBlock { // RFC 2348
				return -1, errors.New("the server answers with blocks of a size that was not asked for")
			}
			t.size = int(value)
		case "tsize":
			size = value
		}
	}
	return size, nil
}

func ack(block uint16) []byte { return binary.BigEndian.AppendUint16([]byte{0, tftpAck}, block) }

// exchange sends the last packet, again if need be, and returns an answer that is not
// an error.
func (t *tftpTransfer) exchange() (kind byte, body []byte, err error) {
	wait := tftpFirstWait
	for range tftpSends {
		if _, err := t.socket.WriteToUDPAddrPort(t.sent, t.server); err != nil {
			return 0, nil, err
		}
		end := time.Now().Add(wait)
		wait *= 2
		kind, body, err = t.receive(end)
		if err == nil || !errors.Is(err, errTFTPSilent) {
			return kind, body, err
		}
	}
	return 0, nil, layeredError{LayerTFTP, errTFTPSilent}
}

// receive waits for the next packet of the transfer.
func (t *tftpTransfer) receive(end time.Time) (kind byte, body []byte, err error) {
	for {
		_ = t.socket.SetReadDeadline(end) // fails on closed sockets only, as the next call does
		if cause := context.Cause(t.ctx); cause != nil {
			return 0, nil, cause
		}
		n, from, err := t.socket.ReadFromUDPAddrPort(t.in)
		var timeout net.Error
		switch {
		case err != nil && context.Cause(t.ctx) != nil:
			return 0, nil, context.Cause(t.ctx)
		case errors.As(err, &timeout) && timeout.Timeout():
			return 0, nil, errTFTPSilent
		case err != nil:
			return 0, nil, err
		}
		if from.Addr().Unmap() != t.server.Addr() || t.known && from.Port() != t.server.Port() || n < 4 || t.in[0] != 0 {
			continue // of somebody else
		}
		if !t.known {
			t.server, t.known = netip.AddrPortFrom(t.server.Addr(), from.Port()), true
		}
		kind, body = t.in[1], t.in[2:n]
		if kind == tftpError {
			return 0, nil, tftpProblem(binary.BigEndian.Uint16(body), body[2:])
		}
		return kind, body, nil
	}
}

// tftpProblem is the error that a server reports.
func tftpProblem(code uint16, text []byte) error {
	text, _, _ = bytes.Cut(text, []byte{0})
	err := fmt.Errorf("the server says %q (TFTP error %d)", text, code)
	switch code {
	case tftpNotFound:
		err = permanent{fmt.Errorf("%w: %w", ErrNotFound, err)}
	case tftpDenied, tftpNoUser:
		err = permanent{err}
	case tftpBadOption:
		err = fmt.Errorf("%w: %w", errTFTPOption, err)
	}
	return layeredError{LayerTFTP, err}
}

// take accepts the next block; false means that it is another one.
func (t *tftpTransfer) take(body []byte) bool {
	number := binary.BigEndian.Uint16(body)
	if number != t.block+1 || len(body)-2 > t.size {
		return false
	}
	t.block, t.data = number, body[2:]
	t.last = len(t.data) < t.size
	t.sent = ack(number)
	return true
}

// Read implements io.Reader.
func (t *tftpTransfer) Read(p []byte) (int, error) {
	for t.err == nil && len(t.data) == 0 {
		if t.last {
			_, _ = t.socket.WriteToUDPAddrPort(t.sent, t.server) // the file is complete, whether the server hears it or not
			t.err = io.EOF
			break
		}
		kind, body, err := t.exchange()
		if t.err = err; err == nil && kind == tftpData {
			t.take(body) // an old block makes us send the last acknowledgement again
		}
	}
	n := copy(p, t.data)
	t.data = t.data[n:]
	if n > 0 {
		return n, nil
	}
	return 0, t.err
}

// Close ends the transfer; the server notices by itself.
func (t *tftpTransfer) Close() error {
	t.unhook()
	return t.socket.Close()
}
