// Package bootreport tells a server what a first boot did: Address finds out where, Payload
// makes the text, Send sends it. It is asked for by a kernel argument or by the config,
// is of at most MaxBytes, and is never a reason for a boot to wait or to fail. What is in
// it was recorded without secrets.
package bootreport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/resource"
)

// SettingsPath is the file of a config that asks for a report. The spec of configs has no
// key for that, and other programs would refuse or lose one: docs/adr/0187.
const SettingsPath = "/etc/ignition/report.json"

// ContentType is that of lines of JSON.
const ContentType = "application/x-ndjson"

const (
	// MaxBytes is the greatest length of a report.
	MaxBytes = 1 << 20
	// maxSettings is that of the file that asks for one.
	maxSettings = 64 << 10
	// maxRequests is how often a server hears of one report.
	maxRequests = 3
)

// Address returns where a report is to be sent: what the kernel argument says or else the
// file SettingsPath of the config. It is "" if nobody asks for one.
func Address(ctx context.Context, f *resource.Fetcher, argument string, c types.Config) (string, error) {
	if argument != "" {
		if err := Check(argument); err != nil {
			return "", fmt.Errorf("kernel argument ignition.report.url: %w", err)
		}
		return argument, nil
	}
	for i := range c.Storage.Files {
		if file := &c.Storage.Files[i]; file.Path == SettingsPath && file.Contents.Source != nil {
			address, err := read(ctx, f, file.Contents)
			if err != nil {
				return "", fmt.Errorf("file %s of the config: %w", SettingsPath, err)
			}
			return address, nil
		}
	}
	return "", nil
}

// read reads the file that asks for a report.
func read(ctx context.Context, f *resource.Fetcher, r types.Resource) (string, error) {
	data, err := f.ReadAll(ctx, r, maxSettings)
	if err != nil {
		return "", err
	}
	var settings struct{ URL string }
	if json.Unmarshal(data, &settings) != nil || settings.URL == "" {
		return "", errors.New(`it must be {"url": "https://…"}`)
	}
	return settings.URL, Check(settings.URL)
}

// Check refuses addresses that no report is sent to: all that are not https.
func Check(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme == "":
		return errors.New("it is not a URL such as https://…") // it may hold a password
	case u.Scheme != "https":
		return fmt.Errorf("%s: a report is sent by https only", resource.Show(address))
	case u.Hostname() == "":
		return fmt.Errorf("%s: it names no server", resource.Show(address))
	}
	return nil
}

// Send sends a report, for at most limit. It waits for a network that is not up yet. A
// server that sends elsewhere is not followed.
func Send(ctx context.Context, f *resource.Fetcher, address string, payload []byte, limit time.Duration) error {
	_, err := f.Do(ctx, resource.Request{
		Method: http.MethodPost, URL: address, Header: http.Header{"Content-Type": {ContentType}, "Accept": {"*/*"}}, Body: payload,
		Total: limit, Tries: maxRequests, Patient: true, Final: true,
	})
	return err
}
