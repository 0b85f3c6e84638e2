package report

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser is one real browser with one page, and what the page did that it
// should not.
type browser struct {
	t        *testing.T
	ctx      context.Context
	mu       sync.Mutex
	requests []string // but the page itself
	errors   []string
}

// opened opens a report in Chromium.
func opened(t *testing.T, report string) *browser {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs Chromium: apt-get install chromium")
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, []byte(report), 0o600); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox,
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.WindowSize(1280, 900), chromedp.CombinedOutput(io.Discard))
	allocator, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	b := &browser{t: t, ctx: ctx}
	address := (&url.URL{Scheme: "file", Path: file}).String()
	if err := chromedp.Listen(ctx, func(event any) { b.note(address, event) }); err != nil {
		t.Fatal(err)
	}
	b.run(chromedp.Navigate(address))
	return b
}

func (b *browser) note(address string, event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if e.Request.URL != address {
			b.requests = append(b.requests, e.Request.URL)
		}
	case *log.EventEntryAdded:
		b.errors = append(b.errors, e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		b.errors = append(b.errors, fmt.Sprintf("console.%s", e.Type))
	case *runtime.EventExceptionThrown:
		b.errors = append(b.errors, e.ExceptionDetails.Text)
	}
}

// step is an action without an answer.
type step = chromedp.Action[chromedp.Void]

// command is a protocol command whose answer does not matter.
func command[P, R any](c cdp.Command[P, R], params P) step {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// script runs JavaScript.
func script(text string) step { return chromedp.Evaluate[chromedp.Void](text) }

func (b *browser) run(steps ...step) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval is a JavaScript expression's value.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// want holds an expression to a value, waiting until it has it.
func (b *browser) want(expression string) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.Poll[chromedp.Void](expression)); err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
}

// goTo opens a view.
func (b *browser) goTo(hash string) {
	b.t.Helper()
	b.run(script(fmt.Sprintf("location.hash = %q", hash)))
	name, _, _ := strings.Cut(hash, "/")
	b.want(fmt.Sprintf("document.getElementById(%q).classList.contains('on')", name))
}

// quiet holds that the page asked for nothing and complained of nothing.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.requests) > 0 {
		b.t.Errorf("asked for %q", b.requests)
	}
	if len(b.errors) > 0 {
		b.t.Errorf("the console says %q", b.errors)
	}
}

func TestThePageIsDrawnWithoutRequestsOrErrors(t *testing.T) {
	b := opened(t, rendered(t, "report.html", testFindings()))
	for _, view := range []string{"overview", "findings", "matrix", "paths", "proposals", "about"} {
		b.goTo(view)
		if n := eval[int](b, `[...document.querySelectorAll(".view")].filter((v) => v.offsetHeight > 0).length`); n != 1 {
			t.Errorf("%s: %d views at once", view, n)
		}
	}
	b.goTo("findings")
	b.run(script(`document.querySelectorAll(".finding").forEach((f) => f.open = true)`))
	b.want(`document.querySelectorAll(".finding .fields").length === 7`)
	b.quiet()
}

// TestThePolicyOfThePageHolds: a script that were injected would not run, and
// would be seen.
func TestThePolicyOfThePageHolds(t *testing.T) {
	page := strings.Replace(rendered(t, "report.html", nil), "</body>", `<script>window.bad = 1</script><img src="https://example.com/x" alt=""></body>`, 1)
	b := opened(t, page)
	b.want(`document.documentElement.classList.contains("js")`)
	if eval[bool](b, "window.bad === 1") {
		t.Error("an injected script ran")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !strings.Contains(strings.Join(b.errors, "\n"), "Content Security Policy") {
		t.Errorf("the console does not name the policy: %q", b.errors)
	}
}

func TestSearchAndFiltersLeaveWhatMatches(t *testing.T) {
	b := opened(t, rendered(t, "report.html", testFindings()))
	b.goTo("findings")
	b.want(`document.querySelectorAll(".finding").length === 7`)
	b.run(chromedp.SendKeys(chromedp.CSS("#f-text"), "role/batch"))
	b.want(`document.querySelectorAll(".finding").length === 1 && document.querySelector(".finding").textContent.includes("reaches the model in 2 hops")`)
	b.run(script(`document.getElementById("f-text").value = ""`), chromedp.SendKeys(chromedp.CSS("#f-text"), "nowhere"))
	b.want(`document.querySelectorAll(".finding").length === 0 && document.getElementById("f-list").textContent === "Nothing matches."`)
	b.goTo("findings/critical")
	b.want(`[...document.querySelectorAll(".finding")].every((f) => f.matches(".sev-critical")) && document.querySelectorAll(".finding").length === 2`)
	b.goTo("findings/BR-KEY-01")
	b.want(`document.getElementById("f-count").textContent === "3 findings of 17, 1 suppressed"`)
	b.run(chromedp.Click(chromedp.CSS(`[data-severity="high"]`)))
	b.want(`document.getElementById("f-count").textContent === "2 findings of 17, 1 suppressed"`)
	b.quiet()
}

func TestTheMatrixShowsWhoReachesWhat(t *testing.T) {
	b := opened(t, rendered(t, "report.html", testFindings()))
	b.goTo("matrix")
	// The three roles with equal rights share one row.
	b.want(`document.querySelectorAll("#m-table tbody tr").length === 4`)
	b.want(`document.getElementById("m-count").textContent === "6 principals in 4 rows, 2 targets"`)
	b.want(`document.querySelector("#m-table tbody tr").textContent.includes("and 2 more")`)
	b.run(chromedp.SendKeys(chromedp.CSS("#m-who"), "user/dev"))
	b.want(`document.querySelectorAll("#m-table tbody tr").length === 1 && document.querySelector("#m-table td.d-conditional").textContent.includes("2 hops")`)
	b.run(chromedp.Focus(chromedp.CSS("#m-table tbody button")), chromedp.KeyEvent("\r"))
	b.want(`document.querySelector("#m-table td.detail").textContent.includes("aws:SourceIp in 203.0.113.0/24")`)
	b.quiet()
}

func TestNamesStayText(t *testing.T) {
	b := opened(t, rendered(t, "report.html", testFindings()))
	for _, view := range []string{"findings", "matrix"} {
		b.goTo(view)
		b.want(fmt.Sprintf(`document.getElementById(%q).textContent.includes("role/<script>alert(1)</script></script><!--\\u202egnp")`, view))
	}
	if n := eval[int](b, `document.querySelectorAll("script").length`); n != 2 {
		t.Errorf("%d scripts in the page, want the data and the one", n)
	}
	b.quiet()
}

func TestAProposalCanBeCopied(t *testing.T) {
	b := opened(t, rendered(t, "report.html", testFindings()))
	b.goTo("proposals")
	b.want(`document.querySelectorAll("#r-list .policy pre").length === 1`)
	if action := eval[string](b, `JSON.parse(document.querySelector("#r-list pre").textContent).Statement[0].Action[0]`); action != "bedrock:InvokeModel" {
		t.Errorf("the policy allows %q", action)
	}
	b.run(chromedp.Click(chromedp.CSS("#r-list .policy button")))
	b.want(`document.querySelector("#r-list .policy button").textContent === "Copied"`)
	b.quiet()
}

func TestPaperHasEverything(t *testing.T) {
	b := opened(t, rendered(t, "report.html", testFindings()))
	b.run(command(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}), script(`dispatchEvent(new Event("beforeprint"))`))
	for _, words := range []string{"bedrock:* on every resource", "keeps the two models", "user/dev", "no used rights were given", "direct path open"} {
		b.want(fmt.Sprintf("document.body.innerText.includes(%q)", words))
	}
	b.quiet()
}
