package stage

import (
	"fmt"
	"path"

	"github.com/kindling-boot/kindling/config/types"
	"github.com/kindling-boot/kindling/internal/exec"
	"github.com/kindling-boot/kindling/internal/exec/op"
)

// unitMode is that of unit files and drop-ins.
const unitMode = 0o644

// planUnits plans the units in the order of the config, drop-ins first; then the
// preset file, and last the links that enable and disable.
func planUnits(in *Input) []exec.Operation {
	units := in.Config.Systemd.Units
	view := &op.Units{Contents: map[string]string{}, Dropins: map[string]map[string]string{}, Masks: map[string]bool{}}
	var ops []exec.Operation
	for i, u := range units {
		ops = append(ops, planUnit(in, i, u, view)...)
	}
	preset := &op.Preset{Units: view}
	var links []exec.Operation
	first := -1
	for i, u := range units {
		if u.Enabled == nil {
			continue
		}
		if first < 0 {
			first = i
		}
		about := exec.Description{
			Kind: "enable", Target: u.Name, Step: "createUnits",
			Doing:    fmt.Sprintf("enabling unit %q", u.Name),
			AskedBy:  in.origin("systemd", "units", i, "enabled"),
			Needs:    after(presetsDone),
			Provides: []exec.Key{exec.MilestoneKey(enablingDone)},
		}
		if *u.Enabled {
			view.Enabled = append(view.Enabled, u.Name)
			links = append(links, &op.Enable{About: about, Unit: u.Name, Units: view})
		} else {
			preset.Disabled = append(preset.Disabled, u.Name)
			about.Kind = "disable"
			about.Doing = fmt.Sprintf("disabling unit %q", u.Name)
			links = append(links, &op.Disable{About: about, Unit: u.Name, Units: view})
		}
	}
	if first < 0 {
		return ops
	}
	preset.About = exec.Description{
		Kind: "preset", Target: op.PresetPath, Step: "createUnits",
		Doing:    "setting preset in " + in.outside(op.PresetPath),
		AskedBy:  in.origin("systemd", "units", first, "enabled"),
		Needs:    after(unitsDone),
		Provides: []exec.Key{exec.MilestoneKey(presetsDone), exec.PathKey(op.PresetPath)},
	}
	return append(append(ops, preset), links...)
}

func planUnit(in *Input, i int, u types.Unit, view *op.Units) []exec.Operation {
	var ops []exec.Operation
	masks := u.Mask != nil && *u.Mask
	for j, d := range u.Dropins {
		if d.Contents == nil {
			continue
		}
		if view.Dropins[u.Name] == nil {
			view.Dropins[u.Name] = map[string]string{}
		}
		view.Dropins[u.Name][d.Name] = *d.Contents
		ops = append(ops, writeUnit(in, "drop-in", u.DropinPath(d), *d.Contents, in.origin("systemd", "units", i, "dropins", j)))
	}
	// contents that are masked would be replaced by the mask right away
	if u.Contents != nil && *u.Contents != "" && !masks {
		view.Contents[u.Name] = *u.Contents
		ops = append(ops, writeUnit(in, "unit", u.Path(), *u.Contents, in.origin("systemd", "units", i)))
	}
	if u.Mask == nil {
		return ops
	}
	view.Masks[u.Name] = masks
	about := exec.Description{
		Kind: "mask", Target: u.Name, Step: "createUnits",
		Doing:    fmt.Sprintf("masking unit %q", u.Name),
		AskedBy:  in.origin("systemd", "units", i, "mask"),
		Needs:    after(hardLinksDone),
		Provides: []exec.Key{exec.MilestoneKey(unitsDone)},
	}
	if !masks {
		about.Kind, about.Doing = "unmask", fmt.Sprintf("unmasking unit %q", u.Name)
		if view.Contents[u.Name] != "" {
			return ops // the unit file takes the place of the mask
		}
	}
	resolved, err := in.Root.Resolve(u.Path())
	if err != nil {
		return append(ops, &op.Refused{About: about, Err: err})
	}
	about.Provides = append(about.Provides, exec.PathKey(resolved))
	return append(ops, &op.Mask{About: about, Path: resolved, Masked: masks})
}

func writeUnit(in *Input, kind, name, data string, origin exec.Origin) exec.Operation {
	target, doing := path.Base(name), "writing unit %q at"
	if kind == "drop-in" {
		doing = "writing systemd drop-in %q at"
	}
	about := exec.Description{
		Kind: kind, Target: target, Step: "createUnits",
		Doing: fmt.Sprintf(doing, target), Outside: in.Root.Outside(name),
		AskedBy:  origin,
		Needs:    after(hardLinksDone),
		Provides: []exec.Key{exec.MilestoneKey(unitsDone)},
	}
	if kind == "drop-in" {
		about.Target = path.Base(path.Dir(name)) + "/" + target
	}
	resolved, err := in.Root.Resolve(name)
	if err != nil {
		return &op.Refused{About: about, Err: err}
	}
	about.Provides = append(about.Provides, exec.PathKey(resolved))
	return &op.Text{About: about, Path: resolved, Data: data, Mode: unitMode}
}

// planReport plans the result file, after everything else.
func planReport(in *Input) []exec.Operation {
	if op.ResultPath == "" {
		return nil
	}
	return []exec.Operation{&op.Result{
		About: exec.Description{
			Kind: "result file", Target: op.ResultPath, Step: "createResultFile",
			Doing: "writing file " + in.outside(op.ResultPath),
			Needs: after(volumesDone), Provides: []exec.Key{exec.MilestoneKey(resultDone), exec.PathKey(op.ResultPath)},
		},
		UserConfigProvided: in.UserConfigProvided,
		Account:            in.Account,
	}}
}

// planEvents plans the copy of the events.
func planEvents(in *Input) []exec.Operation {
	if in.Events == nil || op.EventsPath == "" {
		return nil
	}
	return []exec.Operation{&op.Events{
		About: exec.Description{
			Kind: "events", Target: op.EventsPath, Step: "keepEvents",
			Doing:    "writing file " + in.outside(op.EventsPath),
			Needs:    after(resultDone),
			Provides: []exec.Key{exec.PathKey(op.EventsPath), exec.MilestoneKey(filesDone)},
		},
		Events: in.Events,
	}}
}
