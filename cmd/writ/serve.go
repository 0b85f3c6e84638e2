package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/gateway"
	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/localca"
	"github.com/writ-project/writ/internal/login"
	"github.com/writ-project/writ/internal/meter"
	"github.com/writ-project/writ/internal/metrics"
	"github.com/writ-project/writ/internal/notify"
	"github.com/writ-project/writ/internal/proof"
	"github.com/writ-project/writ/internal/snapshot"
	"github.com/writ-project/writ/internal/upstream"
)

// server is everything that runs under `writ up`. assemble is the one place
// where concrete parts are plugged together.
type server struct {
	cfg       config.Config
	dir       dataDir
	log       *slog.Logger
	kernel    *kernel
	state     *snapshot.Source
	clerk     *governance.Clerk
	gateway   *gateway.Gateway
	money     *meter.Meter
	holds     *governance.Holds
	demo      *demo // nil without --demo
	upstream  string
	door      *upstream.Client
	login     *login.Door
	started   time.Time
	meters    *metrics.Meters
	notify    *notify.Notifier
	endpoints endpoints

	gatewayServer, adminServer     *http.Server
	gatewayListener, adminListener net.Listener
	bounded                        *gateway.Bounded // the gateway's connections
	certificate                    *tls.Config      // what the port presents
}

func assemble(ctx context.Context, d dataDir, cfg config.Config, withDemo bool, log *slog.Logger) (_ *server, err error) {
	s := &server{cfg: cfg, dir: d, log: log, started: time.Now(), meters: metrics.New(version())}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.listen(); err != nil {
		return nil, err
	}
	dsn, err := dsnOf(cfg)
	if err != nil {
		return nil, err
	}
	s.kernel, err = openKernelAs(ctx, d, kernelConfig{
		DSN: dsn, KEK: cfg.KEK, Replica: cfg.Replica.Name, Lease: cfg.Replica.Lease, Origin: cfg.Log.Origin, Reserve: cfg.Log.ReserveMB << 20, Account: cfg.Account, Log: log, Flushed: s.meters.Flushed,
	})
	if err != nil {
		return nil, err
	}
	if withDemo {
		if s.demo, err = startDemo(ctx, s.kernel, cfg, log); err != nil {
			return nil, err
		}
		s.endpoints.Issuer = s.demo.issuer
	}
	if err := s.open(ctx); err != nil {
		return nil, err
	}
	return s, s.announce(ctx)
}

// listen takes the ports first: an address in use should cost nothing.
func (s *server) listen() error {
	plain := config.Loopback(s.cfg.Listen) || s.cfg.TLS.Front
	if !config.Loopback(s.cfg.AdminListen) {
		return withHint(fmt.Errorf("the control plane would listen on %s, beyond this machine", s.cfg.AdminListen), "bind it to a loopback address and put a TLS front before it")
	}
	inner, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return err
	}
	s.gatewayListener = inner
	if s.adminListener, err = net.Listen("tcp", s.cfg.AdminListen); err != nil {
		return err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	s.certificate = conf
	ca, err := s.certify(conf)
	if err != nil {
		return err
	}
	s.askForCertificates(conf)
	s.bounded = gateway.Bound(inner, s.cfg.Limits.Connections, s.cfg.Limits.SourceConnections)
	s.gatewayListener = gateway.Sniff(s.bounded, conf, plain)
	s.gatewayServer = gateway.NewServer(nil, conf, s.log)
	addr := inner.Addr().String()
	s.endpoints = endpoints{PID: os.Getpid(), Gateway: "http://" + addr, GatewayTLS: "https://" + addr, Admin: "http://" + s.adminListener.Addr().String(), CA: ca, Config: s.cfg.File()}
	if !plain {
		s.endpoints.Gateway = s.endpoints.GatewayTLS
	}
	return nil
}

// certify gives the port its certificate, and says which file clients trust.
func (s *server) certify(conf *tls.Config) (string, error) {
	if s.cfg.TLS.Cert == "" {
		local, ca, err := localca.Open(s.dir.tls(), s.cfg.TLS.Names, time.Now)
		if err != nil {
			return "", err
		}
		conf.GetCertificate = local.GetCertificate
		return ca, nil
	}
	pair, err := tls.LoadX509KeyPair(s.cfg.TLS.Cert, s.cfg.TLS.Key)
	conf.Certificates = []tls.Certificate{pair}
	return s.cfg.TLS.Cert, err
}

// open plugs the enforcing road and its control plane together.
func (s *server) open(ctx context.Context) (err error) {
	k := s.kernel
	s.state, err = snapshot.Open(ctx, snapshot.Config{
		Load: k.load, Watch: k.store.Watch, Authorised: k.ledger.Authorised, MaxAge: s.cfg.Limits.Freshness,
		Lease: &snapshot.Lease{For: k.replica.Lease, Renew: k.renew},
	})
	if err != nil {
		return err
	}
	k.office.Attach(s.state)
	s.holds = governance.NewHolds(governance.HoldsConfig{
		Office: k.office, Keys: k.keys, Origin: k.origin, MaxContent: s.cfg.Holds.MaxKB << 10, Keep: s.cfg.Holds.Keep, Log: s.log,
	})
	s.clerk = governance.NewClerk(k.office, s.log)
	if err := s.clerk.CatchUp(ctx); err != nil {
		return err
	}
	s.state.Subscribe(s.ended)
	up, label, err := openUpstream(ctx, s.cfg, s.demo)
	if err != nil {
		return err
	}
	s.upstream, s.door = label, up
	if k.observe, err = governance.OpenObserve(ctx, k.office, k.home, s.cfg.Observe.Approvers, s.log); err != nil {
		return err
	}
	if _, err := gateway.RecallInvocations(ctx, k.journal, k.instance.Shard, k.store, time.Now()); err != nil {
		return err
	}
	if err := s.openMeter(ctx); err != nil {
		return err
	}
	conf := proof.Config{
		Record: s.recordMint, Shard: k.sessionShard(), Seal: k.seal, Log: s.log, PerSource: s.cfg.Limits.Strangers.Proofs, Total: s.cfg.Limits.Strangers.AllProofs,
	}
	if s.cfg.Impersonation { // the right by which container tokens are minted
		conf.Ring = k.keys.Ring
	}
	exchange, err := proof.New(conf)
	if err != nil {
		return err
	}
	if err := exchange.LoadBundles(gateway.World(s.state.Current())); err != nil {
		return withHint(err, "put the trust domain's CA certificates there: without them none of its workloads can prove itself")
	}
	s.gateway = gateway.New(gateway.Config{
		State: s.state, Ring: k.keys.Ring, Journal: k.journal, Upstream: up, Meter: s.money, Holds: s.holds, Exchange: exchange,
		Salt: k.store.Salt, Store: k.store, Instance: k.instance, LogOf: k.originOf, Log: s.log, KeySet: k.keys.JWKS,
		Account: s.cfg.Account, Accounts: s.cfg.AccountRegions(), Partition: s.cfg.Partition, Home: s.cfg.Region, Regions: s.cfg.AllRegions(),
		Hosts: s.hosts(), Limits: limitsOf(s.cfg.Limits), Strict: s.cfg.Log.Strict, Detailed: s.cfg.DetailedRefusals,
		Console: s.cfg.Notify.Console,
		Observe: s.meters.Observe, Observing: s.observing,
	})
	s.gatewayServer.Handler = s.gateway
	s.gauge(s.meters)
	if s.notify, err = s.openNotify(); err != nil {
		return err
	}
	chat, err := s.openChat()
	if err != nil {
		return err
	}
	if s.login, err = s.openLogin(); err != nil {
		return err
	}
	token := api.NewToken()
	control := api.Config{
		Login: s.login, Hosts: s.adminHosts(),
		Token: token, Office: k.office, Keys: k.keys, State: s.state, Gateway: s.gateway, Exchange: exchange, Store: k.store, Records: k.journal,
		Status: s.status, Metrics: s.meters.Handler(), Impersonation: s.cfg.Impersonation, Bearer: k.bearer, Container: k.container,
		Account: s.cfg.Account, Region: s.cfg.Region, GatewayURL: s.endpoints.Gateway, AdminURL: s.endpoints.Admin, Log: s.log,
		Upstream: up, Scope: scopeOf(s.cfg), Observe: k.observe, LogOrigin: k.home, Notify: s.notify, Chat: chat,
	}
	if s.demo != nil {
		control.DemoToken = s.demo.token
	}
	s.adminServer = &http.Server{ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, Handler: api.New(control)}
	return s.dir.announce(s.endpoints, token)
}

// openMeter opens the accounts of the budgets, and charges to them what the log
// says of calls that the process did not live to charge.
func (s *server) openMeter(ctx context.Context) error {
	k := s.kernel
	s.money = meter.New(meter.Config{
		Store: k.store, Replica: k.replica.Name, Shard: k.replica.Shard, Log: s.log,
		Head: func() uint64 { return k.journal.Head().Size },
		People: func(name string) (owner, sponsor string) {
			if i, ok := s.state.Current().Identity(name); ok {
				return i.Owner, i.Sponsor
			}
			return "", ""
		},
	})
	found, err := s.money.Recover(ctx, k.journal.Scan)
	if err == nil && found.Unknown > 0 {
		s.log.Warn("calls whose outcome is unknown are charged at what was reserved for them", "calls", found.Unknown, "usd", found.MicroUSD.String())
	}
	return err
}

// ended reconsiders the open calls once something was taken away.
func (s *server) ended(e snapshot.Ended) {
	if n := s.gateway.Reconsider(); n > 0 {
		s.log.Info("open calls were cut", "calls", n, "identities", e.Identities, "grants", e.Grants)
	}
	s.dropSessions(e)
}

// dropSessions forgets the AWS sessions of what has ended, after the calls that
// might still ask for one were cut. They could sign nothing any more without a
// permit, and need not be in memory either.
func (s *server) dropSessions(e snapshot.Ended) {
	if e.Rules {
		s.door.Doubt()
	}
	s.door.Drop(func(identity string, grants []string) bool {
		return slices.Contains(e.Identities, identity) ||
			slices.ContainsFunc(grants, func(g string) bool { return slices.Contains(e.Grants, g) })
	})
}

func limitsOf(c config.Limits) gateway.Limits {
	l := gateway.DefaultLimits
	l.Body, l.InFlight, l.SourceFlight = c.BodyMB*1_000_000, c.InFlightMB<<20, c.SourceMB<<20
	l.Strangers.Failures, l.Strangers.AllFailures, l.Strangers.Unproven = c.Strangers.Failures, c.Strangers.AllFailures, c.Strangers.UnprovenMB<<20
	return l
}

// announce records the start: from here on calls may be served.
func (s *server) announce(ctx context.Context) error {
	if err := s.state.Renew(ctx); err != nil {
		return err
	}
	return s.kernel.lifecycle(ctx, "start")
}

// serve runs until ctx ends, then drains.
func (s *server) serve(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group.Go(func() error { return closed(s.gatewayServer.Serve(s.gatewayListener)) })
	group.Go(func() error { return closed(s.adminServer.Serve(s.adminListener)) })
	// These go on while open calls drain: a right that ends meanwhile cuts them.
	var behind sync.WaitGroup
	behind.Go(func() { s.gateway.Run(background) })
	behind.Go(func() { s.money.Run(background) })
	behind.Go(func() { s.holds.Run(background) })
	behind.Go(func() { _ = s.state.Run(background) }) // ends with background, for no other reason
	s.clerk.Drifted = s.tellDrift
	behind.Go(func() { s.clerk.Run(background) })
	behind.Go(func() { s.kernel.keys.Follow(background) })
	behind.Go(func() { s.notify.Run(background) })
	behind.Go(func() { s.kernel.observe.Run(background, func() { s.gateway.Reconsider() }) })
	group.Go(func() error {
		<-running.Done()
		return s.drain()
	})
	err := group.Wait()
	stop()
	behind.Wait()
	return errors.Join(err, s.kernel.lifecycle(context.WithoutCancel(ctx), "stop"), s.Close())
}

func closed(err error) error {
	if errors.Is(err, http.ErrServerClosed) || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Close releases whatever assemble opened.
func (s *server) Close() error {
	var errs []error
	if s.kernel != nil { // without the directory's lock the file is another server's
		_ = os.Remove(s.dir.endpoints())
	}
	if s.demo != nil {
		errs = append(errs, s.demo.Close())
	}
	if s.kernel != nil {
		errs = append(errs, s.kernel.Close())
	}
	for _, l := range []net.Listener{s.gatewayListener, s.adminListener} {
		if l != nil {
			_ = l.Close()
		}
	}
	return errors.Join(errs...)
}

// recordMint counts the mints that are durable.
func (s *server) recordMint(ctx context.Context, m proof.Mint) (uint64, error) {
	index, err := s.kernel.recordMint(ctx, m)
	if err == nil {
		s.meters.Minted(string(m.Session.Proof))
		s.tellImpersonated(ctx, &m.Session, index)
	}
	return index, err
}

// recordMint makes a mint durable before the session it describes is sealed.
func (k *kernel) recordMint(ctx context.Context, m proof.Mint) (uint64, error) {
	s := &m.Session
	r := auditlog.Record{
		Kind: auditlog.KindMint, ID: s.ID, Time: auditlog.At(time.Now()), Instance: &k.instance,
		Who: &auditlog.Who{Identity: s.Identity, Session: s.ID, Impersonated: s.Impersonated()},
		Credential: &auditlog.Credential{
			Kind: string(cmp.Or(m.Form, proof.FormSession)), ID: s.ID,
			Issued: auditlog.At(s.Issued), Expires: auditlog.At(s.Expires), MintRecord: m.From, MintLog: k.otherLog(m),
		},
		Proof: &auditlog.Proof{
			Kind: string(s.Proof), Issuer: s.Issuer, Subject: s.Subject, Binding: s.Binding, TokenSHA256: s.ProofID,
		},
		Where: &auditlog.Where{SourceIP: textOf(m.Origin.Addr), PeerIP: textOf(m.Origin.Peer), Networks: m.Origin.Networks},
	}
	entry, err := r.Marshal()
	if err != nil {
		return 0, err
	}
	return k.journal.Append(ctx, entry)
}

func (k *kernel) seal(s identity.Session) (proof.Credentials, error) {
	i, err := k.keys.Ring().SealSession(s)
	if err != nil {
		return proof.Credentials{}, err
	}
	return proof.Credentials{
		AccessKeyID: i.AccessKeyID, SecretAccessKey: i.SecretKey.Reveal(), SessionToken: i.SessionToken.Reveal(), Expires: i.Expires,
	}, nil
}

func (k *kernel) bearer(s identity.Session) (string, error) {
	b, err := k.keys.Ring().SealBearer(s)
	if err != nil {
		return "", err
	}
	return b.Token.Reveal(), nil
}

func (k *kernel) lifecycle(ctx context.Context, event string) error {
	r := auditlog.Record{
		Kind: auditlog.KindLifecycle, ID: "lifecycle-" + event, Time: auditlog.At(time.Now()), Instance: &k.instance,
		Lifecycle: &auditlog.Lifecycle{Event: event},
	}
	entry, err := r.Marshal()
	if err != nil {
		return err
	}
	_, err = k.journal.Append(ctx, entry)
	return err
}

func textOf(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
