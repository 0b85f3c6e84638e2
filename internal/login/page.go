package login

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
)

// page is all that a browser sees of signing in.
type page struct {
	Title, Text    string
	Then           string // what to do about it
	No             bool   // it says that something did not happen
	Action, Button string // of a form
	Quiet          bool   // the form is not what somebody came for
	Fields         []field
	Next           string // where to go on by itself
}

type field struct{ Name, Value string }

// Style is the page's own style sheet: there is nothing to fetch.
func (page) Style() template.CSS { return template.CSS(pageStyle) }

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageStyle string
)

var pageTemplate = template.Must(template.New("page").Parse(pageHTML))

// pagePolicy allows the one style sheet, by its digest, and no script, frame or
// request. Where forms go is left open: what the provider then redirects to would
// count as the form's target too.
var pagePolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; style-src 'sha256-" + digestOf(pageStyle) + "'"

func digestOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (d *Door) page(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pageTemplate.Execute(w, p); err != nil {
		d.cfg.Log.Info("writing a page", "err", err)
	}
}

// refuse says no, and what to do.
func (d *Door) refuse(w http.ResponseWriter, status int, title, text, then string) {
	d.page(w, status, page{Title: title, Text: text, Then: then, No: true})
}

// refuseForeign is for what another site had a browser send.
func (d *Door) refuseForeign(w http.ResponseWriter) {
	d.refuse(w, http.StatusForbidden, "Refused", "Another site sent this, so nothing was done.", "If it was you, open the page here and press its button.")
}

const (
	newLink    = "Ask for a new one: writ operator link NAME."
	beginAgain = "Begin again, at /login or with writ login."
)

// sentence words an error for a page.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// unavailable is for what is not the browser's fault; the reason is for the log.
func (d *Door) unavailable(w http.ResponseWriter, err error) {
	d.cfg.Log.Warn("a sign-in failed", "err", err)
	d.refuse(w, http.StatusBadGateway, "Not signed in", "The provider cannot be asked, or its answer does not hold.",
		"Try again in a minute. If it stays so, the server's log says why.")
}
