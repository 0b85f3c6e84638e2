package login

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"github.com/writ-project/writ/internal/credential"
)

// begin sends a browser to the provider. A client that waits on this machine for
// a code is asked about first: any program could have opened the page.
func (d *Door) begin(w http.ResponseWriter, r *http.Request) {
	if d.cfg.Provider.Issuer == "" {
		d.refuse(w, http.StatusNotFound, "No provider to sign in with", "This server knows no OpenID provider: login.issuer in its configuration names one.",
			"Until then an administrator makes a link that signs in once: writ operator link NAME. The first start printed one, too.")
		return
	}
	f, err := d.flow(r)
	if err != nil {
		d.refuse(w, http.StatusBadRequest, "This is not how to sign in", sentence(err), beginAgain)
		return
	}
	switch {
	case r.Method == http.MethodGet && f.Loopback != "":
		d.page(w, http.StatusOK, loopbackPage(r))
		return
	case r.Method == http.MethodPost && !SameOrigin(r):
		d.refuseForeign(w)
		return
	}
	found, err := d.discover(r.Context())
	if err != nil {
		d.unavailable(w, err)
		return
	}
	sealed, err := d.cfg.Ring().SealFlow(f)
	if err != nil {
		d.refuse(w, http.StatusBadRequest, "This is not how to sign in", "A part of the address is too long.", beginAgain)
		return
	}
	d.setCookie(w, flowCookie, sealed.Token.Reveal(), flowLife, http.SameSiteLaxMode)
	options := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("nonce", f.Nonce), oauth2.S256ChallengeOption(f.Verifier)}
	if age := d.cfg.Provider.MaxAge; age > 0 {
		options = append(options, oauth2.SetAuthURLParam("max_age", strconv.Itoa(int(age.Seconds()))))
	}
	http.Redirect(w, r, found.oauth.AuthCodeURL(f.State, options...), http.StatusSeeOther)
}

// flow words a sign-in that a request begins.
func (d *Door) flow(r *http.Request) (credential.Flow, error) {
	if err := r.ParseForm(); err != nil {
		return credential.Flow{}, errors.New("the address cannot be read")
	}
	f := credential.Flow{
		State: rand.Text() + rand.Text(), Nonce: rand.Text() + rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Return: localPath(r.Form.Get("return")), Expires: d.cfg.Now().Add(flowLife),
		Loopback: r.Form.Get("loopback"), Challenge: r.Form.Get("challenge"), Echo: r.Form.Get("state"),
	}
	if f.Loopback == "" {
		return f, nil
	}
	if err := loopback(f.Loopback); err != nil {
		return f, err
	}
	if len(f.Challenge) != 43 || r.Form.Get("method") != "S256" {
		return f, errors.New("a client takes its code with PKCE by S256")
	}
	return f, nil
}

// loopbackPage asks whether a program on the operator's machine may sign in.
func loopbackPage(r *http.Request) page {
	p := page{Title: "Sign in the command line?", Then: "Go on only if you have just run writ login.", Action: "/login", Button: "Sign in"}
	u, err := url.Parse(r.Form.Get("loopback"))
	if err == nil {
		p.Text = "A program on this machine, at port " + u.Port() + ", asks to act as you."
	}
	for _, name := range []string{"loopback", "challenge", "method", "state"} {
		p.Fields = append(p.Fields, field{name, r.Form.Get(name)})
	}
	return p
}

// loopback accepts where a client on the operator's own machine waits (RFC 8252
// §7.3): by address, so that no name can be made to mean another machine.
func loopback(raw string) error {
	u, err := url.Parse(raw)
	if err == nil {
		var at netip.AddrPort
		at, err = netip.ParseAddrPort(u.Host)
		if err == nil && u.Scheme == "http" && u.User == nil && u.Path == "/" && u.RawQuery == "" && u.Fragment == "" &&
			at.Addr().IsLoopback() && at.Addr().Zone() == "" && at.Port() != 0 {
			return nil
		}
	}
	return errors.New("a client waits at http://127.0.0.1:PORT/ or http://[::1]:PORT/")
}

// LoopbackName reports whether a host, of a URL, is this machine itself.
func LoopbackName(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// localPath accepts a path of this server to go to afterwards, and nothing that a
// browser could take for another's address.
func localPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.IsAbs() || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") ||
		len(raw) > 256 || strings.ContainsFunc(raw, func(r rune) bool { return r == '\\' || r <= ' ' || r >= 0x7f }) || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/\\") {
		return "/"
	}
	return raw
}

// errFlow is all that is told of what is wrong with a sign-in that comes back.
var errFlow = errors.New("this sign-in was not begun here, has ended, or took too long")

// finish is where the provider sends the browser back to.
func (d *Door) finish(w http.ResponseWriter, r *http.Request) {
	d.dropCookie(w, flowCookie)
	f, err := d.returned(r)
	if err != nil {
		d.cfg.Log.Warn("a sign-in came back that was not begun here", "err", err)
		d.refuse(w, http.StatusBadRequest, "Not signed in", sentence(errFlow), beginAgain)
		return
	}
	q := r.URL.Query()
	if q.Get("error") != "" || q.Get("code") == "" {
		d.cfg.Log.Info("the provider refused a sign-in", "error", printable(q.Get("error")))
		d.refuse(w, http.StatusForbidden, "Not signed in", "The provider refused.", beginAgain)
		return
	}
	account, err := d.admitted(r.Context(), f, q.Get("code"))
	switch {
	case errors.Is(err, ErrNoAccount):
		d.refuse(w, http.StatusForbidden, "Not signed in", "The provider knows you, but you have no account here.",
			"Ask an administrator for one: writ operator create NAME.")
	case err != nil:
		d.unavailable(w, err)
	case f.Loopback != "":
		d.sendCode(w, r, f, account)
	default:
		d.welcome(w, account, d.cfg.Provider.Issuer, f.Return)
	}
}

// returned opens the flow that a browser comes back with, and uses it up.
func (d *Door) returned(r *http.Request) (*credential.Flow, error) {
	c, err := r.Cookie(d.cookieName(flowCookie))
	if err != nil {
		return nil, err
	}
	f, err := d.cfg.Ring().OpenFlow(c.Value)
	if err != nil {
		return nil, err
	}
	q := r.URL.Query()
	switch {
	case !d.cfg.Now().Before(f.Expires):
		return nil, errors.New("it took too long")
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(f.State)) != 1 || len(q["state"]) != 1:
		return nil, errors.New("its state is another's")
	case q.Has("iss") && q.Get("iss") != d.cfg.Provider.Issuer: // RFC 9207
		return nil, errors.New("another issuer sent it")
	}
	return &f, d.cfg.Once(r.Context(), once("state", f.State), f.Expires.Add(skew))
}

// once names a use without holding what was used.
func once(what, secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return what + ":" + hex.EncodeToString(sum[:])
}

func (d *Door) admitted(ctx context.Context, f *credential.Flow, code string) (Account, error) {
	if !d.attempts.Allow() {
		return Account{}, errors.New("too many sign-ins at once")
	}
	found, err := d.discover(ctx)
	if err != nil {
		return Account{}, err
	}
	who, err := d.person(ctx, found, f, code)
	if err != nil {
		return Account{}, err
	}
	return d.cfg.Admit(ctx, who)
}

// sendCode sends the browser to the client that waits, with a code that only the
// client can take.
func (d *Door) sendCode(w http.ResponseWriter, r *http.Request, f *credential.Flow, a Account) {
	s := d.signIn(a, d.cfg.Provider.Issuer, codeLife)
	s.Bound = f.Challenge
	code, err := d.cfg.Ring().SealCode(s)
	if err != nil {
		d.unavailable(w, err)
		return
	}
	to := f.Loopback + "?" + url.Values{"code": {code.Token.Reveal()}, "state": {f.Echo}}.Encode()
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// printable keeps what a stranger sent from being more than a word in a log.
func printable(s string) string {
	if len(s) > 64 {
		s = s[:64]
	}
	return strconv.QuoteToASCII(s)
}
