// Package login is how people sign in to the control plane: by an OpenID Connect
// provider (authorization code with PKCE), or, before there is any account, by a
// link that the first start prints. What comes of it is a sealed sign-in token: a
// cookie for browsers, the token itself for the command line, which waits for it
// on its own machine (RFC 8252).
//
// The package trusts the provider for who somebody is and its caller for what
// account that is: a subject without an account gets nothing. It believes no
// address that a provider has not verified, and none at all unless configured.
// Every state, link and code works once, on whichever replica it is used.
package login

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/time/rate"

	"github.com/writ-project/writ/internal/credential"
)

// Person is who a provider says has signed in.
type Person struct {
	Issuer  string // the provider's URL
	Subject string // its `sub`
	Email   string // lower case; empty unless verified, and configured to be believed
}

// Account is what a person acts as.
type Account struct {
	Operator string
	Epoch    uint32 // the operator's, which voids sign-ins when it is raised
	Maker    string // who made the link, where that was somebody else
}

// ErrNoAccount means that a person, or a link, has no account that may sign in.
// It is the same for accounts that do not exist and for those that are disabled.
var ErrNoAccount = errors.New("no account signs in as this")

// Provider says whose sign-ins count. Without an Issuer there are none but links.
type Provider struct {
	Issuer   string // the provider's URL, exactly as its tokens have it
	ClientID string
	// ClientSecret is empty for a public client.
	ClientSecret string
	// Redirect is this server's /login/callback as browsers reach it.
	Redirect string
	Scopes   []string // beside openid
	// TrustEmail lets a verified address stand for the account that has it, where
	// no account names the subject.
	TrustEmail bool
	// MaxAge is how long ago somebody may have proved themselves to the provider;
	// zero: as the provider likes.
	MaxAge     time.Duration
	Algorithms []string // of ID tokens; empty: RS256 and ES256
	Hosts      []string // further hosts that the provider's endpoints may be on
	CAFile     string   // verifies the provider; empty means the system's roots
	AllowLocal bool     // it may be at a loopback or private address, over plain HTTP too
}

// Config assembles a Door; every field is required.
type Config struct {
	Provider Provider
	Session  time.Duration // how long a sign-in counts; at most credential.MaxSession
	Ring     func() *credential.Ring
	// Once notes a use and fails when there was one before; see store.UseOnce.
	Once func(ctx context.Context, id string, expires time.Time) error
	// Admit finds the account of a person and records the sign-in before it is
	// told; ErrNoAccount where there is none.
	Admit func(context.Context, Person) (Account, error)
	// AdmitLink is the account that a link signs in, likewise; maker made it.
	AdmitLink func(ctx context.Context, operator, maker string) (Account, error)
	Now       func() time.Time
	Log       *slog.Logger
}

// Door answers /login and what is below it, and /logout.
type Door struct {
	cfg      Config
	secure   bool // browsers reach it by TLS
	provider provider
	attempts *rate.Limiter // of asking the provider
	mux      *http.ServeMux
}

// How long the steps of a sign-in may take.
const (
	flowLife = 10 * time.Minute // from leaving for the provider to coming back
	codeLife = time.Minute      // from coming back to the command line's taking its code
	linkLife = 15 * time.Minute
	askLimit = 15 * time.Second // for asking the provider
)

// New makes a Door. It does not ask the provider yet: a provider that is down
// must not keep a server from starting.
func New(cfg Config) (*Door, error) {
	d := &Door{cfg: cfg, mux: http.NewServeMux(), attempts: rate.NewLimiter(5, 20)}
	if cfg.Session <= 0 || cfg.Session > credential.MaxSession {
		return nil, errors.New("login: session: want more than nothing, and at most 12h")
	}
	if cfg.Provider.Issuer != "" {
		u, err := url.Parse(cfg.Provider.Redirect)
		if err != nil || u.Host == "" || u.Path != callbackPath || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && u.Scheme != "http" {
			return nil, errors.New("login: redirect: want this server's URL with the path " + callbackPath)
		}
		if u.Scheme == "http" && !LoopbackName(u.Hostname()) {
			return nil, errors.New("login: redirect: want https, save on this machine itself")
		}
		if cfg.Provider.ClientID == "" {
			return nil, errors.New("login: clientId is required")
		}
		d.secure = u.Scheme == "https"
	}
	for pattern, h := range map[string]http.HandlerFunc{
		"GET /login": d.begin, "POST /login": d.begin, "GET " + callbackPath: d.finish, "POST /login/token": d.exchange,
		"GET /login/link": d.showLink, "POST /login/link": d.useLink, "POST /logout": d.logout,
	} {
		d.mux.HandleFunc(pattern, h)
	}
	return d, nil
}

const callbackPath = "/login/callback"

// ServeHTTP implements http.Handler.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin") // links and codes are in addresses
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", pagePolicy)
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	d.mux.ServeHTTP(w, r)
}

// signIn words the sign-in of an account.
func (d *Door) signIn(a Account, method string, life time.Duration) credential.SignIn {
	now := d.cfg.Now()
	return credential.SignIn{ID: rand.Text(), Operator: a.Operator, Method: method, Maker: a.Maker, Epoch: a.Epoch, Issued: now, Expires: now.Add(life)}
}
