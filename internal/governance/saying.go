package governance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/store"
)

// worded is how records name a change.
func worded(c store.Change) auditlog.Change {
	sum := c.Digest()
	out := auditlog.Change{Kind: string(c.Kind), Name: c.Name, Op: string(c.Op), Digest: hex.EncodeToString(sum[:])}
	out.Epoch = epochOf(c)
	return out
}

// epochOf is the epoch that a change leaves an identity with; 0 of anything else.
func epochOf(c store.Change) uint32 {
	if c.Kind != manifest.Identity || len(c.Spec) == 0 {
		return 0
	}
	r, err := manifest.Decode(c.Kind, c.Name, c.Spec)
	if err != nil {
		return 0
	}
	return r.Spec.(*identity.Identity).Epoch
}

// term is a kind, operation or shard as the ledger keeps it: a place in a list
// of names, since there are few of them and very many words.
type term uint16

// terms is that list.
type terms struct {
	names []string
	at    map[string]term
}

// of returns a name's term, making it when it is new.
func (t *terms) of(name string) (term, error) {
	if n, ok := t.at[name]; ok {
		return n, nil
	}
	if len(t.names) > 1<<16-1 {
		return 0, fmt.Errorf("too many kinds of things: %q has no place", name)
	}
	if t.at == nil {
		t.at = make(map[string]term)
	}
	n := term(len(t.names))
	name = strings.Clone(name)
	t.names, t.at[name] = append(t.names, name), n
	return n, nil
}

// thing names what a change is about.
type thing struct {
	name string
	kind term
}

// saying is one change as a record names it, without the name of the thing.
type saying struct {
	digest   [sha256.Size]byte // zero: the record names none
	index    uint64            // of the record, in its shard
	revision uint64            // that the change made; 0: none, or the record is older than revisions
	epoch    uint32
	shard    term
	op       term
}

// says reports whether two words are the same change, whoever said it.
func (w saying) says(o saying) bool {
	return w.digest == o.digest && w.epoch == o.epoch && w.op == o.op
}

// spoken is a change of a thing.
type spoken struct {
	thing
	saying
}

// place is where the word stands.
func (w saying) place() place { return place{w.shard, w.index} }

// recall reads a change that a row claims: what no record ever named is unknown.
func (l *Ledger) recall(c auditlog.Change) (s spoken, known bool) {
	_, kind := l.terms.at[c.Kind]
	_, op := l.terms.at[c.Op]
	if !kind || !op {
		return s, false
	}
	s, err := l.hear(c)
	return s, err == nil
}

// claim is recall of a row's change, of which there may be a million.
func (l *Ledger) claim(c store.Change) (s spoken, known bool) {
	s.name, s.digest, s.epoch = c.Name, c.Digest(), epochOf(c)
	l.mu.RLock()
	defer l.mu.RUnlock()
	kind, op := false, false
	s.kind, kind = l.terms.at[string(c.Kind)]
	s.op, op = l.terms.at[string(c.Op)]
	return s, kind && op
}

// hear reads a change as the ledger keeps it; it needs the ledger's lock.
func (l *Ledger) hear(c auditlog.Change) (s spoken, err error) {
	s.name, s.epoch = c.Name, c.Epoch
	if s.kind, err = l.terms.of(c.Kind); err != nil {
		return s, err
	}
	if s.op, err = l.terms.of(c.Op); err != nil || c.Digest == "" {
		return s, err
	}
	sum, err := hex.DecodeString(c.Digest)
	if err != nil || len(sum) != len(s.digest) {
		return s, fmt.Errorf("%s/%s: digest %q: want the SHA-256 in hex", c.Kind, c.Name, c.Digest)
	}
	copy(s.digest[:], sum)
	return s, nil
}

// hearAll reads the changes of a record, and lets go of the record's text.
func (l *Ledger) hearAll(ref place, control *auditlog.Control) ([]spoken, error) {
	out := make([]spoken, 0, len(control.Changes))
	for _, c := range control.Changes {
		s, err := l.hear(c)
		if err != nil {
			return nil, err
		}
		s.name = strings.Clone(s.name)
		s.shard, s.index, s.revision = ref.shard, ref.index, control.Revision
		out = append(out, s)
	}
	return out, nil
}

// ends reports whether the thing is gone after the word.
func (l *Ledger) ends(w saying) bool { return manifest.Op(l.terms.names[w.op]).Ends() }

// before reports whether w was spoken before o, of the same thing. Where
// revisions do not tell, the shard's own order does; and across shards, where
// only observe mode is spoken of without one, the end comes last.
func (l *Ledger) before(w, o saying) bool {
	switch {
	case w.revision != o.revision:
		return w.revision < o.revision
	case w.shard == o.shard:
		return w.index < o.index
	}
	return !l.ends(w)
}
