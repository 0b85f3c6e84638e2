package auditlog_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/auditlog"
)

func verify(fsys fs.FS, opts auditlog.VerifyOptions) (auditlog.Report, error) {
	return auditlog.Verify(context.Background(), fsys, opts)
}

func damaged(err error) bool {
	_, ok := errors.AsType[*auditlog.DamageError](err)
	return ok
}

var verifiable = map[string]layout{
	"empty":             {},
	"tail only":         {frames: []int{1, 2}},
	"all published":     {published: 700, start: 512, frames: []int{100}},
	"tail is ahead":     {published: 600, start: 512, frames: []int{1, 87, 50}},
	"published part":    {published: 700, noTail: true, start: 512},
	"ends with a tile":  {published: 768, start: 512},
	"just rotated":      {published: 768, start: 768},
	"two levels":        {published: 700, start: 256, frames: []int{200}},
	"unpublished tiles": {published: 3, start: 0, frames: []int{600}},
}

func (l layout) sized(t testing.TB) layout {
	n := map[bool]int{true: 700, false: l.published}[l.published == 600 || l.published == 3]
	if len(l.frames) > 1 && l.published == 0 {
		n = 10
	}
	l.entries = records(t, n)
	return l
}

func TestVerifyAcceptsEveryLayout(t *testing.T) {
	for name, l := range verifiable {
		t.Run(name, func(t *testing.T) {
			l := l.sized(t)
			r, err := verify(l.build(t), auditlog.VerifyOptions{Keys: []string{mustVerifierKey(t)}})
			if err != nil {
				t.Fatal(err)
			}
			if r.Size != uint64(len(l.entries)) || r.Published != uint64(l.published) || r.Verdict() != "self-consistent" {
				t.Errorf("size %d, published %d, %q", r.Size, r.Published, r.Verdict())
			}
			if want := uint64(l.start); r.Resume().Size() != want && !l.noTail {
				t.Errorf("resumes at %d, want %d", r.Resume().Size(), want)
			}
			for _, f := range r.Findings {
				if f.Kind != auditlog.UnknownOutcome { // the last intent, if odd
					t.Errorf("finding %+v", f)
				}
			}
		})
	}
}

func TestAnyChangedByteFailsVerification(t *testing.T) {
	for name, l := range verifiable {
		fsys := l.sized(t).build(t)
		names := slices.Sorted(maps.Keys(fsys))
		t.Run(name, rapid.MakeCheck(func(r *rapid.T) {
			file := rapid.SampledFrom(names).Draw(r, "file")
			if len(fsys[file].Data) == 0 {
				return // the tail of an empty log
			}
			changed := maps.Clone(fsys)
			data := bytes.Clone(fsys[file].Data)
			i := rapid.IntRange(0, len(data)-1).Draw(r, "byte")
			data[i] ^= rapid.ByteRange(1, 255).Draw(r, "flip")
			changed[file] = &fstest.MapFile{Data: data}
			if _, err := verify(changed, auditlog.VerifyOptions{}); !damaged(err) {
				r.Fatalf("byte %d of %s changed: %v", i, file, err)
			}
		}))
	}
}

func TestAnyMissingFileFailsVerification(t *testing.T) {
	fsys := layout{entries: records(t, 700), start: 512, published: 700}.build(t)
	for name := range fsys {
		if name == "key" || strings.HasPrefix(name, "tail/") {
			continue // given by the reader; the published part alone verifies
		}
		changed := maps.Clone(fsys)
		delete(changed, name)
		_, err := verify(changed, auditlog.VerifyOptions{Keys: []string{mustVerifierKey(t)}})
		if !damaged(err) && !(name == "checkpoint" && errors.Is(err, fs.ErrNotExist)) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// TestS25_RolledBackLogIsCaughtByACheckpointKeptElsewhere covers what the
// directory alone cannot show.
func TestS25_RolledBackLogIsCaughtByACheckpointKeptElsewhere(t *testing.T) {
	entries := records(t, 20)
	all := heads(t, entries)
	forged := slices.Clone(entries)
	forged[7] = records(t, 30)[29]
	kept := &auditlog.Anchor{Name: "kept.checkpoint", At: epoch, Checkpoint: all[15]}
	for name, tc := range map[string]struct {
		entries [][]byte
		want    string // verdict, or "" for damage
	}{
		"grown":        {entries, "anchored to kept.checkpoint at 2026-03-04T05:06:07Z (15 of 20 entries)"},
		"cut off":      {entries[:14], ""},
		"written anew": {forged, ""},
	} {
		fsys := layout{entries: tc.entries, published: len(tc.entries)}.build(t)
		if _, err := verify(fsys, auditlog.VerifyOptions{Opaque: true}); err != nil {
			t.Fatalf("%s: not even self-consistent: %v", name, err)
		}
		r, err := verify(fsys, auditlog.VerifyOptions{Since: kept, Opaque: true})
		if tc.want == "" {
			if !damaged(err) || r.Verdict() != "not verified" {
				t.Errorf("%s: %v, %q", name, err, r.Verdict())
			}
		} else if err != nil || r.Verdict() != tc.want {
			t.Errorf("%s: %v, %q", name, err, r.Verdict())
		}
	}
	other := *kept
	other.Checkpoint.Origin = "log.example/other"
	_, err := verify(layout{entries: entries, published: 20}.build(t), auditlog.VerifyOptions{Anchors: []auditlog.Anchor{other}})
	if err == nil || damaged(err) {
		t.Errorf("a checkpoint of another log: %v, want an error that is no damage", err)
	}
}

// An anchor may have any name, also that of the directory's own checkpoint: its
// size is nevertheless not one that was published.
func TestAnchorsNameIsNotItsNature(t *testing.T) {
	entries := records(t, 20)
	for _, name := range []string{auditlog.CheckpointPath, auditlog.KeyPath, ""} {
		kept := &auditlog.Anchor{Name: name, At: epoch, Checkpoint: heads(t, entries)[15]}
		if _, err := verify(layout{entries: entries, published: 20}.build(t), auditlog.VerifyOptions{Since: kept, Opaque: true}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAnEmptyCheckpointAnchorsNothing(t *testing.T) {
	entries := records(t, 20)
	kept := &auditlog.Anchor{Name: "kept", At: epoch, Checkpoint: heads(t, entries)[0]}
	r, err := verify(layout{entries: entries, published: 20}.build(t), auditlog.VerifyOptions{Since: kept, Opaque: true})
	if err != nil || r.Verdict() != "self-consistent" {
		t.Errorf("%v, %q", err, r.Verdict())
	}
}

func TestS25_CosignedCheckpointAnchors(t *testing.T) {
	w := witness{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)), "witness.example"}
	fsys := layout{entries: records(t, 20), published: 20}.build(t)
	fsys["checkpoint"] = &fstest.MapFile{Data: w.cosign(fsys["checkpoint"].Data, epoch.Add(time.Hour))}
	r, err := verify(fsys, auditlog.VerifyOptions{Cosigners: []string{w.vkey()}})
	if err != nil || r.Verdict() != "anchored to cosigner witness.example at 2026-03-04T06:06:07Z (20 of 20 entries)" {
		t.Errorf("%v, %q", err, r.Verdict())
	}
	if r, err = verify(fsys, auditlog.VerifyOptions{}); err != nil || r.Verdict() != "self-consistent" {
		t.Errorf("an unknown witness: %v, %q", err, r.Verdict())
	}
	forger := witness{testKey, "witness.example"}
	if _, err = verify(fsys, auditlog.VerifyOptions{Cosigners: []string{forger.vkey()}}); err != nil {
		t.Errorf("another key of that name: %v", err)
	}
	at := bytes.LastIndex(fsys["checkpoint"].Data, []byte(" ")) + 30
	fsys["checkpoint"].Data[at] ^= 1
	if _, err = verify(fsys, auditlog.VerifyOptions{Cosigners: []string{w.vkey()}}); !damaged(err) {
		t.Errorf("a false cosignature: %v", err)
	}
	for _, bad := range []string{"", "x", mustVerifierKey(t), w.vkey() + "A", strings.Replace(w.vkey(), "witness", "witnesS", 1)} {
		if _, err := verify(fsys, auditlog.VerifyOptions{Cosigners: []string{bad}}); err == nil || damaged(err) {
			t.Errorf("cosigner key %q: %v", bad, err)
		}
	}
}

func TestVerifySaysWhere(t *testing.T) {
	l := layout{entries: records(t, 700), start: 512, frames: []int{100}, published: 600}
	change := func(name string, f func([]byte)) fstest.MapFS {
		fsys := l.build(t)
		f(fsys[name].Data)
		return fsys
	}
	add := func(name string, data []byte) fstest.MapFS {
		fsys := l.build(t)
		fsys[name] = &fstest.MapFile{Data: data}
		return fsys
	}
	old := heads(t, l.entries[:10])[10].Note
	for name, tc := range map[string]struct {
		fsys fstest.MapFS
		file string
	}{
		"entry in a bundle":  {change("tile/entries/001", func(b []byte) { b[30] ^= 1 }), "tile/0/001"},
		"length in a bundle": {change("tile/entries/001", func(b []byte) { b[0] = 0xff }), "tile/entries/001"},
		"leaf hash":          {change("tile/0/000", func(b []byte) { b[320] ^= 1 }), "tile/0/000"},
		"partial hash tile":  {change("tile/0/002.p/88", func(b []byte) { b[0] ^= 1 }), "tile/0/002.p/88"},
		"partial bundle":     {change("tile/entries/002.p/88", func(b []byte) { b[9] ^= 1 }), "tile/entries/002.p/88"},
		"upper tile":         {change("tile/1/000.p/2", func(b []byte) { b[0] ^= 1 }), "tile/1/000.p/2"},
		"old checkpoint":     {add("checkpoint", old), "checkpoint"},
		"no tile":            {add("tile/0/readme", []byte("x")), "tile/0/readme"},
		"tile beyond":        {add("tile/0/007", make([]byte, 8192)), "tile/0/007"},
		"tile of no level":   {add("tile/9/000", make([]byte, 8192)), "tile/9/000"},
		"stray segment":      {add("tail/00000000000000001024", nil), "tail/00000000000000001024"},
		"no segment":         {add("tail/x", nil), "tail/x"},
		"another key":        {add("key", []byte("x+00000000+AAAA\n")), "key"},
	} {
		_, err := verify(tc.fsys, auditlog.VerifyOptions{Keys: []string{mustVerifierKey(t)}})
		d, ok := errors.AsType[*auditlog.DamageError](err)
		if !ok || d.File != tc.file {
			t.Errorf("%s: %v, want damage of %s", name, err, tc.file)
		}
	}
}

func TestVerifyToleratesATornTail(t *testing.T) {
	fsys := layout{entries: records(t, 30), frames: []int{10, 10}, published: 10}.build(t)
	tail := fsys[auditlog.TailPath(0)]
	tail.Data = tail.Data[:len(tail.Data)-7]
	r, err := verify(fsys, auditlog.VerifyOptions{})
	if err != nil || r.Size != 20 || r.TornBytes == 0 {
		t.Errorf("size %d, torn %d, %v", r.Size, r.TornBytes, err)
	}
	fsys = layout{entries: records(t, 30), frames: []int{10, 10}, published: 30}.build(t)
	tail = fsys[auditlog.TailPath(0)]
	tail.Data = tail.Data[:len(tail.Data)-7]
	if _, err := verify(fsys, auditlog.VerifyOptions{}); !damaged(err) {
		t.Errorf("a tail cut below the published checkpoint: %v", err)
	}
}

func TestVerifyRefusesWhatIsNoRecord(t *testing.T) {
	entries := records(t, 300)
	entries[290] = []byte(`{"v":1}`)
	_, err := verify(layout{entries: entries, start: 256, published: 300}.build(t), auditlog.VerifyOptions{})
	d, ok := errors.AsType[*auditlog.DamageError](err)
	if !ok || d.Index != 290 || d.File != auditlog.TailPath(256) {
		t.Errorf("%v, want damage of entry 290", err)
	}
}

// TestS10_InvocationsWithoutAMintAreListed checks how records must name each
// other.
func TestS10_InvocationsWithoutAMintAreListed(t *testing.T) {
	at := func(i uint64) *uint64 { return &i }
	who := &auditlog.Who{Identity: "a"}
	cred := func(id string, mint *uint64, log string) *auditlog.Credential {
		return &auditlog.Credential{Kind: "session", ID: id, MintRecord: mint, MintLog: log}
	}
	intent := func(who *auditlog.Who, c *auditlog.Credential) auditlog.Record {
		return auditlog.Record{Kind: auditlog.KindIntent, Who: who, Credential: c, Call: &auditlog.Call{}, Decision: &auditlog.Decision{}}
	}
	outcome := func(kind auditlog.Kind, of uint64) auditlog.Record {
		return auditlog.Record{Kind: kind, Outcome: &auditlog.Outcome{Intent: of}}
	}
	story := []auditlog.Record{
		0:  {Kind: auditlog.KindMint, Who: who, Credential: cred("s", nil, ""), Proof: &auditlog.Proof{}},
		1:  intent(who, cred("s", at(0), "")),
		2:  intent(who, cred("s", nil, "")),
		3:  intent(who, cred("other", at(0), origin)),
		4:  intent(&auditlog.Who{Identity: "b"}, cred("s", at(0), "")),
		5:  intent(who, cred("s", at(99), "")),
		6:  intent(who, cred("s", at(0), "peer")),
		7:  outcome(auditlog.KindOutcome, 1),
		8:  outcome(auditlog.KindOutcome, 1),
		9:  outcome(auditlog.KindOutcome, 50),
		10: {Kind: auditlog.KindControl, Control: &auditlog.Control{}},
		11: outcome(auditlog.KindOutcome, 10),
		12: outcome(auditlog.KindControlOutcome, 10),
		13: {Kind: auditlog.KindControl, Control: &auditlog.Control{}},
		14: {Kind: auditlog.KindPreauth, Preauth: &auditlog.Preauth{First: auditlog.At(epoch), Last: auditlog.At(epoch)}},
	}
	entries := make([][]byte, len(story))
	for i := range story {
		story[i].ID, story[i].Time = "r", auditlog.At(epoch)
		entries[i] = mustMarshal(t, &story[i])
	}
	r, err := verify(layout{entries: entries, published: len(entries)}.build(t), auditlog.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[auditlog.FindingKind][]uint64{}
	for _, f := range r.Findings {
		got[f.Kind] = append(got[f.Kind], f.Index)
	}
	want := map[auditlog.FindingKind][]uint64{
		auditlog.UnmintedCredential: {2, 3, 4, 5},
		auditlog.ForeignMint:        {6},
		auditlog.StrayOutcome:       {8, 9, 11},
		auditlog.UnknownOutcome:     {2, 3, 4, 5, 6},
		auditlog.OpenControl:        {13},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if r.Counts[auditlog.UnmintedCredential] != 4 || r.Records[auditlog.KindIntent] != 6 {
		t.Errorf("counts %v, records %v", r.Counts, r.Records)
	}
}

func TestVerifyStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	fsys := layout{entries: records(t, 700), start: 512, published: 700}.build(t)
	calls := 0
	_, err := auditlog.Verify(ctx, fsys, auditlog.VerifyOptions{Progress: func(done, total uint64) { calls++; cancel() }})
	if !errors.Is(err, context.Canceled) || damaged(err) || calls != 1 {
		t.Errorf("Verify = %v after %d progress calls", err, calls)
	}
}
