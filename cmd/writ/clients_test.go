package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/writ-project/writ/internal/writtest"
)

// TestMain lets the test binary stand for a program with an AWS SDK in it.
func TestMain(m *testing.M) {
	if os.Getenv("WRIT_TEST_SDK") != "" {
		os.Exit(sdkProgram(os.Stdin, os.Stdout))
	}
	code := m.Run()
	writtest.Clean()
	os.Exit(code)
}

// sdkProgram is a program with the Go SDK, unmodified: for every line that it
// reads it says who it is, and by which key, or what went wrong.
func sdkProgram(in io.Reader, out io.Writer) int {
	ctx := context.Background()
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRetryMaxAttempts(1))
	if err != nil {
		fmt.Fprintln(out, "error", err)
		return 2
	}
	client := sts.NewFromConfig(cfg)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		who, err := client.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		if err == nil {
			keys, _ := cfg.Credentials.Retrieve(ctx)
			fmt.Fprintln(out, keys.AccessKeyID, *who.Arn)
			continue
		}
		fmt.Fprintln(out, "error", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return 0
}

// boto3Program does the same with boto3, calling a model.
const boto3Program = `
import sys, boto3
session = boto3.Session()
client = session.client("bedrock-runtime")
for line in sys.stdin:
    try:
        out = client.converse(modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "hello"}]}])
        creds = session.get_credentials()
        print(creds.get_frozen_credentials().access_key if creds else "bearer", out["output"]["message"]["content"][0]["text"].replace("\n", " "), flush=True)
    except Exception as e:
        print("error", str(e).replace("\n", " "), flush=True)
`

// haveBoto3 reports whether Python has a boto3 that knows what is asked of it
// here. Debian's does not, and nothing installs another: where it is missing
// that client is left out, with a line in the log, as in compat.
func haveBoto3(t *testing.T) bool {
	t.Helper()
	const recent = "import boto3, botocore; assert tuple(map(int, botocore.__version__.split('.'))) >= (1, 43, 11)"
	if err := exec.Command("python3", "-c", recent).Run(); err != nil {
		t.Logf("left out: Python has no boto3 of botocore 1.43.11 or newer: %v", err)
		return false
	}
	return true
}

// client is a program that runs.
type client struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Scanner
}

// startClient starts a program in an environment of its own; "SDK" stands for
// the program with the Go SDK, "BOTO3" for the one with boto3.
func startClient(t *testing.T, env []string, argv ...string) *client {
	t.Helper()
	var args []string
	for _, a := range argv {
		switch a {
		case "SDK":
			args = append(args, os.Args[0])
		case "BOTO3":
			args = append(args, "python3", "-c", boto3Program)
		default:
			args = append(args, a)
		}
	}
	c := &client{t: t, cmd: exec.Command(args[0], args[1:]...)}
	home := t.TempDir()
	c.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "WRIT_TEST_SDK=1", "AWS_EC2_METADATA_DISABLED=true", "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1"}, env...)
	if root := os.Getenv("PYENV_ROOT"); root != "" { // where python3 is pyenv's
		c.cmd.Env = append(c.cmd.Env, "PYENV_ROOT="+root)
	}
	c.cmd.Stderr = os.Stderr
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in, c.out = in, bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := c.cmd.Wait(); err != nil {
			t.Errorf("the client ended: %v", err)
		}
	})
	return c
}

// call has the client make a call and returns the key it used and the answer;
// the key is "error" when the call failed.
func (c *client) call() (key, answer string) {
	c.t.Helper()
	if _, err := io.WriteString(c.in, "call\n"); err != nil {
		c.t.Fatal(err)
	}
	if !c.out.Scan() {
		c.t.Fatalf("the client has gone: %v", c.out.Err())
	}
	key, answer, _ = strings.Cut(c.out.Text(), " ")
	return key, answer
}

// refreshes wants the client to go on, with another key, once its session of a
// few seconds is over. A call that the end of a session overtakes may fail.
func (c *client) refreshes(text, before string) string {
	c.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if key, answer := c.call(); key != "error" && key != before && strings.Contains(answer, text) {
			return key
		}
	}
	c.t.Fatal("the client did not refresh its credentials within 30 s")
	return ""
}

// stops wants the client's calls to fail, once its session is over, for a reason.
func (c *client) stops(reason string) {
	c.t.Helper()
	var key, answer string
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if key, answer = c.call(); key == "error" && strings.Contains(answer, reason) {
			return
		}
	}
	c.t.Fatalf("it goes on: %s %s", key, answer)
}

// brief is a demo in which analytics' sessions last three seconds, and can be
// got by a certificate too.
func brief(t *testing.T) (s *writtest.Server, ca *writtest.Authority) {
	t.Helper()
	s, ca = writtest.Start(t, writtest.Options{}), writtest.NewAuthority(t, "example.org")
	dir := t.TempDir()
	bundle, file := filepath.Join(dir, "bundle.pem"), filepath.Join(dir, "brief.yaml")
	write(t, bundle, string(writtest.Bundle(ca)))
	write(t, file, fmt.Sprintf(`apiVersion: writ/v1
kind: Binding
name: analytics
spec: {identity: analytics, issuer: demo, audience: writ, subject: "demo:analytics", maxSession: 3s}
---
apiVersion: writ/v1
kind: Issuer
name: mesh
spec: {trustDomain: example.org, bundleFile: %q}
---
apiVersion: writ/v1
kind: Binding
name: analytics.mesh
spec: {identity: analytics, issuer: mesh, subject: "spiffe://example.org/analytics", maxSession: 3s}
`, bundle))
	s.MustRun(t, "apply", "--yes", "-f", file)
	return s, ca
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

const analyticsARN = "assumed-role/analytics/"

// The SDK's own container provider, pointed at the gateway: it reads the
// token's file again at each refresh, and gets a new session.
func TestGoSDKGetsContainerCredentials(t *testing.T) {
	t.Parallel()
	s, _ := brief(t)
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, s.Token(t, "analytics"))
	c := startClient(t, []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + s.Gateway + "/writ/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + file,
		"AWS_ENDPOINT_URL_STS=" + s.Gateway,
	}, "SDK")
	second := c.refreshes(analyticsARN, c.refreshes(analyticsARN, ""))
	write(t, file, "no.more.token")
	c.stops("InvalidIdentityToken")
	write(t, file, s.Token(t, "analytics"))
	c.refreshes(analyticsARN, second)
}

// Over TLS with Writ's own CA. No SDK takes AWS_CA_BUNDLE for this request; the
// Go SDK has Go's own variable for the system's roots.
func TestGoSDKGetsContainerCredentialsOverTLS(t *testing.T) {
	t.Parallel()
	s, _ := brief(t)
	c := startClient(t, []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + s.GatewayTLS + "/writ/v1/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN=" + s.Token(t, "analytics"),
		"AWS_ENDPOINT_URL_STS=" + s.GatewayTLS, "SSL_CERT_FILE=" + s.CA,
	}, "SDK")
	c.refreshes(analyticsARN, "")
}

func TestBoto3GetsContainerCredentials(t *testing.T) {
	t.Parallel()
	if !haveBoto3(t) {
		return
	}
	s, _ := brief(t)
	file := filepath.Join(t.TempDir(), "token")
	write(t, file, s.Token(t, "analytics"))
	c := startClient(t, []string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI=" + s.Gateway + "/writ/v1/credentials/analytics", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=" + file,
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + s.Gateway,
	}, "BOTO3")
	c.refreshes("stand-in", c.refreshes("stand-in", ""))
}

// writ exec, by each kind of proof and by each SDK, over sessions of seconds.
func TestExecRefreshes(t *testing.T) {
	t.Parallel()
	s, ca := brief(t)
	writ, dir := writtest.Binary(t), t.TempDir()
	token := filepath.Join(dir, "token")
	write(t, token, s.Token(t, "analytics"))
	cert, key := writtest.WriteSVID(t, dir, ca.SVID(t, "spiffe://example.org/analytics", nil))
	for name, flags := range map[string][]string{
		"token at the STS endpoint":       {"--web-identity-token-file", token, "--role", "analytics", "--gateway", s.Gateway},
		"token at the container endpoint": {"--web-identity-token-file", token, "--gateway", s.GatewayTLS, "--ca", s.CA},
		"certificate":                     {"--cert", cert, "--key", key, "--gateway", s.GatewayTLS, "--ca", s.CA},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startClient(t, nil, append(append([]string{writ, "exec"}, flags...), "--", "SDK")...)
			c.refreshes(analyticsARN, c.refreshes(analyticsARN, ""))
		})
	}
	t.Run("boto3", func(t *testing.T) {
		t.Parallel()
		if !haveBoto3(t) {
			return
		}
		c := startClient(t, nil, writ, "exec", "--cert", cert, "--key", key, "--gateway", s.GatewayTLS, "--ca", s.CA, "--", "BOTO3")
		c.refreshes("stand-in", c.refreshes("stand-in", ""))
	})
}

// AWS_BEARER_TOKEN_BEDROCK is all that a client has then.
func TestExecGivesABearerToken(t *testing.T) {
	t.Parallel()
	if !haveBoto3(t) {
		return
	}
	s := writtest.Start(t, writtest.Options{})
	c := startClient(t, nil, writtest.Binary(t), "exec", "--identity", "analytics", "--data", s.Data, "--bearer", "--", "BOTO3")
	if key, answer := c.call(); key != "bearer" || !strings.Contains(answer, "stand-in") {
		t.Errorf("%s %s", key, answer)
	}
}

// An unmodified SDK uses a certificate on disk through credential_process: it is
// read at each call, so that whoever rotates it need tell nobody.
func TestCredentialProcessWithACertificate(t *testing.T) {
	t.Parallel()
	s, ca := brief(t)
	dir := t.TempDir()
	cert, key := writtest.WriteSVID(t, dir, ca.SVID(t, "spiffe://example.org/analytics", nil))
	config := filepath.Join(dir, "config")
	write(t, config, fmt.Sprintf("[profile writ]\ncredential_process = %s credentials --format process --gateway %s --ca %s --cert %s --key %s\n",
		writtest.Binary(t), s.GatewayTLS, s.CA, cert, key))
	env := []string{"AWS_CONFIG_FILE=" + config, "AWS_PROFILE=writ", "AWS_CA_BUNDLE=" + s.CA, "AWS_ENDPOINT_URL_STS=" + s.GatewayTLS, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + s.GatewayTLS}
	c := startClient(t, env, "SDK")
	first := c.refreshes(analyticsARN, "")
	writtest.WriteSVID(t, dir, ca.SVID(t, "spiffe://example.org/analytics", nil))
	c.refreshes(analyticsARN, first)
	writtest.WriteSVID(t, dir, writtest.NewAuthority(t, "example.org").SVID(t, "spiffe://example.org/analytics", nil))
	c.stops("credential_process")
	t.Run("aws", func(t *testing.T) {
		writtest.WriteSVID(t, dir, ca.SVID(t, "spiffe://example.org/analytics", nil))
		cli, err := exec.LookPath("aws")
		if err != nil {
			t.Logf("left out: there is no AWS CLI: %v", err)
			return
		}
		cmd := exec.Command(cli, "sts", "get-caller-identity", "--output", "text", "--query", "Arn")
		cmd.Env = append(c.cmd.Env, "AWS_PAGER=")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), analyticsARN) {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// Signals that arrive at writ exec reach the child, and what ends the child is
// what ends writ exec.
func TestExecPassesSignalsOn(t *testing.T) {
	t.Parallel()
	s := writtest.Start(t, writtest.Options{})
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2} {
		cmd := exec.Command(writtest.Binary(t), "exec", "--identity", "support-agent", "--data", s.Data, "--",
			"sh", "-c", `trap "echo got; exit 9" TERM INT HUP QUIT USR1 USR2; echo ready; while :; do sleep 0.05; done`)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		out := bufio.NewScanner(pipe)
		out.Scan()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		out.Scan()
		got := out.Text()
		if err := cmd.Wait(); got != "got" || cmd.ProcessState.ExitCode() != 9 {
			t.Errorf("%v: the child said %q, and writ exec ended with %v", sig, got, err)
		}
	}
}

// What the child is not to have is not in its environment, and no secret is in
// an argument of either.
func TestS13_ExecKeepsSecretsOutOfArguments(t *testing.T) {
	t.Parallel()
	s := writtest.Start(t, writtest.Options{})
	cmd := exec.Command(writtest.Binary(t), "exec", "--identity", "support-agent", "--data", s.Data, "--",
		"sh", "-c", `tr "\0" " " </proc/$PPID/cmdline; tr "\0" " " </proc/self/cmdline; echo; echo "$AWS_CONTAINER_AUTHORIZATION_TOKEN"`)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	arguments, token, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if len(token) < 40 || strings.Contains(arguments, token) || !strings.Contains(arguments, "exec") {
		t.Errorf("arguments %q, and a token of %d characters", arguments, len(token))
	}
}
