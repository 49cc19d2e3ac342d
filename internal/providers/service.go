package providers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/kindling-boot/kindling/config/dialect"
	"github.com/kindling-boot/kindling/internal/resource"
)

// service is a metadata service that answers over HTTP, at one or more addresses.
type service struct {
	// hosts are the addresses of one and the same service ("http://169.254.169.254"),
	// the preferred one first. All are asked at once.
	hosts []string
	// moreHosts finds addresses that depend on the machine; nil if there are none.
	moreHosts func(ctx context.Context, env *Env) ([]string, error)
	// dynamic says for people what moreHosts finds.
	dynamic string
	// path of the user data, with its query.
	path string
	// header of the request: names and values in turns.
	header []string
	// token to be got first; nil if none.
	token *token
	// declared undoes the encoding that the protocol prescribes; nil if there is none.
	declared func([]byte) ([]byte, error)
	// retry are statuses below 500 that pass, besides 408, 425 and 429.
	retry []int
	// patience limits how long an address is asked; zero is Env.Timeout.
	patience time.Duration
	// lowPort asks from a port that only root may use.
	lowPort bool
	// hint tells what to do when the service refuses with 401 or 403.
	hint string
}

// token is what a service wants to see before it answers.
type token struct {
	path string
	// header of the request (PUT) for the token, like that of the service.
	header []string
	// carry is the header that carries it afterwards.
	carry string
	// optional are statuses of a service that knows no tokens: it is asked without.
	optional []int
}

// tokenTries is how many tokens are got when the service says that they have expired.
const tokenTries = 3

// addressPatience is how long the other addresses of a service are waited for when one
// has said that there is nothing.
const addressPatience = time.Second

func (s *service) places() []string {
	var all []string
	for _, h := range s.hosts {
		all = append(all, h+s.path)
	}
	if s.dynamic != "" {
		all = append(all, "http://"+s.dynamic+s.path)
	}
	return all
}

func (*service) needsNet() bool { return true }

// read asks all addresses at once. A config counts when it arrives; any other answer
// (nothing, or a refusal) only if no other address has a config a second later; a
// failure to connect if all fail.
func (s *service) read(ctx context.Context, env *Env) (Config, error) {
	if env.Offline {
		return Config{}, resource.ErrNeedNet
	}
	patience := s.patience
	if patience == 0 {
		patience = env.timeout()
	}
	ctx, stop := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it has not answered within %v", patience))
	defer stop()
	hosts := s.hosts
	if s.moreHosts != nil {
		more, err := s.moreHosts(ctx, env)
		if err != nil {
			return Config{}, err
		}
		hosts = append(slices.Clone(hosts), more...)
	}
	incoming := make(chan answer, len(hosts))
	for i, h := range hosts {
		go func() {
			c, answered, err := s.ask(ctx, env, h)
			incoming <- answer{index: i, config: c, err: err, done: answered}
		}()
	}
	var empty error
	failures := make([]error, len(hosts)) // in order: errors are the same on every run
	giveUp := (<-chan time.Time)(nil)
waiting:
	for range hosts {
		select {
		case a := <-incoming:
			if a.err == nil {
				return a.config, nil
			}
			if a.done && giveUp == nil {
				giveUp = time.After(addressPatience)
			}
			if errors.Is(a.err, ErrNoConfig) {
				empty = a.err
			} else {
				failures[a.index] = a.err
			}
		case <-giveUp:
			break waiting
		}
	}
	if empty != nil {
		if f := together(failures...); f != nil {
			env.note("%v", f)
		}
		return Config{}, empty
	}
	return Config{}, together(failures...)
}

// ask gets the config from one address; answered tells that the service itself is the
// reason of an error.
func (s *service) ask(ctx context.Context, env *Env, host string) (c Config, answered bool, err error) {
	where := resource.Show(host + s.path)
	for try := 1; ; try++ {
		h := header(s.header...)
		if s.token != nil {
			value, answered, err := s.token.get(ctx, env, host, s)
			if err != nil && answered { // other errors name the address themselves
				err = fmt.Errorf("get token from %s: %w", resource.Show(host+s.token.path), err)
			}
			if err != nil {
				return c, answered, err
			}
			if value != "" {
				if h == nil {
					h = http.Header{}
				}
				h.Set(s.token.carry, value)
			}
		}
		r, err := env.ask(ctx, question{url: host + s.path, header: h, retry: s.retry, lowPort: s.lowPort})
		switch {
		case err != nil:
			return c, false, err
		case r.status == http.StatusNotFound:
			env.warn("%s: status 404: the machine boots without a user config", where)
			return c, true, fmt.Errorf("%s has %w: status 404", where, ErrNoConfig)
		case r.status == http.StatusUnauthorized && s.token != nil && try < tokenTries:
			env.note("%s: the token is not accepted; another one is asked for", where)
		case r.status != http.StatusOK && r.status != http.StatusNoContent:
			return c, true, fmt.Errorf("ask %s: %w", where, s.refused(r.status))
		default:
			c, err = s.unpack(r.body, where)
			return c, true, err
		}
	}
}

func (s *service) unpack(body []byte, where string) (Config, error) {
	if s.declared == nil || len(body) == 0 {
		return Unpack(body, where)
	}
	data, err := s.declared(body)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", where, err)
	}
	c, err := Unpack(data, where)
	if err == nil && len(data) != len(body) {
		c.Encodings = append([]string{dialect.Base64}, c.Encodings...)
	}
	c.Size = len(body)
	return c, err
}

// refused explains a status.
func (s *service) refused(status int) error {
	text := fmt.Sprintf("status %d %s", status, http.StatusText(status))
	if s.hint != "" && (status == http.StatusUnauthorized || status == http.StatusForbidden) {
		text += "; " + s.hint
	}
	return errors.New(text)
}

// maxToken is the number of bytes of a token; real ones have some hundred.
const maxToken = 16 << 10

// get gets a token; "" if the service knows none.
func (t *token) get(ctx context.Context, env *Env, host string, s *service) (value string, answered bool, err error) {
	r, err := env.ask(ctx, question{method: http.MethodPut, url: host + t.path, header: header(t.header...), limit: maxToken})
	switch {
	case err != nil:
		return "", false, err
	case slices.Contains(t.optional, r.status):
		env.note("%s has no tokens (status %d); it is asked without", resource.Show(host), r.status)
		return "", true, nil
	case r.status != http.StatusOK:
		return "", true, s.refused(r.status)
	}
	value = string(trimSpace(r.body))
	if value == "" {
		return "", true, errors.New("it is empty")
	}
	for _, c := range []byte(value) {
		if c < ' ' || c > '~' {
			return "", true, errors.New("it has characters that no header can hold")
		}
	}
	return value, true, nil
}

// linkLocal is the address of most metadata services: RFC 3927, as Amazon chose it.
const linkLocal = "http://169.254.169.254"
