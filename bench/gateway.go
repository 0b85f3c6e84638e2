package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// organisation is the sample organisation, whose files the gateway is given
// together with an issuer and a grant that lasts.
const organisation = "internal/demo/organisation"

// gateway is a `writ up` in a directory of its own.
type gateway struct {
	binary, dir string
}

func (g *gateway) data() string { return filepath.Join(g.dir, "data") }

// buildWrit compiles the binary as it ships.
func buildWrit(dir string) (string, error) {
	path := filepath.Join(dir, "writ")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/writ")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building writ: %w\n%s", err, out)
	}
	return path, nil
}

// start starts Writ in front of the stand-in, with no other setting than
// production's, under the command wrap.
func (g *gateway) start(name, upstream string, wrap []string) (*process, error) {
	config := filepath.Join(g.dir, "config.yaml")
	text := "account: \"111122223333\"\nimpersonation: true\nupstream: {endpoint: \"" + upstream + "\"}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	env := []string{"AWS_ACCESS_KEY_ID=AKIDBENCH00000000000", "AWS_SECRET_ACCESS_KEY=bench", "AWS_SESSION_TOKEN="}
	return start(name, env, append(wrap, g.binary, "up", "--data", g.data(), "--config", config,
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")...)
}

// load gives a started gateway the sample organisation.
func (g *gateway) load() error {
	files := filepath.Join(g.dir, "organisation")
	if err := writeOrganisation(files, time.Now()); err != nil {
		return err
	}
	_, err := g.verb("apply", "--json", "-f", files)
	return err
}

// verb runs a verb of the binary and returns its output.
func (g *gateway) verb(args ...string) ([]byte, error) {
	cmd := exec.Command(g.binary, append(args, "--data", g.data())...)
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		return nil, fmt.Errorf("writ %s: %w\n%s", args[0], err, exit.Stderr)
	}
	return out, err
}

// session mints the credentials that the load signs with.
func (g *gateway) session() (aws.Credentials, error) {
	out, err := g.verb("credentials", "--identity", "support-agent", "--format", "process")
	if err != nil {
		return aws.Credentials{}, err
	}
	var p struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
	}
	if err := json.Unmarshal(out, &p); err != nil {
		return aws.Credentials{}, fmt.Errorf("reading credentials: %w", err)
	}
	return aws.Credentials{AccessKeyID: p.AccessKeyID, SecretAccessKey: p.SecretAccessKey, SessionToken: p.SessionToken}, nil
}

func writeOrganisation(dir string, now time.Time) error {
	if err := os.CopyFS(dir, os.DirFS(organisation)); err != nil {
		return fmt.Errorf("copying the sample organisation (this runs from the module's root): %w", err)
	}
	more := fmt.Sprintf(`apiVersion: writ/v1
kind: Issuer
name: demo
spec: {url: "https://issuer.invalid", algorithms: [ES256]}
---
apiVersion: writ/v1
kind: Entitlement
name: support-pictures
spec:
  title: Converse with customers, also about pictures
  models: ["us.anthropic.claude-sonnet-4-5-20250929-v1:0"]
  conditions:
    environments: [prod]
    purposes: [customer-support]
    data: {unscanned: true}
  riskTier: medium
  owner: mira@example.com
---
apiVersion: writ/v1
kind: Grant
name: support-agent.support-pictures
spec: {identity: support-agent, entitlement: support-pictures, notBefore: "%s", notAfter: "%s", origin: bootstrap}
`, now.UTC().Format(time.RFC3339), now.UTC().Add(24*time.Hour).Format(time.RFC3339))
	return os.WriteFile(filepath.Join(dir, "90-bench.yaml"), []byte(more), 0o600)
}
