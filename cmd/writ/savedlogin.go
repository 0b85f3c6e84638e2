package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
)

// saved is a sign-in, or an API token, that writ login keeps for a server.
type saved struct {
	Token    string    `json:"token"`
	Operator string    `json:"operator"`
	Expires  time.Time `json:"expires,omitzero"`
}

// savedFile is where sign-ins are kept: of this user only, apart from any data.
func savedFile() (string, error) {
	home, err := os.UserConfigDir() // $XDG_CONFIG_HOME, else its default
	if err != nil {
		return "", fmt.Errorf("finding where sign-ins are kept: %w", err)
	}
	return filepath.Join(home, "writ", "logins.json"), nil
}

// readSaved returns the sign-ins by server; none when there is no file.
func readSaved() (map[string]saved, error) {
	all := make(map[string]saved)
	path, err := savedFile()
	if err != nil {
		return all, nil // no home: nothing was kept
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, withHint(fmt.Errorf("%s can be read by others: want mode 0600", path), "chmod 600 %s, and sign in again: what it holds may be known", path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return all, nil
}

// keepSaved replaces the file as a whole.
func keepSaved(all map[string]saved) error {
	path, err := savedFile()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	half, err := os.CreateTemp(filepath.Dir(path), ".logins-") // mode 0600
	if err != nil {
		return err
	}
	_, err = half.Write(append(b, '\n'))
	if err = errors.Join(err, half.Close()); err == nil {
		err = os.Rename(half.Name(), path)
	}
	if err != nil {
		_ = os.Remove(half.Name())
	}
	return err
}

// tokenFor is what WRIT_TOKEN holds or, without it, a sign-in at the server that
// still counts; the zero token when there is neither.
func tokenFor(base string) (api.Token, error) {
	if token := api.ReadToken(os.Getenv("WRIT_TOKEN")); token.Reveal() != "" {
		return token, nil
	}
	all, err := readSaved()
	if err != nil {
		return api.Token{}, err
	}
	s := all[base]
	if !s.Expires.IsZero() && !time.Now().Before(s.Expires) {
		return api.Token{}, nil
	}
	return api.ReadToken(s.Token), nil
}

// remote is a client of a server elsewhere, which WRIT_SERVER names.
func remote(ctx context.Context, base string) (*api.Client, *endpoints, error) {
	base, err := serverURL(base)
	if err != nil {
		return nil, nil, err
	}
	token, err := tokenFor(base)
	if err != nil {
		return nil, nil, err
	}
	if token.Reveal() == "" {
		return nil, nil, withHint(errors.New("you are not signed in at "+base), "writ login --server %s, or set WRIT_TOKEN", base)
	}
	client := api.NewClient(base, token)
	if !client.Alive(ctx) {
		return nil, nil, fmt.Errorf("no server answers at %s", base)
	}
	return client, &endpoints{Admin: base}, nil
}

// serverURL is a server's address in one spelling. Secrets go there, so that plain
// HTTP is for this machine only.
func serverURL(raw string) (string, error) {
	u, err := url.Parse(strings.TrimSuffix(raw, "/"))
	if err != nil || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not a server's address such as https://writ.example.com", raw)
	}
	ip := net.ParseIP(u.Hostname())
	here := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && here) {
		return "", fmt.Errorf("%s: want https", raw)
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), nil
}
