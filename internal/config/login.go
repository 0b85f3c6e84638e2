package config

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Login says how people sign in to the control plane.
type Login struct {
	// Issuer is the URL of an OpenID Connect provider, exactly as its tokens have
	// it; empty means that nobody signs in but by links, and acts by API tokens.
	Issuer string `yaml:"issuer"`
	// ClientID is what the provider knows Writ by.
	ClientID string `yaml:"clientId"`
	// ClientSecretFile holds the client's secret; empty means a public client.
	ClientSecretFile string `yaml:"clientSecretFile"`
	// Redirect is this server's /login/callback as browsers reach it.
	Redirect string `yaml:"redirect"`
	// Scopes are asked for beside openid.
	Scopes []string `yaml:"scopes"`
	// TrustEmail lets an address that the provider has verified stand for the
	// account that has it, where no account names the subject.
	TrustEmail bool `yaml:"trustEmail"`
	// MaxAge is how long ago somebody may have proved themselves to the provider;
	// 0s means as it likes.
	MaxAge time.Duration `yaml:"maxAge"`
	// Session is how long a sign-in counts.
	Session time.Duration `yaml:"session"`
	// Hosts are further hosts that the provider's endpoints may be on.
	Hosts []string `yaml:"hosts"`
	// CAFile verifies the provider; empty means the system's roots.
	CAFile string `yaml:"caFile"`
	// AllowLocal lets the provider be at a loopback or private address.
	AllowLocal bool `yaml:"allowLocal"`
}

// maxSession is the longest that a sign-in counts.
const maxSession = 12 * time.Hour

func (l *Login) validate() error {
	if l.Session < time.Minute || l.Session > maxSession {
		return fmt.Errorf("login.session %v: want 1m to %v", l.Session, maxSession)
	}
	if l.MaxAge < 0 {
		return fmt.Errorf("login.maxAge %v: want 0s or more", l.MaxAge)
	}
	if l.Issuer == "" {
		return nil
	}
	if u, err := url.Parse(l.Issuer); err != nil || u.Host == "" || u.Scheme != "https" && !(l.AllowLocal && u.Scheme == "http") {
		return fmt.Errorf("login.issuer %q: want an https URL", l.Issuer)
	}
	if l.ClientID == "" || !strings.HasSuffix(l.Redirect, "/login/callback") {
		return errors.New("login: an issuer needs clientId, and redirect with the path /login/callback")
	}
	return nil
}
