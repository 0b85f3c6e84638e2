package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/governance"
	"github.com/writ-project/writ/internal/login"
)

// openLogin is how people sign in to this server.
func (s *server) openLogin() (*login.Door, error) {
	c, k := s.cfg.Login, s.kernel
	secret := ""
	if c.ClientSecretFile != "" {
		b, err := os.ReadFile(c.ClientSecretFile)
		if err != nil {
			return nil, fmt.Errorf("reading login.clientSecretFile: %w", err)
		}
		secret = strings.TrimSpace(string(b))
	}
	return login.New(login.Config{
		Provider: login.Provider{
			Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: secret, Redirect: c.Redirect, Scopes: c.Scopes,
			TrustEmail: c.TrustEmail, MaxAge: c.MaxAge, Hosts: c.Hosts, CAFile: c.CAFile, AllowLocal: c.AllowLocal,
		},
		Session: c.Session, Ring: k.keys.Ring, Once: k.store.UseOnce,
		Admit: k.office.SignIn, AdmitLink: k.office.SignInByLink, Now: time.Now, Log: s.log,
	})
}

// adminHosts are further names that the control plane answers to: the one by which
// browsers come back from signing in.
func (s *server) adminHosts() []string {
	u, err := url.Parse(s.cfg.Login.Redirect)
	if err != nil || u.Host == "" {
		return nil
	}
	return []string{u.Hostname()}
}

// offerLink prints, as long as there is no account, a link that signs in as the
// local administrator, once; and takes away the file of an older one.
func (s *server) offerLink(w io.Writer) error {
	path := s.dir.loginLink()
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(s.state.Current().Operators()) > 0 {
		return nil
	}
	link, err := s.login.Link(s.endpoints.Admin, governance.LocalAdmin, "")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(link+"\n"), 0o600); err != nil {
		return err
	}
	fmt.Fprintf(w, "There are no operators yet. This link signs in as the local administrator, once, within fifteen minutes:\n%s\n", link)
	return nil
}
