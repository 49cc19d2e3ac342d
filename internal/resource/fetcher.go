package resource

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/version"
)

// Options of a Fetcher. The zero value is one that works.
type Options struct {
	// Offline refuses everything that needs the network with ErrNeedNet.
	Offline bool
	// Platform is the id of the platform. It decides which credentials are asked for:
	// those of the machine's role on aws, of its service account on gcp, of its managed
	// identity on azure, none elsewhere.
	Platform string
	// Total limits each resource with all its attempts; 0 sets no limit. A config
	// overrules it by ignition.timeouts.httpTotal.
	Total time.Duration
	// ResponseHeaders limits the wait for the header of an answer; 0 means 10 s. A
	// config overrules it by ignition.timeouts.httpResponseHeaders.
	ResponseHeaders time.Duration
	// Parallel is the number of resources fetched at the same time; 0 means 16.
	Parallel int
	// Warn takes lines for people: what is waited for, and for how long. It may be
	// called from several goroutines; nil drops them.
	Warn func(line string)
}

// Defaults of the reference.
const (
	defaultResponseHeaders = 10 * time.Second
	defaultParallel        = 16
	dialTimeout            = 30 * time.Second
)

// Fetcher opens resources. The nil Fetcher has local ones only.
type Fetcher struct {
	shared *shared
	client clientSettings
	// transport has the settings.
	transport *http.Transport
	// total limits one resource; 0 means no limit.
	total time.Duration
}

// shared is what all fetchers of one run have in common.
type shared struct {
	options Options
	slots   chan struct{}
	waiting waiting
	small   smallContents
	scouts  scouts
	policy  policy
	buckets regions
	aws     machine
	gcp     token
	azure   token

	// dial opens connections; tests lead it to servers of their own.
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	mu         sync.Mutex
	transports map[string]*http.Transport // by settings
}

// New returns a Fetcher without a proxy, which trusts the authorities of the system.
func New(o Options) *Fetcher {
	o.Parallel = cmp.Or(o.Parallel, defaultParallel)
	o.ResponseHeaders = cmp.Or(o.ResponseHeaders, defaultResponseHeaders)
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	s := &shared{
		options: o, slots: make(chan struct{}, o.Parallel), policy: defaultPolicy,
		waiting: waiting{warn: o.Warn, next: firstReport}, transports: map[string]*http.Transport{},
		dial: dialer.DialContext, gcp: token{ask: gcpToken}, azure: token{ask: azureToken},
	}
	return s.fetcher(clientSettings{responseHeaders: o.ResponseHeaders}, o.Total)
}

func (s *shared) fetcher(c clientSettings, total time.Duration) *Fetcher {
	return &Fetcher{shared: s, client: c, total: total, transport: s.transport(c)}
}

// IsOffline reports whether what needs the network is refused.
func (f *Fetcher) IsOffline() bool { return f == nil || f.shared.options.Offline }

// Bounded returns a fetcher that does not try for ever: where the config sets no limit for
// all attempts together, there is this one.
func (f *Fetcher) Bounded(limit time.Duration) *Fetcher {
	if f == nil || f.total > 0 {
		return f
	}
	bounded := *f
	bounded.total = limit
	return &bounded
}

// Open returns the content of a resource as a stream, to be closed. It returns when
// the content has begun to arrive; attempts are repeated inside, also when a transfer
// breaks off later. Broken compression and a wrong hash show as errors of Open or Read,
// the latter (ErrHash) in place of io.EOF: content counts only once it was read to the
// end. Other errors are ErrNeedNet, ErrScheme, ErrNotFound, ErrCertificate, a
// *StatusError, and what the system says.
func (f *Fetcher) Open(ctx context.Context, r types.Resource) (io.ReadCloser, error) {
	if r.Source == nil || *r.Source == "" {
		return io.NopCloser(strings.NewReader("")), nil
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	raw, local, err := openLocal(*r.Source)
	switch {
	case err != nil:
		return nil, fmt.Errorf("fetch %s: %w", Show(*r.Source), err)
	case local:
		return decoded(r, raw)
	case f.IsOffline():
		return nil, fmt.Errorf("fetch %s: %w", Show(*r.Source), ErrNeedNet)
	}
	return f.shared.small.open(ctx, f.key(r), func() (io.ReadCloser, error) { return f.openRemote(ctx, r) })
}

// openRemote opens a stream from the network.
func (f *Fetcher) openRemote(ctx context.Context, r types.Resource) (io.ReadCloser, error) {
	o, err := f.origin(r)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", Show(*r.Source), err)
	}
	t, err := f.transfer(ctx, Show(*r.Source), o)
	if err != nil {
		return nil, err
	}
	return decoded(r, t)
}

// origin finds out how to get a source.
func (f *Fetcher) origin(r types.Resource) (origin, error) {
	u, err := url.Parse(*r.Source)
	if err != nil {
		return nil, errors.New("the source is no URL")
	}
	switch u.Scheme {
	case "http", "https":
		return f.webOrigin(u, r)
	case "tftp":
		return f.tftpOrigin(u)
	case "s3", "arn":
		return f.s3Origin(u, r)
	case "gs":
		return f.gsOrigin(u, r)
	}
	return nil, fmt.Errorf("scheme %s: %w", u.Scheme, ErrScheme)
}

// userAgent is how servers know the program.
func userAgent() string { return "Ignition/" + version.String }

// key tells resources apart: two with the same key have the same content.
func (f *Fetcher) key(r types.Resource) string {
	var b strings.Builder
	part := func(s string) { fmt.Fprintf(&b, "%d:%s;", len(s), s) }
	part(f.client.key())
	part(*r.Source)
	for _, p := range []*string{r.Compression, r.Verification.Hash} {
		if p != nil {
			part(*p)
		} else {
			part("")
		}
	}
	for _, h := range r.HTTPHeaders {
		if h.Value != nil {
			part(h.Name)
			part(*h.Value)
		}
	}
	return b.String()
}
