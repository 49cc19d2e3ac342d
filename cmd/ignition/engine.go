package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/kindling-boot/kindling/internal/exec/acquire"
	"github.com/kindling-boot/kindling/internal/exec/eventlog"
	"github.com/kindling-boot/kindling/internal/exec/stage"
	"github.com/kindling-boot/kindling/internal/providers"
	"github.com/kindling-boot/kindling/version"
)

// eventsName is the file beside the state in which the stages of a boot keep their events.
const eventsName = "events.jsonl"

// engineFlags are the flags of a stage.
type engineFlags struct {
	configCache, needNet, root, stateFile string
	stage, platform                       *string
	// showOn are the consoles that show the progress.
	showOn string
	// fetchTimeout limits fetches over the network.
	fetchTimeout time.Duration
	logToStdout  bool
}

// engineMain runs one stage.
func engineMain(args []string, _ io.Reader, stdout, stderr io.Writer) int {
	var o engineFlags
	flags := newFlags("ignition", "",
		"Runs one stage of the provisioning of a machine. Other uses: ignition plan, apply, validate, rmcfg, fetch-config, status, analyze, verdict, report.", stderr)
	flags.StringVar(&o.configCache, "config-cache", "/run/ignition.json", "`file` with the rendered config, written by the fetch stages")
	flags.DurationVar(&o.fetchTimeout, "fetch-timeout", 2*time.Minute, "limit for fetches before the config is known")
	flags.StringVar(&o.showOn, "consoles", "auto", "`files`, with commas between them, to show progress on; auto: the consoles of the machine, in an initramfs")
	flags.StringVar(&o.needNet, "neednet", "/run/ignition/neednet", "flag `file` that is created when the network is needed")
	o.platform = platformFlag(flags)
	flags.StringVar(&o.root, "root", "/", "`directory` that is the root of the system to be")
	o.stage = oneOf(flags, "stage", "`name` of the stage: "+strings.Join(stage.Names(), ", "), stage.Names())
	flags.StringVar(&o.stateFile, "state-file", "/run/ignition/state", "`file` with what stages tell each other")
	flags.BoolVar(&o.logToStdout, "log-to-stdout", false, "log to standard output instead of the system log")
	showVersion := flags.Bool("version", false, "print the version and exit")
	// other arguments are ignored: IGNITION_ARGS may hold some
	if _, err := parseAnywhere(flags, args); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			refuse(err)
		}
		return usageStatus(err)
	}
	switch {
	case *showVersion:
		return printVersion(stdout)
	case *o.platform == "":
		return refuse(errStagePlatform, stderr)
	case *o.stage == "":
		return refuse(errStageName, stderr)
	}
	log := openLog(o.logToStdout, stdout)
	defer log.Close()
	log.Printf(eventlog.Info, "Ignition %s", version.String)
	log.Printf(eventlog.Info, "Stage: %s", *o.stage)
	state, err := acquire.ReadState(o.stateFile)
	if err != nil {
		log.Printf(eventlog.Critical, "%v", err)
		return exitSetup
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	s, _ := stage.Find(*o.stage) // the flag takes no other
	run := &stageRun{engineFlags: o, state: state, log: log}
	run.observe(s.Name)
	defer run.progress.Close()
	err = run.run(ctx, s)
	run.tell(ctx, s, err)
	run.conclude(s.Name, err)
	if err != nil {
		fmt.Fprintf(stderr, "%s failed\n", s.Name)
		report(log, err)
		log.Printf(eventlog.Critical, "Ignition failed: %s failed", s.Name)
		// what was found out so far helps the next run, and whoever looks for the cause
		if err := state.Save(); err != nil {
			log.Printf(eventlog.Error, "%v", err)
		}
		run.sendReport(ctx)
		return exitFailed
	}
	if err := state.Save(); err != nil {
		log.Printf(eventlog.Critical, "Ignition failed: %v", err)
		return exitFailed
	}
	log.Printf(eventlog.Info, "%s: %s passed", s.Name, s.Name)
	log.Printf(eventlog.Info, "Ignition finished successfully")
	return exitOK
}

var (
	errStagePlatform = errors.New("'--platform' must be provided")
	errStageName     = errors.New("'--stage' must be provided")
)

// refuse says why a command line cannot be used. In an initramfs nobody sees what the
// program of a unit prints: there the log has it, for the verdict.
func refuse(why error, to ...io.Writer) int {
	for _, w := range to {
		fmt.Fprintln(w, why)
	}
	if _, err := os.Stat("/etc/initrd-release"); err == nil {
		log := eventlog.NewSystem(io.Discard)
		log.Printf(eventlog.Critical, "the stage was not started: %v", why)
		log.Close()
	}
	return exitUsage
}

func openLog(toStdout bool, stdout io.Writer) *eventlog.Log {
	if toStdout {
		return eventlog.NewStdout(stdout)
	}
	return eventlog.NewSystem(stdout)
}

// platformFlag adds the flag for the platform.
func platformFlag(flags *flag.FlagSet) *string {
	ids := providers.IDs()
	var v string
	flags.Func("platform", "`id` of the platform: "+strings.Join(ids, ", "), func(given string) error {
		if _, ok := providers.Find(given); !ok {
			return fmt.Errorf("it is none of %s%s", strings.Join(ids, ", "), didYouMean(given))
		}
		v = given
		return nil
	})
	return &v
}

// didYouMean names the platforms that an unknown id may stand for.
func didYouMean(id string) string {
	near := providers.Near(id)
	if len(near) == 0 {
		return ""
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}

// oneOf adds a flag that takes one of some values.
func oneOf(flags *flag.FlagSet, name, usage string, values []string) *string {
	var v string
	flags.Func(name, usage, func(given string) error {
		if !slices.Contains(values, given) {
			return fmt.Errorf("it is none of %s", strings.Join(values, ", "))
		}
		v = given
		return nil
	})
	return &v
}
