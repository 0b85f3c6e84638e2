package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/api"
	"github.com/writ-project/writ/internal/login"
)

type loginCmd struct {
	dataFlag
	Server string        `env:"WRIT_SERVER" help:"Address of the control plane, such as https://writ.example.com. Default: the server of the data directory." placeholder:"URL"`
	Token  bool          `help:"Keep an API token that is read from stdin, and sign in no further."`
	Link   string        `help:"Take a link that an administrator, or the first start, has made. \"-\" reads it from stdin." placeholder:"URL"`
	Wait   time.Duration `default:"5m" help:"How long to wait for the browser."`
}

func (c *loginCmd) Help() string {
	return `Prints an address to open in a browser on this machine, and waits until you have
signed in there with your organisation's provider. What comes of it is kept for
this server in logins.json under $XDG_CONFIG_HOME/writ, readable by you only, and
every verb acts by it until it ends. WRIT_TOKEN goes before it.

  writ login --server https://writ.example.com
  writ operator token issue --scope view.right --scope ask.grant   # for a program
  echo "$TOKEN" | writ login --token
  writ login --link "$(cat link.txt)"                              # without a provider`
}

func (c *loginCmd) Run(ctx context.Context) error {
	base, err := c.base(c.Server)
	if err != nil {
		return err
	}
	var got saved
	switch {
	case c.Token:
		got, err = c.byToken(ctx, base)
	case c.Link != "":
		got, err = c.byLink(ctx, base)
	default:
		got, err = c.byBrowser(ctx, base)
	}
	if err != nil {
		return err
	}
	all, err := readSaved()
	if err != nil {
		return err
	}
	all[base] = got
	if err := keepSaved(all); err != nil {
		return err
	}
	until := ""
	if !got.Expires.IsZero() {
		until = " until " + got.Expires.Local().Format(time.RFC3339)
	}
	fmt.Printf("signed in at %s as %s%s\n", base, got.Operator, until)
	return nil
}

// base is the server's address.
func (f dataFlag) base(server string) (string, error) {
	if server != "" {
		return serverURL(server)
	}
	d, err := f.existing()
	if err != nil {
		return "", err
	}
	b, err := os.ReadFile(d.endpoints())
	if err != nil {
		return "", withHint(errors.New("no server is running on "+string(d)), "name one with --server")
	}
	var e endpoints
	if err := json.Unmarshal(b, &e); err != nil {
		return "", fmt.Errorf("reading %s: %w", d.endpoints(), err)
	}
	return e.Admin, nil
}

// byToken keeps an API token, once the server says whose it is.
func (c *loginCmd) byToken(ctx context.Context, base string) (saved, error) {
	text, err := lineFrom(os.Stdin)
	if err != nil {
		return saved{}, withHint(err, "give the token on stdin")
	}
	who, err := api.NewClient(base, api.ReadToken(text)).Whoami(ctx)
	if err != nil {
		return saved{}, err
	}
	return saved{Token: text, Operator: who.Operator, Expires: who.Expires}, nil
}

// lineFrom reads one line of at most a few kilobytes.
func lineFrom(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 8<<10)).ReadString('\n')
	if line = strings.TrimSpace(line); line != "" {
		return line, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = errors.New("there is nothing on stdin")
	}
	return "", err
}

// byLink takes a link. Its token goes to the server that was meant, whatever host
// the link names.
func (c *loginCmd) byLink(ctx context.Context, base string) (saved, error) {
	link := c.Link
	if link == "-" {
		var err error
		if link, err = lineFrom(os.Stdin); err != nil {
			return saved{}, err
		}
	}
	u, err := url.Parse(link)
	if err != nil || u.Query().Get("token") == "" {
		return saved{}, errors.New("this is not a sign-in link")
	}
	form := url.Values{"token": {u.Query().Get("token")}}
	return taken(ctx, base+"/login/link", "application/x-www-form-urlencoded", []byte(form.Encode()))
}

// taken asks the server for a sign-in.
func taken(ctx context.Context, where, kind string, body []byte) (saved, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, where, bytes.NewReader(body))
	if err != nil {
		return saved{}, err
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Writ-Via", "cli")
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return saved{}, fmt.Errorf("asking the server: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return saved{}, err
	}
	if resp.StatusCode != http.StatusOK {
		return saved{}, withHint(errors.New("the server refused the sign-in"), "it was used, is too old, or is another server's: begin again")
	}
	var t login.Taken
	if err := json.Unmarshal(b, &t); err != nil || t.Token == "" {
		return saved{}, errors.New("the server's answer is not a sign-in")
	}
	return saved{Token: t.Token, Operator: t.Operator, Expires: t.Expires}, nil
}

// byBrowser waits on this machine for the code of a sign-in (RFC 8252), which only
// this process can take: it alone knows the answer to the challenge (RFC 7636).
func (c *loginCmd) byBrowser(ctx context.Context, base string) (saved, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return saved{}, err
	}
	defer func() { _ = l.Close() }()
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"loopback": {"http://" + l.Addr().String() + "/"}, "challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "method": {"S256"}, "state": {state},
	}
	fmt.Fprintf(os.Stderr, "Open this address in a browser on this machine:\n\n  %s/login?%s\n\n", base, q.Encode())
	code, err := awaitCode(ctx, l, state, c.Wait)
	if err != nil {
		return saved{}, err
	}
	body, err := json.Marshal(login.CodeOrder{Code: code, Verifier: verifier})
	if err != nil {
		return saved{}, err
	}
	return taken(ctx, base+"/login/token", "application/json", body)
}

// awaitCode serves until the browser brings a code for this very sign-in.
func awaitCode(ctx context.Context, l net.Listener, state string, wait time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	codes := make(chan string, 1)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/" || q.Get("code") == "" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			http.Error(w, "This is not the sign-in that is waited for.", http.StatusBadRequest)
			return
		}
		select {
		case codes <- q.Get("code"):
			_, _ = io.WriteString(w, "You are signed in on the command line, and can close this page.\n")
		default:
			http.Error(w, "This sign-in was finished before.", http.StatusConflict)
		}
	})}
	go func() { _ = server.Serve(l) }()
	defer func() {
		quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = server.Shutdown(quick) // so that the page gets its answer
	}()
	select {
	case code := <-codes:
		return code, nil
	case <-ctx.Done():
		return "", withHint(errors.New("nobody signed in"), "without a browser on this machine, take an API token: writ login --token")
	}
}

type logoutCmd struct {
	dataFlag
	Server string `env:"WRIT_SERVER" help:"Address of the control plane. Default: the server of the data directory." placeholder:"URL"`
}

func (c *logoutCmd) Help() string {
	return `Ends the sign-in that writ login made at this server, there and here. An API token
that was kept is forgotten here only: writ operator token revoke ends it.`
}

func (c *logoutCmd) Run(ctx context.Context) error {
	base, err := c.base(c.Server)
	if err != nil {
		return err
	}
	all, err := readSaved()
	if err != nil {
		return err
	}
	was, ok := all[base]
	if !ok {
		return &negative{"not signed in at " + base}
	}
	ended := signOut(ctx, base, was.Token)
	delete(all, base)
	if err := errors.Join(ended, keepSaved(all)); err != nil {
		return err
	}
	fmt.Printf("signed out at %s\n", base)
	return nil
}

// signOut tells the server; what is no sign-in it leaves alone.
func signOut(ctx context.Context, base, token string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/logout", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Writ-Via", "cli")
	resp, err := (&http.Client{Timeout: time.Minute}).Do(req)
	if err != nil {
		return fmt.Errorf("telling the server, where the sign-in counts until it ends: %w", err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("telling the server, where the sign-in counts until it ends: it answered %s", resp.Status)
	}
	return nil
}
