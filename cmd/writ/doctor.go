package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/config"
	"github.com/writ-project/writ/internal/store"
)

type doctorCmd struct {
	dataFlag
	Config  string        `help:"Configuration file; default: the one that the live server was started with." placeholder:"FILE" type:"path"`
	Deep    bool          `help:"Derive the whole audit log anew instead of its end only."`
	Offline bool          `help:"Reach out to nothing: leave Bedrock and the issuers alone."`
	Within  time.Duration `default:"168h" help:"Grants that end within this time are named."`
	JSON    bool          `help:"Print JSON, one object per line."`
}

func (c *doctorCmd) Help() string {
	return `Looks at everything that an installation stands on, with a live server or without,
and prints a line for each check: ok, warn or fail, what it found, and a hint.

A live server says itself whose AWS credentials it calls with, in every account.
AWS variables, and without a server credentials too, are those of the doctor's own
environment: run it as the server's user, with the server's environment.

Exit status 0: nothing failed, warnings may stand; 1: something failed; 2: it could
not look.`
}

// How a check ended.
const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateFail = "fail"
)

// diagnosis is one line of the doctor's.
type diagnosis struct {
	Check string `json:"check"`
	State string `json:"state"`
	Text  string `json:"text"`
	Hint  string `json:"hint,omitempty"`
}

// check looks at one thing.
type check struct {
	name string
	look func(*patient, context.Context) []diagnosis
}

// checks are what the doctor looks at, in the order in which they are told.
var checks = []check{
	{"readiness", (*patient).readiness},
	{"observe mode", (*patient).observeMode},
	{"standing", (*patient).standing},
	{"configuration", (*patient).configuration},
	{"data directory", (*patient).directory},
	{"lock", (*patient).lock},
	{"key-encryption key", (*patient).kek},
	{"disk space", (*patient).space},
	{"fsync", (*patient).fsync},
	{"open files", (*patient).openFiles},
	{"clock", (*patient).clock},
	{"state", (*patient).state},
	{"audit log", (*patient).auditLog},
	{"keys", (*patient).keys},
	{"certificate", (*patient).certificate},
	{"environment", (*patient).environment},
	{"upstream", (*patient).upstream},
	{"credentials", (*patient).awsCredentials},
	{"issuers", (*patient).issuers},
	{"bindings", (*patient).bindings},
	{"grants", (*patient).grants},
	{"entitlements", (*patient).entitlements},
	{"validations", (*patient).validations},
	{"replicas", (*patient).replicas},
	{"notifications", (*patient).notifications},
}

func ok(format string, args ...any) []diagnosis {
	return []diagnosis{{State: stateOK, Text: fmt.Sprintf(format, args...)}}
}

func warn(hint, format string, args ...any) []diagnosis {
	return []diagnosis{{State: stateWarn, Text: fmt.Sprintf(format, args...), Hint: hint}}
}

func fail(hint, format string, args ...any) []diagnosis {
	return []diagnosis{{State: stateFail, Text: fmt.Sprintf(format, args...), Hint: hint}}
}

// patient is what the checks look at.
type patient struct {
	dir     dataDir
	cfg     config.Config
	cfgErr  error
	cfgFile string
	live    *api.Client // nil: no server is running
	status  api.Status  // of the live server
	liveErr error       // why a server could not be asked

	store    *store.DB // nil when it cannot be opened
	storeErr error
	world    *holdings // what is in the store; nil when it cannot be read

	began   time.Time
	deep    bool
	offline bool
	within  time.Duration
}

func (c *doctorCmd) Run(ctx context.Context) error {
	d, err := c.existing()
	if err != nil {
		return err
	}
	p := &patient{dir: d, began: time.Now(), deep: c.Deep, offline: c.Offline, within: c.Within, cfgFile: c.Config}
	p.examine(ctx)
	if p.store != nil {
		defer p.store.Close()
	}
	failed := 0
	for _, one := range checks {
		for _, found := range one.look(p, ctx) {
			found.Check = one.name
			if found.State == stateFail {
				failed++
			}
			if err := c.tell(found); err != nil {
				return err
			}
		}
	}
	if failed > 0 {
		return &negative{}
	}
	return nil
}

// examine gathers what several checks need.
func (p *patient) examine(ctx context.Context) {
	var e *endpoints
	p.live, e, p.liveErr = p.dir.live(ctx)
	if p.live != nil {
		if p.status, p.liveErr = p.live.Status(ctx); p.liveErr != nil {
			p.live = nil
		}
	}
	if p.cfgFile == "" && e != nil {
		p.cfgFile = e.Config
	}
	p.cfg = config.Default()
	if p.cfgFile != "" {
		if cfg, err := config.Load(p.cfgFile); err != nil {
			p.cfgErr = err
		} else {
			p.cfg = cfg
		}
	}
	dsn, err := dsnOf(p.cfg)
	if err == nil && dsn == "" {
		dsn = p.dir.dsn()
		err = p.dir.needStore()
	}
	if err == nil {
		p.store, err = store.OpenReadOnly(ctx, dsn)
	}
	if err == nil {
		p.world, err = readHoldings(ctx, p.store)
	}
	p.storeErr = err
}

func (c *doctorCmd) tell(d diagnosis) error {
	if c.JSON {
		return printJSON(d)
	}
	_, err := fmt.Fprintf(os.Stdout, "%-4s  %-18s  %s\n", d.State, d.Check, strings.ReplaceAll(d.Text, "\n", "; "))
	if err == nil && d.Hint != "" {
		_, err = fmt.Fprintf(os.Stdout, "%26shint: %s\n", "", d.Hint)
	}
	return err
}

// readiness is why calls are let through, or not.
func (p *patient) readiness(context.Context) []diagnosis {
	switch {
	case p.liveErr != nil:
		return fail("WRIT_TOKEN, if it is set, must be the running server's", "a server is running and cannot be asked: %v", p.liveErr)
	case p.live == nil:
		return warn("start it: writ up --config FILE --data "+string(p.dir), "no server is running on %s", p.dir)
	case !p.status.Ready:
		return fail("docs/operate.md, When something breaks", "no call is let through: %s", p.status.Reason)
	}
	return ok("calls are let through; up for %s, %d open", time.Since(p.status.Started).Round(time.Second), p.status.OpenCalls)
}

func (p *patient) observeMode(context.Context) []diagnosis {
	switch o := p.status.Observe; {
	case p.live == nil:
		return nil // only a server can let calls through
	case o.On:
		return fail("writ observe off ends it", "%s", loud(o))
	case o.Pending:
		return warn("writ observe off prevents it", "%s", observeLine(o))
	}
	return ok("off")
}

// standing is what rights here are worth: Writ proves no chokepoint (security S28).
func (p *patient) standing(context.Context) []diagnosis {
	return warn("take bedrock:InvokeModel from everybody but Writ's role; docs/operate.md, Upstream", "%s", advisory)
}

func (p *patient) configuration(context.Context) []diagnosis {
	switch {
	case p.cfgErr != nil:
		return fail("writ config check "+p.cfgFile, "%s would be refused: %v", p.cfgFile, firstLine(p.cfgErr))
	case p.cfgFile == "":
		return ok("no file: every value is the default's")
	}
	out := ok("%s is accepted", p.cfgFile)
	if p.cfg.DetailedRefusals {
		out = append(out, warn("set detailedRefusals: false outside development", "callers are told every reason of a refusal")...)
	}
	if p.cfg.Impersonation {
		out = append(out, warn("set impersonation: false in production", "operators can mint sessions for identities")...)
	}
	return out
}

// firstLine is an error without the excerpt of a file that may come with it.
func firstLine(err error) string {
	text := strings.TrimPrefix(err.Error(), "reading the configuration:\n")
	line, _, _ := strings.Cut(text, "\n")
	return line
}
