package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// peerPackage is the peer of `writ iam who-can` that can be had from npm. It is
// under the AGPL: it is installed for the time of a measurement, and never part
// of the tree.
const peerPackage = "@cloud-copilot/iam-simulate@0.1.173"

//go:embed iam_peer.mjs
var peerScript []byte

// peer installs it and returns the script that asks it; or why it cannot be
// had.
func (r *iamRun) peer(ctx context.Context) (script, why string) {
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			return "", tool + " is not installed."
		}
	}
	dir := filepath.Join(r.dir, "peer")
	script = filepath.Join(dir, "iam_peer.mjs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err.Error()
	}
	if err := os.WriteFile(script, peerScript, 0o644); err != nil {
		return "", err.Error()
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private": true}`), 0o644); err != nil {
		return "", err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", peerPackage)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		return "", fmt.Sprintf("npm could not install %s: %v: %s", peerPackage, err, first)
	}
	return script, ""
}
