package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/writ-project/writ/internal/config"
)

type upCmd struct {
	dataFlag
	Listen      string `help:"Gateway's address: HTTP/1.1, HTTP/2 and TLS on one port; port 0 picks a free one. Default 127.0.0.1:8080." placeholder:"ADDR"`
	AdminListen string `help:"Control plane's address. Default 127.0.0.1:8081." placeholder:"ADDR"`
	Config      string `help:"Configuration file; see docs/operate.md." placeholder:"FILE" type:"path"`
	Demo        bool   `help:"Add the sample organisation and use a local stand-in for Bedrock."`
	LogFormat   string `enum:"text,json" default:"text" help:"Of the operational log on stderr: text or json."`
	LogLevel    string `enum:"debug,info,warn,error" default:"info" help:"Least level of the operational log: debug, info, warn or error. No level shows secrets or content."`
}

func (c *upCmd) Help() string {
	return `Starts everything in one process. When it is ready it prints one line on stdout:

  ready gateway=http://… admin=http://… gateway_tls=https://… ca=PATH

SIGTERM and Ctrl-C drain open calls and stop cleanly. With --demo nothing leaves
this machine: the models answer from a stand-in that is labelled as one.`
}

func (c *upCmd) Run(ctx context.Context) error {
	cfg, err := c.configuration()
	if err != nil {
		return err
	}
	d, err := c.dir()
	if err != nil {
		return err
	}
	tuneRuntime()
	s, err := assemble(ctx, d, cfg, c.Demo, c.logger(os.Stderr))
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // told to stop before it was ready
	}
	if err != nil {
		return err
	}
	e := s.endpoints
	fmt.Printf("ready gateway=%s admin=%s gateway_tls=%s ca=%s%s\n", e.Gateway, e.Admin, e.GatewayTLS, e.CA, s.observeWord())
	s.observeBanner(os.Stderr)
	if err := s.offerLink(os.Stderr); err != nil {
		return errors.Join(err, s.Close())
	}
	s.tellSystemd("READY=1")
	if c.Demo {
		demoHints(os.Stderr, d, e)
	}
	return s.serve(ctx)
}

// tuneRuntime sets what suits a gateway, where the environment does not say
// otherwise. Two processors let Go run on while the log's fsync holds one of
// them, also where the machine has only one. The garbage of a call outweighs
// what stays by far, so collecting half as often saves more time than the few
// megabytes are worth.
func tuneRuntime() {
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// configuration is the file over the defaults, and the flags over the file.
func (c *upCmd) configuration() (config.Config, error) {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		if cfg, err = config.Load(c.Config); err != nil {
			return cfg, err
		}
	}
	if c.Listen != "" {
		cfg.Listen = c.Listen
	}
	if c.AdminListen != "" {
		cfg.AdminListen = c.AdminListen
	}
	if c.Demo {
		cfg.Impersonation = true
		cfg.Account = demoAccount
	}
	if cfg.Account == "" {
		return cfg, withHint(errors.New("no AWS account is configured"), "set account in the file given with --config, or try --demo")
	}
	return cfg, cfg.Validate()
}

func (c *upCmd) logger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{}
	var level slog.Level
	if level.UnmarshalText([]byte(c.LogLevel)) == nil { // empty, where a test leaves it out, is info
		opts.Level = level
	}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// demoHints says where to go next, with calls that work as they stand.
func demoHints(w io.Writer, d dataDir, e endpoints) {
	self := "writ"
	if len(os.Args) > 0 && isGoRun(os.Args[0]) {
		self = "go run ./cmd/writ"
	}
	fmt.Fprintf(w, `
The sample organisation is loaded. Bedrock is a local stand-in; nothing leaves this machine.
In another terminal, in this directory:

  # as support-agent: allowed
  export WRIT_DATA=%[2]s
  TOKEN=$(%[1]s credentials --identity support-agent --format bearer)
  curl -s %[3]s/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{"messages":[{"role":"user","content":[{"text":"Where is my parcel?"}]}]}'

  # with a card number in it: refused, by the class of what it holds
  curl -s %[3]s/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{"messages":[{"role":"user","content":[{"text":"My card 5105 1051 0510 5100 was charged twice"}]}]}'

  # as invoice-triage, whose model asks for a payment: that waits for a person
  TOKEN=$(%[1]s credentials --identity invoice-triage --format bearer)
  curl -s %[3]s/model/amazon.nova-pro-v1:0/converse \
    -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \
    -d '{"messages":[{"role":"user","content":[{"text":"[[call: post_payment {\"amount\": 12}]]"}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"post_payment","inputSchema":{"json":{"type":"object"}}}}]}}'
  %[1]s hold list

  # all of it is in the log, which anyone can re-derive; and what it cost
  %[1]s audit tail
  %[1]s audit verify
  %[1]s spend

  # for any AWS SDK
  eval "$(%[1]s credentials --identity support-agent --format env)"

How rights are asked for, approved and taken away: docs/requests.md, beside this server.
Who releases what waits: docs/holds.md.

`, self, quote(string(d)), e.Gateway)
}
