package main

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/kindling-boot/kindling/config"
	"github.com/kindling-boot/kindling/config/diag"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/dialect"
	"github.com/kindling-boot/kindling/internal/entropy"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/bootlog"
	"github.com/kindling-boot/kindling/internal/exec/consoles"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/internal/exec/op"
	"github.com/kindling-boot/kindling/internal/exec/record"
	"github.com/kindling-boot/kindling/internal/exec/stage"
	"github.com/kindling-boot/kindling/internal/providers"
	"github.com/kindling-boot/kindling/internal/resource"
	"github.com/kindling-boot/kindling/internal/sysroot"
	"github.com/kindling-boot/kindling/reports"
)

// configMessageID marks the journal records of configs in use. Login screens look for
// it.
const configMessageID = "57124006b5c94805b77ce473e92a8aeb"

// stageRun is one run of one stage.
type stageRun struct {
	engineFlags
	state    *acquire.State
	log      *eventlog.Log
	recorder *record.Recorder
	tally    bootlog.Tally // of what is recorded
	progress *consoles.Progress
}

// sink gives each event to the log, the record and the consoles.
func (r *stageRun) sink(e exec.Event) {
	r.log.Sink()(e)
	r.recorder.Sink(e)
	r.progress.Sink(e)
}

func (r *stageRun) run(ctx context.Context, s stage.Stage) error {
	if needsRandom[s.Name] {
		if err := entropy.Wait(ctx, deviceTimeout, func(text string) { r.log.Printf(eventlog.Warning, "%s", text) }); err != nil {
			return err
		}
	}
	base, warnings, ignored, err := acquire.Base(*r.platform)
	reportDiagnostics(r.log, warnings)
	for _, at := range ignored {
		r.log.Printf(eventlog.Warning, "%s: a fragment of the base config refers to another config, which is ignored", at)
	}
	if err != nil {
		return err
	}
	r.state.Add(acquire.Fetched{Kind: "base", Source: "system"})
	var user config.Config
	if s.Acquires {
		user, err = r.acquire(ctx, s.Name == "fetch-offline")
		if errors.Is(err, resource.ErrNeedNet) && s.Name == "fetch-offline" {
			r.log.Printf(eventlog.Info, "%s: %v", s.Name, err)
			return acquire.Flag(r.needNet)
		}
	} else {
		user, err = acquire.ReadCache(r.configCache)
	}
	if err != nil {
		return err
	}
	full := config.Merge(base, user)
	if s.Name == "files" && len(r.state.Files) > 0 { // what the platform adds gives way to the user
		added := acquire.Empty()
		added.Storage.Files = r.state.Files
		full = config.Merge(config.Merge(base, added), user)
	}
	if s.Name == "fetch-offline" && acquire.NeedsNet(full) {
		r.log.Printf(eventlog.Info, "%s: the config refers to the network", s.Name)
		return acquire.Flag(r.needNet)
	}
	fragment, err := keysFragment()
	if err != nil {
		return err
	}
	root, err := sysroot.Open(r.root)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // nothing is written through the descriptor of the root
	fetcher, err := newFetcher(*r.platform, s.Name == "fetch-offline", 0, r.log).Under(ctx, full.Ignition)
	if err != nil {
		return err
	}
	engine := exec.Engine{Stage: s.Name, Root: root, Fetcher: fetcher, Sink: r.sink}
	in := &stage.Input{
		Config: full, Root: root, KeysFragment: fragment,
		Report: true, LookEarly: true, UserConfigProvided: r.state.UserConfigProvided(), Account: r.account,
		State: r.state, Machine: &op.Machine{State: r.state, Wait: deviceTimeout},
	}
	if r.recorder != nil {
		in.Events = r.recorder.Flush
	}
	_, err = engine.Run(ctx, s.Plan(in))
	if err != nil && s.Undo != nil {
		_, undoErr := engine.Run(context.WithoutCancel(ctx), s.Undo(in))
		err = errors.Join(err, undoErr)
	}
	return err
}

// needsRandom are the stages that may need random numbers: TLS, GUIDs, keys of volumes.
var needsRandom = map[string]bool{"fetch": true, "disks": true, "files": true}

// deviceTimeout is how long a stage waits for devices: systemd's own limit,
// DefaultDeviceTimeoutSec of systemd-system.conf(5).
const deviceTimeout = 90 * time.Second

// acquire gets the user config, renders it and writes the cache.
func (r *stageRun) acquire(ctx context.Context, offline bool) (config.Config, error) {
	fetcher := newFetcher(*r.platform, offline, r.fetchTimeout, r.log)
	platform, _ := providers.Find(*r.platform) // the flag takes no other
	env := newProviderEnv(fetcher, r.fetchTimeout, r.log)
	facts := func(ctx context.Context) (map[string]string, error) { return platform.Facts(ctx, env) }
	user, err := acquire.FindUser(ctx, env, platform)
	r.state.Files = user.Files
	if errors.Is(err, providers.ErrNoConfig) {
		r.log.Printf(eventlog.Info, "no config from %s: %v", user.Provider, err)
		r.recorder.Note(record.Line{Event: record.ConfigFound, Config: &record.Config{Provider: user.Provider}})
		return acquire.Empty(), r.keep(acquire.Empty())
	}
	if err != nil {
		return config.Config{}, err
	}
	r.log.Printf(eventlog.Info, "config from %s: %s, found at %s", user.Provider, describe(user.Config), user.Where)
	sum := fmt.Sprintf("%x", sha512.Sum512(user.Data))
	r.log.Printf(eventlog.Debug, "parsing config with SHA512: %s", sum)
	r.recorder.Note(record.Line{Event: record.ConfigFound, Config: &record.Config{
		Provider: user.Provider, Where: user.Where, Bytes: len(user.Data), SHA512: sum,
	}})
	image, err := imageOfBoot(env)
	if err != nil {
		return config.Config{}, err
	}
	cfg, ds, err := acquire.Surroundings{Fetcher: fetcher, Facts: facts, Image: image, Beside: user.Documents()}.Parse(ctx, source.NewFile(user.Where, user.Data))
	used := []acquire.Fetched{{Kind: "user", Source: user.Provider}}
	if errors.Is(err, resource.ErrNeedNet) { // there is a config, though not all of it
		r.state.Add(used[0])
	}
	if err != nil {
		return config.Config{}, err
	}
	reportDiagnostics(r.log, ds)
	renderer := acquire.Renderer{Fetcher: fetcher, Facts: facts, Image: image}
	rendered, err := renderer.Render(ctx, cfg)
	reportDiagnostics(r.log, renderer.Warnings)
	used = append(used, renderer.Used...)
	if err != nil {
		if errors.Is(err, resource.ErrNeedNet) { // there is a config, though not all of it
			r.state.Add(used[0])
		}
		return config.Config{}, err
	}
	for _, u := range used {
		r.state.Add(u)
	}
	return rendered, r.keep(rendered)
}

// keep writes the cache and tells the journal what is in use.
func (r *stageRun) keep(rendered config.Config) error {
	if err := acquire.WriteCache(r.configCache, rendered); err != nil {
		return err
	}
	for _, u := range r.state.Fetched {
		r.recordConfig(u)
	}
	return nil
}

// tell tells the platform how the stage has ended. That may fail without harm.
func (r *stageRun) tell(ctx context.Context, s stage.Stage, outcome error) {
	platform, _ := providers.Find(*r.platform) // the flag takes no other
	if s.Name == "fetch-offline" || !platform.Reports() {
		return
	}
	env := newProviderEnv(newFetcher(*r.platform, false, 0, r.log), 0, r.log)
	if err := platform.Report(ctx, env, providers.Outcome{Stage: s.Name, Err: outcome}); err != nil {
		r.log.Printf(eventlog.Error, "%v", err)
	}
}

// recordConfig tells the journal about a config in use.
func (r *stageRun) recordConfig(f acquire.Fetched) {
	what := ""
	if f.Referenced {
		what = "referenced "
	}
	r.log.Record(fmt.Sprintf("fetched %s%s config from %q", what, f.Kind, f.Source), map[string]string{
		"MESSAGE_ID":                 configMessageID,
		"IGNITION_CONFIG_TYPE":       f.Kind,
		"IGNITION_CONFIG_SRC":        f.Source,
		"IGNITION_CONFIG_REFERENCED": strconv.FormatBool(f.Referenced),
	})
}

const keysFragmentEnv = "IGNITION_WRITE_AUTHORIZED_KEYS_FRAGMENT"

// keysFragmentDefault is true where sshd reads authorized_keys.d. A distribution can
// set it when it links.
var keysFragmentDefault = "true"

// keysFragment reports whether ssh keys go to authorized_keys.d/ignition.
func keysFragment() (bool, error) {
	text := os.Getenv(keysFragmentEnv)
	if text == "" {
		text = keysFragmentDefault
	}
	switch text {
	case "true", "1":
		return true, nil
	case "false", "0":
		return false, nil
	}
	return false, fmt.Errorf("read %s: %q is none of true, 1, false, 0", keysFragmentEnv, text)
}

// report prints why something failed, with all that is known.
func report(log *eventlog.Log, err error) {
	var invalid *acquire.InvalidError
	var problems exec.Problems
	switch {
	case errors.As(err, &problems):
		log.Problems(problems)
	case errors.As(err, &invalid):
		log.Printf(eventlog.Critical, "%v", err)
		reportDiagnostics(log, invalid.Diagnostics)
	default:
		log.Printf(eventlog.Critical, "%v", err)
	}
}

// reportDiagnostics prints what was found in a config.
func reportDiagnostics(log *eventlog.Log, ds diag.List) {
	severities := map[diag.Severity]eventlog.Severity{
		diag.Error: eventlog.Critical, diag.Warning: eventlog.Warning, diag.Info: eventlog.Info,
	}
	hideContents(ds, map[*source.File]bool{})
	for i := range ds {
		log.Printf(severities[ds[i].Severity], "%s", textOf(ds[i:i+1]))
	}
}

// hideContents keeps contents of files out of excerpts in logs: they may be secrets. seen
// are documents that it has looked at.
func hideContents(ds []diag.Diagnostic, seen map[*source.File]bool) {
	for _, d := range ds {
		hideContents(d.Related, seen)
		if f := d.At.File; f != nil && !seen[f] {
			seen[f] = true
			f.HideContents()
		}
	}
}

func textOf(ds diag.List) string {
	var b strings.Builder
	_ = reports.Text(&b, ds, reports.Options{}) // a Builder takes everything
	return b.String()
}

// newFetcher returns what opens the resources of a run. total limits each of them until
// a config says otherwise.
func newFetcher(platform string, offline bool, total time.Duration, log *eventlog.Log) *resource.Fetcher {
	return resource.New(resource.Options{
		Offline: offline, Platform: platform, Total: total,
		Warn: func(line string) { log.Printf(eventlog.Warning, "%s", line) },
	})
}

// parseDocument reads and renders the config that a command was given.
func parseDocument(ctx context.Context, f *source.File, fetcher *resource.Fetcher, image *dialect.Image) (config.Config, diag.List, error) {
	cfg, ds, err := acquire.Surroundings{Fetcher: fetcher, Image: image}.Parse(ctx, f)
	if err != nil {
		return cfg, nil, err
	}
	renderer := acquire.Renderer{Fetcher: fetcher, Image: image}
	rendered, err := renderer.Render(ctx, cfg)
	return rendered, append(ds, renderer.Warnings...), err
}
