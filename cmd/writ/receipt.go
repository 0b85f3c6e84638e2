package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/login"
	"github.com/writ-project/writ/receipt"
)

type receiptCmd struct {
	Verify receiptVerifyCmd `cmd:"" help:"Check a receipt against what is about to be done."`
	Keys   receiptKeysCmd   `cmd:"" help:"Print the public keys that receipts are checked by."`
}

// keySetPath is where a gateway serves the keys to everybody.
const keySetPath = "/writ/v1/jwks.json"

// keySource is where the public keys come from when no file holds them.
type keySource struct {
	dataFlag
	Gateway string `help:"Gateway to get the keys from; otherwise the installation of the data directory, live or not." placeholder:"URL"`
	CA      string `name:"ca" help:"CA that verifies the gateway (PEM); the system's roots by default." placeholder:"FILE" type:"path"`
}

// load gets the keys and checks that they are some.
func (s *keySource) load(ctx context.Context) (receipt.Keys, error) {
	set, err := s.read(ctx)
	if err != nil {
		return receipt.Keys{}, err
	}
	return receipt.ParseKeys(set)
}

func (s *keySource) read(ctx context.Context) ([]byte, error) {
	if s.Gateway != "" {
		return fetchKeys(ctx, s.Gateway, s.CA)
	}
	d, err := s.existing()
	if err != nil {
		return nil, err
	}
	switch _, e, err := d.live(ctx); {
	case err != nil:
		return nil, err
	case e != nil && strings.HasPrefix(e.Gateway, "https:"):
		return fetchKeys(ctx, e.Gateway, e.CA)
	case e != nil:
		return fetchKeys(ctx, e.Gateway, "")
	}
	k, err := openKernel(ctx, d, quietLog())
	if err != nil {
		return nil, err
	}
	return k.keys.JWKS(), k.Close()
}

// fetchKeys asks a gateway. Whoever could change the answer could sign receipts,
// so it comes over TLS or does not leave the machine.
func fetchKeys(ctx context.Context, gateway, ca string) ([]byte, error) {
	u, err := url.Parse(gateway)
	if err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("--gateway %q: want https://HOST[:PORT]", gateway)
	}
	if u.Scheme == "http" && !login.LoopbackName(u.Hostname()) {
		return nil, withHint(fmt.Errorf("--gateway %s: anybody on the way could put other keys in", gateway), "use https, and --ca FILE if Writ made its own CA")
	}
	client, err := (&sourceFlags{CA: ca}).client()
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Scheme+"://"+u.Host+keySetPath, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, withHint(fmt.Errorf("asking the gateway for its keys: %w", err), "is %s the gateway, and does --ca verify it?", gateway)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, withHint(fmt.Errorf("asking the gateway for its keys: status %d", resp.StatusCode), "is %s a gateway of this release?", gateway)
	}
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20+1))
}

type receiptKeysCmd struct {
	keySource
	JSON bool `help:"Print one line."`
}

func (c *receiptKeysCmd) Help() string {
	return `Prints the public keys as a JWK Set (RFC 7517), for systems of record:

  writ receipt keys > writ-keys.json
  writ receipt keys --gateway https://writ.internal:8443 --ca ca.pem

The member issuer names the installation. After an ordinary rotation of keys the
old one stays in the set for as long as a receipt that it signed can count, a day
and a minute; fetch the set again when a receipt names a key that is not in it.`
}

func (c *receiptKeysCmd) Run(ctx context.Context) error {
	keys, err := c.load(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := os.Stdout.Write(keys.JWKS())
		return err
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	return enc.Encode(json.RawMessage(keys.JWKS()))
}

// keysIn reads the keys of a file.
func keysIn(file string) (receipt.Keys, error) {
	b, err := readAtMost(file, 1<<20)
	if err != nil {
		return receipt.Keys{}, err
	}
	keys, err := receipt.ParseKeys(b)
	if err != nil {
		return keys, withHint(fmt.Errorf("%s: %w", file, err), "writ receipt keys > %s writes one", file)
	}
	return keys, nil
}

// readAtMost reads a file, or with "-" what comes in.
func readAtMost(file string, limit int64) ([]byte, error) {
	in := os.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: longer than %d bytes", file, limit)
	}
	return b, err
}
