package journal

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/writ-project/writ/auditlog"
)

// Config says where and how to write a log.
type Config struct {
	// Dir is the directory of the log, required. It is created if absent.
	Dir string
	// Origin is the log's name, on every checkpoint; required. It must not
	// change during the life of the log.
	Origin string
	// Key signs checkpoints; required.
	Key ed25519.PrivateKey
	// OldKeys are verifier keys that Key replaced. One may be dropped when the
	// log was started once with Key and every segment signed before is gone.
	OldKeys []string
	// Reserve is the free disk, in bytes, below which AppendSpare refuses.
	Reserve uint64
	// SegmentEntries is the number of entries after which the tail starts a new
	// file: a multiple of 256, at most 65536. Zero means 16384.
	SegmentEntries int
	// PublishEvery is the longest that a durable entry stays unpublished.
	// Zero means one second.
	PublishEvery time.Duration
	// Linger is how long an entry of Enqueue waits for one that somebody waits
	// for, to share its flush. A crash in this time leaves the call of an
	// outcome "outcome unknown", as any crash before the flush does. Zero means
	// 5 milliseconds.
	Linger time.Duration
	// Now is the clock for Head.At; nil means time.Now.
	Now func() time.Time
	// Flushed is told how long each flush took and how many entries it made
	// durable, for metrics; nil: nobody is.
	Flushed func(took time.Duration, entries int)
	// Logger receives what happens in the background; nil discards it.
	Logger *slog.Logger

	openTail  func(path string) (tailFile, error) // nil means files; set by tests
	freeBytes func(dir string) (uint64, error)    // nil means the file system's; set by tests
}

// withDefaults checks a configuration and fills in what is optional.
func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" || c.Origin == "" {
		return c, errors.New("opening journal: directory and origin are required")
	}
	if c.SegmentEntries == 0 {
		c.SegmentEntries = 16384
	}
	if n := c.SegmentEntries; n < 0 || n%auditlog.TileWidth != 0 || n > 1<<16 {
		return c, fmt.Errorf("opening journal: %d entries per segment: want a multiple of %d, at most 65536", n, auditlog.TileWidth)
	}
	if c.PublishEvery <= 0 {
		c.PublishEvery = time.Second
	}
	if c.Linger <= 0 {
		c.Linger = 5 * time.Millisecond
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.openTail == nil {
		c.openTail = openTailFile
	}
	if c.freeBytes == nil {
		c.freeBytes = freeBytes
	}
	return c, nil
}

// verifierKeys lists the verifier keys the log may be signed with, newest first.
func (c Config) verifierKeys() ([]string, error) {
	own, err := auditlog.VerifierKey(c.Origin, c.Key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, err
	}
	old := slices.DeleteFunc(slices.Clone(c.OldKeys), func(k string) bool { return k == own })
	return append([]string{own}, old...), nil
}

// String names the log; it leaves out the key.
func (c Config) String() string { return fmt.Sprintf("journal %q in %s", c.Origin, c.Dir) }

// Format writes String whatever the verb, so that no verb prints the key.
func (c Config) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue is String, for slog.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is String: a configuration has no other JSON form.
func (c Config) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
