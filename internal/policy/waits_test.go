package policy

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/rights"
)

func exact(name string, version byte) string {
	d := tool(name, version).Digest
	return name + "@" + hex.EncodeToString(d[:])
}

// waitsOf asks of every tool, in order.
func waitsOf(h *Holding, tools ...string) (out []string) {
	for _, t := range tools {
		out = append(out, h.Waits(t))
	}
	return out
}

func TestS24_ToolCallsWaitByNameAndDigest(t *testing.T) {
	for name, tc := range map[string]struct {
		tools   rights.Tools
		offered []bedrock.Tool
		rule    string
		ask     []string
		want    []string
	}{
		"a tool that writes": {
			tools: rights.Tools{Read: []string{"look"}, Write: []string{"post"}}, offered: []bedrock.Tool{tool("look", 1), tool("post", 1)},
			ask: []string{"look", "post"}, want: []string{"", "write"},
		},
		"a tool that was not offered, though it is in a class": {
			tools: rights.Tools{Read: []string{"look", "find"}, Write: []string{"post"}}, offered: []bedrock.Tool{tool("look", 1)},
			ask: []string{"look", "find", "post", "", "LOOK", "look "}, want: []string{"", "unknown", "unknown", "unknown", "unknown", "unknown"},
		},
		"a tool in no class": {
			tools: rights.Tools{Read: []string{"look"}, Any: true}, offered: []bedrock.Tool{tool("look", 1), tool("other", 1)},
			ask: []string{"look", "other"}, want: []string{"", "unknown"},
		},
		"a tool that only reads, as another than was classified": {
			tools: rights.Tools{Read: []string{exact("look", 1)}, Any: true}, offered: []bedrock.Tool{tool("look", 2)},
			ask: []string{"look"}, want: []string{"changed"},
		},
		"and as the one that was": {
			tools: rights.Tools{Read: []string{exact("look", 1)}, Any: true}, offered: []bedrock.Tool{tool("look", 1)},
			ask: []string{"look"}, want: []string{""},
		},
		"a tool that writes, as another": {
			tools: rights.Tools{Write: []string{exact("post", 1)}, Any: true}, offered: []bedrock.Tool{tool("post", 2)},
			ask: []string{"post"}, want: []string{"changed"},
		},
		"confusable names": {
			tools: rights.Tools{Read: []string{"post_payment"}, Any: true}, offered: []bedrock.Tool{tool("post_payment", 1), tool("post_раyment", 1)},
			ask: []string{"post_payment", "post_раyment", "Post_payment"}, want: []string{"", "unknown", "unknown"},
		},
		"what an organisation's rule says of one tool": {
			tools: rights.Tools{Read: []string{"look", "find"}}, offered: []bedrock.Tool{tool("look", 1), tool("find", 1)},
			rule: `permit (principal, action == Writ::Action::"oblige:hold", resource) when { context.request.tools.contains("find") };`,
			ask:  []string{"look", "find"}, want: []string{"", "write"},
		},
		"what it says of two tools together it says of every one": {
			tools: rights.Tools{Read: []string{"look", "find"}}, offered: []bedrock.Tool{tool("look", 1), tool("find", 1)},
			rule: `permit (principal, action == Writ::Action::"oblige:hold", resource) when { context.request.tools.containsAll(["look", "find"]) };`,
			ask:  []string{"look", "find"}, want: []string{"write", "write"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTestWorld(t).may("chat", rights.Conditions{Tools: tc.tools}, sonnetUS)
			if tc.rule != "" {
				w.rule("org", tc.rule)
			}
			b := w.bundle()
			r := w.call(sonnetUS, func(r *Request) { r.Caps.Tools = tc.offered })
			d := w.permits(b, r)
			h := b.Holding(&r, &d)
			if diff := cmp.Diff(tc.want, waitsOf(h, tc.ask...)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(waitsOf(h, tc.ask...), tc.want); diff != "" {
				t.Errorf("asked again: %s", diff)
			}
		})
	}
}

func TestNothingWaitsOfCallsWithoutTools(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Tools: rights.Tools{Write: []string{"post"}}}, sonnetUS)
	b, r := w.bundle(), w.call(sonnetUS)
	d := w.permits(b, r)
	if h := b.Holding(&r, &d); h != nil {
		t.Errorf("got %+v", h)
	}
	if n := testing.AllocsPerRun(100, func() { b.Holding(&r, &d) }); n != 0 {
		t.Errorf("%v allocations for a call of which nothing can wait", n)
	}
}

func TestS8_AWholeAnswerWaitsByTheTermsOfEveryGrantConcerned(t *testing.T) {
	w := newTestWorld(t).may("plain", rights.Conditions{}, haiku).may("held", rights.Conditions{HoldAnswer: true}, haiku)
	b, r := w.bundle(), w.call(haiku)
	d := w.permits(b, r)
	h := b.Holding(&r, &d)
	if h == nil || !h.Answer {
		t.Fatalf("got %+v", h)
	}
	if diff := cmp.Diff([]string{"g-held", "g-plain"}, h.Grants); diff != "" {
		t.Error(diff)
	}
}

// One of two grants would let the tool pass, the other has it wait: it waits.
func TestS8_TheStricterOfTwoGrantsDecides(t *testing.T) {
	w := newTestWorld(t).may("reads", rights.Conditions{Tools: rights.Tools{Read: []string{"post"}}}, haiku).
		may("writes", rights.Conditions{Tools: rights.Tools{Write: []string{"post"}}}, haiku)
	b, r := w.bundle(), w.call(haiku, func(r *Request) { r.Caps.Tools = []bedrock.Tool{tool("post", 1)} })
	d := w.permits(b, r)
	h := b.Holding(&r, &d)
	if why := h.Waits("post"); why != WaitsWrite {
		t.Errorf("waits: %q", why)
	}
	if diff := cmp.Diff([]string{"g-reads", "g-writes"}, h.Grants); diff != "" {
		t.Error(diff)
	}
}

func TestS8_AnObligationThatFailsHasEveryToolWait(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Tools: rights.Tools{Read: []string{"look"}}}, haiku)
	b := failing(t, w.bundle(), "broken/1", "permit", `principal, action == Writ::Action::"oblige:hold", resource`)
	r := w.call(haiku, func(r *Request) { r.Caps.Tools = []bedrock.Tool{tool("look", 1)} })
	d := w.permits(b, r)
	if why := b.Holding(&r, &d).Waits("look"); why == "" {
		t.Error("a call passed although a rule about it could not be evaluated")
	}
}

// A permit for another call says nothing of this one.
func TestWithoutThePermitEverythingWaits(t *testing.T) {
	w := newTestWorld(t).may("chat", rights.Conditions{Tools: rights.Tools{Read: []string{"look"}}}, haiku)
	b, r := w.bundle(), w.call(haiku, func(r *Request) { r.Caps.Tools = []bedrock.Tool{tool("look", 1)} })
	d := w.permits(b, r)
	r.Digest = Digest{9}
	if why := b.Holding(&r, &d).Waits("look"); why == "" {
		t.Error("a call passed by another call's permit")
	}
}

// Only a tool that was offered, and that every grant in force calls reading, passes.
func TestS24_OnlyWhatIsClassifiedAsReadingPasses(t *testing.T) {
	names := []string{"a", "b", "c", "A", "а"}
	rapid.Check(t, func(rt *rapid.T) {
		some := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 3, rapid.ID[string])
		read, write := some.Draw(rt, "read"), some.Draw(rt, "write")
		offered := some.Draw(rt, "offered")
		w := newTestWorld(t).may("chat", rights.Conditions{Tools: rights.Tools{Read: read, Write: write, Any: rapid.Bool().Draw(rt, "any")}}, haiku)
		b := w.bundle()
		r := w.call(haiku, func(r *Request) {
			for _, n := range offered {
				r.Caps.Tools = append(r.Caps.Tools, tool(n, 1))
			}
		})
		d := b.Decide(r)
		if d.Permit == nil {
			return
		}
		h := b.Holding(&r, &d)
		for _, n := range names {
			in := func(list []string) bool {
				return strings.Contains("\x00"+strings.Join(list, "\x00")+"\x00", "\x00"+n+"\x00")
			}
			passes := h != nil && h.Waits(n) == ""
			if passes && (!in(offered) || !in(read)) || h == nil && len(offered) > 0 {
				rt.Fatalf("read %q write %q offered %q: %q passes", read, write, offered, n)
			}
			if h != nil && !passes && in(offered) && in(read) && !in(write) {
				rt.Fatalf("read %q write %q offered %q: %q waits", read, write, offered, n)
			}
		}
	})
}
