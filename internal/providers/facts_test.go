package providers

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"testing"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/resource"
)

// pages is a service that answers with texts, by address; what it has not is 404.
type pages map[string]string

func (p pages) Open(context.Context, types.Resource) (io.ReadCloser, error) {
	return nil, resource.ErrNeedNet
}

func (p pages) Do(_ context.Context, r resource.Request) (*resource.Response, error) {
	if text, ok := p[r.Method+r.URL]; ok {
		return &resource.Response{Status: http.StatusOK, Body: []byte(text)}, nil
	}
	return &resource.Response{Status: http.StatusNotFound}, nil
}

func TestFactsOfServices(t *testing.T) {
	for _, c := range []struct {
		platform string
		answers  pages
		want     map[string]string
	}{
		{"aws", pages{
			"PUThttp://169.254.169.254/latest/api/token": "secret", "http://169.254.169.254/2021-01-03/meta-data/local-ipv4": "10.0.0.5\n",
			"http://169.254.169.254/2021-01-03/meta-data/placement/region": "eu-1",
		}, map[string]string{
			"private_ipv4": "10.0.0.5", "ds.meta_data.local_ipv4": "10.0.0.5", "local_ipv4": "10.0.0.5", "v1.region": "eu-1", "region": "eu-1",
		}},
		{"hetzner", pages{"http://169.254.169.254/hetzner/v1/metadata/public-ipv4": "192.0.2.1"}, map[string]string{
			"public_ipv4": "192.0.2.1", "ds.meta_data.public_ipv4": "192.0.2.1",
		}},
		{"exoscale", pages{"http://169.254.169.254/1.0/meta-data/public-ipv4": "<html>\n<body>"}, map[string]string{}},
		{"qemu", nil, nil},
	} {
		t.Run(c.platform, func(t *testing.T) {
			f := newFake(t, nil)
			f.Client = c.answers
			p, _ := Find(c.platform)
			got, err := p.Facts(t.Context(), f.Env)
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestFactsNeedTheNetwork(t *testing.T) {
	f := newFake(t, nil)
	f.Offline = true
	p, _ := Find("aws")
	if _, err := p.Facts(t.Context(), f.Env); !errors.Is(err, resource.ErrNeedNet) {
		t.Errorf("error %v", err)
	}
}

func TestMetaDataOfVolumes(t *testing.T) {
	got := parseMetaData([]byte("instance-id: iid-1\nlocal-hostname: web\npublic-keys: [a]\ndsmode: 7\n"))
	for name, want := range map[string]string{
		"v1.local_hostname": "web", "v1.instance_id": "iid-1", "ds.meta_data.local_hostname": "web", "ds.meta_data.dsmode": "7", "ds.meta_data.public_keys": "",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	for _, text := range []string{"", "a: [", "- x", "x", "{a: {b: c}}"} {
		if got := parseMetaData([]byte(text)); len(got) > 0 {
			t.Errorf("%q has %v", text, got)
		}
	}
}
