package resource

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/kindling-boot/kindling/config/json"
)

// The metadata service of EC2, version 2: each request has a token.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
const (
	imds         = "http://169.254.169.254/latest/"
	imdsTokenTTL = "21600" // seconds
	// imdsLimit is for all questions together: without an answer requests go unsigned.
	imdsLimit = 10 * time.Second
	// renewal is how long before their end credentials are renewed.
	renewal = 5 * time.Minute
)

// machine is what EC2 says about the machine. The zero value asks when something is
// wanted for the first time, and only on the platform aws.
type machine struct {
	mu    sync.Mutex
	asked bool
	until time.Time // credentials are good until then
	creds *aws.Credentials
	where string
}

// credentials returns those of the machine's role, nil if it has none.
func (m *machine) credentials(ctx context.Context, s *shared) *aws.Credentials {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ask(ctx, s)
	return m.creds
}

// region returns that of the machine, or the one that is asked first.
func (m *machine) region(ctx context.Context, s *shared) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ask(ctx, s)
	if m.where == "" {
		return firstRegions["aws"]
	}
	return m.where
}

func (m *machine) ask(ctx context.Context, s *shared) {
	if s.options.Platform != "aws" || m.asked && (m.creds == nil || time.Now().Before(m.until)) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, imdsLimit)
	defer cancel()
	// the service is on the link: never through a proxy
	f := s.fetcher(clientSettings{responseHeaders: imdsLimit / 2}, 0)
	token, err := f.Do(ctx, Request{Method: http.MethodPut, URL: imds + "api/token", Header: http.Header{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": {imdsTokenTTL}}})
	if err != nil {
		s.options.Warn("the metadata service of EC2 does not answer, requests to S3 are not signed: " + err.Error())
		m.asked = ctx.Err() == nil
		return
	}
	get := func(path string) ([]byte, error) {
		r, err := f.Do(ctx, Request{URL: imds + "meta-data/" + path, Header: http.Header{"X-Aws-Ec2-Metadata-Token": {string(token.Body)}}})
		if err != nil {
			return nil, err
		}
		return r.Body, nil
	}
	m.asked = true
	if where, err := get("placement/region"); err == nil {
		m.where = string(where)
	}
	const roles = "iam/security-credentials/"
	list, err := get(roles)
	if err != nil {
		return // there is no role
	}
	role, _, _ := strings.Cut(string(list), "\n")
	answer, err := get(roles + strings.TrimSpace(role))
	if err != nil {
		s.options.Warn("the metadata service of EC2 names a role but not its credentials: " + err.Error())
		return
	}
	var c struct {
		Code, AccessKeyID, SecretAccessKey, Token string
		Expiration                                time.Time
	}
	if err := json.Unmarshal(answer, &c); err != nil || c.AccessKeyID == "" || c.Code != "" && c.Code != "Success" {
		s.options.Warn("the metadata service of EC2 answers without credentials")
		return
	}
	m.creds = &aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.Token}
	m.until = c.Expiration.Add(-renewal)
	if c.Expiration.IsZero() {
		m.until = time.Now().Add(time.Hour)
	}
}
