package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

type execCmd struct {
	sourceFlags
	Bearer  bool     `help:"Set AWS_BEARER_TOKEN_BEDROCK to a bearer token, which is not refreshed, in place of credentials."`
	OpenAI  bool     `name:"openai" help:"Like --bearer, and set OPENAI_API_KEY and OPENAI_BASE_URL too."`
	Command []string `arg:"" optional:"" passthrough:"partial" help:"After --: the command and its arguments."`
}

func (c *execCmd) Help() string {
	return `Runs a command with an environment in which any AWS SDK reaches the gateway:

  writ exec --identity support-agent -- python3 app.py
  writ exec --web-identity-token-file /run/token --role ticket-router \
    --gateway https://writ.internal:8080 --ca ca.pem -- node app.js
  writ exec --cert svid.pem --key svid.key --gateway https://… -- ./app

The SDK asks writ exec for credentials, on a loopback port and with a token that
only the child is given, and asks again before they run out: each time the proof
is read anew. No secret is in an argument. What could take the place of these
credentials is taken out of the child's environment: other keys and tokens,
profiles, and AWS's configuration files.

Signals are passed on, and the exit status is the child's (128 + n when signal n
ended it).`
}

func (c *execCmd) Run(ctx context.Context) error {
	if len(c.Command) < 2 || c.Command[0] != "--" {
		return withHint(errors.New("the command to run is not said"), "put it after two dashes: writ exec --identity ID -- COMMAND ARG…")
	}
	path, err := exec.LookPath(c.Command[1])
	if err != nil {
		return fmt.Errorf("finding the command: %w", err)
	}
	s, err := c.open(ctx, nil)
	if err != nil {
		return err
	}
	env, stop, err := c.environment(ctx, s)
	if err != nil {
		return err
	}
	defer stop()
	child := exec.Command(path, c.Command[2:]...)
	child.Args[0] = c.Command[1]
	child.Env = env
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	return runChild(child)
}

// environment is the child's, and what ends with it. A first session is minted
// here: what is wrong is said before the child starts.
func (c *execCmd) environment(ctx context.Context, s *source) (env []string, stop func(), err error) {
	stop = func() {}
	form := asSession
	if c.Bearer || c.OpenAI {
		form = asBearer
	}
	first, err := s.mint(ctx, form)
	if err != nil {
		return nil, stop, err
	}
	set := endpointLines(first.Region, s.gateway)
	if form == asBearer {
		set = append(set, [2]string{"AWS_BEARER_TOKEN_BEDROCK", first.Bearer})
		fmt.Fprintf(os.Stderr, "the bearer token ends at %s and is not refreshed\n", first.Expires.Local().Format(time.TimeOnly))
	} else {
		d, err := openDispenser(context.WithoutCancel(ctx), s, first)
		if err != nil {
			return nil, stop, err
		}
		stop = d.close
		set = append(set, [2]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI", d.url}, [2]string{"AWS_CONTAINER_AUTHORIZATION_TOKEN", d.token})
	}
	set = append(set,
		[2]string{"AWS_CONFIG_FILE", os.DevNull}, [2]string{"AWS_SHARED_CREDENTIALS_FILE", os.DevNull}, // a default profile beats a container's credentials
		[2]string{"AWS_EC2_METADATA_DISABLED", "true"}) // the machine's own role is not the child's
	if s.ca != "" {
		set = append(set, [2]string{"AWS_CA_BUNDLE", s.ca}, [2]string{"NODE_EXTRA_CA_CERTS", s.ca})
	}
	if c.OpenAI {
		set = append(set, [2]string{"OPENAI_API_KEY", first.Bearer}, [2]string{"OPENAI_BASE_URL", s.gateway + "/openai/v1"})
		if s.ca != "" {
			set = append(set, [2]string{"SSL_CERT_FILE", s.ca})
		}
	}
	return replaced(os.Environ(), append(set, unproxied(os.Getenv)...)), stop, nil
}

// unproxied keeps what goes to this machine off a proxy that the environment
// names: not every SDK does so by itself.
func unproxied(getenv func(string) string) (set [][2]string) {
	const here = "127.0.0.1,localhost,::1"
	for _, pair := range [][2]string{{"HTTP_PROXY", "NO_PROXY"}, {"http_proxy", "no_proxy"}, {"HTTPS_PROXY", "NO_PROXY"}, {"https_proxy", "no_proxy"}, {"ALL_PROXY", "NO_PROXY"}, {"all_proxy", "no_proxy"}} {
		if getenv(pair[0]) == "" || slices.ContainsFunc(set, func(s [2]string) bool { return s[0] == pair[1] }) {
			continue
		}
		set = append(set, [2]string{pair[1], strings.TrimPrefix(getenv(pair[1])+","+here, ",")})
	}
	return set
}

// unwanted are variables that would take the place of what the child is given,
// or that are the operator's own.
var unwanted = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION",
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_BEARER_TOKEN_BEDROCK", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_AUTH_SCHEME_PREFERENCE", "WRIT_TOKEN",
}

// replaced is an environment without what is unwanted and with what is set.
func replaced(env []string, set [][2]string) []string {
	out := slices.DeleteFunc(slices.Clone(env), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(unwanted, name) || slices.ContainsFunc(set, func(s [2]string) bool { return s[0] == name })
	})
	for _, s := range set {
		out = append(out, s[0]+"="+s[1])
	}
	return out
}

// childExit is how a child ended: its status is ours.
type childExit struct{ status int }

func (e *childExit) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// runChild runs it to its end and passes on the signals that arrive meanwhile.
func runChild(child *exec.Cmd) error {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	if err := child.Start(); err != nil {
		return fmt.Errorf("starting the command: %w", err)
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				if !fromTerminal(s) {
					_ = child.Process.Signal(s)
				}
			case <-done:
				return
			}
		}
	}()
	err := child.Wait()
	close(done)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("running the command: %w", err)
	}
	status := child.ProcessState.ExitCode()
	if w, ok := child.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		status = 128 + int(w.Signal())
	}
	if status == 0 {
		return nil
	}
	return &childExit{status}
}

// fromTerminal reports whether a signal is one that a terminal sends to every
// process in its foreground: the child has it already.
func fromTerminal(s os.Signal) bool {
	if s != syscall.SIGINT && s != syscall.SIGQUIT {
		return false
	}
	tty, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
