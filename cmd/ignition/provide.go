package main

import (
	"fmt"
	"time"

	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/internal/providers"
	"github.com/kindling-boot/kindling/internal/resource"
	"github.com/kindling-boot/kindling/internal/run"
)

// newProviderEnv returns what providers work with on the running system. What they tell
// goes to the log.
func newProviderEnv(fetcher *resource.Fetcher, timeout time.Duration, log *eventlog.Log) *providers.Env {
	return &providers.Env{
		Paths:   providers.SystemPaths(),
		Client:  fetcher,
		Run:     run.Runner{},
		Timeout: timeout,
		Offline: fetcher.IsOffline(),
		Note:    func(text string) { log.Printf(eventlog.Info, "%s", text) },
		Warn:    func(text string) { log.Printf(eventlog.Warning, "%s", text) },
	}
}

// describe says what was found, without showing it.
func describe(c providers.Config) string {
	text := fmt.Sprintf("%d bytes", len(c.Data))
	for i, e := range c.Encodings {
		if i == 0 {
			text = fmt.Sprintf("%d bytes, %s", c.Size, e)
		} else {
			text += " of " + e
		}
	}
	if len(c.Encodings) > 0 {
		text += fmt.Sprintf(" of %d bytes", len(c.Data))
	}
	return text
}
