package main

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/kindling-boot/kindling/config/json"
	"github.com/kindling-boot/kindling/config/legacy"
	"github.com/kindling-boot/kindling/config/source"
	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/internal/providers"
	"github.com/kindling-boot/kindling/internal/resource"
)

// fetchReport is what fetch-config has found out, in the form for programs.
type fetchReport struct {
	Platform string `json:"platform"`
	// ChosenBy tells who named the platform.
	ChosenBy string `json:"chosenBy"`
	// Firmware are the platforms that the firmware shows.
	Firmware []string `json:"firmware,omitempty"`
	// Asks are the places that are asked, in order, until one has a config.
	Asks []string `json:"asks"`
	// Result is found, none, network (it is needed, and --offline was given) or failed.
	Result   string `json:"result"`
	Provider string `json:"provider,omitempty"`
	Where    string `json:"where,omitempty"`
	// Beside are the network config and vendor data that stand beside it.
	Beside []string `json:"beside,omitempty"`
	// Bytes of the config, and before encodings were undone.
	Bytes     int      `json:"bytes,omitempty"`
	RawBytes  int      `json:"rawBytes,omitempty"`
	Encodings []string `json:"encodings,omitempty"`
	SHA512    string   `json:"sha512,omitempty"`
	Dialect   string   `json:"dialect,omitempty"`
	// Keys counts the keys of a config in an older dialect, by what became of them.
	Keys map[string]int `json:"keys,omitempty"`
	// Errors and Warnings are the numbers of problems in the config.
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	// Reason tells why there is no config.
	Reason string `json:"reason,omitempty"`
}

// fetchConfigMain is ignition fetch-config: it asks for the user config as the fetch
// stages do, and tells where it is and what it is. The config itself it prints only with
// --raw.
func fetchConfigMain(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	flags := newFlags("ignition fetch-config", "",
		"Asks for the user config as the first boot does, and tells what was found. Nothing is changed.", stderr)
	id := platformFlag(flags)
	raw := flags.Bool("raw", false, "print the config itself, with all secrets in it, and the report on standard error")
	format := flags.String("format", "text", "`form` of the output: text, json")
	offline := flags.Bool("offline", false, "do not use the network, as the stage fetch-offline does")
	timeout := flags.Duration("timeout", 30*time.Second, "limit for everything")
	rest, err := parseAnywhere(flags, args)
	switch {
	case err != nil:
		return usageStatus(err)
	case len(rest) > 0:
		fmt.Fprintf(stderr, "ignition fetch-config: it takes no arguments, %d were given\n", len(rest))
		return exitUsage
	case *format != "text" && *format != "json":
		fmt.Fprintf(stderr, "ignition fetch-config: format %q is neither text nor json\n", *format)
		return exitUsage
	}
	log := eventlog.New(stderr)
	defer log.Close()
	fetcher := newFetcher(*id, *offline, *timeout, log)
	env := newProviderEnv(fetcher, *timeout, log)
	r := fetchReport{Platform: *id, ChosenBy: "--platform", Firmware: providers.Detect(env)}
	if err := r.choosePlatform(env); err != nil {
		fmt.Fprintf(stderr, "ignition fetch-config: %v\n", err)
		return exitUsage
	}
	platform, ok := providers.Find(r.Platform)
	if !ok {
		fmt.Fprintf(stderr, "ignition fetch-config: the %s names platform %q; known are %s%s\n", r.ChosenBy, r.Platform,
			strings.Join(providers.IDs(), ", "), didYouMean(r.Platform))
		return exitUsage
	}
	r.Asks = append([]string{"the config that kernel arguments name", "user.ign of the system directories"}, platform.Places()...)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeoutCause(ctx, *timeout, fmt.Errorf("no answer within %v; a first boot waits longer", *timeout))
	defer cancel()
	user, err := acquire.FindUser(ctx, env, platform)
	image, wrong := imageOfBoot(env)
	r.judge(ctx, user, errors.Join(err, wrong), acquire.Surroundings{
		Fetcher: fetcher, Image: image, Beside: user.Documents(),
		Facts: func(ctx context.Context) (map[string]string, error) { return platform.Facts(ctx, env) },
	})

	report := stdout
	if *raw {
		report = stderr
		_, err = stdout.Write(user.Data)
	} else {
		err = nil
	}
	if err = errors.Join(err, r.print(report, *format)); err != nil {
		fmt.Fprintf(stderr, "ignition fetch-config: %v\n", err)
		return exitFailed
	}
	if r.Result == resultFailed || r.Result == resultNetwork {
		return exitFailed
	}
	return exitOK
}

// Results of a search.
const (
	resultFound   = "found"
	resultNone    = "none"
	resultNetwork = "network"
	resultFailed  = "failed"
)

// errNoPlatform: nobody named one.
var errNoPlatform = errors.New("no platform: neither --platform nor the kernel argument ignition.platform.id names one")

// choosePlatform takes the platform of the kernel arguments, or the one that the
// firmware shows, if none was given.
func (r *fetchReport) choosePlatform(env *providers.Env) error {
	if r.Platform != "" {
		return nil
	}
	id, err := providers.PlatformArgument(env)
	switch {
	case err != nil:
		return err
	case id != "":
		r.Platform, r.ChosenBy = id, "kernel argument ignition.platform.id"
	case len(r.Firmware) == 1:
		r.Platform, r.ChosenBy = r.Firmware[0], "firmware"
	case len(r.Firmware) > 1:
		return fmt.Errorf("%w, and the firmware shows several: %s", errNoPlatform, strings.Join(r.Firmware, ", "))
	default:
		return errNoPlatform
	}
	return nil
}

// judge notes what was found.
func (r *fetchReport) judge(ctx context.Context, user acquire.User, err error, around acquire.Surroundings) {
	r.Provider = user.Provider
	switch {
	case errors.Is(err, providers.ErrNoConfig):
		r.Result, r.Reason = resultNone, err.Error()
	case errors.Is(err, resource.ErrNeedNet):
		r.Result, r.Reason = resultNetwork, err.Error()
	case err != nil:
		r.Result, r.Reason = resultFailed, err.Error()
	default:
		r.Result, r.Where, r.Bytes, r.RawBytes, r.Encodings = resultFound, user.Where, len(user.Data), user.Size, user.Encodings
		for _, name := range []string{providers.NetworkConfig, providers.VendorData} {
			if c, ok := user.Beside[name]; ok {
				r.Beside = append(r.Beside, c.Where)
			}
		}
		sum := sha512.Sum512(user.Data)
		r.SHA512 = hex.EncodeToString(sum[:])
		doc, ds, err := around.Read(ctx, source.NewFile(user.Where, user.Data))
		if err != nil {
			r.Reason = err.Error()
		}
		r.Dialect = doc.Form.Name()
		r.countKeys(doc.Notes)
		for i := range ds {
			if ds[i : i+1].HasErrors() {
				r.Errors++
			} else {
				r.Warnings++
			}
		}
	}
}

// countKeys counts what became of the keys of a config that was translated.
func (r *fetchReport) countKeys(notes legacy.Notes) {
	for _, n := range notes {
		if r.Keys == nil {
			r.Keys = map[string]int{}
		}
		r.Keys[n.Fate.String()]++
	}
}

func (r *fetchReport) print(w io.Writer, format string) error {
	if format == "json" {
		return json.Write(w, r)
	}
	var b strings.Builder
	line := func(name, text string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name+":", fmt.Sprintf(text, args...))
	}
	line("platform", "%s (by %s)", r.Platform, r.ChosenBy)
	if len(r.Firmware) > 0 {
		line("firmware", "shows %s", strings.Join(r.Firmware, ", "))
	}
	for i, place := range r.Asks {
		line("asks", "%d. %s", i+1, place)
	}
	switch r.Result {
	case resultFound:
		line("result", "found by %s at %s", r.Provider, r.Where)
		line("size", "%s", describe(providers.Config{Data: make([]byte, r.Bytes), Size: r.RawBytes, Encodings: r.Encodings}))
		line("sha512", "%s", r.SHA512)
		verdict := "valid"
		if r.Errors > 0 {
			verdict = "not valid"
		}
		line("dialect", "%s, %s (%d errors, %d warnings)", r.Dialect, verdict, r.Errors, r.Warnings)
		if r.Reason != "" {
			line("refers to", "what cannot be got: %s", r.Reason)
		}
		if r.Keys != nil {
			line("keys", "%d exact, %d approximated, %d without effect", r.Keys[legacy.Exact.String()], r.Keys[legacy.Approximated.String()], r.Keys[legacy.Dropped.String()])
		}
	case resultNone:
		line("result", "none: %s", r.Reason)
	case resultNetwork:
		line("result", "it needs the network: %s", r.Reason)
	default:
		line("result", "failed: %s", r.Reason)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
