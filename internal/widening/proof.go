package widening

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/manifest"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// lookAtProofs finds whose ways to prove themselves the changes touch.
func (w *widening) lookAtProofs() {
	for _, s := range []*snapshot.Snapshot{w.before, w.after} {
		for _, n := range w.changed[manifest.Binding] {
			if b, ok := s.Binding(n); ok {
				w.proofTouched(s, b)
			}
		}
		for _, n := range w.changed[manifest.Issuer] {
			for _, b := range s.BindingsOf(n) {
				w.identities[b.Identity] = true
			}
		}
		if len(w.changed[manifest.Network]) > 0 {
			for _, b := range s.Bindings() {
				if len(b.Networks) > 0 && slices.ContainsFunc(b.Networks, func(n string) bool { return slices.Contains(w.changed[manifest.Network], n) }) {
					w.identities[b.Identity] = true
				}
			}
		}
	}
}

// proofTouched notes a binding's identity, and those that a proof could be taken
// for too: a proof that meets two bindings is refused, until it meets one.
func (w *widening) proofTouched(s *snapshot.Snapshot, b *identity.Binding) {
	w.identities[b.Identity] = true
	for _, other := range s.BindingsOf(b.Issuer) {
		if other.ID != b.ID && mayMeet(other, b) {
			w.identities[other.Identity] = true
		}
	}
}

// mayMeet reports whether one proof may meet two bindings of an issuer.
func mayMeet(a, b *identity.Binding) bool {
	if a.Audience != b.Audience {
		return false
	}
	stars := func(s string) bool { return strings.ContainsAny(s, "*?") }
	switch {
	case !stars(a.Subject):
		return identity.Match(b.Subject, a.Subject)
	case !stars(b.Subject):
		return identity.Match(a.Subject, b.Subject)
	}
	x, y := beginning(a.Subject), beginning(b.Subject)
	return strings.HasPrefix(x, y) || strings.HasPrefix(y, x)
}

// beginning is a pattern up to its first wildcard.
func beginning(pattern string) string {
	if i := strings.IndexAny(pattern, "*?"); i >= 0 {
		return pattern[:i]
	}
	return pattern
}

// judgeProofs counts further ways for an identity to prove itself, from further
// places and for longer.
func (w *widening) judgeProofs(c *class) error {
	if !w.identities[c.first.Identity] {
		return nil
	}
	w.judgeStanding(c)
	for _, b := range w.after.BindingsOfIdentity(c.first.Identity) {
		cause, why := w.proofWider(b)
		if why != "" {
			w.note(c, cause, topicProof, why, nil)
		}
	}
	w.judgeUnblocked(c)
	return nil
}

// judgeStanding counts what becomes possible by the identity's own state.
func (w *widening) judgeStanding(c *class) {
	cause := resourceID(manifest.Identity, c.first.Identity)
	if !slices.Contains(w.changed[manifest.Identity], c.first.Identity) {
		return
	}
	if was, now := c.was.SessionLimit(), c.now.SessionLimit(); now > was {
		w.note(c, cause, topicProof, fmt.Sprintf("sessions of the identity may last %v, and could last %v", now, was), nil)
	}
	if c.was.Current().Halted() && !c.now.Current().Halted() {
		w.note(c, cause, topicState, fmt.Sprintf("the identity is %s, and was %s", c.now.Current(), c.was.Current()), nil)
	}
	for _, q := range w.before.Quarantines() {
		if q.Target.Kind == rights.TargetTag && slices.Contains(c.was.Tags, q.Target.Name) && !slices.Contains(c.now.Tags, q.Target.Name) {
			w.note(c, cause, topicState, fmt.Sprintf("quarantine %s of tag %s does not reach the identity any more", q.ID, q.Target.Name), nil)
		}
	}
}

// proofWider says by which change a binding takes more proofs than the identity's
// binding of that name did, and how; nothing when it provably does not.
func (w *widening) proofWider(now *identity.Binding) (cause, why string) {
	cause = resourceID(manifest.Binding, now.ID)
	was, had := w.before.Binding(now.ID)
	switch {
	case !had:
		return cause, fmt.Sprintf("proofs of issuer %s for subject %s are taken for the identity", now.Issuer, now.Subject)
	case was.Identity != now.Identity:
		return cause, fmt.Sprintf("binding %s, which was identity %s's, is taken for the identity", now.ID, was.Identity)
	}
	if why = bindingWider(was, now, w.sessionOf(w.before, was), w.sessionOf(w.after, now)); why != "" {
		return cause, why
	}
	if cause, why = w.placesWider(was, now); why != "" {
		return cause, why
	}
	return w.issuerWider(now.Issuer)
}

// sessionOf is the longest session that a binding leads to, as far as the binding
// says so; the identity's own limit is judged apart.
func (w *widening) sessionOf(s *snapshot.Snapshot, b *identity.Binding) time.Duration {
	longest := 12 * time.Hour
	if i, ok := s.Identity(b.Identity); ok {
		longest = i.SessionLimit()
	}
	if own := time.Duration(b.MaxSession); own > 0 {
		return min(own, longest)
	}
	return longest
}

func bindingWider(was, now *identity.Binding, lasted, lasts time.Duration) string {
	switch {
	case now.Issuer != was.Issuer:
		return fmt.Sprintf("proofs come from issuer %s, and came from %s", now.Issuer, was.Issuer)
	case now.Audience != was.Audience:
		return fmt.Sprintf("proofs are for audience %s, and were for %s", short(now.Audience), short(was.Audience))
	case !narrowerPattern(now.Subject, was.Subject):
		return fmt.Sprintf("proofs for subject %s are taken, where it was %s", now.Subject, was.Subject)
	case now.AllowAWSAudience && !was.AllowAWSAudience:
		return "proofs that AWS itself would take are taken too"
	case now.MaxSession != was.MaxSession && lasts > lasted:
		return fmt.Sprintf("sessions may last %v, and could last %v", lasts, lasted)
	}
	for _, name := range slices.Sorted(maps.Keys(was.Claims)) {
		pattern, still := now.Claims[name]
		if !still || !narrowerPattern(pattern, was.Claims[name]) {
			return fmt.Sprintf("claim %s may be %s, where it had to be %s", name, orAnything(pattern), was.Claims[name])
		}
	}
	return ""
}

func orAnything(pattern string) string {
	if pattern == "" {
		return "anything"
	}
	return pattern
}

// narrowerPattern reports whether all that one pattern matches, another provably
// does too.
func narrowerPattern(now, was string) bool {
	if now == was {
		return true
	}
	if !strings.ContainsAny(now, "*?") {
		return identity.Match(was, now)
	}
	start, open := strings.CutSuffix(was, "*")
	return open && !strings.ContainsAny(start, "*?") && strings.HasPrefix(beginning(now), start)
}

// placesWider says by which change a binding may be used from further places.
func (w *widening) placesWider(was, now *identity.Binding) (cause, why string) {
	if len(was.Networks) == 0 {
		return "", ""
	}
	if len(now.Networks) == 0 {
		return resourceID(manifest.Binding, now.ID), fmt.Sprintf("binding %s may be used from anywhere", now.ID)
	}
	ranges := rangesOf(w.before, was.Networks)
	for _, n := range now.Networks {
		for _, p := range rangesOf(w.after, []string{n}) {
			if covered(p, ranges) {
				continue
			}
			cause = resourceID(manifest.Binding, now.ID)
			if slices.Contains(was.Networks, n) {
				cause = resourceID(manifest.Network, n)
			}
			return cause, fmt.Sprintf("binding %s may be used from %v", now.ID, p)
		}
	}
	return "", ""
}

func rangesOf(s *snapshot.Snapshot, names []string) (out []netip.Prefix) {
	for _, name := range names {
		if n, ok := s.Network(name); ok {
			out = append(out, n.CIDRs...)
		}
	}
	return out
}

// covered reports whether every address of a range is in one of others.
func covered(p netip.Prefix, by []netip.Prefix) bool {
	overlaps := false
	for _, b := range by {
		if b.Bits() <= p.Bits() && b.Contains(p.Addr()) {
			return true
		}
		overlaps = overlaps || b.Overlaps(p)
	}
	if !overlaps {
		return false // nor is any part of it
	}
	low, high := halves(p)
	return covered(low, by) && covered(high, by)
}

// halves are the two ranges that a range of more than one address is made of.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bits := p.Bits() + 1
	low = netip.PrefixFrom(p.Addr(), bits)
	a := p.Addr().AsSlice()
	a[(bits-1)/8] |= 1 << (7 - (bits-1)%8)
	top, _ := netip.AddrFromSlice(a)
	return low, netip.PrefixFrom(top, bits)
}

// issuerWider says how an issuer is believed more than before.
func (w *widening) issuerWider(name string) (cause, why string) {
	was, had := w.before.Issuer(name)
	now, has := w.after.Issuer(name)
	if !had || !has || !slices.Contains(w.changed[manifest.Issuer], name) {
		return "", ""
	}
	cause = resourceID(manifest.Issuer, name)
	for _, f := range []struct{ field, was, now string }{
		{"URL", was.URL, now.URL}, {"trust domain", was.TrustDomain, now.TrustDomain}, {"bundle of CAs", was.BundleFile, now.BundleFile},
		{"key set", was.JWKS, now.JWKS}, {"CA file", was.CAFile, now.CAFile},
	} {
		if f.was != f.now {
			return cause, fmt.Sprintf("the %s of issuer %s is %s, and was %s", f.field, name, short(f.now), short(f.was))
		}
	}
	algorithms := func(i *identity.Issuer) []string {
		if len(i.Algorithms) == 0 {
			return identity.DefaultAlgorithms
		}
		return i.Algorithms
	}
	if more := moreThan(algorithms(now), algorithms(was)); len(more) > 0 {
		return cause, fmt.Sprintf("issuer %s may sign by %s", name, strings.Join(more, ", "))
	}
	if now.AllowLocal && !was.AllowLocal {
		return cause, fmt.Sprintf("the keys of issuer %s may come from local addresses", name)
	}
	return "", ""
}

// judgeUnblocked counts proofs that two bindings took, and so none, and that one is
// left to take.
func (w *widening) judgeUnblocked(c *class) {
	for _, n := range w.changed[manifest.Binding] {
		was, had := w.before.Binding(n)
		if !had {
			continue
		}
		now, has := w.after.Binding(n)
		if has && bindingWider(now, was, 0, 0) == "" {
			continue // all that it took, it still takes
		}
		for _, b := range w.before.BindingsOfIdentity(c.first.Identity) {
			if _, still := w.after.Binding(b.ID); still && b.ID != n && b.Issuer == was.Issuer && mayMeet(b, was) {
				w.note(c, resourceID(manifest.Binding, n), topicProof, fmt.Sprintf("proofs that met bindings %s and %s were refused; now %s may take them", n, b.ID, b.ID), nil)
			}
		}
	}
}

// proxyChange is what became of the ranges whose word on a client is believed.
type proxyChange struct {
	gained map[string][]netip.Prefix // by network
	lost   map[string][]netip.Prefix
}

func (p *proxyChange) changed() bool { return len(p.gained) > 0 || len(p.lost) > 0 }

func (w *widening) proxiesChanged() proxyChange {
	c := proxyChange{gained: map[string][]netip.Prefix{}, lost: map[string][]netip.Prefix{}}
	was, now := w.proxiesOf(w.before), w.proxiesOf(w.after)
	all := func(m map[string][]netip.Prefix) (out []netip.Prefix) {
		for _, ranges := range m {
			out = append(out, ranges...)
		}
		return out
	}
	for _, n := range w.changed[manifest.Network] {
		c.note(c.gained, n, now[n], all(was))
		c.note(c.lost, n, was[n], all(now))
	}
	return c
}

// note keeps the ranges of a network that others do not cover.
func (p *proxyChange) note(into map[string][]netip.Prefix, network string, ranges, others []netip.Prefix) {
	for _, r := range ranges {
		if !covered(r, others) {
			into[network] = append(into[network], r)
		}
	}
}

func (w *widening) proxiesOf(s *snapshot.Snapshot) map[string][]netip.Prefix {
	out := map[string][]netip.Prefix{}
	for _, n := range w.changed[manifest.Network] {
		if v, ok := s.Network(n); ok && v.TrustedProxy {
			out[n] = v.CIDRs
		}
	}
	return out
}

// judgeProxies counts ranges that may newly say where a call comes from, for grants
// to which that matters; and ranges that may not any more, where calls through them
// then count as coming from a place that is allowed.
func (w *widening) judgeProxies(c *class) error {
	if !w.proxies.changed() {
		return nil
	}
	allowed, matters := w.placesOf(c)
	if !matters {
		return nil
	}
	for n, ranges := range w.proxies.gained {
		w.note(c, resourceID(manifest.Network, n), topicProxy, fmt.Sprintf("what a connection from %v says of its client's address is believed", ranges[0]), nil)
	}
	for n, ranges := range w.proxies.lost {
		for _, r := range ranges {
			if slices.ContainsFunc(allowed, r.Overlaps) {
				w.note(c, resourceID(manifest.Network, n), topicProxy, fmt.Sprintf("every call through %v counts as coming from there, which is allowed", r), nil)
			}
		}
	}
	return nil
}

// placesOf are the ranges that calls by grants of a class may come from, and
// whether anything depends on where they do.
func (w *widening) placesOf(c *class) (allowed []netip.Prefix, matters bool) {
	if e, ok := effective(w.before, c.first); ok && len(e.Conditions.Networks) > 0 {
		allowed, matters = rangesOf(w.after, e.Conditions.Networks), true
	}
	for _, b := range w.after.BindingsOfIdentity(c.first.Identity) {
		if len(b.Networks) > 0 {
			allowed, matters = append(allowed, rangesOf(w.after, b.Networks)...), true
		}
	}
	if w.laws.mention("network") { // a rule may speak of any place
		return append(allowed, netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")), true
	}
	return allowed, matters
}
