package resource

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// scoutTime is how long the others wait for the first answer of a server.
const scoutTime = time.Second

// server is a host that is asked over the connections of a transport.
type server struct {
	transport *http.Transport
	host      string
}

// scouts are the first requests to servers of HTTPS, which go alone until they are
// answered: if the server speaks HTTP/2, all others use that connection instead of opening
// sixteen. docs/adr/0204.
type scouts struct {
	mu sync.Mutex
	// out has a channel for each server, closed when it has answered.
	out map[server]chan struct{}
}

// wait returns when a request may go. The function it returns is called when that was
// answered or has failed.
func (s *scouts) wait(ctx context.Context, to server, scheme string) (answered func()) {
	if scheme != "https" {
		return func() {}
	}
	s.mu.Lock()
	out, known := s.out[to]
	if !known {
		if s.out == nil {
			s.out = map[server]chan struct{}{}
		}
		out = make(chan struct{})
		s.out[to] = out
	}
	s.mu.Unlock()
	if !known {
		return func() { close(out) }
	}
	select {
	case <-out:
	case <-time.After(scoutTime):
	case <-ctx.Done():
	}
	return func() {}
}
