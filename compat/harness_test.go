package compat

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/writ-project/writ/internal/writtest"
)

// Target is an endpoint to drive, with what its callers need. Every field is
// required but for the last.
type Target struct {
	Runtime    string // http:// URL of the runtime
	RuntimeTLS string // https:// URL of the same
	STS        string // URL of the STS endpoint
	CA         string // PEM file that RuntimeTLS's certificate is verified with
	// Env holds credentials, as AWS_ACCESS_KEY_ID=… and so on, for the scenarios
	// that do not obtain their own.
	Env    []string
	Bearer string // a token for AWS_BEARER_TOKEN_BEDROCK
	// RoleARN and TokenFile are what a workload with an OIDC proof is given;
	// sessions of BriefRoleARN end within seconds.
	RoleARN, BriefRoleARN string
	TokenFile             string
	// BeforeRefresh runs between the two calls of scenario sts; it must return
	// with the first session expired, since only boto3 and JavaScript refresh
	// minutes before.
	BeforeRefresh func(t *testing.T)

	Model     string   // an Anthropic model that all credentials may invoke, tools included
	Refused   []string // models refused with AccessDeniedException
	Throttled string   // a model that answers with ThrottlingException
	Counted   string   // a foundation model whose tokens they may have counted
	Guardrail string   // ARN of a guardrail that they may apply in version 1
	Video     string   // a model that they may invoke asynchronously
	Output    string   // where its answers may go
	Broken    string   // a model whose streams end in a throttlingException behind some events

	writ *writtest.Server // the gateway that the target is; nil for the stand-in
}

// step is one line of a client's output; see the clients for the fields.
type step struct {
	Step         string `json:"step"`
	Text         string `json:"text"`
	InputTokens  int    `json:"inputTokens"`
	OutputTokens int    `json:"outputTokens"`
	StopReason   string `json:"stopReason"`
	Events       int    `json:"events"`
	Tool         string `json:"tool"`
	ToolInput    any    `json:"toolInput"`
	ToolUseID    string `json:"toolUseId"`
	Arguments    string `json:"arguments"`
	Receipt      string `json:"receipt"`
	AccessKeyID  string `json:"accessKeyId"`
	Account      string `json:"account"`
	ARN          string `json:"arn"`
	Error        string `json:"error"`
	Class        string `json:"class"`
	Status       int    `json:"status"`
	Message      string `json:"message"`

	OriginalStatus int `json:"originalStatus"`
}

// errBroken marks a client that has its prerequisites and still does not build:
// a failure, not a reason to skip.
var errBroken = errors.New("the client does not build")

// built is where the Go client's binary goes; TestMain removes it.
var built string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "compat")
	if err != nil {
		panic(err)
	}
	built = dir
	code := m.Run()
	os.RemoveAll(dir)
	writtest.Clean()
	os.Exit(code)
}

func prepareGo() ([]string, error) {
	if err := command("go", "go", "mod", "download"); err != nil {
		return nil, err
	}
	binary := filepath.Join(built, "compat-go")
	if err := command("go", "go", "build", "-o", binary, "."); err != nil {
		return nil, errors.Join(errBroken, err)
	}
	return []string{binary}, nil
}

// ownNode is Node beside the machine's, for one that is older than the clients
// want. npm carries it.
const (
	ownNode    = "js/.node/node_modules/.bin/node"
	oldestNode = 22
)

// node is a Node that the clients run on, with their packages installed.
var node = sync.OnceValues(func() (string, error) {
	path, err := newEnough()
	if err != nil {
		return "", err
	}
	if installed("js/package-lock.json", "js/node_modules/.package-lock.json") {
		return path, nil
	}
	return path, command("js", "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
})

func newEnough() (string, error) {
	const check = `process.exit(process.versions.node.split(".")[0] < process.argv[1] ? 1 : 0)`
	if path, err := exec.LookPath("node"); err == nil && command(".", path, "-e", check, strconv.Itoa(oldestNode)) == nil {
		return path, nil
	}
	path, err := exec.LookPath(ownNode)
	if err == nil {
		return path, nil
	}
	if err := os.MkdirAll("js/.node", 0o755); err != nil {
		return "", err
	}
	err = command(".", "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", "js/.node", fmt.Sprint("node@", oldestNode))
	return ownNode, err
}

// program is how to run one of the programs for Node.
func program(file string) func() ([]string, error) {
	return func() ([]string, error) {
		path, err := node()
		return []string{path, file}, err
	}
}

// installed says whether npm has run since the lock file was written.
func installed(lock, record string) bool {
	want, err := os.Stat(lock)
	if err != nil {
		return false
	}
	got, err := os.Stat(record)
	return err == nil && !got.ModTime().Before(want.ModTime())
}

// oldestBoto3 is the first version that was seen to do all of this.
const oldestBoto3 = "1.43.11"

func preparePython() ([]string, error) {
	const check = `import sys, boto3
number = lambda version: tuple(int(part) for part in version.split("."))
if number(boto3.__version__) < number(sys.argv[1]):
    sys.exit("boto3 " + boto3.__version__ + " is older than " + sys.argv[1])`
	if err := command(".", "python3", "-c", check, oldestBoto3); err != nil {
		return nil, err
	}
	return []string{"python3", "-B", "python/main.py"}, nil
}

// command runs a program in a directory; its error ends in what it printed.
func command(dir, name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	if out, err := c.CombinedOutput(); err != nil {
		return errors.Join(err, errors.New(string(bytes.TrimSpace(out))))
	}
	return nil
}

// run plays one of the client's verbs and returns what it printed. After the
// first line it calls between, if that is not nil, and tells the client to go on.
func (c client) run(t *testing.T, verb string, env []string, between func(*testing.T)) []step {
	t.Helper()
	argv, err := c.prepare()
	if errors.Is(err, errBroken) {
		t.Fatal(err)
	}
	if err != nil {
		t.Skipf("the %s client lacks a prerequisite: %v", c.name, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if c.play != nil {
		return c.play(t, tool{ctx, argv[0], append(isolated(t), c.named(env)...), between}, verb)
	}
	cmd := exec.CommandContext(ctx, argv[0], append(argv[1:], verb)...)
	cmd.Env = append(isolated(t), c.named(env)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var steps []step
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var s step
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Errorf("reading a line of the %s client: %v: %s", c.name, err, lines.Text())
		}
		steps = append(steps, s)
		if len(steps) == 1 && between != nil {
			between(t)
			io.WriteString(stdin, "go on\n")
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("running the %s client: %v\n%s", c.name, err, &stderr)
	}
	return steps
}

// named names the models as the client knows them.
func (c client) named(env []string) []string {
	return append(env, "COMPAT_MODEL="+strings.NewReplacer(c.models...).Replace(tool{env: env}.get("COMPAT_MODEL")))
}

// isolated is an environment in which nothing but a scenario's own variables
// can tell an SDK where to call or as whom.
func isolated(t *testing.T) []string {
	home := t.TempDir()
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"AWS_REGION=us-east-1",         // Go and JavaScript
		"AWS_DEFAULT_REGION=us-east-1", // boto3, which does not read the other
		"AWS_CONFIG_FILE=" + filepath.Join(home, "no-config"),
		"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(home, "no-credentials"),
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_MAX_ATTEMPTS=1",
	}
	for _, name := range []string{"PYENV_ROOT", "PYENV_VERSION"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// plain points a client at the target's plain port with the target's credentials.
func (to Target) plain(models ...string) []string {
	return append(at(to.Runtime, models...), to.credentials()...)
}

// credentials are the target's, in the variables of every client: keys, but for
// the one that takes nothing but a token.
func (to Target) credentials() []string {
	return append(to.Env[:len(to.Env):len(to.Env)], "OPENAI_API_KEY="+to.Bearer)
}

// bearer are the same with a token for all.
func (to Target) bearer() []string {
	return []string{"AWS_BEARER_TOKEN_BEDROCK=" + to.Bearer, "OPENAI_API_KEY=" + to.Bearer}
}

// at tells a client where the runtime is, each in its own variable, and what to call.
func at(runtime string, models ...string) []string {
	return []string{
		"AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + runtime,
		"ANTHROPIC_BEDROCK_BASE_URL=" + runtime,
		"OPENAI_BASE_URL=" + runtime + "/openai/v1",
		"COMPAT_MODEL=" + strings.Join(models, ","),
	}
}

// secure points an SDK at the TLS port, without credentials.
func (to Target) secure(model string) []string {
	return append(at(to.RuntimeTLS, model), "AWS_CA_BUNDLE="+to.CA, "NODE_EXTRA_CA_CERTS="+to.CA)
}

// federated gives an SDK a proof, a role and two endpoints, and no credentials.
func (to Target) federated(role string) []string {
	return append(at(to.Runtime, to.Model),
		"AWS_ENDPOINT_URL_STS="+to.STS,
		"AWS_ROLE_ARN="+role,
		"AWS_ROLE_SESSION_NAME=compat",
		"AWS_WEB_IDENTITY_TOKEN_FILE="+to.TokenFile,
	)
}
