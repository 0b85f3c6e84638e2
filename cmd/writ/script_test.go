package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/writ-project/writ/internal/fakebedrock"
	"github.com/writ-project/writ/internal/writtest"
)

// TestStories runs testdata/script: each file is what somebody wants of Writ,
// told with the whole binary and named after it. Beside testscript's own
// commands there are:
//
//	start ARG…                 run `writ up ARG…` on $WRIT_DATA and free ports until it is ready;
//	                           sets GATEWAY, GATEWAY_TLS, ADMIN and CA
//	terminate                  SIGTERM, and a clean end
//	kill9                      an end without notice
//	exits N COMMAND ARG…       the command ends with exit status N
//	let VAR COMMAND ARG…       VAR becomes the command's output
//	bearer ID                  TOKEN becomes a bearer token minted for an identity
//	assume ID TOKEN            the AWS SDK exchanges an OIDC token at the STS endpoint for a session
//	                           of the identity, which `call -signed` then uses; says for how long
//	call [-signed|-get] [-status N] [-h 'K: V']… MODEL/OPERATION|/PATH [BODYFILE]
//	                           call a model (with $TOKEN, unless signed) and expect a status, 200
//	                           by default; the body is stdout, the status line and error type are
//	                           stderr; sets DECISION, RECORD, HOLD and RECEIPT; without a file it
//	                           says hello; $HOLD in the file is the hold that the last call told of
//	open MODEL                 begin a stream with $TOKEN and leave it open once it has begun
//	bedrock                    a stand-in for Bedrock that falls silent within every stream, for
//	                           `start` without --demo; sets BEDROCK and Writ's own AWS keys
//	become NAME                act as an operator from here on, signed in by a link; "become -" acts
//	                           as the local administrator again
//	jsonlines N                stdout is N JSON objects, one a line
//	flip FILE                  change one bit in the middle of a file
//	authority NAME DOMAIN…     a CA of each SPIFFE trust domain; NAME.pem becomes their bundle
//	svid NAME ID               a workload's certificate of the first of them: svid.pem and svid.key
func TestStories(t *testing.T) {
	if program == nil {
		t.Fatal("there is no program to test")
	}
	bin := filepath.Dir(writtest.Binary(t))
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("..", "..", "testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", bin+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("WRIT_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config", "nobody"))
			people, err := filepath.Abs(filepath.Join("..", "..", "docs", "examples", "people"))
			if err != nil {
				return err
			}
			env.Setenv("PEOPLE", people)
			env.Values[story{}] = &story{tb: env.T().(testing.TB), cas: new(sync.Map)}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"start": told(startServer), "terminate": told(stopServer), "kill9": told(killServer),
			"exits": told(exits), "let": told(let), "bearer": told(bearer), "assume": told(assume),
			"call": told(call), "open": told(openStream), "bedrock": told(ownBedrock),
			"jsonlines": told(jsonLines), "become": told(become), "flip": told(flip),
			"authority": told(newAuthorities), "svid": told(newSVID),
		},
	})
}

// program links all of writ into the test binary. The tests run a binary of
// their own, and go would serve their results from its cache, whatever changed
// in the program, if the program were not a part of this one.
var program = run

// story is what one script has running.
type story struct {
	tb     testing.TB
	server *writtest.Server
	cas    *sync.Map // of authorities, by name
}

// errUsage is a mistake in the script.
var errUsage = errors.New("wrong arguments: see the list of commands at TestStories")

// told makes a command of a step: an error fails the script, or is what a
// script that says ! expects, and is then its stderr.
func told(step func(*story, *testscript.TestScript, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		err := step(ts.Value(story{}).(*story), ts, args)
		switch {
		case errors.Is(err, errUsage) || err != nil && !neg:
			ts.Fatalf("%v", err)
		case err != nil:
			fmt.Fprintln(ts.Stderr(), err)
		case neg:
			ts.Fatalf("unexpected success")
		}
	}
}

func startServer(s *story, ts *testscript.TestScript, args []string) error {
	server, err := writtest.Launch(s.tb, writtest.Options{
		Data: ts.Getenv("WRIT_DATA"), NoDemo: true, Args: absolute(ts, args), Env: []string{
			"AWS_ACCESS_KEY_ID=" + ts.Getenv("AWS_ACCESS_KEY_ID"),
			"AWS_SECRET_ACCESS_KEY=" + ts.Getenv("AWS_SECRET_ACCESS_KEY"),
		},
	})
	if err != nil {
		return err
	}
	ts.Defer(server.Kill)
	s.server = server
	ts.Setenv("GATEWAY", server.Gateway)
	ts.Setenv("GATEWAY_TLS", server.GatewayTLS)
	ts.Setenv("ADMIN", server.Admin)
	ts.Setenv("CA", server.CA)
	return nil
}

// absolute makes the value of --config a path that holds elsewhere too.
func absolute(ts *testscript.TestScript, args []string) []string {
	for i := range args {
		if i > 0 && args[i-1] == "--config" {
			args[i] = ts.MkAbs(args[i])
		}
	}
	return args
}

func stopServer(s *story, ts *testscript.TestScript, args []string) error {
	s.server.Terminate()
	if err := s.server.Exit(40 * time.Second); err != nil {
		return fmt.Errorf("stopping: %w\n%s", err, s.server.Stderr())
	}
	return nil
}

func killServer(s *story, ts *testscript.TestScript, args []string) error {
	s.server.Kill()
	return nil
}

func exits(_ *story, ts *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	want, err := strconv.Atoi(args[0])
	if err != nil {
		return errUsage
	}
	got, err := 0, ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		return err
	}
	if got != want {
		return fmt.Errorf("exit status %d, want %d", got, want)
	}
	return nil
}

func let(_ *story, ts *testscript.TestScript, args []string) error {
	if len(args) < 2 {
		return errUsage
	}
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		return err
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
	return nil
}

// become signs an operator in, once, and keeps the sign-in where only the commands
// that follow look.
func become(_ *story, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	config := func(name string) string { return ts.MkAbs(filepath.Join("config", name)) }
	ts.Setenv("XDG_CONFIG_HOME", config("nobody"))
	if args[0] == "-" {
		return nil
	}
	if _, err := os.Stat(config(args[0])); err == nil {
		ts.Setenv("XDG_CONFIG_HOME", config(args[0]))
		return nil
	}
	if err := ts.Exec("writ", "operator", "link", args[0]); err != nil {
		return err
	}
	link := strings.TrimSpace(ts.ReadFile("stdout"))
	ts.Setenv("XDG_CONFIG_HOME", config(args[0]))
	return ts.Exec("writ", "login", "--link", link)
}

func bearer(s *story, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	return let(s, ts, []string{"TOKEN", "writ", "credentials", "--identity", args[0], "--format", "bearer"})
}

// assume is what an SDK does on its own when AWS_ROLE_ARN and
// AWS_WEB_IDENTITY_TOKEN_FILE are set.
func assume(_ *story, ts *testscript.TestScript, args []string) error {
	if len(args) != 2 {
		return errUsage
	}
	client := sts.New(sts.Options{Region: "us-east-1", BaseEndpoint: aws.String(ts.Getenv("GATEWAY"))})
	out, err := client.AssumeRoleWithWebIdentity(context.Background(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::111122223333:role/" + args[0]), RoleSessionName: aws.String("story"),
		WebIdentityToken: aws.String(args[1]),
	})
	if err != nil {
		return err
	}
	ts.Setenv("AWS_ACCESS_KEY_ID", *out.Credentials.AccessKeyId)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", *out.Credentials.SecretAccessKey)
	ts.Setenv("AWS_SESSION_TOKEN", *out.Credentials.SessionToken)
	fmt.Fprintf(ts.Stdout(), "%s for %v\n", *out.AssumedRoleUser.Arn, time.Until(*out.Credentials.Expiration).Round(time.Minute))
	return nil
}

func call(s *story, ts *testscript.TestScript, args []string) error {
	set := flag.NewFlagSet("call", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	signed, want, header := set.Bool("signed", false, ""), set.Int("status", 200, ""), http.Header{}
	get := set.Bool("get", false, "")
	set.Func("h", "", func(v string) error {
		name, value, _ := strings.Cut(v, ": ")
		header.Add(name, value)
		return nil
	})
	if set.Parse(args) != nil || set.NArg() < 1 || set.NArg() > 2 {
		return errUsage
	}
	body := writtest.Say("hello")
	if set.NArg() == 2 {
		body = strings.ReplaceAll(ts.ReadFile(set.Arg(1)), "$HOLD", ts.Getenv("HOLD"))
	}
	req := wordCall(s.tb, ts, *signed, set.Arg(0), body, header)
	if *get {
		req = getRequest(s.tb, ts, set.Arg(0))
	}
	a := writtest.Do(s.tb, req)
	fmt.Fprintln(ts.Stdout(), a.Body)
	fmt.Fprintln(ts.Stderr(), a.Status, a.ErrorType())
	if o := a.Header.Get("X-Writ-Observe"); o != "" {
		fmt.Fprintln(ts.Stderr(), "observe="+o)
	}
	ts.Setenv("DECISION", a.Header.Get("X-Writ-Decision"))
	ts.Setenv("RECORD", a.Header.Get("X-Writ-Record"))
	ts.Setenv("HOLD", a.Header.Get("X-Writ-Hold"))
	ts.Setenv("RECEIPT", a.Header.Get("X-Writ-Receipt"))
	if a.Status != *want {
		return fmt.Errorf("status %d, want %d", a.Status, *want)
	}
	return a.Err
}

// wordCall is a call of MODEL/OPERATION with the session that the script holds.
func wordCall(tb testing.TB, ts *testscript.TestScript, signed bool, what, body string, header http.Header) *http.Request {
	model, operation := path.Split(what)
	url := ts.Getenv("GATEWAY") + "/model/" + writtest.Escape(strings.TrimSuffix(model, "/")) + "/" + operation
	if strings.HasPrefix(what, "/") {
		url = ts.Getenv("GATEWAY") + what
	}
	if signed {
		return writtest.Sign(tb, writtest.Keys{
			AccessKeyID: ts.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: ts.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: ts.Getenv("AWS_SESSION_TOKEN"),
		}, writtest.Request{URL: url, Body: body, Header: header})
	}
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(body))
	ts.Check(err)
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+ts.Getenv("TOKEN"))
	return req
}

// getRequest is a GET of a path with the bearer token that the script holds.
func getRequest(tb testing.TB, ts *testscript.TestScript, what string) *http.Request {
	req := wordCall(tb, ts, false, what, "", http.Header{})
	req.Method, req.Body, req.ContentLength = http.MethodGet, http.NoBody, 0
	return req
}

func openStream(s *story, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	req := wordCall(s.tb, ts, false, args[0]+"/converse-stream", writtest.Say("hello"), http.Header{})
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return err
	}
	ts.Defer(func() { resp.Body.Close() })
	_, err = resp.Body.Read(make([]byte, 1))
	return err
}

func ownBedrock(_ *story, ts *testscript.TestScript, _ []string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	own := fakebedrock.Credential{AccessKeyID: "AKIASTORYSTANDIN0000", SecretAccessKey: "story"}
	standIn := fakebedrock.New(fakebedrock.Config{
		Credentials: []fakebedrock.Credential{own},
		Fault: func(fakebedrock.Request) fakebedrock.Fault {
			return fakebedrock.Fault{Kind: fakebedrock.Stall, After: 2}
		},
	})
	go func() { _ = standIn.Serve(l) }()
	ts.Defer(func() { _ = standIn.Close() })
	ts.Setenv("BEDROCK", "http://"+l.Addr().String())
	ts.Setenv("AWS_ACCESS_KEY_ID", own.AccessKeyID)
	ts.Setenv("AWS_SECRET_ACCESS_KEY", own.SecretAccessKey)
	return nil
}

func jsonLines(_ *story, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	out := ts.ReadFile("stdout")
	lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
	if strconv.Itoa(len(lines)) != args[0] {
		return fmt.Errorf("%d lines, want %s", len(lines), args[0])
	}
	for _, l := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(l), &object); err != nil {
			return fmt.Errorf("%q is not a JSON object: %w", l, err)
		}
	}
	return nil
}

func flip(_ *story, ts *testscript.TestScript, args []string) error {
	if len(args) != 1 {
		return errUsage
	}
	name := ts.MkAbs(args[0])
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	changed := bytes.Clone(text)
	changed[len(changed)/2] ^= 1
	return os.WriteFile(name, changed, 0o600)
}
