package login

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Taken is what the command line gets for its code.
type Taken struct {
	Token    string    `json:"token"`
	Operator string    `json:"operator"`
	Expires  time.Time `json:"expires"`
}

// CodeOrder is a code with the answer to the challenge it was bound to.
type CodeOrder struct {
	Code     string `json:"code"`
	Verifier string `json:"verifier"`
}

// exchange gives a sign-in for a code, once.
func (d *Door) exchange(w http.ResponseWriter, r *http.Request) {
	var in CodeOrder
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil {
		http.Error(w, "want a code and a verifier", http.StatusBadRequest)
		return
	}
	taken, err := d.take(r, in)
	if err != nil {
		d.cfg.Log.Warn("a sign-in code was refused", "err", err)
		http.Error(w, "the code is not valid, was used, or is another client's", http.StatusForbidden)
		return
	}
	give(w, taken)
}

func give(w http.ResponseWriter, taken Taken) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(taken)
}

func (d *Door) take(r *http.Request, in CodeOrder) (Taken, error) {
	s, err := d.cfg.Ring().OpenCode(in.Code)
	if err != nil {
		return Taken{}, err
	}
	sum := sha256.Sum256([]byte(in.Verifier))
	answer := base64.RawURLEncoding.EncodeToString(sum[:])
	if subtle.ConstantTimeCompare([]byte(answer), []byte(s.Bound)) != 1 {
		return Taken{}, errors.New("it is bound to another challenge")
	}
	if !d.cfg.Now().Before(s.Expires) {
		return Taken{}, errors.New("it has expired")
	}
	if err := d.cfg.Once(r.Context(), once("code", s.ID), s.Expires.Add(skew)); err != nil {
		return Taken{}, err
	}
	return d.taken(Account{s.Operator, s.Epoch, s.Maker}, s.Method)
}

// taken is a new sign-in as the command line gets it.
func (d *Door) taken(a Account, method string) (Taken, error) {
	sealed, err := d.cfg.Ring().SealSignIn(d.signIn(a, method, d.cfg.Session))
	if err != nil {
		return Taken{}, err
	}
	return Taken{Token: sealed.Token.Reveal(), Operator: a.Operator, Expires: sealed.Expires}, nil
}

// linkMethod is how sign-ins name that a link made them.
const linkMethod = "link"

// Link makes an address, below the server's own, that signs in once. maker is who
// makes it for somebody else.
func (d *Door) Link(base, operator, maker string) (string, error) {
	sealed, err := d.cfg.Ring().SealLink(d.signIn(Account{Operator: operator, Maker: maker}, linkMethod, linkLife))
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(base, "/") + "/login/link?token=" + url.QueryEscape(sealed.Token.Reveal()), nil
}

// showLink asks before it signs in: programs that look at links must not use
// them up.
func (d *Door) showLink(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	s, err := d.cfg.Ring().OpenLink(token)
	if err != nil || !d.cfg.Now().Before(s.Expires) {
		d.refuse(w, http.StatusForbidden, "Not signed in", "The link is not valid, or older than fifteen minutes.", newLink)
		return
	}
	d.page(w, http.StatusOK, page{Title: "Sign in as " + s.Operator + "?", Text: "This link signs this browser in as " + s.Operator + ", once.", Then: "For the command line: writ login --link, with the address of this page.", Action: "/login/link", Fields: []field{{"token", token}}, Button: "Sign in"})
}

func (d *Door) useLink(w http.ResponseWriter, r *http.Request) {
	if !SameOrigin(r) {
		d.refuseForeign(w)
		return
	}
	s, err := d.cfg.Ring().OpenLink(r.PostFormValue("token"))
	if err == nil && !d.cfg.Now().Before(s.Expires) {
		err = errors.New("it has expired")
	}
	if err == nil {
		err = d.cfg.Once(r.Context(), once("link", s.ID), s.Expires.Add(skew))
	}
	if err != nil {
		d.cfg.Log.Warn("a sign-in link was refused", "err", err)
		d.refuse(w, http.StatusForbidden, "Not signed in", "The link is not valid, was used, or is older than fifteen minutes.", newLink)
		return
	}
	account, err := d.cfg.AdmitLink(r.Context(), s.Operator, s.Maker)
	if err != nil {
		d.refuse(w, http.StatusForbidden, "Not signed in", "The account that the link is for may not sign in any more.", "Ask an administrator.")
		return
	}
	if r.Header.Get("Accept") != "application/json" {
		d.welcome(w, account, linkMethod, "/")
		return
	}
	taken, err := d.taken(account, linkMethod) // the command line
	if err != nil {
		d.unavailable(w, err)
		return
	}
	give(w, taken)
}

// welcome gives a browser its sign-in. It goes on by a page of ours: a redirect
// would count as the provider's, and the cookie is for our own requests only.
// Where nobody said where to, there is nowhere to go on to.
func (d *Door) welcome(w http.ResponseWriter, a Account, method, to string) {
	sealed, err := d.cfg.Ring().SealSignIn(d.signIn(a, method, d.cfg.Session))
	if err != nil {
		d.unavailable(w, err)
		return
	}
	d.setCookie(w, sessionCookie, sealed.Token.Reveal(), d.cfg.Session, http.SameSiteStrictMode)
	p := page{Title: "Signed in", Text: "You are " + a.Operator + ".", Next: to}
	if to == "/" {
		p.Next, p.Action, p.Button, p.Quiet = "", "/logout", "Sign out", true
		p.Then = "This browser acts as you at this server until " + d.cfg.Now().Add(d.cfg.Session).UTC().Format("15:04 UTC") + ". You can close this page."
	}
	d.page(w, http.StatusOK, p)
}

// logout has a sign-in count no more, anywhere.
func (d *Door) logout(w http.ResponseWriter, r *http.Request) {
	token, byCookie := d.Presented(r)
	if byCookie && !SameOrigin(r) {
		d.refuseForeign(w)
		return
	}
	d.dropCookie(w, sessionCookie)
	if s, err := d.cfg.Ring().OpenSignIn(token); err == nil {
		err := d.cfg.Once(r.Context(), EndedID(s.ID), s.Expires.Add(skew))
		if err != nil {
			d.cfg.Log.Info("signing out", "err", err) // mostly: it had signed out before
		}
	}
	d.page(w, http.StatusOK, page{Title: "Signed out", Text: "This sign-in counts no more, here or anywhere."})
}

// EndedID names, for store.Used, that a sign-in was signed out.
func EndedID(signIn string) string { return "ended:" + signIn }
