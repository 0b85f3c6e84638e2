package governance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
	"github.com/writ-project/writ/receipt"
)

// HoldsConfig assembles Holds; zero sizes and times are the defaults.
type HoldsConfig struct {
	Office *Office
	Keys   *Keys
	Origin string // of this process's log, as its checkpoints name it
	// MaxContent bounds what can be held, in bytes of answer and arguments. What is
	// larger is refused.
	MaxContent int64
	// Keep is how long content is kept after its hold ended.
	Keep time.Duration
	Log  *slog.Logger
}

// What holds what is not said otherwise.
const (
	defaultMaxHeld = 1 << 20
	defaultKeep    = 7 * 24 * time.Hour
)

// Holds are what waits for a human, as the gateway sees it: opened, awaited and
// collected. Each is a resource whose every state a record of the log names, and a
// content that is sealed and kept beside it; a hold that the log does not vouch for
// is none (security S17).
type Holds struct {
	cfg    HoldsConfig
	office *Office

	mu      sync.Mutex
	waiting map[string]map[chan struct{}]bool // by hold: who is told of a change

	acting sync.Mutex // one act on holds at a time: they would only conflict
}

// NewHolds makes them, and lets the office's people and clerk act on them.
func NewHolds(cfg HoldsConfig) *Holds {
	if cfg.MaxContent == 0 {
		cfg.MaxContent = defaultMaxHeld
	}
	if cfg.Keep == 0 {
		cfg.Keep = defaultKeep
	}
	h := &Holds{cfg: cfg, office: cfg.Office, waiting: make(map[string]map[chan struct{}]bool)}
	cfg.Office.holds = h
	return h
}

// The parts of a hold's content.
const answerPart = "answer"

func editPart(index int, digest string) string { return fmt.Sprintf("edit-%d-%s", index, digest) }

func heldLabel(id, part string) string { return id + "\x00" + part }

// openFor is how long opening may take, whether or not the caller still listens.
const openFor = 10 * time.Second

// Open begins to hold an answer. When it returns without an error the hold is
// durable, and every replica knows it. The content is stored first, so that there
// is no hold without.
func (h *Holds) Open(ctx context.Context, n hold.Hold, c hold.Content) (hold.Hold, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), openFor)
	defer cancel()
	n.ID, n.Keep = newRequestID(h.office.cfg.Now()), identity.Duration(h.cfg.Keep)
	n.Eligible = h.office.panelOf(h.office.state.Current(), &n).deciders()
	if err := n.Validate(); err != nil {
		return hold.Hold{}, fmt.Errorf("opening a hold: %w", err)
	}
	if err := h.keep(ctx, &n, &c); err != nil {
		return hold.Hold{}, fmt.Errorf("opening a hold: %w", err)
	}
	err := h.commit(ctx, act{clerkActor, "hold.open", "hold/" + n.ID}, func(*snapshot.Snapshot) ([]store.Change, error) {
		change, err := create(manifest.Hold, n.ID, &n)
		return []store.Change{change}, err
	})
	if err != nil {
		return hold.Hold{}, fmt.Errorf("opening a hold: %w", err)
	}
	return n, nil
}

// keep seals the content and stores it.
func (h *Holds) keep(ctx context.Context, n *hold.Hold, c *hold.Content) error {
	size := int64(len(c.Answer)) + int64(len(c.Text))
	for _, arguments := range c.Calls {
		size += int64(len(arguments))
	}
	if size > h.cfg.MaxContent {
		return fmt.Errorf("%w: %d bytes, of at most %d", hold.ErrTooLarge, size, h.cfg.MaxContent)
	}
	if err := n.CheckContent(c); err != nil {
		return err
	}
	text, err := json.Marshal(c)
	if err != nil {
		return errors.New("the content cannot be written down") // its own words could quote it
	}
	var calls []store.HeldCall
	for _, call := range n.Calls {
		if call.ID != "" {
			calls = append(calls, store.HeldCall{Identity: n.Identity, ToolUse: call.ID, Position: call.Index})
		}
	}
	return h.office.cfg.Store.KeepHeld(ctx, h.sealed(n.ID, answerPart, text), calls...)
}

func (h *Holds) sealed(id, part string, text []byte) store.HeldPart {
	return store.HeldPart{Hold: id, Part: part, Sealed: h.cfg.Keys.Box().Seal(text, heldLabel(id, part)), Created: h.office.cfg.Now()}
}

func (h *Holds) unsealed(ctx context.Context, id, part string) ([]byte, error) {
	sealed, err := h.office.cfg.Store.Held(ctx, id, part)
	if err != nil {
		return nil, err
	}
	return h.cfg.Keys.Box().Open(sealed, heldLabel(id, part))
}

// commit is Office.commit for holds, and tells who waits.
func (h *Holds) commit(ctx context.Context, a act, plan func(*snapshot.Snapshot) ([]store.Change, error)) error {
	h.acting.Lock()
	defer h.acting.Unlock()
	var changed []string
	_, err := h.office.commit(ctx, a, func(s *snapshot.Snapshot) ([]store.Change, error) {
		changes, err := plan(s)
		changed = changed[:0]
		for _, c := range changes {
			changed = append(changed, c.Name)
		}
		return changes, err
	})
	h.tell(changed)
	return err
}

// holdRow is a hold as the store has it and the log vouches for it.
type holdRow struct {
	hold.Hold
	version int64
	record  store.Ref // of its last change
}

// look reads a hold. One that was purged is store.ErrNotFound.
func (h *Holds) look(ctx context.Context, id string) (holdRow, error) {
	row, err := h.office.cfg.Store.Get(ctx, manifest.Hold, id)
	if err != nil {
		return holdRow{}, err
	}
	return h.office.vouchedHold(ctx, row)
}

// vouchedHold decodes a hold's row once the log vouches for it. One that was purged
// meanwhile is store.ErrNotFound.
func (o *Office) vouchedHold(ctx context.Context, row store.Row) (holdRow, error) {
	row, err := o.vouched(ctx, row)
	switch {
	case err != nil:
		return holdRow{}, err
	case row.Deleted():
		return holdRow{}, fmt.Errorf("hold %q: %w", row.Name, store.ErrNotFound)
	}
	return decodedHold(row)
}

func decodedHold(row store.Row) (holdRow, error) {
	r, err := row.Resource()
	if err != nil {
		return holdRow{}, err
	}
	return holdRow{*r.Spec.(*hold.Hold), row.Revision, row.Record}, nil
}

// Find returns an identity's hold, as it stands now; store.ErrNotFound where there
// is none of that id, it is another's, or it was purged.
func (h *Holds) Find(ctx context.Context, who, id string) (hold.Hold, error) {
	k, err := h.look(ctx, id)
	if err == nil && k.Identity != who {
		err = fmt.Errorf("hold %q: %w", id, store.ErrNotFound)
	}
	if err != nil {
		return hold.Hold{}, err
	}
	return k.At(h.office.cfg.Now()), nil
}

// ByToolUse returns the newest hold of an identity that a call of an id waits in,
// and the call's place in the answer.
func (h *Holds) ByToolUse(ctx context.Context, who, toolUse string) (hold.Hold, int, error) {
	id, position, err := h.office.cfg.Store.HeldBy(ctx, who, toolUse)
	if err != nil {
		return hold.Hold{}, 0, err
	}
	n, err := h.Find(ctx, who, id)
	if err != nil {
		return hold.Hold{}, 0, err
	}
	// Which call waits where is read from the hold: the table only finds it.
	if call, ok := n.Call(position); !ok || call.ID != toolUse {
		return hold.Hold{}, 0, fmt.Errorf("call %q: %w", toolUse, store.ErrNotFound)
	}
	return n, position, nil
}

// released reads a hold anew, and wants it released, of an identity that may still
// call.
func (h *Holds) released(ctx context.Context, id string) (holdRow, error) {
	k, err := h.look(ctx, id)
	if err != nil {
		return holdRow{}, err
	}
	if k.State != hold.Released {
		return holdRow{}, fmt.Errorf("hold %s is %s: %w", id, k.State, ErrUnreleased)
	}
	if why := haltedFor(h.office.state.Current(), &k.Hold); why != "" {
		return holdRow{}, fmt.Errorf("hold %s: %s: %w", id, why, ErrUnreleased)
	}
	return k, nil
}

// ErrUnreleased: nothing of the hold may go out.
var ErrUnreleased = errors.New("it is not released")

// Content returns what a released hold held, with the arguments that calls were
// edited to. What becomes of each call is the caller's to carry out, and so is
// deciding the right anew.
func (h *Holds) Content(ctx context.Context, n hold.Hold) (hold.Content, error) {
	k, err := h.released(ctx, n.ID)
	if err != nil {
		return hold.Content{}, err
	}
	return h.content(ctx, &k.Hold)
}

// content opens what a hold holds and compares it with what the hold names.
func (h *Holds) content(ctx context.Context, n *hold.Hold) (hold.Content, error) {
	text, err := h.unsealed(ctx, n.ID, answerPart)
	if err != nil {
		return hold.Content{}, err
	}
	var c hold.Content
	if json.Unmarshal(text, &c) != nil {
		return hold.Content{}, fmt.Errorf("hold %s: its content cannot be read", n.ID)
	}
	c.Edited = make(map[int][]byte)
	for _, call := range n.Calls {
		if call.Verdict != hold.Edit {
			continue
		}
		if c.Edited[call.Index], err = h.unsealed(ctx, n.ID, editPart(call.Index, call.Edited)); err != nil {
			return hold.Content{}, err
		}
	}
	if err := n.CheckContent(&c); err != nil {
		return hold.Content{}, fmt.Errorf("hold %s: %w", n.ID, err)
	}
	return c, nil
}

// Receipts returns the proof of each call that a hold released: the same one
// however often it is asked for.
func (h *Holds) Receipts(ctx context.Context, n hold.Hold) ([]hold.Receipt, error) {
	k, err := h.released(ctx, n.ID)
	if err != nil {
		return nil, err
	}
	origin, err := h.originOf(ctx, k.record.Shard)
	if err != nil {
		return nil, err
	}
	var out []hold.Receipt
	for _, call := range k.Calls {
		if call.Verdict != hold.Release && call.Verdict != hold.Edit {
			continue
		}
		token, err := h.cfg.Keys.SignReceipt(h.claims(&k, call, origin))
		if err != nil {
			return nil, fmt.Errorf("hold %s: %w", n.ID, err)
		}
		out = append(out, hold.Receipt{Call: call.Index, ToolUseID: call.ID, Token: token})
	}
	return out, nil
}

// claims are what a receipt says: they follow from the hold and the record of its
// release, and nothing else.
func (h *Holds) claims(k *holdRow, call hold.Call, origin string) receipt.Claims {
	c := receipt.Claims{
		Identity: k.Identity, Tool: call.Tool, Arguments: call.Digest, Hold: k.ID, Call: call.ID,
		IssuedAt: k.Ended.Unix(), Expires: k.Ended.Add(time.Duration(k.Receipt)).Unix(), Approvers: k.Approvers(),
		LogOrigin: origin, LogIndex: k.record.Index, ID: receipt.NewID(h.cfg.Keys.cfg.Issuer, k.ID, call.Index, origin, k.record.Index),
	}
	if c.Call == "" {
		c.Call = fmt.Sprintf("%s#%d", k.ID, call.Index)
	}
	if call.Verdict == hold.Edit {
		c.Arguments, c.Edited = call.Edited, true
	}
	return c
}

func (h *Holds) originOf(ctx context.Context, shard string) (string, error) {
	if shard == h.office.cfg.Instance.Shard {
		return h.cfg.Origin, nil
	}
	all, err := h.office.cfg.Store.Shards(ctx)
	for _, s := range all {
		if s.Name == shard {
			return s.Origin, err
		}
	}
	return "", errors.Join(err, fmt.Errorf("the log %q is not known", shard))
}

// Collected notes that the caller has what was released. It is for people to see.
func (h *Holds) Collected(ctx context.Context, id string) error {
	return h.office.cfg.Store.NoteCollected(ctx, id, h.office.cfg.Now())
}
