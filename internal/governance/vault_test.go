package governance

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/credential"
	"github.com/writ-project/writ/internal/hold"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/operator"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/store/storetest"
)

// vault is a hall where answers wait for people.
type vault struct {
	*hall
	keys  *Keys
	holds *Holds
	dsn   string
	dir   string
}

// payments are an identity whose payments wait, and who is near to it: dana sponsors
// it, owen asked for its right, and vera is its deputy, who approves as well.
func payments(now time.Time, terms rights.Hold) []manifest.Resource {
	return []manifest.Resource{
		{Kind: manifest.Operator, Name: "vera", Spec: &operator.Operator{ID: "vera", Email: "vera@example.com", Roles: []operator.Held{{Role: operator.Approver}}}},
		{Kind: manifest.Identity, Name: "payer", Spec: &identity.Identity{
			Kind: identity.Agent, Environment: "prod", Team: "finance", Sponsor: "dana@example.com", Deputy: "vera@example.com", Tags: []string{"green"},
		}},
		{Kind: manifest.Entitlement, Name: "pay", Spec: &rights.Entitlement{
			Models: []string{sonnet}, RiskTier: "medium", Conditions: rights.Conditions{Tools: rights.Tools{Write: []string{"post_payment"}}, Hold: terms},
		}},
		{Kind: manifest.Grant, Name: "payer.pay", Spec: &rights.Grant{
			Identity: "payer", Entitlement: "pay", NotBefore: now, NotAfter: now.AddDate(0, 1, 0), Origin: rights.OriginRequested,
			From: &rights.Provenance{Request: "r", Requester: "owen", Approvers: []string{"sam"}, Pin: "p"},
		}},
	}
}

func openVault(t *testing.T, terms rights.Hold) *vault {
	t.Helper()
	dir := t.TempDir()
	return openVaultOn(t, "sqlite:"+filepath.Join(dir, "writ.db"), dir, terms)
}

func openVaultOn(t *testing.T, dsn, dir string, terms rights.Hold) *vault {
	t.Helper()
	v := &vault{hall: &hall{lodge: openLodge(t, dsn, dir)}, dsn: dsn, dir: dir}
	if _, err := credential.GenerateKEK(filepath.Join(dir, "kek")); err != nil {
		t.Fatal(err)
	}
	v.unlock(t, true)
	v.attach(t)
	v.furnish(t)
	v.apply(t, append(offers(), company()...)...)
	v.put(t, manifest.Create, payments(v.now, terms)...)
	return v
}

// unlock opens the keys.
func (v *vault) unlock(t *testing.T, fresh bool) {
	t.Helper()
	kek, err := credential.LoadKEK(filepath.Join(v.dir, "kek"))
	if err != nil {
		t.Fatal(err)
	}
	v.keys, err = OpenKeys(t.Context(), KeysConfig{
		Store: v.db, KEK: kek, Shard: "0", Now: func() time.Time { return v.now }, Log: slog.New(slog.DiscardHandler), Issuer: "test/0",
	}, fresh)
	if err == nil {
		err = v.keys.Announce(t.Context(), v.office, v.log.Head().Size)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (v *vault) furnish(t *testing.T) {
	t.Helper()
	v.holds = NewHolds(HoldsConfig{Office: v.office, Keys: v.keys, Origin: "test/0", Log: slog.New(slog.DiscardHandler)})
	v.clerk = NewClerk(v.office, slog.New(slog.DiscardHandler))
}

// restart ends the process and begins another.
func (v *vault) restart(t *testing.T) {
	t.Helper()
	now := v.now
	v.close(t)
	v.hall.lodge = openLodge(t, v.dsn, v.dir)
	v.now = now
	v.unlock(t, false)
	v.attach(t)
	v.furnish(t)
}

// eachVault runs a test on both engines.
func eachVault(t *testing.T, terms rights.Hold, f func(*testing.T, *vault)) {
	t.Helper()
	storetest.EachDSN(t, func(t *testing.T, dsn string) { f(t, openVaultOn(t, dsn, t.TempDir(), terms)) })
}

const secret = "account DE89 3704 0044"

// opens holds one payment of an amount.
func (v *vault) opens(t *testing.T, arguments string) hold.Hold {
	t.Helper()
	n, err := v.tryOpen(context.Background(), arguments)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (v *vault) tryOpen(ctx context.Context, arguments string) (hold.Hold, error) {
	e, _ := v.state.Current().Entitlement("pay")
	n, c, err := hold.New(hold.Opening{
		Identity: "payer", Session: "s1", Environment: "prod", Team: "finance", Model: sonnet, Operation: "Converse", Decision: "d1", Shard: "0", Record: 7,
		Prompt: hold.Label{Level: "confidential"}, Terms: hold.Strictest([]hold.Source{{Grant: "payer.pay", Entitlement: "pay", Terms: e.Conditions.Hold}}),
		Calls:   []hold.Asked{{Index: 0, ID: "tooluse_1", Tool: "post_payment", Why: hold.Write, Arguments: []byte(arguments)}},
		Content: hold.Content{Status: 200, ContentType: "application/json", Answer: []byte(`{"output":"` + secret + `"}`)},
	}, v.now)
	if err != nil {
		return hold.Hold{}, err
	}
	return v.holds.Open(ctx, n, c)
}

func (v *vault) decides(t *testing.T, by, id string, verdict HoldVerdict) (HoldView, error) {
	t.Helper()
	return v.office.DecideHold(t.Context(), v.as(t, by), id, verdict)
}

func (v *vault) releases(t *testing.T, by, id string) HoldView {
	t.Helper()
	view, err := v.decides(t, by, id, HoldVerdict{Verdict: hold.Release})
	if err != nil {
		t.Fatalf("%s releases: %v", by, err)
	}
	return view
}
