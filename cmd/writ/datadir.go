package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/config"
)

// dataFlag is the flag of every verb that works on a data directory.
type dataFlag struct {
	Data string `help:"Data directory (default: $$WRIT_DATA, else writ under the XDG data home)." placeholder:"DIR" type:"path"`
}

// dataDir is where an installation keeps its state.
type dataDir string

func (f dataFlag) dir() (dataDir, error) {
	d, err := config.DataDir(f.Data)
	return dataDir(d), err
}

// existing is dir, which must be there.
func (f dataFlag) existing() (dataDir, error) {
	d, err := f.dir()
	if err != nil {
		return "", err
	}
	if !d.begun() {
		return "", withHint(fmt.Errorf("no installation in %s", d), "name its directory with --data or WRIT_DATA; writ up --demo makes one")
	}
	return d, nil
}

// begun reports whether there is an installation: its key, which replicas may
// keep elsewhere, or its log.
func (d dataDir) begun() bool {
	_, noKey := os.Stat(d.kek())
	_, noLog := os.Stat(d.path("log"))
	return noKey == nil || noLog == nil
}

// needStore reports an error when the state is not in the directory, and only
// the server knows where: verbs then have to ask it.
func (d dataDir) needStore() error {
	if _, err := os.Stat(d.store()); err != nil {
		return withHint(fmt.Errorf("the state of %s is in another database, and no server is running on it", d), "start the server: writ up --config FILE --data %s", d)
	}
	return nil
}

func (d dataDir) path(parts ...string) string {
	return filepath.Join(append([]string{string(d)}, parts...)...)
}
func (d dataDir) kek() string             { return d.path("kek") }
func (d dataDir) store() string           { return d.path("writ.db") }
func (d dataDir) dsn() string             { return "sqlite:" + d.store() }
func (d dataDir) log(shard string) string { return d.path("log", shard) }
func (d dataDir) tls() string             { return d.path("tls") }
func (d dataDir) token() string           { return d.path("run", "admin.token") }
func (d dataDir) endpoints() string       { return d.path("run", "endpoints.json") }
func (d dataDir) loginLink() string       { return d.path("run", "login.url") }

// endpoints is how other verbs find a live server.
type endpoints struct {
	PID        int    `json:"pid"`
	Gateway    string `json:"gateway"`
	GatewayTLS string `json:"gateway_tls"`
	Admin      string `json:"admin"`
	CA         string `json:"ca"`
	Issuer     string `json:"issuer,omitempty"` // the demo's OIDC issuer
	Config     string `json:"config,omitempty"` // the configuration file
}

// announce writes the endpoints file and the operator's token.
func (d dataDir) announce(e endpoints, token api.Token) error {
	if err := os.MkdirAll(d.path("run"), 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.token(), []byte(token.Reveal()+"\n"), 0o600); err != nil {
		return err
	}
	return os.WriteFile(d.endpoints(), append(b, '\n'), 0o600)
}

// live returns a client for the server that uses this directory, or nil when
// there is none. WRIT_TOKEN, or a sign-in of writ login, acts as an operator in
// the token file's place.
func (d dataDir) live(ctx context.Context) (*api.Client, *endpoints, error) {
	b, err := os.ReadFile(d.endpoints())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	var e endpoints
	if err := json.Unmarshal(b, &e); err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", d.endpoints(), err)
	}
	token, err := tokenFor(e.Admin)
	if err != nil {
		return nil, nil, err
	}
	if token.Reveal() == "" {
		if token, err = api.LoadToken(d.token()); err != nil {
			return nil, nil, fmt.Errorf("reading the operator's token: %w", err)
		}
	}
	client := api.NewClient(e.Admin, token)
	if !client.Alive(ctx) {
		return nil, nil, nil
	}
	return client, &e, nil
}

// needLive is live for verbs that make no sense without a server.
func (f dataFlag) needLive(ctx context.Context) (*api.Client, *endpoints, error) {
	if base := os.Getenv("WRIT_SERVER"); base != "" && f.Data == "" {
		return remote(ctx, base)
	}
	d, err := f.existing()
	if err != nil {
		return nil, nil, err
	}
	client, e, err := d.live(ctx)
	if err == nil && client == nil {
		err = withHint(errors.New("no server is running on "+string(d)), "start one with: writ up --data %s", d)
	}
	return client, e, err
}
