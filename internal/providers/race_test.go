package providers

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// actor is a source that answers after a while. One that never answers ends with its
// context.
type actor struct {
	name  string
	after time.Duration
	data  string
	err   error
	// device makes it one that may appear, after this time.
	device *time.Duration
	start  time.Time
}

func (a *actor) places() []string { return []string{a.name} }
func (a *actor) needsNet() bool   { return false }

func (a *actor) read(ctx context.Context, _ *Env) (Config, error) {
	if a.after < 0 {
		<-ctx.Done()
		return Config{}, ctx.Err()
	}
	time.Sleep(a.after)
	return Config{Data: []byte(a.data), Where: a.name}, a.err
}

// device is an actor that can tell whether it is there.
type device struct{ *actor }

func (d device) isThere(*Env) bool {
	return d.device != nil && time.Since(d.start) >= *d.device
}

const never = -1 * time.Second

func TestTheOrderOfTheListDecidesARace(t *testing.T) {
	soon, broken := 0*time.Second, errors.New("broken")
	for _, c := range []struct {
		name           string
		drive, service actor
		noDrive        bool // it is not there
		want           string
		within, atMost time.Duration
	}{
		{name: "the drive wins although the service is faster", drive: actor{after: time.Second, data: "drive"}, service: actor{data: "service"}, want: "drive", atMost: 2 * time.Second},
		{name: "a drive that is slow to read wins too", drive: actor{after: 9 * time.Second, data: "drive"}, service: actor{data: "service"}, want: "drive", atMost: 10 * time.Second},
		{name: "the service wins when there is no drive", noDrive: true, drive: actor{after: never}, service: actor{data: "service"}, want: "service", within: driveGrace, atMost: 3 * time.Second},
		{name: "a late service wins at once when there is no drive", noDrive: true, drive: actor{after: never}, service: actor{after: time.Minute, data: "service"}, want: "service", within: time.Minute, atMost: 61 * time.Second},
		{name: "a drive without user data does not beat the service", drive: actor{err: ErrNoConfig}, service: actor{after: 5 * time.Second, data: "service"}, want: "service", atMost: 6 * time.Second},
		{name: "a drive without user data wins when the service says nothing", drive: actor{err: ErrNoConfig}, service: actor{after: never}, want: "no user config", within: emptyPatience, atMost: emptyPatience + time.Second},
		{name: "a service without user data waits for no drive", noDrive: true, drive: actor{after: never}, service: actor{err: ErrNoConfig}, want: "no user config", within: driveGrace, atMost: 3 * time.Second},
		{name: "both without user data", drive: actor{err: ErrNoConfig}, service: actor{err: ErrNoConfig}, want: "no user config; no user config", atMost: time.Second},
		{name: "a broken drive does not hide the service", drive: actor{err: broken}, service: actor{data: "service"}, want: "service", atMost: time.Second},
		{name: "a broken service does not hide the drive", drive: actor{after: time.Hour, data: "drive"}, noDrive: true, service: actor{err: broken}, want: "drive", atMost: 2 * time.Hour},
		{name: "a broken service and an empty drive", drive: actor{err: ErrNoConfig}, service: actor{err: broken}, want: "no user config", atMost: time.Second},
		{name: "both broken", drive: actor{err: broken}, service: actor{err: broken}, want: "broken; broken", atMost: time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				drive, service := c.drive, c.service
				drive.name, service.name, drive.start = "drive", "service", time.Now()
				if !c.noDrive {
					drive.device = &soon
				}
				f := newFake(t, nil)
				start := time.Now()
				got, err := race{device{&drive}, &service}.read(t.Context(), f.Env)
				took := time.Since(start)
				text := got.Where
				if err != nil {
					text = err.Error()
				}
				if text != c.want || took < c.within || took > c.atMost {
					t.Errorf("%s after %v, want %s after %v to %v", text, took, c.want, c.within, c.atMost)
				}
			})
		})
	}
}

func TestSequenceGoesOnAfterFailures(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range []struct {
		name          string
		first, second actor
		want          string
	}{
		{"the first has it", actor{data: "x"}, actor{data: "y"}, "first"},
		{"the first has none", actor{err: ErrNoConfig}, actor{data: "y"}, "second"},
		{"the first is broken", actor{err: broken}, actor{data: "y"}, "second"},
		{"the second is broken, the first has none", actor{err: ErrNoConfig}, actor{err: broken}, "no user config"},
		{"both are broken", actor{err: errors.New("no")}, actor{err: broken}, "broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.first.name, c.second.name = "first", "second"
			got, err := sequence{&c.first, &c.second}.read(t.Context(), newFake(t, nil).Env)
			text := got.Where
			if err != nil {
				text = err.Error()
			}
			if text != c.want {
				t.Errorf("%s, want %s", text, c.want)
			}
		})
	}
}
