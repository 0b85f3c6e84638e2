package login

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is a real browser, where it asked for something, and what it
// complained of.
type chromium struct {
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	asked    []string
	answered map[string]network.Headers
	errors   []string
}

func startChromium(t *testing.T) *chromium {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs Chromium: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1000, 700),
		chromedp.Flag("ignore-certificate-errors", true), // the servers of tests vouch for themselves
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"), chromedp.CombinedOutput(io.Discard))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	c := &chromium{t: t, ctx: ctx, answered: make(map[string]network.Headers)}
	if err := chromedp.Listen(ctx, c.note); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *chromium) note(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		c.asked = append(c.asked, e.Request.URL)
	case *network.EventResponseReceived:
		c.answered[e.Response.URL] = e.Response.Headers
	case *log.EventEntryAdded:
		c.errors = append(c.errors, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		c.errors = append(c.errors, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		c.errors = append(c.errors, e.ExceptionDetails.Text)
	}
}

func (c *chromium) run(steps ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	if err := chromedp.Do(c.ctx, steps...); err != nil {
		c.t.Fatal(err)
	}
}

// sees waits until the page's heading is so. Going on to another page breaks a
// look off, which is then taken again.
func (c *chromium) sees(heading string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, time.Minute)
	defer cancel()
	for {
		err := chromedp.Do(ctx, chromedp.Poll[chromedp.Void](fmt.Sprintf("document.querySelector('h1')?.textContent === %q", heading)))
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			c.t.Fatalf("%s: %v", heading, err)
		}
	}
}

func (c *chromium) presses(button string) {
	c.t.Helper()
	c.run(chromedp.Click(chromedp.CSS(button)))
}

// cookie is the cookie of a name that the browser would show a server.
func (c *chromium) cookie(server, name string) *network.Cookie {
	c.t.Helper()
	var found *network.Cookie
	c.run(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		got, err := cdp.Call(ctx, t, network.GetCookies, network.GetCookiesParams{URLs: []string{server + "/", server + "/login"}})
		if err != nil {
			return err
		}
		for _, k := range got.Cookies {
			if k.Name == name {
				found = k
			}
		}
		return nil
	}))
	return found
}

// keptTo holds that nothing was asked of anybody but these, that every page of
// the server forbids scripts and frames, and that the console is empty.
func (c *chromium) keptTo(server string, others ...string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, url := range c.asked {
		if !beginsWithOneOf(url, append(others, server)...) {
			c.t.Errorf("asked for %s", url)
		}
	}
	pages := 0
	for url, headers := range c.answered {
		if policy := fmt.Sprint(headers["Content-Security-Policy"]); strings.HasPrefix(url, server+"/login") {
			pages++
			if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
				c.t.Errorf("%s has the policy %q", url, policy)
			}
		}
	}
	if pages == 0 {
		c.t.Error("no page was looked at")
	}
	if len(c.errors) > 0 {
		c.t.Errorf("the console says %q", c.errors)
	}
}

func beginsWithOneOf(url string, starts ...string) bool {
	for _, s := range starts {
		if strings.HasPrefix(url, s+"/") {
			return true
		}
	}
	return false
}

func TestABrowserSignsInByALinkAndOutAgain(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Provider = Provider{} })
	link, err := h.door.Link(h.server.URL, "local-admin", "")
	if err != nil {
		t.Fatal(err)
	}
	c := startChromium(t)
	c.run(chromedp.Navigate(link))
	c.sees("Sign in as local-admin?")
	c.presses("button")
	c.sees("Signed in")
	k := c.cookie(h.server.URL, sessionCookie)
	if k == nil || !k.HTTPOnly || k.SameSite != network.CookieSameSiteStrict || k.Path != "/" || k.Session {
		t.Fatalf("%+v", k)
	}
	if s, err := h.door.SignInOf(k.Value); err != nil || s.Operator != "local-admin" {
		t.Errorf("%+v, %v", s, err)
	}
	c.presses("button")
	c.sees("Signed out")
	if k := c.cookie(h.server.URL, sessionCookie); k != nil {
		t.Errorf("the cookie stays: %+v", k)
	}
	c.keptTo(h.server.URL)
}

// TestABrowserSignsInByAProviderOverTLS: the page that it then goes on to is the
// first that gets the cookie, which no other site's request would.
func TestABrowserSignsInByAProviderOverTLS(t *testing.T) {
	var h *house
	arrived := make(chan string, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/seen" {
			h.door.ServeHTTP(w, r)
			return
		}
		token, _ := h.door.Presented(r)
		arrived <- token
	}))
	t.Cleanup(server.Close)
	h = newHouse(t, func(c *Config) { c.Provider.Redirect = server.URL + callbackPath })
	c := startChromium(t)
	c.run(chromedp.Navigate(server.URL + "/login?return=/seen"))
	if s, err := h.door.SignInOf(<-arrived); err != nil || s.Operator != "dana" {
		t.Fatalf("%+v, %v", s, err)
	}
	k := c.cookie(server.URL, hostPrefix+sessionCookie)
	if k == nil || !k.Secure || !k.HTTPOnly || k.SameSite != network.CookieSameSiteStrict || k.Path != "/" || strings.HasPrefix(k.Domain, ".") {
		t.Errorf("%+v", k)
	}
	if k := c.cookie(server.URL, hostPrefix+flowCookie); k != nil {
		t.Errorf("the flow's cookie stays: %+v", k)
	}
	c.keptTo(server.URL, h.URL)
}
