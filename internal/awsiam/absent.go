package awsiam

import (
	"maps"
	"strings"
)

// Absent returns, as known to be absent, the keys of an action's service that
// its checks never have: a condition on one of them is dead. Of an action that
// is not listed nothing is known.
func (f *Facts) Absent(action string) Context {
	if ctx, ok := f.absent.Load(action); ok {
		return maps.Clone(ctx.(Context))
	}
	ctx := f.absentFrom(action)
	f.absent.Store(action, ctx)
	return maps.Clone(ctx)
}

func (f *Facts) absentFrom(action string) Context {
	ctx := Context{}
	a, ok := f.Action(action)
	if !ok {
		return ctx
	}
	service, _, _ := strings.Cut(Key(action), ":")
	for name, k := range f.keys {
		if strings.HasPrefix(name, service+":") && !a.Has(name) && (k.When == WithBedrock || k.When == WithAction) {
			ctx[name] = Value{}
		}
	}
	return ctx
}
