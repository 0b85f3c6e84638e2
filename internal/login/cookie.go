package login

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/credential"
)

// Names of cookies. Where browsers come by TLS they begin with __Host-, which
// ties them to this very host (RFC 6265bis §4.1.3.2).
const (
	sessionCookie = "writ"
	flowCookie    = "writ-flow"
	hostPrefix    = "__Host-"
)

func (d *Door) cookieName(name string) string {
	if d.secure {
		return hostPrefix + name
	}
	return name
}

func (d *Door) setCookie(w http.ResponseWriter, name, value string, life time.Duration, site http.SameSite) {
	http.SetCookie(w, &http.Cookie{
		Name: d.cookieName(name), Value: value, Path: "/", MaxAge: int(life.Seconds()), Secure: d.secure, HttpOnly: true, SameSite: site,
	})
}

func (d *Door) dropCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: d.cookieName(name), Path: "/", MaxAge: -1, Secure: d.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// Presented is the secret that a request shows: that of its Authorization header
// or, without one, its sign-in cookie.
func (d *Door) Presented(r *http.Request) (secret string, byCookie bool) {
	if h := r.Header.Get("Authorization"); h != "" {
		token, _ := strings.CutPrefix(h, "Bearer ")
		return token, false
	}
	c, err := r.Cookie(d.cookieName(sessionCookie))
	if err != nil {
		return "", false
	}
	return c.Value, true
}

// SignInOf opens a sign-in token; see credential.Ring.OpenSignIn.
func (d *Door) SignInOf(token string) (credential.SignIn, error) {
	return d.cfg.Ring().OpenSignIn(token)
}

// SameOrigin reports whether a browser's own page sent a request that changes
// something: by what the browser says of it, else by where it says it is from. A
// header that no form can send, Writ-Via, will do too.
func SameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "same-origin":
		return true
	case "":
	default:
		return false
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err == nil && u.Host != "" && u.Host == r.Host
	}
	return r.Header.Get("Writ-Via") != ""
}
