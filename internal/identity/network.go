package identity

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Network is a named set of address ranges.
type Network struct {
	ID    string         `json:"-" yaml:"-"`
	CIDRs []netip.Prefix `json:"cidrs" yaml:"cidrs"` // required, at least one
	// TrustedProxy believes what a connection from here says in
	// X-Forwarded-For about its own client.
	TrustedProxy bool `json:"trustedProxy,omitempty" yaml:"trustedProxy,omitempty"`
}

// Validate reports what is wrong with a network, or nil.
func (n *Network) Validate() error {
	var errs []error
	if !ValidName(n.ID) {
		errs = append(errs, fmt.Errorf("name %q: want 1–64 of a–z 0–9 . _ -", n.ID))
	}
	if len(n.CIDRs) == 0 {
		errs = append(errs, errors.New("cidrs is required"))
	}
	for _, p := range n.CIDRs {
		if p.Addr().Zone() != "" || p.Addr().Is4In6() || p != p.Masked() {
			errs = append(errs, fmt.Errorf("cidr %v: want a canonical prefix such as %v", p, p.Masked()))
		}
	}
	return errors.Join(errs...)
}

// Contains reports whether an unmapped address lies in the network.
func (n *Network) Contains(a netip.Addr) bool { return Within(n.CIDRs, a) }

// Within reports whether an unmapped address lies in any of the prefixes.
func Within(prefixes []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Origin is where a request came from.
type Origin struct {
	Addr     netip.Addr // the client, unmapped; invalid when a trusted proxy named it unreadably
	Peer     netip.Addr // the connection's other end, unmapped
	Networks []string   // the networks Addr lies in, sorted; none when Addr is invalid
}

// SourceOf is the unit that budgets and aggregates count an address by: an IPv4
// address, or an IPv6 /64, of which one host has as many addresses as it likes. All
// addresses that are none are one source.
func SourceOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// Networks locates addresses. It is immutable once built.
type Networks struct {
	all     []Network
	proxies []netip.Prefix
}

// NewNetworks indexes validated networks.
func NewNetworks(all []Network) *Networks {
	n := &Networks{all: slices.Clone(all)}
	slices.SortFunc(n.all, func(a, b Network) int { return strings.Compare(a.ID, b.ID) })
	for _, w := range n.all {
		if w.TrustedProxy {
			n.proxies = append(n.proxies, w.CIDRs...)
		}
	}
	return n
}

// Prefixes returns the ranges of the named networks; a name that does not
// exist is an error, never an empty set.
func (n *Networks) Prefixes(names []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, name := range names {
		i := slices.IndexFunc(n.all, func(w Network) bool { return w.ID == name })
		if i < 0 {
			return nil, fmt.Errorf("network %q does not exist", name)
		}
		out = append(out, n.all[i].CIDRs...)
	}
	return out, nil
}

// Locate says where a request came from (security S15). peer is the
// connection's remote address; the header is consulted only when peer lies in
// a trusted proxy's network. Repeated X-Forwarded-For fields are joined in
// order, and the right-most hop that is no trusted proxy is the client. A hop
// that cannot be parsed is in no network.
func (n *Networks) Locate(peer netip.Addr, h http.Header) Origin {
	o := Origin{Peer: plain(peer)}
	o.Addr = o.Peer
	hops := h.Values("X-Forwarded-For")
	if len(hops) > 0 && o.Peer.IsValid() && Within(n.proxies, o.Peer) {
		o.Addr = n.client(strings.Split(strings.Join(hops, ","), ","))
	}
	if !o.Addr.IsValid() {
		return o
	}
	for _, w := range n.all {
		if w.Contains(o.Addr) {
			o.Networks = append(o.Networks, w.ID)
		}
	}
	return o
}

// client walks the hops from the right, past trusted proxies.
func (n *Networks) client(hops []string) netip.Addr {
	var last netip.Addr
	for i := len(hops) - 1; i >= 0; i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil || a.Zone() != "" {
			return netip.Addr{}
		}
		last = a.Unmap()
		if !Within(n.proxies, last) {
			return last
		}
	}
	return last
}

// plain unmaps an address; one with a zone id is no address at all.
func plain(a netip.Addr) netip.Addr {
	if a.Zone() != "" {
		return netip.Addr{}
	}
	return a.Unmap()
}
