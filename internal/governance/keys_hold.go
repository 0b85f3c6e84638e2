package governance

import (
	"context"
	"errors"
	"slices"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/store"
)

// Box seals what waits for a human. It is nil until Announce has made sure that
// there is a key for it.
func (k *Keys) Box() *credential.Box { return k.box.Load() }

// buildBox takes the keys over that are for holds. An installation of an older
// release has none before Announce.
func (k *Keys) buildBox(all []credential.Key) error {
	if !slices.ContainsFunc(all, func(key credential.Key) bool { return key.Purpose == credential.HoldPurpose }) {
		return nil
	}
	box, err := credential.NewBox(all)
	if err == nil {
		k.box.Store(box)
	}
	return err
}

// addMissing makes the keys that an installation of an older release does not have,
// and names them in a record of their own.
func (k *Keys) addMissing(ctx context.Context) error {
	have, err := k.cfg.Store.Keys(ctx)
	if err != nil {
		return err
	}
	var fresh []credential.Key
	for _, p := range keyPurposes {
		if !slices.ContainsFunc(have, func(row store.Key) bool { return row.Purpose == string(p) }) {
			fresh = append(fresh, credential.NewKey(1, p, 0, k.cfg.Now()))
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	err = k.introduce(ctx, auditlog.Control{Action: "keys.create", Actor: Self}, fresh)
	if errors.Is(err, store.ErrConflict) {
		return nil // a replica that starts with us was faster
	}
	return err
}
