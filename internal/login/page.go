package login

import (
	"html/template"
	"net/http"
	"net/url"
)

// page is all that a browser sees of signing in.
type page struct {
	Title, Text    string
	Action, Button string // of a form
	Fields         []field
	Next           string // where to go on by itself
}

type field struct{ Name, Value string }

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{.Title}} · Writ</title>{{if .Next}}<meta http-equiv="refresh" content="0; url={{.Next}}">{{end}}</head>
<body><main><h1>{{.Title}}</h1><p>{{.Text}}</p>
{{if .Action}}<form method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}<button>{{.Button}}</button></form>{{end}}
{{if .Next}}<p><a href="{{.Next}}">Go on</a></p>{{end}}</main></body></html>
`))

func (d *Door) page(w http.ResponseWriter, status int, p page) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := pageTemplate.Execute(w, p); err != nil {
		d.cfg.Log.Info("writing a page", "err", err)
	}
}

// refuse says no, and what to do.
func (d *Door) refuse(w http.ResponseWriter, status int, title, text string) {
	d.page(w, status, page{Title: title, Text: text})
}

// unavailable is for what is not the browser's fault; the reason is for the log.
func (d *Door) unavailable(w http.ResponseWriter, err error) {
	d.cfg.Log.Warn("a sign-in failed", "err", err)
	d.refuse(w, http.StatusBadGateway, "Not signed in", "The provider cannot be asked, or its answer does not hold. The server's log says why.")
}

// loopbackPage asks whether a program on the operator's machine may sign in.
func loopbackPage(r *http.Request) page {
	p := page{Title: "Sign in the command line?", Action: "/login", Button: "Sign in"}
	u, err := url.Parse(r.Form.Get("loopback"))
	if err == nil {
		p.Text = "A program on this machine, at port " + u.Port() + ", asks to act as you. Go on only if you have just run writ login."
	}
	for _, name := range []string{"loopback", "challenge", "method", "state"} {
		p.Fields = append(p.Fields, field{name, r.Form.Get(name)})
	}
	return p
}
