// Package governance is the people's road: changes to what the gateway decides
// on. Every act is the same sentence — check, record, act: the whole state that
// would result is validated, the intention is made durable in the audit log
// naming each change by digest, and only then is the store changed, each row
// carrying the record that authorised it. An outcome record closes the act.
//
// The package trusts the actor it is given (a face has authenticated it) and
// the store's transactions. It promises that no row changes without a record
// that names it (security S17), and that a crash between record and change is
// found and closed at the next start (security S27).
package governance

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/authority"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/store"
)

// Recorder is the part of the journal that acts need. Append returns when the
// entry is durable, with its index.
type Recorder interface {
	Append(ctx context.Context, entry []byte) (uint64, error)
	Entry(index uint64) ([]byte, error)
	Scan(ctx context.Context, from uint64, visit func(index uint64, entry []byte) error) error
	// Copy puts every file of the log as it is at one moment, for a backup, and
	// calls fixed once that moment is past.
	Copy(fixed func(), put func(name string, data []byte) error) (checkpoint []byte, err error)
}

// Config assembles an Office; every field is required.
type Config struct {
	Store    *store.DB
	Log      Recorder
	Ledger   *Ledger           // of Log
	Instance auditlog.Instance // how records name this process; Shard is the log's
	Account  string            // the AWS account that resources are checked against
	Now      func() time.Time
	// Authority are the rules of the control plane itself.
	Authority *authority.Rules
}

// Office performs acts. It is safe for concurrent use: the store's revision
// orders them.
type Office struct {
	cfg   Config
	state *snapshot.Source // see Attach
	holds *Holds           // see NewHolds; nil where nothing is held
}

// New makes an Office.
func New(cfg Config) *Office { return &Office{cfg: cfg} }

// ended is how a control action ends that was carried out.
const ended = "complete"

// errorType names a failure without its text, which may quote what was typed.
func errorType(err error) string {
	for name, sentinel := range map[string]error{
		"conflict": store.ErrConflict, "epoch": store.ErrEpoch, "not_found": store.ErrNotFound, "orphan": errOrphan,
	} {
		if errors.Is(err, sentinel) {
			return name
		}
	}
	return "store_error"
}

func (o *Office) record(kind auditlog.Kind, fill func(*auditlog.Record)) ([]byte, error) {
	r := &auditlog.Record{Kind: kind, ID: NewID(), Time: auditlog.At(o.cfg.Now()), Instance: &o.cfg.Instance}
	fill(r)
	entry, err := r.Marshal()
	if err != nil {
		return nil, fmt.Errorf("wording the record: %w", err)
	}
	return entry, nil
}

// NewID returns 128 random bits as text.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return hex.EncodeToString(b[:])
}
