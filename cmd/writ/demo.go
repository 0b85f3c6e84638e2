package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/config"
	sample "github.com/writ-project/writ/internal/demo"
	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/snapshot"
)

const demoAccount = sample.Account

// demo is the world that --demo brings along: a stand-in for Bedrock and an
// OIDC issuer, both on loopback.
type demo struct {
	bedrock, issuer string // URLs
	credential      fakebedrock.Credential

	standIn  *fakebedrock.Server
	signer   *sample.Issuer
	identity *http.Server
}

// startDemo starts the two and applies the sample organisation.
func startDemo(ctx context.Context, k *kernel, cfg config.Config, log *slog.Logger) (*demo, error) {
	d := &demo{credential: fakebedrock.Credential{AccessKeyID: "AKIDEMOSTANDIN000000", SecretAccessKey: rand.Text()}}
	if err := d.startBedrock(cfg, log); err != nil {
		return nil, err
	}
	if err := d.startIssuer(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	wanted, err := sample.Organisation(d.issuer, time.Now())
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := loadSample(ctx, k, wanted); err != nil {
		return nil, errors.Join(fmt.Errorf("loading the sample organisation: %w", err), d.Close())
	}
	return d, nil
}

// loadSample applies the sample organisation. Once there are operators its grants
// are theirs to give: a second start leaves those alone.
func loadSample(ctx context.Context, k *kernel, wanted []manifest.Resource) error {
	state, err := snapshot.Open(ctx, snapshot.Config{Load: k.load, Watch: k.store.Watch, Authorised: k.ledger.Authorised})
	if err != nil {
		return err
	}
	k.office.Attach(state) // until the server has its own
	actor := governance.Local("writ")
	actor.Name = "writ-demo"
	plan, err := k.office.Plan(ctx, actor, wanted, false)
	if err != nil {
		return err
	}
	plan.Requests = nil
	if _, _, err = k.office.Apply(ctx, actor, "demo", plan); err != nil {
		return err
	}
	return moveIssuer(ctx, k, actor, wanted)
}

// moveIssuer has the demo's issuer believed at the port it has this time. Anywhere
// else another address is for other people to agree to: whoever has it can be
// anybody.
func moveIssuer(ctx context.Context, k *kernel, actor governance.Actor, wanted []manifest.Resource) error {
	issuers := slices.DeleteFunc(slices.Clone(wanted), func(r manifest.Resource) bool { return r.Kind != manifest.Issuer })
	current, revision, err := k.store.Resources(ctx)
	if err != nil {
		return err
	}
	plan := governance.Plan{Changes: manifest.Plan(current, issuers, false), Revision: revision}
	if plan.Steps() == 0 {
		return nil
	}
	_, _, err = k.office.Apply(ctx, actor, "demo", plan)
	return err
}

func (d *demo) startBedrock(cfg config.Config, log *slog.Logger) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.bedrock = "http://" + l.Addr().String()
	d.standIn = fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{d.credential}, Log: log,
		AsyncTime: 2 * time.Second,
		Latency:   20 * time.Millisecond, // a model never answers before its request has left
		Models:    map[string]string{sample.PricingModel: "meta.llama3-1-70b-instruct-v1:0"},
		Regions:   cfg.AllRegions(), Roles: demoRoles(cfg), Destinations: destinationsFrom(cfg.Region),
	})
	go func() { _ = d.standIn.Serve(l) }()
	return nil
}

// demoRoles are the roles of the configuration, in the stand-in's accounts.
func demoRoles(cfg config.Config) []fakebedrock.Role {
	var out []fakebedrock.Role
	for _, a := range append([]config.Account{{AssumeRole: cfg.Upstream.AssumeRole, ExternalIDFile: cfg.Upstream.ExternalIDFile}}, cfg.Upstream.Accounts...) {
		externalID, err := wordIn(a.ExternalIDFile)
		if a.AssumeRole != "" && err == nil { // openUpstream says what is wrong with the file
			out = append(out, fakebedrock.Role{ARN: a.AssumeRole, ExternalID: externalID})
		}
	}
	return out
}

// destinationsFrom is where the catalogue's profiles may route a call from a
// region to: a session of the stand-in's has to allow the model in each.
func destinationsFrom(region string) map[string][]string {
	out := map[string][]string{}
	for _, p := range bedrock.Embedded().Profiles() {
		out[p.ID] = p.Destinations[region]
	}
	return out
}

func (d *demo) startIssuer() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.issuer = "http://" + l.Addr().String()
	if d.signer, err = sample.NewIssuer(d.issuer); err != nil {
		return err
	}
	d.identity = &http.Server{Handler: d.signer, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = d.identity.Serve(l) }()
	return nil
}

// Close stops the two.
func (d *demo) Close() error {
	var errs []error
	if d.identity != nil {
		errs = append(errs, d.identity.Close())
	}
	if d.standIn != nil {
		errs = append(errs, d.standIn.Close())
	}
	return errors.Join(errs...)
}

// token signs a token as the demo's issuer.
func (d *demo) token(subject, audience string, ttl time.Duration) (string, error) {
	return d.signer.Token(subject, audience, nil, ttl)
}

type demoCmd struct {
	Token demoTokenCmd `cmd:"" help:"Print an OIDC token of the demo's issuer, for AWS_WEB_IDENTITY_TOKEN_FILE."`
}

type demoTokenCmd struct {
	dataFlag
	Identity string        `required:"" help:"Identity whose subject the token has." placeholder:"ID"`
	Subject  string        `help:"Another subject than the identity's (demo:ID)." placeholder:"S"`
	Audience string        `default:"writ" help:"Audience."`
	TTL      time.Duration `default:"10m" help:"Lifetime."`
}

func (c *demoTokenCmd) Run(ctx context.Context) error {
	client, _, err := c.needLive(ctx)
	if err != nil {
		return err
	}
	if c.Subject == "" {
		c.Subject = "demo:" + c.Identity
	}
	out, err := client.DemoToken(ctx, api.DemoTokenRequest{Subject: c.Subject, Audience: c.Audience, Seconds: int(c.TTL.Seconds())})
	if err != nil {
		return err
	}
	fmt.Println(out.Token)
	return nil
}

// isGoRun tells a binary that `go run` built, in its cache or a temporary
// directory, from one that was installed.
func isGoRun(path string) bool { return strings.Contains(filepath.ToSlash(path), "/go-build") }
